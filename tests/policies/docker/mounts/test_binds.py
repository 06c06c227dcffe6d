"""Which files and folders of the host a container sees."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from policies.docker.mounts.binds import BindOptions
from policies.docker.mounts.sockets import SocketOptions
from policies.evaluate import findings, message
from policies.rule import Scope
from policies.values import UNKNOWN
from tests.generated import examples
from tests.policies.cases import Case, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import carrier, container, service
from tests.policies.docker.mounts.test_sockets import DOCKER, MOUNTS, bind, in_service, with_mount, with_volume, written

ALLOWED = {"paths": ["/etc/localtime", "/srv/shared/"]}

#: Sources that are not in ALLOWED, or not paths.
FORBIDDEN_SOURCES: tuple[Any, ...] = (
    "/srv/shared/../data", "/srv/sharedness", "/srv", "/etc", "/", "srv/shared", "./srv/shared", "~/x", "$X/y",
    "${X}", "/SRV/shared", " /srv/shared", "/srv/shared ", "\\srv\\shared", "/srv/shared/x\\..\\y",
    "/proc/1/root/srv/shared", "C:/srv/shared", "", None, [], {}, 5, True,
)  # fmt: skip

BIND_CASES = (
    *(
        Case("DKR-SOCK", "bypass", f"the API by {pair}", (container({"envs": ["A=b", pair]}),), ("envs[1]",))
        for pair in ("DOCKER_HOST=tcp://172.17.0.1:2375", "DOCKER_HOST=ssh://root@host", "CONTAINER_HOST=unix:///x",
                     "TRAEFIK_PROVIDERS_DOCKER_ENDPOINT=tcp://proxy:2375", "X=HTTPS://[::1]:2376/v1.41")
    ),
    Case("DKR-SOCK", "bypass", "the API by a command",
         (container({"command": ["docker", "-H", "tcp://host.docker.internal:2375"],
                     "entrypoints": ["--providers.docker.endpoint=tcp://x:2375"],
                     "healthcheck.tests": ["CMD-SHELL", "curl -f http://172.17.0.1:2375/containers/json"]}),),
         ("command[2]", "entrypoints[0]", "healthcheck.tests[1]")),
    Case("DKR-SOCK", "bypass", "the API by a service",
         (service({"taskSpec.containerSpec.env": {"DOCKER_HOST": "x"}, "taskSpec.containerSpec.args": ["tcp://x:2375"]}),),
         ("taskSpec.containerSpec.env.DOCKER_HOST", "taskSpec.containerSpec.args[0]")),
    Case("DKR-SOCK", "passing", "no API",
         (container({"envs": ["DOCKER_HOST=", "URL=http://api:23750/", "NOTE=port 2375", "HOST=x"]}),)),
    Case("DKR-SOCK", "unknown", "an address", (container({"envs": [UNKNOWN], "command": [UNKNOWN]}),)),
    *(
        Case("DKR-BIND", "bypass", f"a working folder, {folder}",
             (container({"workingDir": folder}), service({"taskSpec.containerSpec.dir": folder})),
             ("workingDir", "taskSpec.containerSpec.dir"))
        for folder in ("/proc/self/fd/8", "/proc/1/root", "//proc/self/fd/7/", "/x/../proc/self/cwd", "/dev/fd/9")
    ),
    Case("DKR-BIND", "passing", "working folders",
         tuple(container({"workingDir": folder}) for folder in ("/", "/app", "/process", "/srv/proc", "", None))),
    Case("DKR-BIND", "unknown", "a working folder", (container({"workingDir": UNKNOWN}),)),
    Case("DKR-BIND", "passing", "compliant", (container(), carrier(), service())),
    Case("DKR-BIND", "passing", "allowed file", with_mount(bind("/etc/localtime")), options=ALLOWED),
    Case("DKR-BIND", "passing", "below an allowed folder", with_mount(bind("/srv/shared/a/b")), options=ALLOWED),
    Case("DKR-BIND", "passing", "dots that stay", with_mount(bind("/srv//shared/a/../b/")), options=ALLOWED),
    Case("DKR-BIND", "passing", "allowed in a service", in_service(bind("/srv/shared")), options=ALLOWED),
    Case(
        "DKR-BIND", "passing", "allowed in volumes",
        with_volume({"hostPath": "/srv/shared", "containerPath": "/x", "readOnly": True}), options=ALLOWED,
    ),
    *(
        Case(
            "DKR-BIND", "passing", f"propagation {propagation}",
            with_mount(bind("/srv/shared", bindOptions={"propagation": propagation})), options=ALLOWED,
        )
        for propagation in ("private", "rprivate", "", None)
    ),
    Case("DKR-BIND", "passing", "anonymous volume", with_mount({"type": "volume", "target": "/x"})),
    Case("DKR-BIND", "passing", "tmpfs", in_service({"type": "tmpfs", "target": "/x"})),
    Case("DKR-BIND", "passing", "named volume", with_volume({"volumeName": "data", "containerPath": "/x"})),
    Case("DKR-BIND", "passing", "anonymous in volumes", with_volume({"containerPath": "/x"})),
    Case("DKR-BIND", "failing", "path", with_mount(bind("/srv/data")), ("mounts[0].source",)),
    Case("DKR-BIND", "failing", "path in a service", in_service(bind("/srv/data")), (f"{MOUNTS}[0].source",)),
    Case(
        "DKR-BIND", "failing", "path in volumes", with_volume({"hostPath": "/srv", "containerPath": "/x"}),
        ("volumes[0].hostPath",),
    ),
    *(
        Case(
            "DKR-BIND", "failing", f"read only is {value}",
            with_mount(bind("/srv/shared", readOnly=value)), ("mounts[0].readOnly",), options=ALLOWED,
        )
        for value in (False, "false", None, "no", 0)
    ),
    Case(
        "DKR-BIND", "failing", "writable in volumes", with_volume({"hostPath": "/srv/shared", "containerPath": "/x"}),
        ("volumes[0].readOnly",), options=ALLOWED,
    ),
    *(
        Case(
            "DKR-BIND", "failing", f"propagation {propagation}",
            with_mount(bind("/srv/shared", bindOptions={"propagation": propagation})),
            ("mounts[0].bindOptions.propagation",), options=ALLOWED,
        )
        for propagation in ("shared", "rshared", "slave", "rslave", "Private", " private", 1)
    ),
    Case(
        "DKR-BIND", "bypass", "propagation in a list of one",
        in_service(bind("/srv/shared", bindOptions=[{"propagation": "rshared"}])),
        (f"{MOUNTS}[0].bindOptions.propagation",), options=ALLOWED,
    ),
    *(
        Case("DKR-BIND", "bypass", f"source {path!r}", with_mount(bind(path)), ("mounts[0].source",), options=ALLOWED)
        for path in FORBIDDEN_SOURCES
    ),
    Case(
        "DKR-BIND", "bypass", "volume's name is a path",
        with_volume({"volumeName": "/srv/data", "containerPath": "/x"}), ("volumes[0].volumeName",),
    ),
    Case(
        "DKR-BIND", "bypass", "host path wins",
        with_volume({"volumeName": "data", "hostPath": "/srv", "containerPath": "/x"}), ("volumes[0].hostPath",),
    ),
    *(
        Case(
            "DKR-BIND", "bypass", f"volume named {name!r}",
            with_mount({"type": "volume", "source": name, "target": "/x"}), ("mounts[0].source",),
        )
        for name in ("/etc", "../etc", "~", "$HOME", ".", "C:\\", "a b", "data\n", "d\u00e4ta", ["/etc"], {"a": 1})
    ),
    *(
        Case("DKR-BIND", "bypass", f"type {type_!r}", with_mount({**bind("/srv/shared"), "type": type_}),
             ("mounts[0].type",), options=ALLOWED)
        for type_ in ("npipe", "cluster", "image", "bind ", "", None, 1, ["bind"])
    ),
    Case("DKR-BIND", "bypass", "type in capitals", with_mount({**bind("/srv"), "type": "BIND"}), ("mounts[0].source",)),
    Case(
        "DKR-BIND", "bypass", "other container's volumes", with_volume({"fromContainer": "postgres:ro"}),
        ("volumes[0].fromContainer",),
    ),
    Case("DKR-BIND", "bypass", "carrier", (carrier({"mounts": [bind("/etc")]}),), ("mounts[0].source",)),
    Case("DKR-BIND", "unknown", "source", with_mount(bind(UNKNOWN))),
    Case("DKR-BIND", "unknown", "source that is writable", with_mount(bind(UNKNOWN, readOnly=False)),
         ("mounts[0].readOnly",)),
    Case("DKR-BIND", "unknown", "read only", with_mount(bind("/srv/shared", readOnly=UNKNOWN)), options=ALLOWED),
    Case(
        "DKR-BIND", "unknown", "options", with_mount(bind("/srv/shared", bindOptions=UNKNOWN)), options=ALLOWED,
    ),
    Case("DKR-BIND", "unknown", "type", with_mount({**bind("/srv"), "type": UNKNOWN}), ("mounts[0].source",)),
    Case("DKR-BIND", "unknown", "type of a named volume", with_mount({"type": UNKNOWN, "source": "data"})),
    Case("DKR-BIND", "unknown", "mounts", (container({"mounts": UNKNOWN, "volumes": UNKNOWN}),)),
    Case(
        "DKR-BIND", "unknown", "one entry of two",
        (container({"volumes": [UNKNOWN, {"fromContainer": UNKNOWN}, {"fromContainer": "nats"}]}),),
        ("volumes[2].fromContainer",),
    ),
)  # fmt: skip


@pytest.mark.parametrize("path", ["", ".", "/", "//", "/srv/..", "srv", "~/x", "${X}/y"])
def test_an_allow_list_has_absolute_paths_below_the_root(path: str) -> None:
    for options, key in ((BindOptions, "paths"), (SocketOptions, "sockets")):
        with pytest.raises(ValidationError):
            options.model_validate_json(json.dumps({key: [path]}))


def test_a_message_says_what_is_wrong_and_what_to_do() -> None:
    resource, rule = with_mount(bind(DOCKER))[0], rule_of("DKR-SOCK")
    (found,) = findings(rule, (resource,), Scope(rule.options()))
    text = message(rule, found, resource)
    assert text.startswith('mounts[0].source is "/var/run/docker.sock". Allowed: nothing that is, or holds,')
    assert text.endswith(rule.fix)


@given(written(st.sampled_from(("/srv/shared", "/srv/shared/a", "/etc/localtime", "/srv/data", "/srv", "/etc/x/y"))))
@settings(max_examples=examples(500), deadline=None)
def test_a_bind_is_allowed_by_where_it_leads(path: str) -> None:
    inside = posixpath.normpath("/" + path.lstrip("/"))
    allowed = inside == "/etc/localtime" or f"{inside}/".startswith("/srv/shared/")
    found = () if allowed and path == path.strip() else ("mounts[0].source",)
    kind: Any = "bypass" if found else "passing"
    run(Case("DKR-BIND", kind, path, with_mount(bind(path)), found, options=ALLOWED))


CASES = BIND_CASES


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
