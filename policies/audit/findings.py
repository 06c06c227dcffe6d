"""Judges what is on a host by the rules, and compares it with the state."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from policies.audit.drift import Change, changes
from policies.audit.exit_codes import DIFFERENT, FINE, VIOLATED
from policies.audit.inspection.container import container
from policies.audit.inspection.host import Host
from policies.audit.inspection.network import network
from policies.audit.inspection.service import service
from policies.audit.inspection.volume import volume
from policies.audit.ownership import objects_of_stack
from policies.audit.snapshot import DockerObject, Snapshot
from policies.audit.state import State
from policies.config import PACK
from policies.containers import CONTAINER, SERVICE
from policies.evaluate import Pack, Target, Violation
from policies.resource import NETWORK, Resource
from policies.rule import Conventions, Level
from policies.values import decode, lookup, text


@dataclass(frozen=True)
class Report:
    """What the audit found.

    `missing` are URNs, or names of containers that the state no longer has. `changed` is not as the program made it.
    `protected` are those of `missing` that the program makes no second time by itself, such as data.
    """

    objects: Mapping[str, DockerObject]
    violations: Sequence[Violation]
    unmanaged: Sequence[DockerObject] = ()
    missing: Sequence[str] = ()
    changed: Sequence[Change] = ()
    protected: frozenset[str] = frozenset()

    @property
    def exit_code(self) -> int:
        """What the command ends with."""
        if any(violation.level is Level.MANDATORY for violation in self.violations):
            return VIOLATED
        return DIFFERENT if self.unmanaged or self.missing or self.changed else FINE


def resource_of(docker_object: DockerObject, host: Host, state: State | None, target: Target) -> Resource:
    """A Docker object as the resource that it is in the state, or that it would be in a program.

    What the program marked as secret is not shown. Docker has lists in another order, so a secret
    item makes its whole property one.
    """
    known = state.resources.get((docker_object.type, docker_object.id), {}) if state else {}
    secrets: set[str] = set()
    decode(known.get("inputs"), secrets)
    urn = text(known.get("urn"))
    if urn is None:
        urn = f"urn:pulumi:{target.stack}::{target.project}::{docker_object.type}::{docker_object.name}"
        # What was made by hand must not pass, under its name, for what the program makes and a waiver is for.
        urn += f"-{docker_object.id}" if state and urn in state.urns else ""
    return Resource(
        type=docker_object.type,
        name=urn.rpartition("::")[2],
        urn=urn,
        properties=_properties(docker_object, host),
        secret_paths=frozenset(re.split(r"[.\[]", path, maxsplit=1)[0] for path in secrets),
        protect=known.get("protect") is True,
    )


def _properties(docker_object: DockerObject, host: Host) -> dict[str, Any]:
    if docker_object.type == CONTAINER:
        return container(docker_object.inspected, host)
    if docker_object.type == SERVICE:
        return service(docker_object.inspected, host)
    return network(docker_object.inspected) if docker_object.type == NETWORK else volume(docker_object.inspected)


def audit(
    snapshot: Snapshot,
    target: Target,
    pack: Pack,
    conventions: Conventions,
    state: State | None,
    *,
    everything: bool,
    files: Mapping[str, Mapping[str, str]] | None = None,
) -> Report:
    """Judges what is on the host: the stack's objects, or everything; `files` are from `carrier_files.read_files`."""
    own = objects_of_stack(snapshot, target.stack, conventions, state)
    judged = [found for found in snapshot.objects if not found.is_dockers_own] if everything else own
    resources = [resource_of(found, snapshot.host, state, target) for found in judged]
    violations = [violation for resource in resources for violation in pack.analyze(resource)]
    together = [resource for resource in resources if pack.reads_in_stack(resource.type)]
    # Which waivers nobody needs is the engine's to say: it sees every resource and property, we don't.
    violations += [violation for violation in pack.analyze_stack(together) if violation.rule.id != PACK]
    report = Report({each.urn: found for each, found in zip(resources, judged, strict=True)}, violations)
    return _compared(report, snapshot, own, state, files or {}, target.stack) if state else report


def _compared(
    report: Report,
    snapshot: Snapshot,
    own: Sequence[DockerObject],
    state: State,
    files: Mapping[str, Mapping[str, str]],
    stack: str,
) -> Report:
    """The report with what differs between the host and the state."""
    inspected = {(found.type, found.id): found.inspected for found in snapshot.objects}
    # What is marked for deletion was replaced; it need not be there any more.
    missing = [
        str(known.get("urn"))
        for key, known in state.resources.items()
        if key not in inspected and not known.get("delete")
    ]
    # A refresh takes a container that is gone out of the state, and an update that is cut off does not make it.
    named = {found.name for found in snapshot.objects} | {
        lookup(known, "outputs.name") for known in state.resources.values()
    }
    missing += [name for name in state.pids_limits if name not in named]
    kept = {str(known.get("urn")) for known in state.resources.values() if known.get("protect") is True}
    return replace(
        report,
        unmanaged=[found for found in own if (found.type, found.id) not in state.resources],
        missing=missing,
        changed=[*changes(inspected, state, files, snapshot.host, stack)],
        protected=frozenset(kept).intersection(missing),
    )
