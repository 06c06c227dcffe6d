"""The command line of the audit: what it reads, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest
import requests

from policies.audit import command, exit_codes
from policies.containers import CONTAINER
from remote import DockerHost, HostError, sdk
from tests.policies.audit.fake_docker import CARRIER, FakeApi, names, state, stranger
from tests.policies.audit.inspection.samples import INSPECTED_SERVICE, RUNNING, inspected


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

    monkeypatch.setattr(sdk, "client", connect)
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
    monkeypatch.setattr(sdk, "client", refuse)
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

    monkeypatch.setattr(sdk, "client", interrupt)
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
    monkeypatch.setattr(sdk, "client", client)
    block = "  tasktracker:docker_host: {address: 'ssh://deploy@host', key_file: ~/k}\n"
    (project / "Pulumi.prod.yaml").write_text(f"config:\n{block}")
    assert command.main(["--stack", "prod"]) == 0
    assert asked == [(DockerHost("ssh://deploy@host", "~/k"), command.REQUEST_TIMEOUT)]
    monkeypatch.setattr(command, "check", refuse)
    assert command.main(["--stack", "prod"]) == exit_codes.UNAVAILABLE
    assert capsys.readouterr().err == "error: host is away\n"
    (project / "Pulumi.prod.yaml").write_text("config:\n  tasktracker:docker_host: nonsense\n")
    assert command.main(["--stack", "prod"]) == exit_codes.USAGE
