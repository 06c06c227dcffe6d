"""`tt promote` and `tt abort`: the end of the trial of a release that has a share of the clients."""

from __future__ import annotations

from ops.tt.errors import RefusedError
from ops.tt.host.docker_host import Host
from ops.tt.host.served import serve, served, without_trial
from ops.tt.output import Output
from ops.tt.project import NAMESPACE, Project
from ops.tt.release.on_host import Release, releases
from ops.tt.release.rollback import PIN
from ops.tt.stack.steps import Steps
from ops.tt.stack.up import up

CANARY = f"{NAMESPACE}:release.canary"

PROMOTE = ("removing `canary` from the config", "the update, which gives the release all clients")
ABORT = (
    "sending all requests to the release that serves",
    "pinning it in the config",
    "the update, which stops the worker of the release on trial",
)


def promote(project: Project, output: Output) -> int:
    """Gives the release on trial all clients; returns Pulumi's exit code.

    Raises:
        RefusedError: no release is on trial.
        InterruptedWorkError: the user stopped it; says what was done.
    """
    host = Host(project)
    release = _on_trial(project, host)
    steps = Steps(project.stack, PROMOTE)
    with steps.reported():
        with project.lock():
            if "canary" in _block(project):
                project.write(project.edited({}, [CANARY]))
                output.note(f"==> {project.config_file.name} has no `canary` any more: commit that")
        steps.next()
        return up(project, output, yes=True, facts=_facts(release))


def abort(project: Project, output: Output) -> int:
    """Gives the release that serves all clients again; returns Pulumi's exit code.

    Raises:
        RefusedError: no release is on trial.
        InterruptedWorkError: the user stopped it; says what was done.
    """
    host = Host(project)
    _on_trial(project, host)
    document = served(host)
    serving = next((each for each in releases(host) if each.slot == document["serving"]), None)
    if serving is None:
        raise RefusedError(f"the slot {document['serving']} has no release. Nothing was changed")
    steps = Steps(project.stack, ABORT)
    with steps.reported():
        with project.lock():
            serve(host, without_trial(document))
            output.note(f"==> The release {serving} gets all requests")
            steps.next()
            removed = [CANARY] if "canary" in _block(project) else []
            project.write(project.edited({PIN: serving.id}, removed))
            output.note(
                f"==> {project.config_file.name} pins it: commit the line `pin`. The next "
                f"`./tt deploy --stack {project.stack}` removes it"
            )
            steps.next()
        return up(project, output, yes=True, facts=_facts(serving))


def _on_trial(project: Project, host: Host) -> Release:
    """The release on trial."""
    slot = (served(host).get("canary") or {}).get("slot")
    found = next((each for each in releases(host) if each.slot == slot), None)
    if found is None:
        raise RefusedError(
            f"no release of '{project.stack}' is on trial: with `release.canary` a new one gets a share of the clients"
        )
    return found


def _block(project: Project) -> dict[str, object]:
    block = project.config().get(CANARY.partition(".")[0])
    return dict(block) if isinstance(block, dict) else {}


def _facts(release: Release) -> dict[str, str]:
    return {"release": release.id, "name": release.name, "slot": release.slot}
