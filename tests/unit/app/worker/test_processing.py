"""What a worker does with a job: once, twice, at the same time, and when things fail."""

import asyncio
from uuid import UUID, uuid4

import pytest
from tasktracker.worker import processing
from tasktracker.worker.processing import MAX_ATTEMPTS, Outcome, Processor

TASK = uuid4()


class FakeTasks:
    """One queued task, with the store's rule: only what is still queued is changed."""

    def __init__(self, attempts: int = 0) -> None:
        self.status = "queued"
        self.attempts = attempts
        self.changes: list[str] = []
        self.away = False

    def _settle(self, status: str) -> bool:
        if self.away:
            raise OSError("connection refused")
        if self.status != "queued":
            return False
        self.status = status
        self.changes.append(status)
        return True

    async def begin_attempt(self, task_id: UUID) -> tuple[str, int] | None:
        if task_id != TASK or self.status != "queued":
            return None
        self.attempts += 1
        return "a title", self.attempts

    async def forget_attempt(self, task_id: UUID) -> None:
        assert task_id == TASK
        self.attempts -= 1

    async def finish(self, task_id: UUID, embedding: list[float]) -> bool:
        assert (task_id, len(embedding)) == (TASK, 64)
        return self._settle("done")

    async def fail(self, task_id: UUID, reason: str) -> bool:
        assert task_id == TASK
        assert reason
        return self._settle("failed")


def test_a_job_makes_its_task_done() -> None:
    tasks = FakeTasks()
    assert asyncio.run(Processor(tasks).process(TASK)) is Outcome.DONE
    assert tasks.changes == ["done"]


def test_a_redelivered_job_changes_nothing() -> None:
    tasks = FakeTasks()
    processor = Processor(tasks)
    assert asyncio.run(processor.process(TASK)) is Outcome.DONE
    assert asyncio.run(processor.process(TASK)) is Outcome.NOTHING_TO_DO
    assert (tasks.changes, tasks.attempts) == (["done"], 1)


def test_two_workers_with_the_same_job_make_one_change() -> None:
    tasks = FakeTasks()

    async def both() -> list[Outcome]:
        return list(await asyncio.gather(*(Processor(tasks).process(TASK) for _ in range(2))))

    assert sorted(asyncio.run(both())) == [Outcome.DONE, Outcome.NOTHING_TO_DO]
    assert tasks.changes == ["done"]


def test_a_job_without_a_task_is_over() -> None:
    assert asyncio.run(Processor(FakeTasks()).process(uuid4())) is Outcome.NOTHING_TO_DO


def test_an_outage_of_the_database_leaves_the_task_queued() -> None:
    tasks = FakeTasks()
    tasks.away = True
    with pytest.raises(OSError, match="refused"):
        asyncio.run(Processor(tasks).process(TASK))
    # However long it lasts: the worker lives.
    assert tasks.attempts == 0
    tasks.away = False
    assert asyncio.run(Processor(tasks).process(TASK)) is Outcome.DONE


def test_a_task_that_cannot_be_processed_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> list[float]:
        raise ZeroDivisionError

    monkeypatch.setattr(processing, "embed", broken)
    tasks = FakeTasks()
    assert asyncio.run(Processor(tasks).process(TASK)) is Outcome.FAILED
    assert tasks.changes == ["failed"]


def test_a_task_that_keeps_killing_its_worker_is_given_up() -> None:
    assert asyncio.run(Processor(FakeTasks(attempts=MAX_ATTEMPTS - 1)).process(TASK)) is Outcome.DONE
    assert asyncio.run(Processor(FakeTasks(attempts=MAX_ATTEMPTS)).process(TASK)) is Outcome.FAILED
