"""The mounts and volumes that Docker says there are."""

from __future__ import annotations

from typing import Any

import pytest

from policies.audit.inspection.container import container
from policies.audit.inspection.volume import volume
from tests.policies.audit.inspection.samples import HOST, INSPECTED_VOLUME, inspected


@pytest.mark.parametrize(
    ("bind", "volume_driver", "key", "entry"),
    [
        ("/a:/b", "", "volumes", {"hostPath": "/a", "containerPath": "/b", "readOnly": False}),
        (
            "/a:/b:ro,z",
            "",
            "volumes",
            {"hostPath": "/a", "containerPath": "/b", "readOnly": True, "selinuxRelabel": "z"},
        ),
        ("data:/b:rw", "local", "volumes", {"volumeName": "data", "containerPath": "/b", "readOnly": False}),
        ("/b", "", "volumes", {"containerPath": "/b", "readOnly": False}),
        (
            "/a/../b:/b:rshared,ro",
            "",
            "mounts",
            {
                "type": "bind",
                "source": "/a/../b",
                "target": "/b",
                "readOnly": True,
                "bindOptions": {"propagation": "rshared"},
            },
        ),
        (
            "data:/b",
            "nfs",
            "mounts",
            {
                "type": "volume",
                "source": "data",
                "target": "/b",
                "readOnly": False,
                "volumeOptions": {"driverName": "nfs"},
            },
        ),
    ],
)
def test_binds(bind: str, volume_driver: str, key: str, entry: dict[str, Any]) -> None:
    changes: dict[str, Any] = {
        "HostConfig.Binds": [bind],
        "HostConfig.VolumeDriver": volume_driver,
        "HostConfig.Mounts": None,
        # Docker cleans the target and lists the mount among those in effect: it is there once.
        "Mounts": [{"Type": "bind", "Source": "/a", "Destination": "/b", "RW": True}],
    }
    seen = container(inspected(changes), HOST)
    assert {name: seen[name] for name in ("mounts", "volumes") if name in seen} == {key: [entry]}


def test_mounts() -> None:
    asked = [
        {
            "Type": "volume",
            "Source": "inline",
            "Target": "/e/",
            "VolumeOptions": {
                "NoCopy": True,
                "Labels": {"a": "b"},
                "DriverConfig": {"Name": "local", "Options": {"o": "bind", "device": "/", "type": "none"}},
            },
        },
        {"Type": "bind", "Source": "/a", "Target": "/g", "ReadOnly": True},
        {"Type": "bind", "Source": "/b", "Target": "/h", "BindOptions": {"Propagation": "shared"}},
        {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1000}},
    ]
    effective = [
        {"Type": "volume", "Name": "inline", "Destination": "/e", "RW": True, "Driver": "local"},
        # Docker does this of its own accord where its own folder is mounted.
        {"Type": "bind", "Source": "/a", "Destination": "/g", "RW": False, "Propagation": "rslave"},
        {"Type": "bind", "Source": "/lent", "Destination": "/l", "RW": True, "Propagation": "rprivate"},
        {"Type": "volume", "Name": 64 * "f", "Destination": "/anonymous", "RW": True, "Driver": "local"},
        {"Type": "volume", "Name": "far", "Destination": "/far", "RW": False, "Driver": "nfs"},
    ]
    changes = {"HostConfig.Mounts": asked, "Mounts": effective, "HostConfig.VolumesFrom": ["other:ro"]}
    seen = container(inspected(changes), HOST)
    assert seen["volumes"] == [{"fromContainer": "other:ro"}]
    assert seen["mounts"] == [
        {
            "type": "volume",
            "source": "inline",
            "target": "/e/",
            "readOnly": False,
            "volumeOptions": {
                "noCopy": True,
                "labels": [{"label": "a", "value": "b"}],
                "driverName": "local",
                "driverOptions": {"o": "bind", "device": "/", "type": "none"},
            },
        },
        {
            "type": "bind",
            "source": "/a",
            "target": "/g",
            "readOnly": True,
            "bindOptions": {"propagation": "rslave"},
        },
        {"type": "bind", "source": "/b", "target": "/h", "readOnly": False, "bindOptions": {"propagation": "shared"}},
        {"type": "tmpfs", "target": "/t", "readOnly": False, "tmpfsOptions": {"sizeBytes": 1000}},
        {
            "type": "bind",
            "source": "/lent",
            "target": "/l",
            "readOnly": False,
            "bindOptions": {"propagation": "rprivate"},
        },
        {"type": "volume", "source": 64 * "f", "target": "/anonymous", "readOnly": False},
        {
            "type": "volume",
            "source": "far",
            "target": "/far",
            "readOnly": True,
            "volumeOptions": {"driverName": "nfs"},
        },
    ]


def test_a_hidden_bind_is_in_the_volumes_options() -> None:
    options = {"type": "none", "o": "bind", "device": "/"}
    assert volume({**INSPECTED_VOLUME, "Options": options})["driverOpts"] == options


def test_a_cluster_volume_is_one() -> None:
    cluster = {"ID": "abc", "Spec": {"Group": "fast", "Availability": "active"}}
    seen = volume({**INSPECTED_VOLUME, "ClusterVolume": cluster})
    assert seen["cluster"] == {"id": "abc", "group": "fast", "availability": "active"}
