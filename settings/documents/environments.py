"""docs/environments.md: what differs between dev, staging and prod, read from their committed files and the rules."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any, Final, get_args

import stackfile
from settings.documents.reference import table
from settings.errors import Path, value_text
from settings.reading.reader import examine
from settings.rules import conflicts
from settings.rules.conflict import ENVIRONMENT
from settings.stack import Environment, Settings, StackConfig

ROOT: Final = File(__file__).resolve().parents[2]

ENVIRONMENTS: Final[tuple[str, ...]] = get_args(Environment)

ASKED_FOR: Final = "asked for"

_NOTHING: Final = ""

_INTRODUCTION: Final = """\
<!-- Written by `make docs` from Pulumi.<stack>.yaml and settings/; changes made here are lost. -->

# dev, staging and prod

One program makes all three; `Pulumi.<stack>.yaml` says what differs. Staging is prod with smaller numbers, so that what
works there works in prod. `asked for` is what only a person knows: as long as one of these is missing, `make preview`
names all of them, each with the command that sets it. [configuration.md](configuration.md) has the meaning of every
key.
"""


@dataclass(frozen=True)
class _Stack:
    """A committed stack: its settings, and the keys that it asks for."""

    settings: Settings
    missing: frozenset[Path]

    @classmethod
    def of(cls, name: str) -> "_Stack":
        config = stackfile.config(ROOT / f"Pulumi.{name}.yaml")
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
        settings, problems = examine(name, texts)
        return cls(settings, frozenset(problem.path for problem in problems))

    def shown(self, path: Path, values: Mapping[Path, Any]) -> str:
        """The value at `path` for the table."""
        if any(path[: len(asked)] == asked for asked in self.missing):
            return ASKED_FOR
        value = values.get(path)
        return _NOTHING if value is None else f"`{value if isinstance(value, str) else value_text(value)}`"


def environments() -> str:
    """The whole document."""
    stacks = [_Stack.of(name) for name in ENVIRONMENTS]
    return "\n".join([_INTRODUCTION, *_settings(stacks), *_consequences(stacks), *_refusals(stacks)])


def _settings(stacks: Sequence[_Stack]) -> Iterator[str]:
    yield "## Settings that differ\n"
    flat = [dict(_leaves(stack.settings.model_dump(mode="json", exclude={"images", "secrets"}))) for stack in stacks]
    # A block that one of them has not is told by its keys.
    blocks = {path[:end] for values in flat for path in values for end in range(1, len(path))}
    found = dict.fromkeys(path for values in flat for path in values)
    paths = sorted((path for path in found if path not in blocks), key=lambda path: _BLOCKS.index(path[0]))
    rows = [
        (f"`{'.'.join(path)}`", *cells)
        for path in paths
        if len({*(cells := [stack.shown(path, values) for stack, values in zip(stacks, flat, strict=True)])}) > 1
    ]
    images = [ASKED_FOR if any(path[0] == "images" for path in stack.missing) else "built here" for stack in stacks]
    secrets = sorted({path[0] for stack in stacks for path in stack.missing} - {*_BLOCKS})
    asked = [(f"`{name}`", *(ASKED_FOR if (name,) in s.missing else _NOTHING for s in stacks)) for name in secrets]
    yield table(("Key", *ENVIRONMENTS), [*rows, ("`images`", *images), *asked])


_BLOCKS: Final = [*StackConfig.model_fields]


def _leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """The values in blocks, by their keys."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    else:
        yield path, value


def _consequences(stacks: Sequence[_Stack]) -> Iterator[str]:
    yield "## What follows\n"
    rows = [(what, *(told(stack.settings) for stack in stacks)) for what, told in _CONSEQUENCES.items()]
    yield table(("What", *ENVIRONMENTS), rows)


def _published(settings: Settings) -> str:
    """What the host takes requests at."""
    if settings.tunnel is not None:
        return "nothing"
    publish = settings.nginx.publish
    ports = [publish.port, *([publish.tls_port] if settings.nginx.tls else [])]
    return ", ".join(f"`{publish.address}:{port}` (nginx)" for port in ports)


def _debug_ports(settings: Settings) -> str:
    ports = {
        "postgres": settings.postgres.debug_port,
        "NATS": settings.nats.debug_port,
        "NATS' monitoring": settings.nats.debug_monitor_port,
    }
    return ", ".join(f"`127.0.0.1:{port}` ({name})" for name, port in ports.items() if port) or "none"


def _way_in(settings: Settings) -> str:
    if settings.tunnel is None:
        return "a port of the host"
    return f"Cloudflare Tunnel, {settings.tunnel.replicas} containers of cloudflared"


def _backups(settings: Settings) -> str:
    return {
        "object_store": "the stack's own object store",
        "s3": "a bucket outside",
        "aws": "a bucket in AWS that the program makes",
    }[settings.backup.repository]


def _object_lock(settings: Settings) -> str:
    return "none" if settings.object_lock_days is None else str(settings.object_lock_days)


_CONSEQUENCES: Final[Mapping[str, Callable[[Settings], str]]] = {
    "The way in": _way_in,
    "Published on the host": _published,
    "Debug ports": _debug_ports,
    "HSTS, over HTTPS": lambda settings: "yes" if settings.hsts else "no",
    "Backups go to": _backups,
    "Days that S3 refuses to delete backups (Object Lock)": _object_lock,
    "A container of the object store": lambda settings: "yes" if settings.has_object_store else "no",
}


def _refusals(stacks: Sequence[_Stack]) -> Iterator[str]:
    yield "## What is refused\n"
    yield "Whatever a file says, `preview` refuses what does not belong to its environment.\n"
    rows = (
        (what, *("refused" if _refuses(stack.settings, path, value) else "allowed" for stack in stacks))
        for what, (path, value) in _CHANGES.items()
    )
    yield table(("Setting", *ENVIRONMENTS), rows)
    yield "Policies have levels of their own by environment: [policies.md](policies.md)."


_CHANGES: Final[Mapping[str, tuple[Path, object]]] = {
    "a debug port of PostgreSQL": (("postgres", "debug_port"), 15432),
    "a debug port of NATS": (("nats", "debug_port"), 14222),
    "a published port of NATS' monitoring": (("nats", "debug_monitor_port"), 18222),
    "an image without a digest": (("images", "api"), "registry.example.com/tasktracker/app:1.2.3"),
    "`localhost` as the domain": (("domain",), "localhost"),
    "a Cloudflare Tunnel": (("tunnel",), {"account_id": 32 * "a", "zone_id": 32 * "b", "zone": "example.com"}),
    "days of Object Lock": (("backup", "aws"), {"region": "eu-central-1", "object_lock_days": 30}),
}


def _refuses(settings: Settings, path: Path, value: object) -> bool:
    """Whether a rule refuses `value` at `path` for what the environment is."""
    tree = settings.model_dump(mode="json", exclude_unset=True, exclude={"secrets"})
    *blocks, last = path
    block = tree
    for key in blocks:
        block = block.setdefault(key, {})
    block[last] = value
    return any(
        found.path[: len(path)] == path and ENVIRONMENT in found.also
        for found in conflicts(Settings.model_validate(tree))
    )
