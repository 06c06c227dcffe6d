"""What `make up` does around Pulumi's update, so that what it says is true.

Pulumi compares a program with its state and not with the host. Before the update this compares the state with the host:
what is missing takes a refresh, and what was stopped or taken off a network by hand is put right here, since a refresh
sees neither. After the update it connects what was on a network that was gone, and asks the stack's URL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import docker

from ops.tt.errors import BrokenError, FailedError
from ops.tt.host.differences import NETWORK, Difference, Kind, differences
from ops.tt.host.docker_host import Host
from ops.tt.host.ownership import compare
from ops.tt.host.url_check import await_answer
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.state.engine import Engine
from ops.tt.state.locks import LockedError
from ops.tt.state.obstacles import locks
from ops.tt.state.resources import outputs_of
from remote import DockerHost, reason


@dataclass(frozen=True)
class Ready:
    """What an update begins with.

    Attributes:
        deployment: The state.
        refresh: Whether the update has to look at the host first, as something of the state is not there.
    """

    deployment: Mapping[str, Any]
    refresh: bool = False

    @property
    def resources(self) -> Sequence[Mapping[str, Any]]:
        """The resources in the state."""
        return self.deployment.get("resources") or []

    @property
    def is_settled(self) -> bool:
        """Whether the state says what is there: no update was cut off."""
        return not self.refresh and not self.deployment.get("pending_operations")


def before(project: Project, output: Output, *, yes: bool) -> Ready:
    """Puts right what a person has stopped or disconnected.

    Raises:
        RefusedError: the user said no, or another update has the lock.
        FailedError: Docker can't start or connect a container; says what to do.
        UnreachableError: the state or the Docker host can't be read.
    """
    if held := locks(project):
        raise LockedError(project.stack, held)
    ready = Ready(Engine(project).deployment())
    if not any(str(each.get("type")).startswith("docker:") for each in ready.resources):
        return ready
    host = Host(project)
    compared = compare(project, host, ready.resources)
    named = project.docker_host
    moved = compared.memory.docker_host != (named.address if isinstance(named, DockerHost) else None)
    if moved or compared.missing or compared.refusal:
        # The program itself refuses that, and has the words for it.
        return ready
    found = differences(host, ready.resources)
    missing = [each for each in found if each.kind is Kind.MISSING]
    # What was on a network that is gone is connected to the new one after the update.
    gone = {each.name for each in missing if each.type == NETWORK}
    by_hand = [each for each in found if each not in missing and (each.network or {}).get("name") not in gone]
    for each in found:
        output.note(f"==> {each}")
    if by_hand:
        output.confirm("Start or connect what was stopped, paused or disconnected? [y/N]", None, yes=yes)
        mend(host, by_hand)
        output.note("==> Started or connected again: what was only stopped, paused or disconnected")
    if missing:
        output.note("==> The update looks at the host first (--refresh) and makes again what is not there")
    return replace(ready, refresh=bool(missing))


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
        found = host.client.networks.get(network["name"])
        if difference.kind is Kind.MISNAMED:
            found.disconnect(container, force=True)
        found.connect(container, aliases=network.get("aliases"), ipv4_address=network.get("ipv4Address"))
    elif difference.kind is Kind.PAUSED:
        container.unpause()
    else:
        container.start()


def connect_again(host: Host, resources: Sequence[Mapping[str, Any]], output: Output) -> None:
    """Connects containers to networks that an update recreated.

    Raises:
        FailedError: Docker can't connect a container; says what to do.
    """
    if late := [each for each in differences(host, resources) if each.kind is Kind.DISCONNECTED]:
        mend(host, late)
        output.note(f"==> Connected again: {', '.join(dict.fromkeys(each.name for each in late))}")


def say_where(host: Host, resources: Sequence[Mapping[str, Any]], output: Output, otherwise: str) -> None:
    """Says where the stack is, once that has answered; `otherwise` is how an error begins.

    Raises:
        BrokenError: the stack does not answer; says why.
    """
    url = str(outputs_of(resources).get("url"))
    answer = await_answer(host, url)
    if answer.problem:
        raise BrokenError(f"{otherwise}: {answer.problem}; `./tt status --stack {host.stack}` has more")
    if answer.unverified:
        output.note(f"==> Task Tracker is up. Not verified: whether {url} can be reached: {answer.unverified}")
    else:
        output.note(f"==> Task Tracker is at {url}")
