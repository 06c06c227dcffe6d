"""Keys of a stack's config that mean nothing, or not what they seem to."""

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches

from settings.describe import nearest
from settings.errors import PROJECT, Path, Problem, value_text
from settings.reading.given import Given
from settings.reading.provider_keys import PROVIDER_HOST
from settings.rules import RESERVED_BLOCKS
from settings.secrets import BUILT_IN
from settings.stack import StackConfig


def misspelt_namespaces(config: Mapping[str, str]) -> Iterator[Problem]:
    """Keys that would go unnoticed, since other namespaces are none of the project's business."""
    for key in config:
        namespace, colon, name = key.partition(":")
        if colon and namespace != PROJECT and get_close_matches(namespace, [PROJECT], cutoff=0.8):
            yield Problem((name,), f"is written {key} in the file; correct its namespace")


def misplaced(given: Given) -> Iterator[Problem]:
    """Blocks of later versions, and settings that came as secrets."""
    for name in given.values:
        if name in RESERVED_BLOCKS:
            yield Problem((name,), "is not available in this version; remove it")
        elif name in StackConfig.model_fields and name in given.encrypted:
            # What the stack makes of a setting is there for all to see: labels, files, `pulumi stack export`.
            yield Problem((name,), "must not be a secret; set it again without --secret")


def repeated(given: Given) -> Iterator[Problem]:
    """Blocks in JSON, as `pulumi config set` takes them, with a key of which one value would go unnoticed."""
    for name in given.tree():
        twice: list[str] = []

        def pairs(items: list[tuple[str, object]], twice: list[str] = twice) -> dict[str, object]:
            keys = [key for key, _ in items]
            twice.extend(key for key in keys if keys.count(key) > 1)
            return dict(items)

        with contextlib.suppress(ValueError, RecursionError):
            json.loads(given.values[name], object_pairs_hook=pairs)
        if twice:
            yield Problem((name,), f"has the key {value_text(twice[0])} twice; remove one")


def two_hosts(config: Mapping[str, str], given: Given) -> Iterator[Problem]:
    """The block and the provider's own key, which would be two answers to one question."""
    if PROVIDER_HOST in config and "docker_host" in given.values:
        yield Problem(("docker_host",), f"is there beside {PROVIDER_HOST}; remove one of the two")


def unknown(given: Given, declared: Collection[str]) -> Iterator[Problem]:
    """Keys that mean nothing."""
    secrets = [*BUILT_IN, *declared]
    known = [*StackConfig.model_fields, *secrets]
    for name in given.values.keys() - {*known, *RESERVED_BLOCKS}:
        if name in given.encrypted:
            yield unknown_key((name,), secrets, "unknown secret")
        else:
            yield unknown_key((name,), known, "unknown key")


def unknown_key(path: Path, known: Sequence[str], what: str) -> Problem:
    """The problem of a key that is none of `known`, with the one that was probably meant."""
    near = nearest(path[-1], known)
    guess = f"{what}; did you mean {near}?" if near else f"{what}."
    meant = (*path[:-1], near) if near else None
    return Problem(path, f"{guess} Allowed here: {', '.join(known)}", meant=meant)
