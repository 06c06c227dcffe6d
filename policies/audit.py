"""`python -m policies.audit`: the pack's rules against what is on a Docker host.

A policy pack sees what a program asks for. This sees what is there: what somebody changed or made by
hand, and what is left of things that a program no longer has.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import docker
import requests

import stackfile
from policies import config, waivers
from policies.config import PACK, Config
from policies.containers import CONTAINER, SERVICE
from policies.drift import Change, are_readable, changes, read_files
from policies.errors import ConfigError
from policies.evaluate import Pack, Target, Violation
from policies.inspection import PREDEFINED_NETWORKS, Host, container, network, service, volume
from policies.registry import RULES
from policies.resource import NETWORK, VOLUME, Resource
from policies.rule import Conventions, Level
from policies.values import decode, entries, flag, lookup, text
from remote import AddressError, DockerHost, HostError, check, sdk, silent

#: Where the pack, its config and its waivers are.
FOLDER = Path(__file__).parent

#: Seconds that one request to Docker may take.
REQUEST_TIMEOUT = 30

#: Exit codes. Where sysexits.h has one that fits, it is that: argparse's own 2 means something else here.
FINE, VIOLATED, DIFFERENT, USAGE, NOTHING, UNAVAILABLE, INTERRUPTED = 0, 1, 2, 64, 66, 69, 130

EXIT_CODES = """\
exit codes:
  0    no mandatory violation; there may be advisory ones
  1    at least one mandatory violation
  2    no mandatory violation, but something is there that is not in the state, or the reverse, or was changed
  64   the command line, the pack's config, the waivers or the state is wrong
  66   nothing of the stack is on this host, so nothing was audited
  69   Docker doesn't answer

What belongs to the stack: what carries its label or is in its state; containers on its networks, with
its volumes, in a namespace of its containers, or named as its containers are (PREFIX-STACK-...); and
the networks and volumes that its own containers use.

Without --state, URNs are made up from Docker's names (urn:pulumi:STACK::PROJECT::TYPE::NAME), which
waivers have to match. The environment, the project and the Docker host come from Pulumi.yaml and
Pulumi.STACK.yaml in the current folder. Where those don't name an environment it is production.
"""

#: How the URN ends under which the program has the limits of processes (components/core/pids.py).
PIDS_LIMITS = "pulumi:index:Stash::pids-limits"

#: How people call the resources.
KINDS = {CONTAINER: "container", NETWORK: "network", VOLUME: "volume", SERVICE: "service"}


class UsageError(Exception):
    """What the user gave is wrong; the message is for them."""


@dataclass(frozen=True)
class Thing:
    """Something on the host, as Docker describes it, of the type that it would have in a program."""

    type: str
    inspected: Mapping[str, Any]

    @property
    def id(self) -> str:
        """What the provider has as the resource's id."""
        return text(self.inspected.get("Name" if self.type == VOLUME else "ID" if self.type == SERVICE else "Id")) or ""

    @property
    def name(self) -> str:
        """Docker's name of it."""
        name = lookup(self.inspected, "Spec.Name" if self.type == SERVICE else "Name")
        return (text(name) or "").lstrip("/")

    @property
    def labels(self) -> dict[str, Any]:
        """Its labels; a service's own."""
        where = {CONTAINER: "Config.Labels", SERVICE: "Spec.Labels"}
        return entries(lookup(self.inspected, where.get(self.type, "Labels")))

    @property
    def is_dockers_own(self) -> bool:
        """Whether it is a network that Docker made for itself."""
        return self.type == NETWORK and (self.name in PREDEFINED_NETWORKS or bool(self.inspected.get("Ingress")))

    @cached_property
    def networks(self) -> frozenset[str]:
        """Ids and names of the networks that a container is on; one that never started may have no ids yet."""
        attached = entries(lookup(self.inspected, "NetworkSettings.Networks"))
        ids = (text(entries(endpoint).get("NetworkID")) for endpoint in attached.values())
        return frozenset({*attached, *(each for each in ids if each)})

    @cached_property
    def volumes(self) -> frozenset[str]:
        """Names of the volumes that a container mounts, whichever way it came by them."""
        mounts = self.inspected.get("Mounts")
        names = (text(entries(mount).get("Name")) for mount in (mounts if isinstance(mounts, list) else []))
        return frozenset(name for name in names if name)

    @property
    def lenders(self) -> Iterator[str]:
        """Ids or names of the containers of which it shares a namespace."""
        for key in ("NetworkMode", "PidMode", "IpcMode"):
            kind, _, lender = (text(lookup(self.inspected, f"HostConfig.{key}")) or "").partition(":")
            if kind == "container" and lender:
                yield lender


