"""Data volumes that are deleted or changed to: what is refused, and what is said of one that was stopped half-way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest

from ops.tt.errors import BrokenError, FailedError, InterruptedWorkError, RefusedError, TtError, UnreachableError
from ops.tt.operator import Operator
from ops.tt.output import Output
from ops.tt.project import Project, volume_name
from ops.tt.restore import restore, volumes
from ops.tt.restore.outcome import Outcome
from ops.tt.restore.plan import Plan
from ops.tt.restore.restore import execute
from ops.tt.state.update_events import UpdateError
from settings.ownership import DATA_VOLUME
from tests.unit.ops.tt.restore.test_restore import plan

CONFIG = "config:\n  tasktracker:postgres: {volume: 3, kept_volumes: [1, 2]}\n"
CHANGED = "config: {}\n"
IDENTITY = "3f9a"


class Engine:
    """An engine whose updates do what `steps` say: an error, or the name of a volume that goes; nothing else."""

    def __init__(self, project: Project, host: Host) -> None:
        self.project, self.host = project, host
        self.steps: list[BaseException | str | Sequence[BaseException | str]] = []
        self.log: list[str] = []
        self.edits: list[BaseException] = []

    def check_settled(self) -> None:
        """Nothing is under way."""

    def resources(self) -> list[dict[str, Any]]:
        return [
            {
                "urn": f"urn:pulumi:prod::tasktracker::{DATA_VOLUME}::{number}",
                "outputs": {"name": volume_name("prod", number), "identity": IDENTITY},
            }
            for number in (1, 2, 3)
        ]

    def edited(self, *_: object, **__: object) -> bytes:
        if self.edits:
            raise self.edits.pop(0)
        return CHANGED.encode()

    def unprotect(self, volume: str) -> None:
        self.log.append(f"unprotect {volume}")

    def refresh(self) -> None:
        """Nothing is gone."""

    def up(self, message: str, **_: object) -> None:
        self.log.append("up" if self.project.config_file.read_text() == CHANGED else "up as before")
        step = self.steps.pop(0) if self.steps else ()
        for each in [step] if isinstance(step, (BaseException, str)) else step:
            if isinstance(each, BaseException):
                raise each
            self.host.labels.pop(each, None)


class Host:
    """A Docker host with volumes, which all have a database but those of `empty`."""

    def __init__(self) -> None:
        self.stack = "prod"
        self.labels: dict[str, dict[str, str]] = {
            volume_name("prod", number): {"stack": "prod", "identity": IDENTITY} for number in (1, 2, 3)
        }
        self.empty: set[str] = set()
        self.answers = True
        api = SimpleNamespace(
            volumes=lambda: {"Volumes": [{"Name": name, "Labels": labels} for name, labels in self.labels.items()]},
            networks=lambda: [],
            containers=lambda **_: [],
            df=lambda: {"Volumes": [{"Name": name, "UsageData": {"Size": 0}} for name in self.empty]},
        )
        self.client = SimpleNamespace(api=api, volumes=SimpleNamespace(get=self.get))

    def get(self, name: str) -> object:
        if not self.answers:
            raise docker.errors.DockerException("gone")
        if name not in self.labels:
            raise docker.errors.NotFound(name)
        return object()

    def find(self, service: str) -> Any:
        mounts = [{"Name": volume_name("prod", 3)}]
        return SimpleNamespace(attrs={"Mounts": mounts}, status="running") if service == "postgres" else None


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def engine(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> Engine:
    (tmp_path / "Pulumi.prod.yaml").write_text(CONFIG)
    made = Engine(Project(tmp_path, "prod"), host)
    monkeypatch.setattr(Project, "edited", made.edited)
    return made


@pytest.fixture
def operator(engine: Engine, host: Host) -> Operator:
    made = SimpleNamespace(
        project=engine.project, output=Output(json=True), yes=True, host=host, engine=engine, confirm=lambda: None
    )
    return cast(Operator, made)


NAME = volume_name("prod", 2)


def test_one_that_is_deleted_is_gone(operator: Operator, engine: Engine) -> None:
    engine.steps = [NAME]
    volumes.remove(operator, 2)
    assert engine.log == [f"unprotect {NAME}", "up"]


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        (UpdateError("no Docker"), FailedError, "no Docker"),
        (RefusedError("another update is under way"), FailedError, "another update is under way"),
        (KeyboardInterrupt(), InterruptedWorkError, "interrupted"),
        ((), FailedError, f"the update went through, and {NAME} is still on the Docker host"),
    ],
)
def test_one_that_is_not_deleted_is_kept_and_protected_again(
    operator: Operator, engine: Engine, fault: BaseException, kind: type[TtError], reason: str
) -> None:
    engine.steps = [fault]
    with pytest.raises(kind) as error:
        volumes.remove(operator, 2)
    assert str(error.value) == f"{reason}\nData volume 2 was not deleted, and the config is as it was before"
    assert engine.project.config_file.read_text() == CONFIG
    assert engine.log == [f"unprotect {NAME}", "up", "up as before"]


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [(UpdateError("no Docker"), BrokenError, "no Docker"), (KeyboardInterrupt(), InterruptedWorkError, "interrupted")],
)
def test_of_one_that_is_deleted_by_an_update_that_fails_after_it_no_empty_one_is_made(
    operator: Operator, engine: Engine, fault: BaseException, kind: type[TtError], reason: str
) -> None:
    engine.steps = [(NAME, fault)]
    with pytest.raises(kind) as error:
        volumes.remove(operator, 2)
    assert str(error.value) == (
        f"{reason}\nData volume 2 is deleted and out of the config; `make up STACK=prod` finishes what was begun"
    )
    assert engine.project.config_file.read_text() == CHANGED
    assert engine.log == [f"unprotect {NAME}", "up"]


def test_what_became_of_it_may_not_be_known(operator: Operator, engine: Engine, host: Host) -> None:
    def fail(*_: object, **__: object) -> None:
        host.answers = False
        raise UpdateError("no Docker")

    engine.up = fail  # type: ignore[method-assign]
    with pytest.raises(BrokenError, match=r"is out of the config, and may be deleted; `make up STACK=prod` finishes"):
        volumes.remove(operator, 2)


def test_a_way_back_that_fails_says_that_nothing_protects_the_volume(operator: Operator, engine: Engine) -> None:
    engine.steps = [UpdateError("first"), UpdateError("second")]
    with pytest.raises(BrokenError, match=r"first\nData volume 2 was not deleted(.|\n)*second\n`make up STACK=prod`"):
        volumes.remove(operator, 2)
    assert engine.project.config_file.read_text() == CONFIG


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda host: host.labels.pop(NAME), f"{NAME}, kept after a restore, is gone from the Docker host"),
        (lambda host: host.empty.add(NAME), f"{NAME}, kept after a restore, has no database in it"),
        (lambda host: host.labels.update({NAME: {}}), "has no label of a stack"),
    ],
)
def test_no_volume_without_a_database_is_changed_to(
    operator: Operator, engine: Engine, host: Host, break_it: Any, message: str
) -> None:
    break_it(host)
    with pytest.raises(RefusedError, match=message):
        volumes.use(operator, 2, safety=False)
    assert engine.log == []
    assert engine.project.config_file.read_text() == CONFIG


def test_a_change_that_was_cut_off_is_told_before_its_volume_is_called_in_use(
    operator: Operator, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The config names the volume already, and PostgreSQL runs on another one."""
    monkeypatch.setattr("ops.tt.restore.unfinished.mounted_volume", lambda _host: volume_name("prod", 1))
    with pytest.raises(RefusedError, match=f"PostgreSQL runs on {volume_name('prod', 1)}, and Pulumi.prod.yaml says"):
        volumes.use(operator, 3, safety=False)
    assert engine.log == []


