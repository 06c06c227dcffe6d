"""The broker's settings, and a listener that outlives errors."""

import asyncio
from types import SimpleNamespace

import nats.errors
import pytest
from nats.js.api import AckPolicy, RetentionPolicy
from tasktracker.background import Outage
from tasktracker.config import NatsAddress
from tasktracker.jobs import broker as module
from tasktracker.jobs.broker import ACK_WAIT_SECONDS, JobBroker, NatsLink
from tasktracker.jobs.outbox import STALE
from tasktracker.web import health, probe
from tasktracker.worker import worker

ADDRESS = NatsAddress(server="nats://127.0.0.1:1", user="u", password="p")


def test_time_limits_fit_into_each_other() -> None:
    # A job ends before it's redelivered, and is redelivered before it's taken for lost.
    assert worker.JOB_SECONDS < ACK_WAIT_SECONDS < STALE.total_seconds()
    # The container gets 30 s to stop; the rest is for closing connections.
    assert worker.DRAIN_SECONDS < 30
    # The probe waits for the health checks' own time limits.
    assert health.CHECK_SECONDS < probe.TIMEOUT_SECONDS


def test_jobs_are_kept_until_acknowledged() -> None:
    broker = JobBroker(ADDRESS, "test")
    consumer = broker.consumer_config
    assert consumer is not None
    assert (consumer.ack_policy, consumer.ack_wait, consumer.max_deliver) == (AckPolicy.EXPLICIT, ACK_WAIT_SECONDS, -1)
    assert broker.stream_config.retention is RetentionPolicy.WORK_QUEUE
    # taskiq-nats would wait for ever, also for an answer that an outage swallowed.
    assert broker.pull_consume_timeout


def test_listening_outlives_errors_and_ends_with_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0)
    broker = JobBroker(ADDRESS, "test")
    steps = iter(
        [nats.errors.TimeoutError(), nats.errors.NoRespondersError(), b"job", nats.errors.ConnectionClosedError()]
    )
    restored = []

    async def fetch(batch: int, timeout: float) -> list[SimpleNamespace]:
        assert (batch, timeout) == (1, broker.pull_consume_timeout)
        step = next(steps)
        if isinstance(step, nats.errors.ConnectionClosedError):
            broker.client._status = broker.client.CLOSED
        if isinstance(step, Exception):
            raise step
        return [SimpleNamespace(data=step, ack=lambda: None)]

    async def restore() -> None:
        restored.append(True)

    monkeypatch.setattr(broker, "consumer", SimpleNamespace(fetch=fetch), raising=False)
    monkeypatch.setattr(broker, "restore", restore)

    async def collect() -> list[bytes]:
        return [message.data async for message in broker.listen()]

    assert asyncio.run(collect()) == [b"job"]
    assert restored


def test_a_link_without_a_connection_says_so() -> None:
    link = NatsLink(ADDRESS, "test")
    assert not link.connected
    with pytest.raises(Outage, match="not connected"):
        asyncio.run(link.ping())


def test_a_ping_that_its_caller_gives_up_leaves_the_connection_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """nats-py's `flush` would not: the late answer to it ends the client's read loop."""
    asked: list[str] = []

    async def request(subject: str, timeout: float) -> None:
        asked.append(subject)

    link = NatsLink(ADDRESS, "test")
    client = SimpleNamespace(is_connected=True, request=request)
    monkeypatch.setattr(link, "_broker", SimpleNamespace(client=client))
    asyncio.run(link.ping())
    assert asked == ["$JS.API.INFO"]
