"""`python -m ops.tt.update before|after`: what `make up` does around Pulumi's update, so that what it says is true.

Pulumi compares a program with its state and not with the host. Before the update this compares the state with the host:
what is missing takes a refresh, and what was stopped or taken off a network by hand is put right here, since a refresh
sees neither. After the update it asks the stack's URL.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import docker

from ops.tt.checks import locks
from ops.tt.engine import Engine
from ops.tt.errors import BrokenError, Exit, FailedError, TtError
from ops.tt.expected import Difference, Kind, differences
from ops.tt.front import WAIT, await_answer
from ops.tt.host import Host
from ops.tt.locks import LockedError
from ops.tt.output import Output
from ops.tt.ownership import compare
from ops.tt.project import Project
from remote import DockerHost, reason

#: What Pulumi's `up` gets where something of the state is not on the host.
REFRESH = "--refresh"


def before(project: Project, output: Output, *, yes: bool) -> str:
    """Puts right what a person has stopped or disconnected; returns the options that the update needs besides.

    Raises:
        RefusedError: the user said no, or another update has the lock.
        FailedError: Docker can't start or connect a container; says what to do.
        UnreachableError: the state or the Docker host can't be read.
    """
    if held := locks(project):
        raise LockedError(project.stack, held)
    resources = Engine(project).resources()
    if not any(str(each.get("type")).startswith("docker:") for each in resources):
        return ""
    host = Host(project)
    compared = compare(project, host, resources)
    named = project.docker_host
    moved = compared.memory.docker_host != (named.address if isinstance(named, DockerHost) else None)
    if moved or compared.missing or compared.refusal:
        # The program itself refuses that, and has the words for it.
        return ""
    found = differences(host, resources)
    by_hand = [each for each in found if each.kind is not Kind.MISSING]
    missing = [each for each in found if each.kind is Kind.MISSING]
    for each in found:
        output.note(f"==> {each}")
    if by_hand:
        output.confirm("Start or connect what was stopped, paused or disconnected? [y/N]", None, yes=yes)
        mend(host, by_hand)
        output.note("==> Started or connected again: what was only stopped, paused or disconnected")
    if missing:
        output.note("==> The update looks at the host first (--refresh) and makes again what is not there")
    return REFRESH if missing else ""


def mend(host: Host, found: Sequence[Difference]) -> None:
    """Starts, unpauses or connects containers.

    Raises:
        FailedError: Docker refuses; says what to do.
    """
    refused: dict[str, str] = {}
    for each in found:
        try:
            _mend(host, each)
        except docker.errors.APIError as error:
            refused.setdefault(each.name, f"{each}, and Docker can't put that right: {reason(error)}")
    if refused:
        lines = "\n  ".join(refused.values())
        raise FailedError(
            f"{lines}\nPut the reason right and run `make up STACK={host.stack}` again. If it is in the containers: "
            f"`docker rm -f {' '.join(refused)}`, and the next `make up STACK={host.stack}` makes them again"
        )


def _mend(host: Host, difference: Difference) -> None:
    network = difference.network
    container = host.client.containers.get(difference.name)
    if network is not None:
        host.client.networks.get(network["name"]).connect(
            container, aliases=network.get("aliases"), ipv4_address=network.get("ipv4Address")
        )
    elif difference.kind is Kind.PAUSED:
        container.unpause()
    else:
        container.start()


def after(project: Project, output: Output, seconds: float = WAIT) -> None:
    """Says where the stack is, once that has answered.

    Raises:
        BrokenError: it does not answer; says why.
    """
    url = str(Engine(project).outputs().get("url"))
    answer = await_answer(Host(project), url, seconds)
    if answer.problem:
        raise BrokenError(
            f"the update is done, and the stack does not work: {answer.problem}. `./tt status --stack {project.stack}` "
            "has more"
        )
    if answer.unverified:
        output.note(f"==> Task Tracker is up. Not verified: whether {url} can be reached: {answer.unverified}")
    else:
        output.note(f"==> Task Tracker is at {url}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.tt.update", description=__doc__)
    parser.add_argument("step", choices=("before", "after"))
    parser.add_argument("--stack", required=True)
    parser.add_argument("--yes", action="store_true", help="do not ask before something is started")
    options = parser.parse_args(arguments)
    output = Output(json=False)
    try:
        project = Project.find(options.stack)
        if options.step == "after":
            after(project, output)
        else:
            sys.stdout.write(before(project, output, yes=options.yes))
    except TtError as error:
        output.error(str(error), error.code, error.details)
        return int(error.code)
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)
    return 0


if __name__ == "__main__":
    sys.exit(main())
