"""What a volume is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policies.evaluate import findings, message
from policies.rule import Scope
from policies.values import UNKNOWN
from tests.policies.cases import Case, of_each_rule, rule_of, run_all
from tests.policies.compliant import carrier, container, service, volume
from tests.policies.docker.mounts.test_sockets import MOUNTS, in_service, inline, with_mount

TMPFS = {"type": "tmpfs", "device": "tmpfs", "o": "size=64m,uid=1000,mode=0700,noexec,nosuid,nodev"}

#: Driver options that are found, and which of them.
HIDDEN: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
    ("bind", {"type": "none", "o": "bind", "device": "/srv"}, ("type", "o", "device")),
    ("recursive bind", {"type": "none", "o": "rw,rbind", "device": "/srv"}, ("type", "o", "device")),
    ("bind as a type", {"type": "bind", "device": "/srv"}, ("type", "device")),
    ("bind as tmpfs", {**TMPFS, "o": "bind"}, ("o",)),
    ("bind as tmpfs with a path", {**TMPFS, "device": "/srv", "o": "bind"}, ("type", "o", "device")),
    ("bind among others", {**TMPFS, "o": "size=1m,bind,ro"}, ("o",)),
    ("bind in capitals", {**TMPFS, "o": "BIND"}, ("o",)),
    ("bind with white space", {**TMPFS, "o": "size=1m, bind"}, ("o",)),
    ("remount", {**TMPFS, "o": "remount,bind"}, ("o",)),
    ("shared", {**TMPFS, "o": "shared"}, ("o",)),
    ("tmpfs in capitals", {**TMPFS, "type": "TMPFS"}, ("type", "device", "o")),
    ("tmpfs of a device", {"type": "tmpfs", "device": "/dev/sda1"}, ("type", "device")),
    ("nfs", {"type": "nfs", "o": "addr=10.0.0.1,rw", "device": ":/srv"}, ("type", "o", "device")),
    ("nfs4", {"type": "nfs4", "device": "10.0.0.1:/"}, ("type", "device")),
    ("cifs", {"type": "cifs", "device": "//10.0.0.1/x"}, ("type", "device")),
    ("overlay", {"type": "overlay", "o": "lowerdir=/", "device": "overlay"}, ("type", "o", "device")),
    ("9p", {"type": "9p", "device": "host"}, ("type", "device")),
    ("disk", {"type": "ext4", "device": "/dev/sda1"}, ("type", "device")),
    ("device alone", {"device": "/srv"}, ("device",)),
    ("path as size", {"size": "/srv"}, ("size",)),
    ("options that are no text", {"o": ["bind"], "type": 1, "device": True}, ("o", "type", "device")),
)

VOLUME_CASES = (
    Case("VOL-BIND", "passing", "compliant", (volume(), container(), carrier(), service())),
    Case("VOL-BIND", "passing", "no driver", (volume({"driver": None}),)),
    Case("VOL-BIND", "passing", "empty options", (volume({"driverOpts": {}}),)),
    Case("VOL-BIND", "passing", "empty values", (volume({"driverOpts": {"o": "", "device": None}}),)),
    Case("VOL-BIND", "passing", "tmpfs", (volume({"driverOpts": TMPFS}),)),
    Case("VOL-BIND", "passing", "quota", (volume({"driverOpts": {"size": "10G"}}),)),
    Case("VOL-BIND", "passing", "inline tmpfs", with_mount(inline(TMPFS, driverName="local"))),
    Case("VOL-BIND", "passing", "allowed driver", (volume({"driver": "rexray/ebs"}),),
         options={"drivers": ["rexray/ebs"]}),
    *(
        Case("VOL-BIND", "bypass", what, (volume({"driverOpts": wrong}),), tuple(f"driverOpts.{key}" for key in found))
        for what, wrong, found in HIDDEN
    ),
    *(
        Case("VOL-BIND", "bypass", f"inline {what}", with_mount(inline(wrong)),
             tuple(f"mounts[0].volumeOptions.driverOptions.{key}" for key in found))
        for what, wrong, found in HIDDEN
    ),
    *(
        Case("VOL-BIND", "bypass", f"inline in a service {what}", in_service(inline(wrong)),
             tuple(f"{MOUNTS}[0].volumeOptions.driverOptions.{key}" for key in found))
        for what, wrong, found in HIDDEN
    ),
    Case("VOL-BIND", "failing", "another driver", (volume({"driver": "vieux/sshfs"}),), ("driver",)),
    Case("VOL-BIND", "failing", "another driver inline", with_mount(inline({}, driverName="sshfs")),
         ("mounts[0].volumeOptions.driverName",)),
    Case("VOL-BIND", "bypass", "driver with white space", (volume({"driver": "local "}),), ("driver",)),
    Case("VOL-BIND", "bypass", "driver in capitals", (volume({"driver": "Local"}),), ("driver",)),
    Case("VOL-BIND", "bypass", "driver that is no text", (volume({"driver": ["local"]}),), ("driver",)),
    Case("VOL-BIND", "bypass", "option in capitals", (volume({"driverOpts": {"Device": "/srv"}}),), ("driverOpts",)),
    Case("VOL-BIND", "bypass", "allowed driver with a path",
         (volume({"driver": "persist", "driverOpts": {"mountpoint": "/srv"}}),), ("driverOpts",),
         options={"drivers": ["persist"]}),
    Case("VOL-BIND", "bypass", "options in a list", (volume({"driverOpts": [{"device": "/srv"}]}),), ("driverOpts",)),
    Case("VOL-BIND", "bypass", "cluster volume", (volume({"cluster": {"type": "block"}}),), ("cluster",)),
    Case("VOL-BIND", "bypass", "cluster volume in a list", (volume({"cluster": [{}]}),), ("cluster",)),
    Case("VOL-BIND", "bypass", "several at once",
         (volume({"driver": "x", "driverOpts": {"type": "nfs"}, "cluster": [1]}),),
         ("driver", "driverOpts.type", "cluster")),
    Case("VOL-BIND", "unknown", "everything",
         (volume({"driver": UNKNOWN, "driverOpts": UNKNOWN, "cluster": UNKNOWN}),)),
    Case("VOL-BIND", "unknown", "one option", (volume({"driverOpts": {"type": "nfs", "o": UNKNOWN}}),),
         ("driverOpts.type",)),
    Case("VOL-BIND", "unknown", "type", (volume({"driverOpts": {"type": UNKNOWN, "device": "tmpfs"}}),)),
    Case("VOL-BIND", "unknown", "type of a device", (volume({"driverOpts": {"type": UNKNOWN, "device": "/srv"}}),),
         ("driverOpts.device",)),
    Case("VOL-BIND", "unknown", "inline", with_mount(inline(UNKNOWN, driverName=UNKNOWN))),
    Case("VOL-BIND", "unknown", "mounts", (container({"mounts": [UNKNOWN]}),)),
)  # fmt: skip


def test_passwords_in_driver_options_are_not_shown() -> None:
    options = {"type": "cifs", "device": "//jo:hunter2@files/x", "o": "username=jo,password=hunter2", "key": "hunter2"}
    resource, rule = volume({"driverOpts": options}), rule_of("VOL-BIND")
    messages = [message(rule, each, resource) for each in findings(rule, (resource,), Scope(rule.options()))]
    assert len(messages) == 4
    assert not any("hunter2" in each for each in messages)
    assert any('"username,password"' in each for each in messages)


CASES = VOLUME_CASES


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
