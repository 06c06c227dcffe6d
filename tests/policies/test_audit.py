"""The audit of what is on a Docker host, on a Docker that is made up."""

from __future__ import annotations

import datetime
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest
import requests

from policies.audit import command, exit_codes
from policies.audit.drift import Change
from policies.audit.findings import Report
from policies.audit.report import blocks
from policies.audit.snapshot import Thing
from policies.containers import CONTAINER
from policies.evaluate import Level, Violation
from policies.registry import RULES
from policies.resource import NETWORK, VOLUME
from policies.values import SECRET_SIGNATURE, SIGNATURE
from remote import DockerHost, HostError
from tests.policies.test_inspection import (
    CARRIER_CHANGES,
    INSPECTED_NETWORK,
    INSPECTED_SERVICE,
    INSPECTED_VOLUME,
    NETWORK_ID,
    RUNNING,
    inspected,
)

#: The edge network of the stack `prod`.
EDGE = {
    **INSPECTED_NETWORK,
    "Name": "tasktracker-prod-edge",
    "Id": NETWORK_ID,
    "Internal": False,
    "Labels": {"stack": "prod", "service": "edge"},
}
FILES = {**INSPECTED_VOLUME, "Name": "tasktracker-prod-nginx-files"}
BRIDGE = {"Name": "bridge", "Id": 64 * "b", "Driver": "bridge", "Labels": {}}
CARRIER = inspected({**CARRIER_CHANGES, "Id": 64 * "a"})

ELSEWHERE = {"other": {"NetworkID": 64 * "9"}}


def stranger(id_: str = "1", name: str = "stranger", **changes: Any) -> dict[str, Any]:
    """A container that has nothing to do with the stack; a change's path has __ for its dots."""
    return inspected({
        "Id": 64 * id_, "Name": f"/{name}", "Config.Labels": None, "Mounts": [], "HostConfig.Mounts": None,
        "NetworkSettings.Networks": ELSEWHERE, "HostConfig.PortBindings": None, "NetworkSettings.Ports": {},
        **{path.replace("__", "."): value for path, value in changes.items()},
    })  # fmt: skip


