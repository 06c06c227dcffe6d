"""What a person changed by hand is found, on a fake Docker; `tests/e2e/dev/test_audit.py` has the real one."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import docker
import pytest

from policies.audit.carrier_files import are_readable, read_files
from policies.audit.drift import Change, changes
from policies.audit.inspection.host import Host
from policies.audit.state import State
from policies.containers import CONTAINER
from policies.resource import VOLUME
from policies.values import SECRET_SIGNATURE, SIGNATURE
from tests.policies import compliant
from tests.policies.audit.inspection.samples import CARRIER_CHANGES, HOST, INSPECTED_VOLUME, RUNNING, inspected

CONTENT = "postgresql://app:hunter2@postgres/db"
CARRIER_ID = 64 * "a"


def secret(value: object) -> dict[str, object]:
    """As `pulumi stack export --show-secrets` writes it."""
    return {SIGNATURE: SECRET_SIGNATURE, "plaintext": json.dumps(value)}


ASKED = dict(compliant.container().properties)
UPLOADS = [
    {"file": "/etc/tasktracker/nginx.conf", "content": "events {}"},
    {"file": "/etc/tasktracker/url", "content": CONTENT},
]


def found(
    container: Mapping[str, Any] | None = None,
    asked: Mapping[str, Any] = ASKED,
    host: Host = HOST,
    files: Mapping[str, str] | None = None,
    uploads: object = UPLOADS,
    limits: Mapping[str, int] | None = None,
    in_use: frozenset[str] = frozenset(),
) -> list[Change]:
    """What is found in the container and its carrier."""
    carrier = inspected({**CARRIER_CHANGES, "Id": CARRIER_ID})
    running = dict(container or RUNNING)
    there = {(CONTAINER, running["Id"]): running, (CONTAINER, CARRIER_ID): carrier}
    state = {
        (CONTAINER, running["Id"]): {"urn": "urn::nginx", "inputs": asked},
        (CONTAINER, CARRIER_ID): {
            "urn": "urn::files",
            "inputs": {**compliant.carrier().properties, "uploads": uploads},
        },
    }
    its = State(state, frozenset(), limits or {}, in_use)
    return list(changes(there, its, {CARRIER_ID: files} if files is not None else {}, host, "prod"))


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


BROUGHT = {"nginx.conf": digest("events {}"), "url": digest(CONTENT)}


def test_what_is_as_it_was_made_is_no_change() -> None:
    assert found(files=BROUGHT) == []


#: The container on its network, as Docker has it.
NETWORKS = RUNNING["NetworkSettings"]["Networks"]
AGAIN = (
    "`docker stop tasktracker-prod-nginx && docker rm tasktracker-prod-nginx`, then `make up STACK=prod` makes it again"
)


@pytest.mark.parametrize(
    ("change", "said", "fix"),
    [
        ({"NetworkSettings.Networks": {}}, "it is not on the network", "`make up STACK=prod` connects it again"),
        (
            {"NetworkSettings.Networks": {**NETWORKS, "other": {"NetworkID": 64 * "9"}}},
            "it is on the network other too", "`docker network disconnect other tasktracker-prod-nginx`",
        ),
        ({"HostConfig.Memory": 536870912}, "it is 512, and was made as 256", AGAIN),
        ({"HostConfig.NanoCpus": 700000000}, 'it is "0.7", and was made as "0.5"', AGAIN),
        ({"HostConfig.CpuShares": 2}, "it is 2, and was made as unset", AGAIN),
        *(
            ({"HostConfig.PidsLimit": limit}, "it has no limit of processes",
             "`docker update --pids-limit 1024 tasktracker-prod-nginx`")
            for limit in (None, 0, -1)
        ),
        ({"HostConfig.RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}, 'it is "no"', AGAIN),
        ({"HostConfig.PortBindings": {"8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": "80"}]}}, '"0.0.0.0"', AGAIN),
        ({"HostConfig.Mounts": [], "Mounts": []}, "it is unset, and was made as", AGAIN),
        ({"Config.Labels": {"stack": "prod"}}, "it lacks, or has changed: ", AGAIN),
        ({"State": {**RUNNING["State"], "Status": "paused"}}, "it is paused, and was made to run",
         "`make up STACK=prod` starts it"),
    ],
)  # fmt: skip
def test_each_difference_names_the_command_that_repairs_it(change: dict[str, Any], said: str, fix: str) -> None:
    matching = [each for each in found(inspected(change), {**ASKED, "mustRun": True}) if said in each.message]
    assert [each.fix for each in matching] == [fix]
    assert (matching[0].name, matching[0].urn) == ("tasktracker-prod-nginx", "urn::nginx")


def test_what_the_switch_starts_runs_in_the_slot_that_serves_alone() -> None:
    labels = [*ASKED["labels"], {"label": "slot", "value": "blue"}]
    asked = {**ASKED, "labels": labels, "start": False, "mustRun": False, "restart": "no"}
    own = {**RUNNING["Config"]["Labels"], "slot": "blue"}

    def said(status: str, restart: str, serving: str | None) -> list[tuple[str, str]]:
        changed = {
            "Config.Labels": own,
            "State": {**RUNNING["State"], "Status": status},
            "HostConfig.RestartPolicy": {"Name": restart, "MaximumRetryCount": 0},
        }
        return [
            (each.property, each.message)
            for each in found(inspected(changed), asked, in_use=frozenset({serving} if serving else ()))
        ]

    assert said("running", "always", "blue") == []
    assert said("exited", "no", "green") == said("created", "no", None) == []
    assert said("exited", "always", "blue") == [("state", "it is exited, and was made to run")]
    assert said("running", "no", "blue") == [("restart", 'it is "no", and was made as "always"')]
    assert said("running", "always", "green") == [("restart", 'it is "always", and was made as "no"')]


def test_a_limit_of_processes_is_compared_with_what_the_program_has_set() -> None:
    running = inspected({"HostConfig.PidsLimit": 512})
    asked = {**ASKED, "mustRun": True}
    assert [each for each in found(running, asked) if each.property == "pidsLimit"] == []
    name = "tasktracker-prod-nginx"
    assert [each for each in found(running, asked, limits={name: 512}) if each.property == "pidsLimit"] == []
    (change,) = [each for each in found(running, asked, limits={name: 256}) if each.property == "pidsLimit"]
    assert change.message == "its limit of processes is 512, and was set to 256"
    assert change.fix == f"`docker update --pids-limit 256 {name}`"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({**BROUGHT, "url": digest("other")}, "the file url has another content"),
        ({"nginx.conf": BROUGHT["nginx.conf"]}, "the file url is gone"),
        ({**BROUGHT, "extra": digest("")}, "the file extra was not brought by the program"),
    ],
)
def test_changed_files_are_named_and_never_shown(files: dict[str, str], said: str) -> None:
    (change,) = found(files=files, uploads=[{**each, "content": secret(each["content"])} for each in UPLOADS])
    assert change.message == said
    assert change.fix == (
        "`docker stop tasktracker-prod-nginx tasktracker-prod-nginx-files; docker rm tasktracker-prod-nginx "
        "tasktracker-prod-nginx-files && docker volume rm tasktracker-prod-nginx-files`, then `make up STACK=prod` "
        "brings the files again"
    )
    assert "hunter2" not in repr(change)


def test_values_that_a_program_puts_into_the_environment_are_not_shown() -> None:
    (change,) = found(inspected({"Config.Env": ["TOKEN=other"]}), {**ASKED, "envs": [f"TOKEN={CONTENT}"]})
    assert "TOKEN" in change.message
    assert "hunter2" not in repr(change)


def test_a_volume_that_was_made_again_with_another_driver_is_found() -> None:
    known = {"urn": "urn::data", "inputs": {"name": "x"}}
    bind = {**INSPECTED_VOLUME, "Options": {"type": "none", "o": "bind", "device": "/"}}
    for volume, count in ((INSPECTED_VOLUME, 0), (bind, 1)):
        key = (VOLUME, volume["Name"])
        assert len(list(changes({key: volume}, State({key: known}, frozenset()), {}, HOST, "prod"))) == count


def archive(files: Mapping[str, str]) -> list[bytes]:
    """What Docker gives of a folder, in two parts."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        folder = tarfile.TarInfo("tasktracker")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, content in files.items():
            member = tarfile.TarInfo(f"tasktracker/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    whole = raw.getvalue()
    return [whole[:100], whole[100:]]


def test_the_files_of_carriers_are_read_as_digests() -> None:
    asked = []

    def get_archive(id_: str, folder: str) -> tuple[list[bytes], dict[str, Any]]:
        asked.append((id_, folder))
        if id_ == "gone":
            raise docker.errors.NotFound("gone")
        return archive({"nginx.conf": "events {}", "url": CONTENT}), {}

    # The provider makes a secret of the whole list where one of its contents is one.
    state: dict[tuple[str, str], dict[str, Any]] = {
        (CONTAINER, CARRIER_ID): {"inputs": {"uploads": secret(UPLOADS)}},
        (CONTAINER, "gone"): {"inputs": {"uploads": UPLOADS}},
        (CONTAINER, "old"): {"inputs": {"uploads": UPLOADS}, "delete": True},
        (CONTAINER, "plain"): {"inputs": {}},
    }
    assert read_files(SimpleNamespace(get_archive=get_archive), state) == {CARRIER_ID: BROUGHT}
    assert asked == [(CARRIER_ID, "/etc/tasktracker"), ("gone", "/etc/tasktracker")]
    assert found(files=BROUGHT, uploads=secret(UPLOADS)) == []


def test_a_state_without_its_secrets_says_that_files_were_not_compared() -> None:
    sealed = {SIGNATURE: SECRET_SIGNATURE, "ciphertext": "v1:abc"}
    for uploads in (sealed, [{"file": "/etc/tasktracker/url", "content": sealed}]):
        state = {(CONTAINER, "x"): {"inputs": {"uploads": uploads}}}
        assert not are_readable(state)
    assert are_readable({(CONTAINER, "x"): {"inputs": {"uploads": secret(UPLOADS)}}, (CONTAINER, "y"): {}})
