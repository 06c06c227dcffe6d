"""A job that the version before has left in NATS is processed by the one after it, and the other way round."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast
from uuid import UUID

import pytest
from taskiq import AckableMessage, BrokerMessage
from taskiq.receiver import Receiver
from tasktracker.config import NatsAddress
from tasktracker.jobs.broker import CONSUMER, STREAM, SUBJECT, JobBroker, NatsLink
from tasktracker.jobs.outbox import Job
from tasktracker.worker.processing import Outcome, Processor
from tasktracker.worker.worker import Worker

ADDRESS = NatsAddress(server="nats://127.0.0.1:1", user="u", password="p")

TASK = UUID("6a8f2a5e-4f43-4d5c-9d0c-0d9f0f6f7a11")

#: As 0.1.0 publishes a job; `task_id` is TaskIQ's own.
MESSAGE = {
    "task_id": "9ece2f8a1bce4b15aaa5347f86fb953c",
    "task_name": "process_task",
    "labels": {"Nats-Msg-Id": f"{TASK}:7", "request_id": "r-1"},
    "labels_types": {"Nats-Msg-Id": 3, "request_id": 3},
    "args": [str(TASK)],
    "kwargs": {},
}


def test_the_stream_is_the_one_of_the_version_before() -> None:
    assert (STREAM, SUBJECT, CONSUMER) == ("tasktracker", "tasktracker.jobs", "tasktracker-worker")


def test_a_job_of_the_version_before_is_processed(monkeypatch: pytest.MonkeyPatch) -> None:
    processed: list[UUID] = []
    acknowledged: list[bool] = []

    class Processing:
        async def process(self, task_id: UUID) -> Outcome:
            processed.append(task_id)
            return Outcome.DONE

    async def acknowledge() -> None:
        acknowledged.append(True)

    async def listen(receiver: Receiver, *_: object) -> None:
        await receiver.callback(AckableMessage(data=json.dumps(MESSAGE).encode(), ack=acknowledge), raise_err=True)

    monkeypatch.setattr(Receiver, "listen", listen)
    worker = Worker(NatsLink(ADDRESS, "test"), cast(Processor, Processing()))
    asyncio.run(worker._receive(JobBroker(ADDRESS, "test")))
    assert (processed, acknowledged) == ([TASK], [True])


def test_the_version_before_understands_a_job_of_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[BrokerMessage] = []

    async def kick(message: BrokerMessage) -> None:
        sent.append(message)

    broker, link = JobBroker(ADDRESS, "test"), NatsLink(ADDRESS, "test")
    monkeypatch.setattr(broker, "kick", kick)
    monkeypatch.setattr(link, "_broker", broker)
    asyncio.run(link.publish(Job(7, TASK, "r-1")))
    published: dict[str, Any] = json.loads(sent[0].message)
    assert {**published, "task_id": MESSAGE["task_id"]} == MESSAGE
