"""What a state has: resources as Pulumi exports them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from settings.ownership import DATA_VOLUME


def outputs_of(resources: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The stack's outputs, as its resources in the state have them; secrets stay encrypted."""
    stack = next((each for each in resources if each.get("type") == "pulumi:pulumi:Stack"), {})
    return stack.get("outputs") or {}


def data_volume_urns(resources: Sequence[Mapping[str, Any]], volume: str) -> list[str]:
    """The URNs of a data volume in a state, by its name on the Docker host: the volume's, and its component's."""
    return [
        str(each["urn"])
        for each in resources
        if DATA_VOLUME in str(each["urn"]) and (each.get("outputs") or {}).get("name") == volume
    ]