def test_a_change_is_told_though_the_wait_for_a_backup_is_stopped(
    operator: Operator, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet(monkeypatch)
    with pytest.raises(
        InterruptedWorkError, match=r"after the change: PostgreSQL is on data volume 2, volume 3 is kept"
    ):
        volumes.use(operator, 2, safety=False)
    assert (engine.log, engine.project.config_file.read_text()) == (["up"], CHANGED)


def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes what is watched away; the wait for the first backup is stopped."""

    class Nothing:
        seconds = 1.0
        done: dict[str, Any] = {}  # noqa: RUF012 - of one test
        failure = ""

        def __init__(self, *_: object) -> None:
            pass

        def __enter__(self) -> Nothing:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def kill(self) -> None:
            pass

        finish = kill

    def stopped(_operator: Operator) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(restore, "Downtime", Nothing)
    monkeypatch.setattr(restore, "JobLog", Nothing)
    monkeypatch.setattr(restore, "wait_for_health", lambda *_: None)
    monkeypatch.setattr(restore, "wait_for_backup", stopped)


def planned(**changes: Any) -> Plan:
    return plan(
        volume=4, used=3, safety=False, unsafe_because="PostgreSQL is down", content=CHANGED.encode(), **changes
    )


@pytest.mark.parametrize(
    ("fault", "kind"), [(KeyboardInterrupt(), InterruptedWorkError), (UnreachableError("no Pulumi"), FailedError)]
)
def test_between_the_job_and_the_change_of_volumes_a_restore_goes_back_too(
    operator: Operator, engine: Engine, monkeypatch: pytest.MonkeyPatch, fault: BaseException, kind: type[TtError]
) -> None:
    quiet(monkeypatch)
    engine.edits = [fault]
    with pytest.raises(kind, match="as they were before"):
        execute(operator, planned())
    assert engine.project.config_file.read_text() == CONFIG
    # It was never in use, so nothing protects it.
    assert engine.log == ["up", "up as before"]


def test_a_restored_volume_that_was_in_use_is_given_up(
    operator: Operator, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet(monkeypatch)
    engine.steps = [(), UpdateError("PostgreSQL is not healthy")]
    with pytest.raises(FailedError, match="as they were before"):
        execute(operator, planned())
    assert engine.log == ["up", "up", f"unprotect {volume_name('prod', 4)}", "up as before"]


def new_host(host: Host) -> Plan:
    host.labels.clear()
    return plan(volume=3, used=None, content=CHANGED.encode())


@pytest.mark.parametrize("fault", [UpdateError("no Docker"), RefusedError("another update is under way")])
def test_a_finished_job_that_stays_is_a_warning(
    operator: Operator,
    engine: Engine,
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: BaseException,
) -> None:
    quiet(monkeypatch)
    engine.steps = [(), fault]
    assert isinstance(execute(operator, new_host(host)), Outcome)
    said = capsys.readouterr().err
    assert f"warning: {fault}\nPostgreSQL is on data volume 3, with what was restored" in said
    assert "`./tt restore --abort --stack prod` takes it away" in said


def test_a_first_start_that_is_stopped_at_its_end_is_told(
    operator: Operator, engine: Engine, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet(monkeypatch)
    engine.steps = [(), KeyboardInterrupt()]
    with pytest.raises(
        InterruptedWorkError, match="interrupted: PostgreSQL is on data volume 3, with what was restored"
    ):
        execute(operator, new_host(host))


def test_a_first_start_that_fails_says_that_the_same_command_goes_on(
    operator: Operator, engine: Engine, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet(monkeypatch)
    engine.steps = [UpdateError("no such backup")]
    with pytest.raises(FailedError, match=r"there is no database here yet(.|\n)*the same command goes on"):
        execute(operator, new_host(host))
    assert engine.log == ["up"]


def test_a_way_back_that_is_stopped_is_no_way_back(
    operator: Operator, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet(monkeypatch)
    engine.steps = [UpdateError("first"), KeyboardInterrupt()]
    with pytest.raises(BrokenError, match=r"first\nPutting things back failed too: interrupted"):
        execute(operator, planned())
