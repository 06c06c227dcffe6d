"""What the audit finds on a host, and against a state."""

from __future__ import annotations

import datetime
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policies.audit import command
from policies.audit.drift import Change
from policies.audit.findings import Report
from policies.audit.report import blocks
from policies.audit.snapshot import DockerObject
from policies.containers import CONTAINER
from policies.evaluate import Violation
from policies.registry import RULES
from policies.resource import VOLUME
from policies.rule import Level
from policies.values import SECRET_SIGNATURE, SIGNATURE
from tests.policies.audit.fake_docker import CARRIER, EDGE, KNOWN, FakeApi, names, state, stranger
from tests.policies.audit.inspection.samples import INSPECTED_VOLUME, NETWORK_ID, RUNNING, inspected


def test_what_is_as_it_should_be_passes(run: Any) -> None:
    result = run()
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "stack prod, environment not named, so production: 2 containers, 1 network, 1 volume judged; "
        "0 mandatory and 0 advisory violations, 0 waived; 0 unmanaged, 0 missing, 0 changed\n"
    )


def test_a_violation_says_what_is_wrong_and_what_to_do(run: Any) -> None:
    result = run(containers=[inspected({"HostConfig.Privileged": True}), CARRIER])
    assert result.code == 1
    assert result.out.startswith(
        "[mandatory] DKR-PRIV: container tasktracker-prod-nginx\n"
        "    No privileged containers.\n"
        "    privileged is true. Allowed: false or unset. Remove `privileged`."
    )
    assert "urn:pulumi:prod::tasktracker::docker:index/container:Container::tasktracker-prod-nginx\n" in result.out
    assert "1 mandatory and 0 advisory violations" in result.out.splitlines()[-1]


def test_json(run: Any) -> None:
    result = run("--json", containers=[inspected({"HostConfig.Privileged": True}), CARRIER])
    (found,) = json.loads(result.out)
    assert found["finding"] == "violation"
    assert (found["rule"], found["level"], found["severity"]) == ("DKR-PRIV", "mandatory", "critical")
    assert (found["type"], found["name"], found["id"]) == (CONTAINER, "tasktracker-prod-nginx", RUNNING["Id"])
    assert "1 mandatory" in result.err


