"""The relay between the outbox and the queue, with both faked."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import uuid4

import pytest
from tasktracker.background import Outage
from tasktracker.jobs import outbox
from tasktracker.jobs.outbox import BATCH, Delivery, Job, Relay, publish_all


def jobs(count: int) -> list[Job]:
    return [Job(id=number, task_id=uuid4(), request_id="r") for number in range(1, count + 1)]


class FakeQueue:
    def __init__(self, refuses: Callable[[Job], bool] = lambda _: False) -> None:
        self.connected = True
        self.published: list[int] = []
        self._refuses = refuses

    async def publish(self, job: Job) -> None:
        await asyncio.sleep(0)
        if self._refuses(job):
            raise Outage("refused")
        self.published.append(job.id)


class FakeOutbox:
    def __init__(self, entries: list[Job]) -> None:
        self.entries = entries
        self.calls = 0
        self.swept = 0

    async def deliver(self, publish: Callable[[Sequence[Job]], Awaitable[Delivery]], limit: int) -> Delivery:
        self.calls += 1
        delivery = await publish(self.entries[:limit])
        self.entries = [job for job in self.entries if job.id not in delivery.delivered]
        return delivery

    async def sweep(self, age: timedelta, limit: int) -> int:
        assert age > timedelta(0) < timedelta(seconds=limit)
        return self.swept


def run_woken(relay: Relay) -> None:
    relay.wake()
    asyncio.run(relay.run_once())


def test_one_failure_does_not_hold_up_the_others() -> None:
    queue = FakeQueue(refuses=lambda job: job.id == 2)
    delivery = asyncio.run(publish_all(queue, jobs(3)))
    assert (delivery.taken, delivery.delivered) == (3, [1, 3])
    assert isinstance(delivery.error, Outage)


def test_all_is_delivered_in_batches() -> None:
    entries, queue = FakeOutbox(jobs(2 * BATCH + 1)), FakeQueue()
    run_woken(Relay(entries, queue))
    assert len(queue.published) == 2 * BATCH + 1
    assert (entries.entries, entries.calls) == ([], 3)


def test_what_is_not_acknowledged_stays() -> None:
    entries, queue = FakeOutbox(jobs(3)), FakeQueue(refuses=lambda job: job.id == 2)
    with pytest.raises(Outage, match="1 jobs stay in the outbox: refused"):
        run_woken(Relay(entries, queue))
    assert [job.id for job in entries.entries] == [2]


def test_without_a_connection_the_outbox_is_left_alone() -> None:
    entries, queue = FakeOutbox(jobs(3)), FakeQueue()
    queue.connected = False
    run_woken(Relay(entries, queue))
    assert entries.calls == 0


def test_polls_without_being_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 0.01)
    entries, queue = FakeOutbox(jobs(1)), FakeQueue()
    asyncio.run(Relay(entries, queue).run_once())
    assert queue.published == [1]


def test_an_entry_committed_while_delivering_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 60)
    entries = FakeOutbox(jobs(1))
    late = Job(id=9, task_id=uuid4(), request_id="r")

    class Waking(FakeQueue):
        async def publish(self, job: Job) -> None:
            await super().publish(job)
            if job.id == 1:
                entries.entries.append(late)
                relay.wake()

    queue = Waking()
    relay = Relay(entries, queue)

    async def twice() -> None:
        relay.wake()
        await relay.run_once()
        async with asyncio.timeout(1):
            await relay.run_once()

    asyncio.run(twice())
    assert queue.published == [1, 9]


def test_what_was_swept_wakes_the_relay() -> None:
    entries, queue = FakeOutbox(jobs(1)), FakeQueue()
    entries.swept = 1
    relay = Relay(entries, queue)

    async def sweep_then_relay() -> None:
        await relay.sweep()
        async with asyncio.timeout(outbox.POLL_SECONDS / 2):
            await relay.run_once()

    asyncio.run(sweep_then_relay())
    assert queue.published == [1]


def test_message_ids_differ_between_promises_of_one_task() -> None:
    task = uuid4()
    assert Job(1, task, "r").message_id != Job(2, task, "r").message_id
