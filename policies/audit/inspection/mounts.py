"""The mounts of containers and services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policies.audit.inspection.values import clean_path, given, labels, nonzero, objects, texts
from policies.values import entries, flag, lookup, text

PROPAGATIONS: Final = frozenset({"private", "rprivate", "slave", "rslave", "shared", "rshared"})


def asked_mounts(whole: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """`mounts` and `volumes`: what was asked for, and what came with it.

    Came with it: an image's anonymous volumes, and what other containers lent (`volumesFrom`).
    """
    limits = entries(whole.get("HostConfig"))
    effective = {clean_path(text(each.get("Destination"))): each for each in objects(whole.get("Mounts"))}
    mounts: list[dict[str, Any]] = []
    volumes: list[dict[str, Any]] = []
    seen = set()
    for each in objects(limits.get("Mounts")):
        target = clean_path(text(each.get("Target")))
        seen.add(target)
        mounts.append(mount_entry(each, text(entries(effective.get(target)).get("Propagation"))))
    for bind in texts(limits.get("Binds")):
        asked = _bind(bind, text(limits.get("VolumeDriver")))
        seen.add(clean_path(asked.get("target") or asked.get("containerPath")))
        (mounts if "target" in asked else volumes).append(asked)
    volumes += [{"fromContainer": each} for each in texts(limits.get("VolumesFrom"))]
    mounts += [_effective_mount(each) for target, each in effective.items() if target not in seen]
    return mounts, volumes


def mount_entry(mount: Mapping[str, Any], effective_propagation: str | None = None) -> dict[str, Any]:
    """An entry of `mounts`. Docker may give a mount another propagation than none was asked for."""
    volume_options, tmpfs = entries(mount.get("VolumeOptions")), entries(mount.get("TmpfsOptions"))
    propagation = effective_propagation or text(lookup(mount, "BindOptions.Propagation"))
    return given(
        {
            "type": text(mount.get("Type")),
            "source": text(mount.get("Source")),
            "target": text(mount.get("Target")),
            "readOnly": flag(mount.get("ReadOnly")) or False,
            "bindOptions": given({"propagation": propagation}),
            "volumeOptions": given(
                {
                    "noCopy": flag(volume_options.get("NoCopy")),
                    "labels": labels(volume_options.get("Labels")),
                    "driverName": text(lookup(volume_options, "DriverConfig.Name")),
                    "driverOptions": entries(lookup(volume_options, "DriverConfig.Options")),
                    "subpath": text(volume_options.get("Subpath")),
                }
            ),
            "tmpfsOptions": given({"sizeBytes": nonzero(tmpfs.get("SizeBytes")), "mode": nonzero(tmpfs.get("Mode"))}),
        }
    )


def _effective_mount(mount: Mapping[str, Any]) -> dict[str, Any]:
    type_, driver = text(mount.get("Type")), text(mount.get("Driver"))
    return given(
        {
            "type": type_,
            "source": text(mount.get("Name")) or text(mount.get("Source")),
            "target": text(mount.get("Destination")),
            "readOnly": flag(mount.get("RW")) is False,
            "bindOptions": given({"propagation": text(mount.get("Propagation"))}),
            "volumeOptions": given({"driverName": None if driver == "local" else driver}),
        }
    )


def _bind(bind: str, driver: str | None) -> dict[str, Any]:
    """`SOURCE:TARGET:OPTIONS`, as `docker run -v` has it; moby splits and reads it the same way.

    An entry of `volumes`, or of `mounts` if it has what only those can say.
    """
    parts = bind.split(":", 3)
    source, target = (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])
    options = parts[2].split(",") if len(parts) > 2 else []
    is_path = source.startswith("/")
    read_only = "ro" in options
    propagation = next((option for option in options if option in PROPAGATIONS), None)
    driver = None if is_path or driver == "local" else driver
    if propagation or driver:
        return given(
            {
                "type": "bind" if is_path else "volume",
                "source": source,
                "target": target,
                "readOnly": read_only,
                "bindOptions": given({"propagation": propagation}),
                "volumeOptions": given({"driverName": driver}),
            }
        )
    return given(
        {
            "hostPath": source if is_path else None,
            "volumeName": None if is_path else source,
            "containerPath": target,
            "readOnly": read_only,
            "selinuxRelabel": next((option for option in options if option in ("z", "Z")), None),
        }
    )