def test_an_advisory_alone_passes(run: Any) -> None:
    changes = {"HostConfig.RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}, "HostConfig.Ulimits": None}
    result = run("--json", containers=[inspected(changes), CARRIER])
    found = json.loads(result.out)
    assert found
    assert {each["level"] for each in found} == {"advisory"}
    assert result.code == 0


@pytest.mark.parametrize(
    "container",
    [
        stranger(Config__Labels={"stack": "prod"}),
        stranger(NetworkSettings__Networks={"tasktracker-prod-edge": {"NetworkID": NETWORK_ID}}),
        # One that was never started has no ids yet.
        stranger(NetworkSettings__Networks={"tasktracker-prod-edge": {"NetworkID": ""}}),
        # Labels of another stack don't help what is on this one's network.
        stranger(Config__Labels={"stack": "x"}, NetworkSettings__Networks={"edge": {"NetworkID": NETWORK_ID}}),
        stranger(Mounts=[{"Type": "volume", "Name": "tasktracker-prod-nginx-files", "Destination": "/x", "RW": True}]),
        stranger(name="tasktracker-prod-debug"),
        stranger(HostConfig__NetworkMode=f"container:{RUNNING['Id']}", NetworkSettings__Networks={}),
        stranger(HostConfig__PidMode="container:tasktracker-prod-nginx"),
        stranger(HostConfig__IpcMode=f"container:{RUNNING['Id']}"),
    ],
)  # fmt: skip
def test_what_has_to_do_with_the_stack_is_judged(run: Any, container: dict[str, Any]) -> None:
    container["HostConfig"]["Privileged"] = True
    result = run("--json", containers=[RUNNING, CARRIER, container])
    assert container["Name"].lstrip("/") in names(json.loads(result.out))
    assert result.code == 1


@pytest.mark.parametrize(
    "container",
    [
        stranger(),
        stranger(Config__Labels={"stack": "prod-2"}),
        stranger(name="tasktracker-prod-2-nginx", Config__Labels={"stack": "prod-2"}),
        stranger(name="tasktracker-production"),
        stranger(NetworkSettings__Networks={"bridge": {"NetworkID": 64 * "b"}}),
    ],
)
def test_what_has_not_is_left_alone_unless_all_is_asked_for(run: Any, container: dict[str, Any]) -> None:
    container["HostConfig"]["Privileged"] = True
    assert run(containers=[RUNNING, CARRIER, container]).code == 0
    result = run("--all", "--json", containers=[RUNNING, CARRIER, container])
    assert container["Name"].lstrip("/") in names(json.loads(result.out))
    assert result.code == 1


def test_all_leaves_dockers_own_networks_out(run: Any) -> None:
    assert run("--all").code == 0


def test_what_own_containers_use_is_judged(run: Any) -> None:
    hidden = {
        **INSPECTED_VOLUME,
        "Name": "hidden",
        "Labels": None,
        "Options": {"type": "none", "o": "bind", "device": "/"},
    }
    mounts = [*RUNNING["Mounts"], {"Type": "volume", "Name": "hidden", "Destination": "/x", "RW": False}]
    extra = {**EDGE, "Name": "extra", "Id": 64 * "8", "Labels": None}
    networks = {**RUNNING["NetworkSettings"]["Networks"], "extra": {"NetworkID": 64 * "8"}}
    user = inspected({"Mounts": mounts, "NetworkSettings.Networks": networks})
    result = run("--json", api=FakeApi([user, CARRIER], volumes=[hidden], networks=[extra]))
    assert {"hidden", "extra"} <= names(json.loads(result.out))


def test_the_state_tells_what_was_made_by_hand(run: Any, project: Path) -> None:
    (project / "state.json").write_text(state(*KNOWN))
    assert run("--state", "state.json").code == 0
    by_hand = inspected({
        "Id": 64 * "2", "Name": "/tasktracker-prod-debug", "HostConfig.PortBindings": None, "NetworkSettings.Ports": {}
    })  # fmt: skip
    result = run("--state", "state.json", containers=[RUNNING, CARRIER, by_hand])
    assert result.code == 2
    assert result.out.startswith("[unmanaged] container tasktracker-prod-debug\n")
    assert "1 unmanaged, 0 missing" in result.out


def test_the_state_tells_what_is_not_there_any_more(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"type": CONTAINER, "name": "api", "id": 64 * "3"}
    replaced = {"type": CONTAINER, "name": "old", "id": 64 * "4", "delete": True}
    monkeypatch.setattr("sys.stdin", io.StringIO(state(*KNOWN, gone, replaced)))
    result = run("--state", "-", "--json")
    assert result.code == 2
    assert names(json.loads(result.out), "missing") == {f"urn:pulumi:prod::tasktracker::parent${CONTAINER}::api"}


def test_a_container_that_a_refresh_took_out_of_the_state_is_missing(run: Any, project: Path) -> None:
    limits = {"type": "pulumi:index:Stash", "name": "pids-limits", "id": "limits"}
    listed = {"limits": {"tasktracker-prod-nginx": 1024, "tasktracker-prod-worker": 1024}}
    known = [{**each, "outputs": {"name": f"tasktracker-prod-{each['name']}"}} for each in KNOWN]
    (project / "state.json").write_text(state(*known, {**limits, "inputs": {"input": listed}}))
    result = run("--state", "state.json", "--json")
    assert names(json.loads(result.out), "missing") == {"tasktracker-prod-worker"}


def test_no_update_makes_lost_data_again(run: Any, project: Path) -> None:
    """`make up` refuses to begin with an empty volume."""
    lost = {"type": VOLUME, "name": "uploads", "id": "tasktracker-prod-uploads", "protect": True}
    (project / "state.json").write_text(state(*KNOWN, lost, {"type": CONTAINER, "name": "api", "id": "gone"}))
    data, container = run("--state", "state.json").out.split("[missing] ")[1:]
    assert "It is protected: `make preview STACK=prod` says what to do.\n" in data
    assert "`make up STACK=prod` makes it again.\n" in container


def test_a_violation_of_what_was_changed_by_hand_says_so() -> None:
    thing = DockerObject(CONTAINER, {"Id": "0a", "Name": "/web"})
    violation = Violation(RULES[0], Level.MANDATORY, "urn:web", "networksAdvanced is not set")
    alone = Report({"urn:web": thing}, [violation], [], [])
    by_hand = Change(CONTAINER, thing.name, "0a", "urn:web", "networks", "it is not on the network", "make up")
    note = "It was changed by hand, see [changed] below: that may be why.\n"
    assert note not in next(blocks(alone, "prod"))
    assert note in next(blocks(replace(alone, changed=[by_hand]), "prod"))
    assert note not in next(blocks(replace(alone, changed=[replace(by_hand, name="other")]), "prod"))


def test_a_violation_counts_for_more_than_a_difference(run: Any, project: Path) -> None:
    (project / "state.json").write_text(state(*KNOWN, {"type": CONTAINER, "name": "api", "id": "gone"}))
    result = run("--state", "state.json", containers=[inspected({"HostConfig.Privileged": True}), CARRIER])
    assert result.code == 1
    assert f"urn:pulumi:prod::tasktracker::parent${CONTAINER}::nginx\n" in result.out


def test_what_is_in_the_state_is_the_stacks_without_a_label(run: Any, project: Path) -> None:
    (project / "state.json").write_text(state(*KNOWN, {"type": CONTAINER, "name": "x", "id": 64 * "1"}))
    result = run("--state", "state.json", "--json", containers=[RUNNING, CARRIER, stranger()])
    assert {each["rule"] for each in json.loads(result.out) if each["name"] == "stranger"} >= {"STACK-LABEL"}


def test_what_the_program_calls_secret_is_not_shown(run: Any, project: Path) -> None:
    secret = {SIGNATURE: SECRET_SIGNATURE, "ciphertext": "v1:abc"}
    marked = [{**each, "inputs": {"user": secret}} if each["name"] == "nginx" else each for each in KNOWN]
    (project / "state.json").write_text(state(*marked))
    result = run("--state", "state.json", containers=[inspected({"Config.User": "0:0"}), CARRIER])
    assert result.code == 1
    assert "user is [secret]" in result.out
    assert '"0:0"' not in result.out


#: So that no test fails on the day that a written one is over.
TOMORROW = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)