class FakeApi:
    """Docker's answers; what is in `gone` was listed and is gone when it is asked for."""

    def __init__(
        self,
        containers: Sequence[Mapping[str, Any]],
        services: Sequence[Mapping[str, Any]] = (),
        tasks: Sequence[Mapping[str, Any]] = (),
        gone: Sequence[str] = (),
        **more: Any,
    ) -> None:
        self.things = {
            CONTAINER: {each["Id"]: each for each in containers},
            NETWORK: {each["Id"]: each for each in (EDGE, BRIDGE, *more.get("networks", ()))},
            VOLUME: {each["Name"]: each for each in (FILES, *more.get("volumes", ()))},
        }
        self.services_, self.tasks_, self.gone = services, tasks, gone

    def info(self) -> dict[str, Any]:
        return {"CgroupVersion": "2", "Swarm": {"ControlAvailable": bool(self.services_)}}

    def containers(self, all: bool) -> list[dict[str, Any]]:
        assert all, "what is stopped counts too"
        return [{"Id": id_} for id_ in self.things[CONTAINER]]

    def networks(self) -> list[dict[str, Any]]:
        return [{"Id": id_} for id_ in self.things[NETWORK]]

    def volumes(self) -> dict[str, Any]:
        return {"Volumes": [{"Name": name} for name in self.things[VOLUME]] or None}

    def images(self) -> list[dict[str, Any]]:
        return []

    def services(self) -> Any:
        return self.services_

    def tasks(self) -> Any:
        return self.tasks_

    def _inspect(self, type_: str, id_: str) -> Any:
        if id_ in self.gone:
            raise docker.errors.NotFound("gone")
        return self.things[type_][id_]

    def inspect_container(self, id_: str) -> Any:
        return self._inspect(CONTAINER, id_)

    def inspect_network(self, id_: str) -> Any:
        return self._inspect(NETWORK, id_)

    def inspect_volume(self, name: str) -> Any:
        return self._inspect(VOLUME, name)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project, in which the audit runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    return tmp_path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the audit on containers, and gives its exit code, output and errors."""

    def run(*arguments: str, api: FakeApi | None = None, containers: Sequence[Any] = (RUNNING, CARRIER)) -> Any:
        fake = SimpleNamespace(api=api or FakeApi(containers))
        monkeypatch.setattr(command.sdk, "client", lambda host, timeout: fake)
        code = command.main(["--stack", "prod", *arguments])
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


def names(found: Sequence[Mapping[str, Any]], kind: str = "violation") -> set[str]:
    return {each["name"] or each["urn"] for each in found if each["finding"] == kind}


def state(*resources: Mapping[str, Any], stack: str = "prod") -> str:
    """What `pulumi stack export` writes of a stack whose resources are these."""
    urns = [f"urn:pulumi:{stack}::tasktracker::parent${each['type']}::{each['name']}" for each in resources]
    listed = [{"urn": urn, "custom": True, **each} for urn, each in zip(urns, resources, strict=True)]
    return json.dumps({"version": 3, "deployment": {"resources": listed}})


KNOWN = (
    {"type": CONTAINER, "name": "nginx", "id": RUNNING["Id"]},
    {"type": CONTAINER, "name": "nginx-files", "id": CARRIER["Id"]},
    {"type": NETWORK, "name": "edge", "id": NETWORK_ID},
    {"type": VOLUME, "name": "nginx-files", "id": FILES["Name"]},
    {"type": "pulumi:index:Stash", "name": "key", "id": "key"},
)


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
    thing = Thing(CONTAINER, {"Id": "0a", "Name": "/web"})
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


def test_the_environment_is_the_stacks(run: Any, project: Path) -> None:
    by_tag = [inspected({"Config.Image": "tasktracker/nginx:1"}), CARRIER]
    (project / "Pulumi.prod.yaml").write_text("config:\n  tasktracker:environment: dev\n")
    assert "environment dev:" in run(containers=by_tag).out
    assert "environment staging:" in run("--environment", "staging", containers=by_tag).out


def test_a_stack_may_be_named_in_full(run: Any) -> None:
    assert run("--stack", "organization/tasktracker/prod").code == 0


def test_the_docker_host_is_the_providers(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def connect(host: str | None, timeout: int) -> Any:
        asked.append(host)
        return SimpleNamespace(api=FakeApi([RUNNING, CARRIER]))

    monkeypatch.setattr(command.sdk, "client", connect)
    assert command.main(["--stack", "prod"]) == 0
    (project / "Pulumi.prod.yaml").write_text("config:\n  docker:host: tcp://10.0.0.1:2376\n")
    assert command.main(["--stack", "prod"]) == 0
    assert asked == [None, "tcp://10.0.0.1:2376"]


def test_swarm_services_are_judged_and_their_containers_are_not(run: Any) -> None:
    bad = inspected({"Spec.TaskTemplate.ContainerSpec.CapabilityAdd": ["SYS_ADMIN"]}, INSPECTED_SERVICE)
    container = stranger(Config__Labels={"stack": "prod", "com.docker.swarm.service.id": "svc"})
    container["HostConfig"]["Privileged"] = True
    tasks = [{"Status": {"ContainerStatus": {"ContainerID": container["Id"]}}}]
    result = run("--json", api=FakeApi([container], [bad], tasks))
    assert names(json.loads(result.out)) == {"tasktracker-prod-nginx"}
    # A label alone makes no task.
    assert "stranger" in names(json.loads(run("--json", api=FakeApi([container], [bad])).out))


def test_what_goes_away_meanwhile_is_left_out(run: Any) -> None:
    by_hand = inspected({"Id": 64 * "2", "HostConfig.Privileged": True})
    assert run(api=FakeApi([RUNNING, CARRIER, by_hand], gone=[by_hand["Id"]])).code == 0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (docker.errors.DockerException("Permission denied"), "this user may not use Docker (Permission denied); run"),
        (docker.errors.TLSParameterError("certificates"), "no Docker engine answers on this machine (certificates"),
        (requests.ConnectionError("refused"), "no Docker engine answers on this machine (refused)"),
        (requests.ReadTimeout("too slow"), "no Docker engine answers on this machine (too slow)"),
        (OSError("no such file"), "no Docker engine answers on this machine (no such file)"),
    ],
)
def test_docker_that_does_not_answer(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(host: str | None, timeout: int) -> None:
        raise error

    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(command.sdk, "client", refuse)
    assert command.main(["--stack", "prod"]) == 69
    assert f"error: {said}" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--stack"], ["--stack", "prod", "--nonsense"]])
def test_a_wrong_command_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        command.main(arguments)
    assert exit_.value.code == 64
    assert "usage: python -m policies.audit" in capsys.readouterr().err


def test_help_documents_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        command.main(["--help"])
    assert exit_.value.code == 0
    text = capsys.readouterr().out
    for code in (
        exit_codes.FINE,
        exit_codes.VIOLATED,
        exit_codes.DIFFERENT,
        exit_codes.USAGE,
        exit_codes.NOTHING,
        exit_codes.UNAVAILABLE,
    ):
        assert f"\n  {code} " in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("", "Expecting value"),
        ("[]", "no deployment"),
        ('{"deployment": 1}', "no deployment"),
        (state({"type": CONTAINER, "name": "x", "id": "x"}, stack="dev"), "of the stack 'dev', not of 'prod'"),
        (b"\xff", "utf-8"),
    ],
)  # fmt: skip
def test_a_wrong_state(run: Any, project: Path, content: str | bytes | None, said: str) -> None:
    if content is not None:
        (project / "state.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    result = run("--state", "state.json")
    assert result.code == 64
    assert said in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("content", ['{"deployment": {}}', '{"deployment": {"resources": [1, {"urn": null}]}}'])
def test_an_empty_state_is_one(run: Any, project: Path, content: str) -> None:
    (project / "state.json").write_text(content)
    assert run("--state", "state.json").code == 2
    assert run("--state", "state.json", api=FakeApi([])).code == 2


def test_a_wrong_config(run: Any, project: Path) -> None:
    assert "config.json" in run("--config", "config.json").err
    (project / "config.json").write_text('{"DKR-PRIV": "disabled"}')
    result = run("--config", "config.json")
    assert result.code == 64
    assert result.err.startswith("error: ")


def test_a_wrong_settings_file(run: Any, project: Path) -> None:
    (project / "Pulumi.prod.yaml").write_text("config: [")
    result = run()
    assert result.code == 64
    assert "error: Pulumi.prod.yaml:1:10: " in result.err


def test_a_settings_file_with_two_environments(run: Any, project: Path) -> None:
    lines = "config:\n  tasktracker:environment: prod\n  tasktracker:environment: dev\n"
    (project / "Pulumi.prod.yaml").write_text(lines)
    result = run()
    assert result.code == 64
    assert 'Pulumi.prod.yaml:3:3: the key "tasktracker:environment" is there twice, first in line 2' in result.err


def test_a_stack_that_is_not_here_is_no_success(run: Any) -> None:
    result = run("--stack", "nope")
    assert result.code == 66
    assert "nothing on this host has the label stack=nope" in result.err


def test_an_interrupt_ends_it_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(host: str | None, timeout: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command.sdk, "client", interrupt)
    assert command.main(["--stack", "prod"]) == 130


def test_a_stack_s_own_host_is_asked(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def client(host: DockerHost, timeout: int) -> Any:
        asked.append((host, timeout))
        return SimpleNamespace(api=FakeApi([RUNNING, CARRIER]))

    def refuse(host: DockerHost) -> None:
        raise HostError(f"{host.name} is away")

    monkeypatch.setattr(command, "check", lambda host: None)
    monkeypatch.setattr(command.sdk, "client", client)
    block = "  tasktracker:docker_host: {address: 'ssh://deploy@host', key_file: ~/k}\n"
    (project / "Pulumi.prod.yaml").write_text(f"config:\n{block}")
    assert command.main(["--stack", "prod"]) == 0
    assert asked == [(DockerHost("ssh://deploy@host", "~/k"), command.REQUEST_TIMEOUT)]
    monkeypatch.setattr(command, "check", refuse)
    assert command.main(["--stack", "prod"]) == exit_codes.UNAVAILABLE
    assert capsys.readouterr().err == "error: host is away\n"
    (project / "Pulumi.prod.yaml").write_text("config:\n  tasktracker:docker_host: nonsense\n")
    assert command.main(["--stack", "prod"]) == exit_codes.USAGE