@dataclass(frozen=True)
class Snapshot:
    """What is on a Docker host."""

    things: Sequence[Thing]
    host: Host = field(default_factory=Host)

    def of(self, type_: str) -> list[Thing]:
        """The things of one type."""
        return [thing for thing in self.things if thing.type == type_]


@dataclass(frozen=True)
class State:
    """What `pulumi stack export` says is there: the resources of Docker by type and id, and all URNs.

    `pids_limits` has the containers' limits of processes, by their names, which the program sets past the provider.
    """

    resources: Mapping[tuple[str, str], Mapping[str, Any]]
    urns: frozenset[str]
    pids_limits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What the audit found.

    `missing` are URNs, or names of containers that the state no longer has. `changed` is not as the program made it.
    `protected` are those of `missing` that the program makes no second time by itself, such as data.
    """

    things: Mapping[str, Thing]
    violations: Sequence[Violation]
    unmanaged: Sequence[Thing]
    missing: Sequence[str]
    changed: Sequence[Change] = ()
    protected: frozenset[str] = frozenset()

    @property
    def exit_code(self) -> int:
        """What the command ends with."""
        if any(violation.level is Level.MANDATORY for violation in self.violations):
            return VIOLATED
        return DIFFERENT if self.unmanaged or self.missing or self.changed else FINE


def take(client: docker.DockerClient) -> Snapshot:
    """Reads all that rules can judge from a Docker host."""
    # The client's own types are incomplete.
    api: Any = client.api
    info = api.info()
    in_swarm = flag(lookup(info, "Swarm.ControlAvailable")) is True
    # A task's container is made from its service, which is judged. Docker's list of tasks tells which
    # those are; anybody can write their labels.
    tasks = {lookup(task, "Status.ContainerStatus.ContainerID") for task in (api.tasks() if in_swarm else [])}
    things = [
        *_inspect(CONTAINER, api.inspect_container, (each["Id"] for each in api.containers(all=True))),
        *_inspect(NETWORK, api.inspect_network, (each["Id"] for each in api.networks())),
        *_inspect(VOLUME, api.inspect_volume, (each["Name"] for each in api.volumes().get("Volumes") or [])),
        *(Thing(SERVICE, each) for each in (api.services() if in_swarm else [])),
    ]
    host = Host(
        networks={thing.id: thing.name for thing in things if thing.type == NETWORK},
        images={each["Id"]: each for each in api.images()},
        cgroup_version=text(info.get("CgroupVersion")) or "1",
    )
    return Snapshot([thing for thing in things if thing.type != CONTAINER or thing.id not in tasks], host)


def _inspect(type_: str, inspect: Callable[[str], Any], ids: Iterable[str]) -> Iterator[Thing]:
    for id_ in ids:
        try:
            yield Thing(type_, inspect(id_))
        except docker.errors.NotFound:
            # It went away since it was listed.
            continue


def read_state(source: str, stack: str) -> State:
    """The output of `pulumi stack export`, from a file or, as `-`, from standard input.

    Raises:
        UsageError: it can't be read, isn't a stack's state, or is another stack's.
    """
    where = "standard input" if source == "-" else source
    try:
        content = json.loads(sys.stdin.read() if source == "-" else Path(source).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"--state: {where}: {error}") from None
    if not isinstance(entries(content).get("deployment"), dict):
        raise UsageError(f"--state: {where} is not what `pulumi stack export` writes: it has no deployment")
    listed = content["deployment"].get("resources")
    known = [each for each in (listed if isinstance(listed, list) else []) if isinstance(each, dict)]
    urns = {urn for each in known if (urn := text(each.get("urn")))}
    others = {name for urn in urns if (name := urn.split("::")[0].removeprefix("urn:pulumi:")) != stack}
    if others:
        raise UsageError(f"--state: {where} is the state of the stack {min(others)!r}, not of {stack!r}")
    resources = {(str(each.get("type")), str(each.get("id"))): each for each in known if each.get("type") in KINDS}
    limits = (each for each in known if str(each.get("urn")).endswith(PIDS_LIMITS))
    return State(resources, frozenset(urns), entries(lookup(next(limits, {}), "inputs.input.limits")))


def belonging(snapshot: Snapshot, stack: str, conventions: Conventions, state: State | None) -> list[Thing]:
    """What is of the stack, or has to do with it; see `EXIT_CODES` for what that is."""
    known = state.resources if state else {}
    label = conventions.stack_label
    own = [
        thing
        for thing in snapshot.things
        if not thing.is_dockers_own and (thing.labels.get(label) == stack or (thing.type, thing.id) in known)
    ]
    mine = {id(thing) for thing in own}
    own_containers = [thing for thing in own if thing.type == CONTAINER]
    networks = {key for thing in own if thing.type == NETWORK for key in (thing.id, thing.name)}
    volumes = {thing.name for thing in own if thing.type == VOLUME}
    lenders = {key for thing in own_containers for key in (thing.id, thing.name)}
    prefixes = tuple({prefix for thing in own if (prefix := _prefix(thing.name, stack))})

    def belongs(thing: Thing) -> bool:
        if thing.is_dockers_own:
            return False
        # Another stack's things may have a name that begins in the same way.
        if prefixes and thing.name.startswith(prefixes) and label not in thing.labels:
            return True
        if thing.type == CONTAINER:
            return bool(thing.networks & networks or thing.volumes & volumes or lenders.intersection(thing.lenders))
        used = "networks" if thing.type == NETWORK else "volumes"
        return thing.type in (NETWORK, VOLUME) and any(
            getattr(user, used) & {thing.id, thing.name} for user in own_containers
        )

    return [thing for thing in snapshot.things if id(thing) in mine or belongs(thing)]


def _prefix(name: str, stack: str) -> str | None:
    """A name up to the stack's: what its other things' names begin with, too.

    >>> _prefix("tasktracker-dev-nginx", "dev"), _prefix("dev_nginx", "dev"), _prefix("devices", "dev")
    ('tasktracker-dev-', 'dev_', None)
    """
    found = re.match(rf"(?:.*?[-_.])?{re.escape(stack)}[-_.]", name)
    return found[0] if found else None


def resource_of(thing: Thing, host: Host, state: State | None, target: Target) -> Resource:
    """A thing as the resource that it is in the state, or that it would be in a program.

    What the program marked as secret is not shown. Docker has lists in another order, so a secret
    item makes its whole property one.
    """
    known = state.resources.get((thing.type, thing.id), {}) if state else {}
    secrets: set[str] = set()
    decode(known.get("inputs"), secrets)
    urn = text(known.get("urn"))
    if urn is None:
        urn = f"urn:pulumi:{target.stack}::{target.project}::{thing.type}::{thing.name}"
        # What was made by hand must not pass, under its name, for what the program makes and a waiver is for.
        urn += f"-{thing.id}" if state and urn in state.urns else ""
    return Resource(
        type=thing.type,
        name=urn.rpartition("::")[2],
        urn=urn,
        properties=_properties(thing, host),
        secret_paths=frozenset(re.split(r"[.\[]", path, maxsplit=1)[0] for path in secrets),
        protect=known.get("protect") is True,
    )


def _properties(thing: Thing, host: Host) -> dict[str, Any]:
    if thing.type == CONTAINER:
        return container(thing.inspected, host)
    if thing.type == SERVICE:
        return service(thing.inspected, host)
    return network(thing.inspected) if thing.type == NETWORK else volume(thing.inspected)


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
    """Judges what is on the host: the stack's things, or everything; `files` is what `drift.read_files` gives."""
    own = belonging(snapshot, target.stack, conventions, state)
    judged = [thing for thing in snapshot.things if not thing.is_dockers_own] if everything else own
    resources = [resource_of(thing, snapshot.host, state, target) for thing in judged]
    violations = [violation for resource in resources for violation in pack.analyze(resource)]
    together = [resource for resource in resources if pack.reads_in_stack(resource.type)]
    # Which waivers nobody needs is the engine's to say: it sees every resource and property, we don't.
    violations += [violation for violation in pack.analyze_stack(together) if violation.rule.id != PACK]
    unmanaged: list[Thing] = []
    missing: list[str] = []
    changed: list[Change] = []
    protected: frozenset[str] = frozenset()
    if state:
        inspected = {(thing.type, thing.id): thing.inspected for thing in snapshot.things}
        changed = [*changes(inspected, state.resources, files or {}, state.pids_limits, snapshot.host, target.stack)]
        unmanaged = [thing for thing in own if (thing.type, thing.id) not in state.resources]
        there = {(thing.type, thing.id) for thing in snapshot.things}
        # What is marked for deletion was replaced; it need not be there any more.
        missing = [
            str(known.get("urn"))
            for key, known in state.resources.items()
            if key not in there and not known.get("delete")
        ]
        # A refresh takes a container that is gone out of the state, and an update that is cut off does not make it.
        named = {thing.name for thing in snapshot.things} | {
            lookup(known, "outputs.name") for known in state.resources.values()
        }
        missing += [name for name in state.pids_limits if name not in named]
        protected = frozenset(
            str(known.get("urn")) for known in state.resources.values() if known.get("protect") is True
        ).intersection(missing)
    things = {resource.urn: thing for resource, thing in zip(resources, judged, strict=True)}
    return Report(things, violations, unmanaged, missing, changed, protected)


