"""Scratch servers that are not finished leave nothing, and hide no reason."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest

from ops.tt.backup.backups import Target
from ops.tt.errors import BrokenError, InterruptedWorkError, UnreachableError, UsageError
from ops.tt.host.docker_host import Host
from ops.tt.output import Output
from ops.tt.restore import scratch
from ops.tt.restore.scratch import make, remove


class Thing(SimpleNamespace):
    """A container or a volume."""

    def remove(self, **_: object) -> None:
        if error := vars(self).get("fault"):
            raise error
        self.gone = True


class FakeHost:
    """A host with what there is of a scratch."""

    stack = "dev"

    def __init__(self, container: Thing | None = None, volume: Thing | None = None) -> None:
        self.container, self.volume = container, volume
        self.client = SimpleNamespace(volumes=SimpleNamespace(get=self.get))

    def get(self, name: str) -> Thing:
        if self.volume is None:
            raise docker.errors.NotFound(name)
        return self.volume

    def find(self, service: str) -> Any:
        return self.container if service == "scratch-look" else object()

    def running(self, _service: str) -> Any:
        return SimpleNamespace()

    def containers(self) -> list[Any]:
        return []


@pytest.fixture(autouse=True)
def database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backups that can be restored."""
    made = SimpleNamespace(choose=lambda *_: None, timeline=lambda: 1, archive_all=lambda _: None)
    monkeypatch.setattr(scratch, "Database", lambda _host: made)
    monkeypatch.setattr(scratch, "check_fits", lambda *_: (0, 0))


def started(monkeypatch: pytest.MonkeyPatch, host: FakeHost, made: list[str], error: BaseException) -> None:
    """Has the start make some of it and fail then."""

    def start(*_: object) -> None:
        for each in made:
            setattr(host, each, Thing(gone=False))
        raise error

    monkeypatch.setattr(scratch, "_start", start)


@pytest.mark.parametrize("made", [[], ["volume"], ["volume", "container"]])
def test_one_that_fails_says_why_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, made: list[str]) -> None:
    host = FakeHost()
    started(monkeypatch, host, made, docker.errors.DockerException("no space left"))
    with pytest.raises(UnreachableError, match="no space left"):
        make(cast(Host, host), Output(json=True), "look", Target(latest=True))
    assert all(getattr(host, each).gone for each in made)


@pytest.mark.parametrize("made", [[], ["volume", "container"]])
def test_one_that_is_stopped_leaves_nothing(monkeypatch: pytest.MonkeyPatch, made: list[str]) -> None:
    host = FakeHost()
    started(monkeypatch, host, made, KeyboardInterrupt())
    with pytest.raises(InterruptedWorkError, match="nothing is left of the scratch 'look'"):
        make(cast(Host, host), Output(json=True), "look", Target(latest=True))
    assert all(getattr(host, each).gone for each in made)


def test_what_can_not_be_removed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    host = FakeHost()

    def start(*_: object) -> None:
        host.volume = Thing(fault=docker.errors.DockerException("gone"))
        raise docker.errors.DockerException("no space left")

    monkeypatch.setattr(scratch, "_start", start)
    with pytest.raises(
        BrokenError, match=r"no space left\nWhat was made .*gone.*`./tt scratch remove look --stack dev` removes it"
    ):
        make(cast(Host, host), Output(json=True), "look", Target(latest=True))


def test_a_removal_that_is_stopped_says_how_it_goes_on() -> None:
    host = FakeHost(Thing(), Thing(fault=KeyboardInterrupt()))
    with pytest.raises(InterruptedWorkError, match=r"`\./tt scratch remove look --stack dev` again"):
        remove(cast(Host, host), "look")


def test_all_of_the_stack_go(monkeypatch: pytest.MonkeyPatch) -> None:
    # The container of one is gone, and its data is not.
    labels = ({"service": "scratch-look"}, {"service": "scratch-half"}, {"service": "postgres"}, None)
    volumes = [SimpleNamespace(attrs={"Labels": each}) for each in labels]
    removed: list[str] = []
    host = FakeHost()
    host.client.volumes.list = lambda filters: volumes if filters == {"label": "stack=dev"} else []
    monkeypatch.setattr(scratch, "listed", lambda _: [{"name": "look"}, {"name": "other"}])
    monkeypatch.setattr(scratch, "remove", lambda _, name: removed.append(name))
    assert scratch.remove_all(cast(Host, host)) == removed == ["half", "look", "other"]


def test_one_that_is_not_there_is_not_removed() -> None:
    with pytest.raises(UsageError, match="there is no scratch 'look'; there are: none"):
        remove(cast(Host, FakeHost()), "look")