def waive(monkeypatch: pytest.MonkeyPatch, folder: Path, resource: str, expires: object = TOMORROW) -> None:
    (folder / "waivers.yaml").write_text(
        f"waivers:\n- rule: DKR-USER\n  resource: urn:pulumi:prod::*::{resource}\n"
        f"  reason: root is what this test is about\n  owner: me\n  expires: {expires}\n"
    )
    (folder / "config.json").write_text("{}")
    monkeypatch.setattr(command, "FOLDER", folder)


def test_waivers(run: Any, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = [inspected({"Config.User": "0:0"}), CARRIER]
    waive(monkeypatch, project, "*Container::nginx")
    (project / "state.json").write_text(state(*KNOWN))
    result = run("--state", "state.json", containers=root)
    assert result.code == 0
    assert "0 mandatory and 0 advisory violations, 1 waived" in result.out
    # Nobody needs it: that is for the engine to say, which sees more.
    assert "PACK" not in run("--state", "state.json").out
    # Without the state the URN ends in Docker's name.
    assert run(containers=root).code == 1
    waive(monkeypatch, project, "*Container::tasktracker-prod-nginx")
    assert run(containers=root).code == 0
    waive(monkeypatch, project, "*Container::tasktracker-prod-nginx", expires="2020-01-01")
    assert run(containers=root).code == 1


def test_a_name_does_not_bring_a_container_under_a_waiver(
    run: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program's `web` is called otherwise by Docker, so the name is free for anybody."""
    waive(monkeypatch, project, f"{CONTAINER}::web")
    resources = json.loads(state(*KNOWN))
    resources["deployment"]["resources"].append(
        {"type": CONTAINER, "id": 64 * "5", "urn": f"urn:pulumi:prod::tasktracker::{CONTAINER}::web"}
    )
    (project / "state.json").write_text(json.dumps(resources))
    managed = inspected({"Id": 64 * "5", "Name": "/tasktracker-prod-web", "Config.User": "0:0"})
    by_hand = inspected({"Id": 64 * "2", "Name": "/web", "Config.User": "0:0"})
    result = run("--state", "state.json", "--json", containers=[RUNNING, CARRIER, managed, by_hand])
    found = [each for each in json.loads(result.out) if each.get("rule") == "DKR-USER"]
    assert {each["name"]: each["waived"] for each in found} == {"web": False, "tasktracker-prod-web": True}
    assert result.code == 1