_BY_HAND = "    It was changed by hand, see [changed] below: that may be why.\n"


def blocks(report: Report, stack: str) -> Iterator[str]:
    """What was found, in words: one block each, the worst first."""
    by_hand = {(change.type, change.name) for change in report.changed}
    for violation in _sorted(report.violations):
        thing = report.things.get(violation.urn)
        where = f"{KINDS[thing.type]} {thing.name}" if thing else "the stack"
        changed = thing is not None and (thing.type, thing.name) in by_hand
        yield (
            f"[{violation.level.name.lower()}] {violation.rule.id}: {where}\n"
            f"{_BY_HAND if changed else ''}"
            f"    {violation.rule.title}.\n"
            f"    {violation.message}\n"
            f"    {violation.urn}\n"
        )
    for thing in report.unmanaged:
        yield (
            f"[unmanaged] {KINDS[thing.type]} {thing.name}\n"
            f"    It is not in the stack's state: it was made by hand, or is left over.\n"
            f"    Put it into the program, or remove it.\n"
        )
    for urn in report.missing:
        lost = f"It is protected: `make preview STACK={stack}` says what to do"
        again = f"`make up STACK={stack}` makes it again"
        cure = lost if urn in report.protected else again
        where = "stack's state" if urn.startswith("urn:") else "last update, in the state no more,"
        yield f"[missing] {urn}\n    It is in the {where} and not on the host.\n    {cure}.\n"
    for change in report.changed:
        yield (
            f"[changed] {KINDS[change.type]} {change.name}: {change.property}\n"
            f"    {change.message}.\n"
            f"    {change.fix}.\n"
            f"    {change.urn}\n"
        )


