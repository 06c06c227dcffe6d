"""What an update would take away that cannot be recreated: decided from the old state and a preview over it.

A resource is kept unless its type says that it holds nothing. So a type that this module does not know, such as a new
service's bucket, a random password or a TLS key, is kept too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ops.ci.preview import VOLUME, Preview, Step
from policies.values import SECRET_SIGNATURE, SIGNATURE

CONTAINER = "docker:index/container:Container"
STASH = "pulumi:index:Stash"

#: The component of a volume with files from the config, and of the container that brings them there.
CARRIER = "tasktracker:components:FileVolume"

#: Docker recreates these from the program and the images, and nothing is lost.
RECREATED = frozenset({CONTAINER, "docker:index/network:Network", "docker:index/remoteImage:RemoteImage"})

#: Components whose volumes hold no data: files from the config, and what containers share while they run.
WITHOUT_DATA = frozenset({CARRIER, "tasktracker:components:RuntimeVolume"})

#: Its key and certificate are renewed by the first update of each calendar year, by a certificate authority that stays.
RENEWED_YEARLY = "tasktracker:components:ServerCertificate"

#: Properties that a provider updates in place and that are neither data nor keys, by type.
HARMLESS: Mapping[str, frozenset[str]] = {
    "aws:s3/bucket:Bucket": frozenset({"tags", "tagsAll"}),
    "aws:iam/user:User": frozenset({"tags", "tagsAll"}),
    # Which host name leads to which service.
    "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig": frozenset({"config"}),
}


def is_kept(resource: Mapping[str, Any]) -> bool:
    """Whether a resource of a state (its entry in the export) has to be there after an update."""
    if resource.get("protect") or resource.get("retainOnDelete"):
        return True
    # Components hold nothing themselves, and the engine's own are the stack and its providers.
    if not resource.get("custom") or resource["type"].startswith("pulumi:providers:"):
        return False
    *components, own = types(resource["urn"])
    if own == VOLUME:
        return not WITHOUT_DATA & {*components}
    if own == STASH:
        # One that is no secret notes what the last update did, such as the digest of nginx' files.
        return RENEWED_YEARLY not in components and _has_secret(resource)
    return own not in RECREATED


def losses(resources: Iterable[Mapping[str, Any]], preview: Preview) -> list[str]:
    """What is wrong with an update that would do what `preview` says, one text each; empty if nothing is lost.

    `resources` are those of the state that the preview was over.
    """
    if preview.failed:
        return [f"the preview fails: {reason}" for reason in _reasons(preview)]
    if not preview.steps:
        return ["the preview plans nothing"]
    steps: dict[str, list[Step]] = defaultdict(list)
    for step in preview.steps:
        # A resource with an alias has another URN in the state.
        steps[(step.old.urn if step.old else "") or step.urn].append(step)
    return [
        f"{types(each['urn'])[-1]} {name(each['urn'])}: {problem}"
        for each in resources
        if is_kept(each)
        for problem in _problems(each, steps[each["urn"]])
    ]


def recreated(preview: Preview) -> set[str]:
    """The names of the containers that an update would replace or remove, without those that only carry files."""
    return {
        step.name
        for step in preview.changes
        if step.types[-1] == CONTAINER and step.op in ("replace", "delete") and CARRIER not in step.types
    }


def types(urn: str) -> Sequence[str]:
    """The types in a URN: its components', the outermost first, and last its own."""
    return urn.split("::")[2].split("$")


def name(urn: str) -> str:
    """The resource's name in the program."""
    return urn.split("::", 3)[3]


def _has_secret(stash: Mapping[str, Any]) -> bool:
    """Whether the state has what a Stash holds as a secret."""
    output = stash["outputs"]["output"]
    wrapped = isinstance(output, Mapping) and output.get(SIGNATURE) == SECRET_SIGNATURE
    return wrapped or "output" in stash.get("additionalSecretOutputs", ())


def _problems(resource: Mapping[str, Any], steps: Sequence[Step]) -> Iterator[str]:
    if not steps:
        yield "is not in the plan"
    for step in steps:
        if step.op == "update":
            if changed := _changed(step) - HARMLESS.get(resource["type"], frozenset()):
                yield f"update of {', '.join(sorted(changed))}, which HARMLESS in {__name__} does not list"
        elif step.op != "same":
            keys = f" for its {', '.join(step.replace_keys)}" if step.replace_keys else ""
            yield f"{step.op}{keys}"
        for flag in ("protect", "retain"):
            if step.old and step.new and getattr(step.old, flag) and not getattr(step.new, flag):
                yield f"loses its flag `{flag}`"


def _changed(step: Step) -> set[str]:
    """The properties that an update changes."""
    paths = [*step.diff_keys, *step.detail]
    return {path.replace("[", ".").partition(".")[0] for path in paths} or {"an unknown property"}


def _reasons(preview: Preview) -> list[str]:
    refused = [f"{each.policy}: {each.message}" for each in preview.violations or () if each.is_mandatory]
    return [*(each.message for each in preview.errors), *refused] or ["for a reason that it does not tell"]
