"""The program asks its Docker host before it declares anything."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import docker
import pulumi
import pytest
import requests

from components.core import host_client
from components.preflight import check_host, engine_version, ports
from components.preflight.host import NOT_CHECKED
from settings import parse
from settings.ownership import Memory
from tests.unit.components.conftest import DEV

Thing = dict[str, Any]

#: The memory of a stack that nothing was made of yet.
NEW: Future[Memory] = Future()
NEW.set_result(Memory())


def network(name: str, subnet: str) -> Thing:
    return {"Name": name, "Scope": "local", "IPAM": {"Config": [{"Subnet": subnet}]}, "Labels": {}}


class Api:
    """A Docker host that has each image; `error` is what asking for its lists raises."""

    def __init__(self, error: Exception | None = None, *networks: Thing, **version: str) -> None:
        self._error, self._networks = error, networks
        self._version = {"Version": "28.5.2", "ApiVersion": "1.51", **version}

    def version(self) -> Thing:
        return dict(self._version)

    def networks(self) -> list[Thing]:
        if self._error:
            raise self._error
        return [*self._networks]

    def containers(self, *, all: bool) -> list[Thing]:
        assert all
        return []

    def volumes(self) -> Thing:
        return {"Volumes": None}

    def inspect_image(self, image: str) -> Thing:
        return {"Id": image}


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def set_up(error: Exception | None = None, *networks: Thing, **version: str) -> None:
        client = SimpleNamespace(api=Api(error, *networks, **version), containers=SimpleNamespace(get=missing))
        monkeypatch.setattr(host_client, "client", lambda timeout: client)
        # A stack that runs here may have the port.
        monkeypatch.setattr(ports, "_is_taken", lambda *_: False)

    return set_up


def missing(name: str) -> None:
    raise docker.errors.NotFound(f"No such container: {name}")


def test_a_clash_ends_the_program_with_one_message(host: Callable[..., None]) -> None:
    host(None, network("somebody", "172.20.0.0/24"))
    with pytest.raises(pulumi.RunError) as caught:
        check_host("test", parse("test", DEV), NEW)
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "Pulumi.test.yaml clashes with what is on the Docker host. Nothing was changed. Set other values:"
    )
    assert len(lines) == 3


@pytest.mark.parametrize(
    "error", [docker.errors.DockerException("no answer\nat all"), requests.exceptions.ReadTimeout("no answer")]
)
def test_a_host_that_does_not_answer_is_one_warning_of_a_preview(
    host: Callable[..., None], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    host(error)
    check_host("test", parse("test", DEV), NEW)
    assert warnings == [f"{NOT_CHECKED} (no answer)"]


def test_an_update_of_a_host_that_does_not_answer_changes_nothing(
    host: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    host(docker.errors.DockerException("no answer"))
    with pytest.raises(pulumi.RunError) as caught:
        check_host("test", parse("test", DEV), NEW)
    assert str(caught.value) == f"{NOT_CHECKED} (no answer). Nothing was changed."


def test_an_engine_that_is_too_old_ends_the_program(host: Callable[..., None]) -> None:
    host(Version="19.03.15", ApiVersion="1.40")
    with pytest.raises(pulumi.RunError) as caught:
        check_host("test", parse("test", DEV), NEW)
    assert str(caught.value) == (
        "the Docker host has Docker 19.03.15 (API 1.40), and the oldest that the program supports is 20.10 (API 1.41):"
        " update Docker there. Nothing was changed."
    )


@pytest.mark.parametrize(
    ("version", "api"), [("20.10.24+dfsg1", "1.41"), ("26.1.5+dfsg1", "1.45"), ("28.5.2", "1.51"), ("4.9.3", "1.41")]
)
def test_an_engine_that_is_supported_is_not_mentioned(
    host: Callable[..., None], monkeypatch: pytest.MonkeyPatch, version: str, api: str
) -> None:
    monkeypatch.setattr(pulumi.log, "info", pytest.fail)
    host(Version=version, ApiVersion=api)
    check_host("test", parse("test", DEV), NEW)


def test_an_engine_that_is_newer_is_mentioned(host: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", said.append)
    host(Version="29.0.1", ApiVersion="1.52")
    check_host("test", parse("test", DEV), NEW)
    assert said == [
        "the Docker host has Docker 29.0.1, which is newer than those that this version of the program was tested with"
        " (20.10 to 28)"
    ]


@pytest.mark.parametrize("version", [{}, {"Version": "dev", "ApiVersion": "x"}, {"Version": "", "ApiVersion": ""}])
def test_a_version_that_says_nothing_is_passed_over(version: dict[str, str]) -> None:
    assert engine_version.refusal(version) is None
    assert engine_version.notice(version) is None