def as_json(report: Report) -> list[dict[str, Any]]:
    """What was found, for programs: `finding` says which of the four kinds an entry is."""
    found: list[dict[str, Any]] = []
    for violation in _sorted(report.violations):
        thing = report.things.get(violation.urn)
        found.append(
            {
                "finding": "violation",
                "rule": violation.rule.id,
                "level": violation.level.name.lower(),
                "severity": violation.rule.severity.name.lower(),
                "waived": violation.waiver is not None,
                "title": violation.rule.title,
                "message": violation.message,
                "fix": violation.rule.fix,
                **_identity(thing),
                "urn": violation.urn,
            }
        )
    found += [{"finding": "unmanaged", **_identity(thing), "urn": None} for thing in report.unmanaged]
    found += [{"finding": "missing", **_identity(None), "urn": urn} for urn in report.missing]
    found += [{"finding": "changed", **dataclasses.asdict(change)} for change in report.changed]
    return found


def _identity(thing: Thing | None) -> dict[str, Any]:
    return {
        "type": thing.type if thing else None,
        "name": thing.name if thing else None,
        "id": thing.id if thing else None,
    }


def _sorted(violations: Iterable[Violation]) -> list[Violation]:
    return sorted(violations, key=lambda each: (-each.level, -each.rule.severity, each.rule.id, each.urn))


