"""A stack's own object store that is down is named, with what starts it, before anything is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops.tt.backup import drill, files, object_store
from ops.tt.backup.database import Database
from ops.tt.errors import InterruptedWorkError, UnreachableError
from ops.tt.host.docker_host import Host, Result
from ops.tt.output import Output

NAME = "tasktracker-prod-object-store"


def store(status: str, health: str | None = None) -> Any:
    state = {"Health": {"Status": health}} if health else {}
    return SimpleNamespace(name=NAME, status=status, attrs={"State": state})


def host(container: Any, result: Result | None = None) -> Host:
    """A host where nothing else may be asked, unless there is a `result`."""

    def run(*_: object) -> Result:
        assert result is not None
        return result

    def find(service: str) -> Any:
        assert service == "object-store"
        return container

    return cast(Host, SimpleNamespace(stack="prod", find=find, run=run, start=run, running=run))


@pytest.mark.parametrize(
    ("container", "said"),
    [
        (store("exited"), f"is down: {NAME} is exited. `docker start {NAME}` starts it, and `make logs STACK=prod"),
        (store("created"), f"is down: {NAME} is created. `docker start {NAME}`"),
        (store("paused", "unhealthy"), f"is down: {NAME} is paused. `docker unpause {NAME}` starts it"),
        (store("restarting"), f"is down: {NAME} is restarting. `make logs STACK=prod SERVICE=object-store` says why"),
        (
            store("running", "unhealthy"),
            f"does not answer: {NAME} is unhealthy. `docker restart {NAME}` starts it again",
        ),
    ],
)
def test_one_that_is_down_is_named_with_what_starts_it(container: Any, said: str) -> None:
    with pytest.raises(UnreachableError) as error:
        object_store.check(host(container))
    assert said in str(error.value)


@pytest.mark.parametrize(
    "container", [None, store("running", "healthy"), store("running", "starting"), store("running")]
)
def test_one_that_is_at_work_or_elsewhere_is_not_judged(container: Any) -> None:
    object_store.check(host(container))


QUIET = Output(json=True)
COMMANDS: dict[str, Callable[[Host], object]] = {
    "backup now": lambda host: Database(host).take_backup("diff", QUIET, "Backup", wait=False),
    "backup list": lambda host: Database(host).repository(),
    "drill": lambda host: drill.take(host, QUIET),
    "files now": lambda host: files.take(host, QUIET),
    "files list": files.listed,
    "files verify": lambda host: files.verify(host, QUIET),
    "state save": lambda host: files.save_state(host, Path("/nowhere"), QUIET),
    "state fetch": lambda host: files.fetch_state(host, "latest", Path("/nowhere/x")),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_command_that_needs_it_asks_first(command: Callable[[Host], object]) -> None:
    with pytest.raises(UnreachableError, match="object store, which has the backups, is down"):
        command(host(store("exited")))


def test_a_repository_elsewhere_that_is_away_is_no_failed_backup() -> None:
    away = "backup-run: the repository can't be reached: nothing answers at s3.example.com, port 443\nmore\n"
    with pytest.raises(UnreachableError) as error:
        Database(host(None, Result(69, "", away))).take_backup("diff", QUIET, "Backup", wait=False)
    assert str(error.value) == (
        "no backup was taken: the repository can't be reached: nothing answers at s3.example.com, port 443"
    )


def test_a_save_that_is_no_longer_watched_goes_on(tmp_path: Path) -> None:
    def run(*_: object) -> Result:
        raise KeyboardInterrupt

    found = SimpleNamespace(
        stack="dev", find=lambda _: None, run=run, running=lambda _: SimpleNamespace(put_archive=lambda *_: True)
    )
    with pytest.raises(InterruptedWorkError, match=r"in its container, and `\./tt state list --stack dev` shows it"):
        files.save_state(cast(Host, found), tmp_path, QUIET)
