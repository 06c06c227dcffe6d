"""`tt deploy`: a version of the images, a backup before it, and the update."""

from __future__ import annotations

from ops.tt.backup.database import Database
from ops.tt.host.docker_host import Host
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.release.rollback import PIN
from ops.tt.stack import pin
from ops.tt.stack.steps import Steps
from ops.tt.stack.up import up

#: The container that takes backups, where a stack has them.
BACKUPS = "backups"

STEPS = ("writing the config", "a backup of the database", "the update")


def deploy(project: Project, output: Output, version: str | None, *, backup: bool, yes: bool) -> int:
    """Has the stack run `version` of its images; None for those that the config names. Returns Pulumi's exit code.

    Raises:
        UsageError: the config names no images.
        FailedError: a registry does not have an image, or the backup failed; says what was written.
        InterruptedWorkError: the user stopped it; says what was done.
    """
    steps = Steps(project.stack, STEPS)
    with steps.reported():
        _write(project, output, version)
        steps.next()
        label = _backup(project, output) if backup else None
        steps.next()
    return up(project, output, yes=yes, facts={"version": version, "backup": label})


def _write(project: Project, output: Output, version: str | None) -> None:
    """Writes the digests of the images, and removes the pin of a rollback."""
    if version is not None:
        changed = pin.pin(project, None, version)
        for key, (before, after) in changed.items():
            output.note(f"==> {key}: {before or 'nothing'} -> {after}")
    block = project.config().get(PIN.partition(".")[0])
    if isinstance(block, dict) and "pin" in block:
        with project.lock():
            project.write(project.edited({}, [PIN]))
        output.note(f"==> {project.config_file.name} pins no release any more")


def _backup(project: Project, output: Output) -> str | None:
    """Takes a backup where the stack takes any, and runs; gives its label."""
    host = Host(project)
    if host.find(BACKUPS) is None:
        return None
    label = Database(host).take_backup("diff", output, "Backup", wait=False)
    output.note(f"==> Backup {label} is taken")
    return label