def summary(report: Report, target: Target) -> str:
    """What was judged and found, in one line."""
    types = [thing.type for thing in report.things.values()]
    counts = ", ".join(_count(types.count(type_), kind) for type_, kind in KINDS.items() if type_ in types)
    levels = [violation.level for violation in report.violations if not violation.waiver]
    waived = len(report.violations) - len(levels)
    return (
        f"stack {target.stack}, environment {target.environment or 'not named, so production'}: "
        f"{counts or 'nothing'} judged; {levels.count(Level.MANDATORY)} mandatory and "
        f"{levels.count(Level.ADVISORY)} advisory violations, {waived} waived; "
        f"{len(report.unmanaged)} unmanaged, {len(report.missing)} missing, {len(report.changed)} changed"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"error: {message}\n")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog="python -m policies.audit",
        description="Judges what is on a Docker host by the rules of the policy pack.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # Pulumi also takes ORGANIZATION/PROJECT/STACK; labels, URNs and files have the last part.
    parser.add_argument("--stack", required=True, type=lambda name: name.rpartition("/")[2], help="the stack's name")
    parser.add_argument("--environment", help="its environment, where Pulumi.STACK.yaml doesn't say it")
    parser.add_argument("--config", type=Path, default=FOLDER / "config.json", help="the pack's config")
    parser.add_argument("--state", metavar="FILE", help="output of `pulumi stack export`; - is standard input")
    parser.add_argument("--all", action="store_true", help="judge everything on the host, not only the stack's")
    parser.add_argument("--json", action="store_true", help="print a JSON list; the summary goes to standard error")
    return parser.parse_args(argv)


def _read(reader: Callable[[Path], dict[str, Any]], path: Path) -> dict[str, Any]:
    """What `reader` finds in a file of Pulumi's; nothing where there is none."""
    try:
        return reader(path) if path.exists() else {}
    except stackfile.StackFileError as error:
        raise UsageError(str(error)) from None


def _run(arguments: argparse.Namespace) -> int:
    of_stack = _read(stackfile.config, Path(f"Pulumi.{arguments.stack}.yaml"))
    configured: Config = config.read(arguments.config, RULES)
    conventions = configured.conventions
    accepted = waivers.of(configured, FOLDER, RULES)
    environment = arguments.environment or text(of_stack.get(conventions.environment_key)) or ""
    project = text(_read(stackfile.load, Path("Pulumi.yaml")).get("name")) or "project"
    target = Target(arguments.stack, project, environment)
    state = read_state(arguments.state, arguments.stack) if arguments.state else None
    host = text(of_stack.get("docker:host"))
    try:
        own = DockerHost.of_config(of_stack, arguments.stack)
        if own is not None:
            check(own)
        client = sdk.client(own or host or None, REQUEST_TIMEOUT)
        snapshot = take(client)
        files = read_files(client.api, state.resources) if state else {}
    except AddressError as error:
        raise UsageError(str(error)) from None
    except HostError as error:
        sys.stderr.write(f"error: {error}\n")
        return UNAVAILABLE
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        sys.stderr.write(f"error: {silent(error, own or host)}\n")
        return UNAVAILABLE
    today = datetime.datetime.now(datetime.UTC).date()
    pack = Pack(RULES, configured, accepted, target, today)
    report = audit(snapshot, target, pack, conventions, state, everything=arguments.all, files=files)
    if not report.things and not report.missing and not state and not arguments.all:
        sys.stderr.write(
            f"error: nothing on this host has the label {conventions.stack_label}={arguments.stack}: "
            "is it the right stack, and the right host?\n"
        )
        return NOTHING
    if state and not are_readable(state.resources):
        sys.stderr.write("note: secret files were not compared; that takes `pulumi stack export --show-secrets`\n")
    if arguments.json:
        sys.stdout.write(f"{json.dumps(as_json(report), indent=2)}\n")
        sys.stderr.write(f"{summary(report, target)}\n")
    else:
        sys.stdout.writelines(
            [*(f"{block}\n" for block in blocks(report, target.stack)), f"{summary(report, target)}\n"]
        )
    return report.exit_code


def main(argv: Sequence[str] | None = None) -> int:
    """Does what the command line says; returns the exit code."""
    try:
        return _run(_arguments(argv))
    except (UsageError, ConfigError) as error:
        sys.stderr.write("".join(f"error: {line}\n" for line in str(error).splitlines()))
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
