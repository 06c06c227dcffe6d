"""A stack's graph for a reviewer: every resource with what it depends on and what its provider was given."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from components.preflight.ownership import IDENTITY_BYTES
from components.runtime.files import DIGEST_LENGTH
from policies.values import SECRET_SIGNATURE, SIGNATURE
from tests.e2e.fakes.cloud import Cloud
from tests.e2e.support.stack import Stack

SECRET = "[secret]"

#: The digest of a container's files, which is another in each new stack: its key is one that the stack made. In a
#: manifest of files it has a line.
DIGEST = re.compile(rf"^[0-9a-f]{{{DIGEST_LENGTH}}}$", re.MULTILINE)

#: The identity of the state, as random.
IDENTITY = re.compile(rf"[0-9a-f]{{{2 * IDENTITY_BYTES}}}")


def graph(stack: Stack, cloud: Cloud) -> list[dict[str, Any]]:
    """The resources in the engine's state, by type and name. Inputs are those that the fakes were given."""
    resources = json.loads(stack.pulumi("stack", "export").stdout)["deployment"]["resources"]
    given = {(thing.type, thing.name): thing.inputs for thing in cloud.things.values()}
    found = []
    for each in resources:
        key = _key(each["urn"])
        inputs = given.get(key, each.get("inputs", {}))
        about = {
            "parent": _shown(each.get("parent", "")),
            "protect": each.get("protect", False),
            "retain": each.get("retainOnDelete", False),
            "depends_on": sorted(map(_shown, each.get("dependencies", ()))),
            "inputs": _masked({name: value for name, value in inputs.items() if not name.startswith("__")}),
        }
        found.append({"resource": _shown(each["urn"]), **{name: value for name, value in about.items() if value}})
    return sorted(found, key=lambda resource: str(resource["resource"]))


def text(resources: Sequence[Mapping[str, Any]]) -> str:
    """The graph as YAML that changes by a line where a line of a file changes."""
    return yaml.dump([*resources], Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)


def _key(urn: str) -> tuple[str, str]:
    type_, name = urn.split("::", 3)[2:]
    return type_.rpartition("$")[2], name


def _shown(urn: str) -> str:
    return " ".join(_key(urn)) if urn else ""


def _masked(value: Any) -> Any:
    """The value as far as it can be shown, and is the same in each new stack."""
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET_SIGNATURE:
            return SECRET
        return {key: _masked(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    if isinstance(value, str):
        return "[identity]" if IDENTITY.fullmatch(value) else _document(DIGEST.sub("[digest]", value))
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _document(value: str) -> Any:
    """A policy of IAM as what it says, and not as one long line."""
    try:
        content = json.loads(value) if value.startswith("{") else value
    except ValueError:
        return value
    return content


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _lines(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _lines)
