"""What Docker says of a volume, as the inputs that the engine would send for it."""

from __future__ import annotations

from typing import Any

from policies.audit.inspection.values import given, labels
from policies.values import entries, lookup, text


def volume(inspected: object) -> dict[str, Any]:
    """The inputs of a `docker.Volume` that would make this one."""
    whole = entries(inspected)
    return given(
        {
            "name": text(whole.get("Name")),
            "driver": text(whole.get("Driver")),
            "driverOpts": entries(whole.get("Options")),
            "cluster": given(
                {
                    "id": text(lookup(whole, "ClusterVolume.ID")),
                    "group": text(lookup(whole, "ClusterVolume.Spec.Group")),
                    "availability": text(lookup(whole, "ClusterVolume.Spec.Availability")),
                }
            ),
            "labels": labels(whole.get("Labels")),
        }
    )
