"""`tt rollback`: the release in the other slot serves again, first for users and then in the config and the state."""

from __future__ import annotations

import time

from ops.tt.host.docker_host import Host
from ops.tt.host.served import serve, served, without_trial
from ops.tt.output import Output
from ops.tt.project import NAMESPACE, Project
from ops.tt.release.on_host import chosen, releases
from ops.tt.stack.steps import Steps
from ops.tt.stack.up import up

PIN = f"{NAMESPACE}:release.pin"

STEPS = ("sending the requests to the release", "pinning it in the config", "the update, which starts its worker")


def rollback(project: Project, output: Output, wanted: str | None) -> int:
    """Has a release serve that a slot has; returns Pulumi's exit code.

    `wanted` is its id or name; None for the one that does not serve.

    Raises:
        UsageError: there is no such release.
        RefusedError: there is none to go back to, or it can't serve; nothing was changed.
        FailedError: nginx or the config file refuses; says what was done.
        InterruptedWorkError: the user stopped it; says what was done.
    """
    start = time.monotonic()
    host = Host(project)
    document = served(host)
    release = chosen(releases(host), document["serving"], wanted)
    steps = Steps(project.stack, STEPS)
    with steps.reported():
        with project.lock():
            serve(host, {**without_trial(document), "serving": release.slot})
            seconds = round(time.monotonic() - start, 2)
            output.note(f"==> The release {release} gets the requests, after {seconds} s")
            steps.next()
            project.write(project.edited({PIN: release.id}))
            output.note(
                f"==> {project.config_file.name} pins it: commit the line `pin`. The next "
                f"`./tt deploy --stack {project.stack}` removes it"
            )
            steps.next()
        facts = {"release": release.id, "name": release.name, "slot": release.slot, "seconds": seconds}
        code = up(project, output, yes=True, facts=facts)
        if code:
            output.note(
                f"==> The release {release} gets the requests; `./tt up --stack {project.stack}` starts its worker, "
                "and stops that of the other one"
            )
        return code
