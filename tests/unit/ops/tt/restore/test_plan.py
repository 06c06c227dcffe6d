"""What is asked before a restore, and in which order it is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops.tt.backup.backups import Target
from ops.tt.errors import FailedError, RefusedError, TtError, UnreachableError
from ops.tt.operator import Operator
from ops.tt.restore import plan

TARGET = Target(latest=True)


class FakeDatabase:
    """A database and its repository: what they answer, or the error that they raise."""

    def __init__(self, timeline: int | TtError, repository: TtError | None = None) -> None:
        self._timeline, self._repository = timeline, repository
        self.asked: list[int | None] = []

    def timeline(self) -> int:
        if isinstance(self._timeline, TtError):
            raise self._timeline
        return self._timeline

    def repository(self) -> None:
        if self._repository is not None:
            raise self._repository

    def choose(self, target: Target, _now: float, live: int | None) -> str:
        self.repository()
        assert target is TARGET
        self.asked.append(live)
        return "the backup"


@pytest.fixture(autouse=True)
def nothing_else_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "refuse_unfinished", lambda *_: None)
    monkeypatch.setattr(plan, "has_no_database", lambda *_: False)
    monkeypatch.setattr(plan, "check_fits", lambda *_: (0, 0))
    monkeypatch.setattr(plan, "_next_volume", lambda *_: 2)
    monkeypatch.setattr(plan, "_with_restore", lambda *_: b"")
    monkeypatch.setattr(plan, "_other_changes", lambda *_: [])


def prepare(database: FakeDatabase, *, safety: bool) -> plan.Plan:
    project: Any = SimpleNamespace(volumes=lambda: SimpleNamespace(used=1))
    engine = SimpleNamespace(check_settled=lambda: None)
    operator = SimpleNamespace(project=project, host=None, engine=engine, database=database)
    return plan.prepare(cast(Operator, operator), TARGET, safety=safety)


@pytest.mark.parametrize("safety", [True, False])
def test_the_live_timeline_counts_as_archived(safety: bool) -> None:
    database = FakeDatabase(3)
    assert cast(Any, prepare(database, safety=safety).backup) == "the backup"
    assert database.asked == [3]


def test_without_an_answer_of_postgresql_a_safety_backup_is_refused() -> None:
    database = FakeDatabase(FailedError("PostgreSQL does not answer: no"))
    with pytest.raises(RefusedError, match=r"no safety backup can be taken .*: PostgreSQL does not answer: no\. If"):
        prepare(database, safety=True)
    made = prepare(database, safety=False)
    assert (made.unsafe_because, database.asked) == ("PostgreSQL does not answer: no", [None])


@pytest.mark.parametrize("safety", [True, False])
def test_a_repository_that_can_not_be_read_comes_first(safety: bool) -> None:
    database = FakeDatabase(FailedError("no answer"), UnreachableError("the backups can't be listed: closed"))
    with pytest.raises(UnreachableError, match="closed"):
        prepare(database, safety=safety)
