"""Jobs over NATS JetStream, with TaskIQ.

taskiq-nats' broker is used as it is but for what an outage needs: a pull request with a time limit
(its default waits for ever, also for an answer that was lost with the connection), a listener that
outlives errors, and a stream and consumer that are made again if the server lost them.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import nats.errors
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NoStreamResponseError
from taskiq import AckableMessage
from taskiq.exceptions import SendTaskError
from taskiq.kicker import AsyncKicker
from taskiq_nats import PullBasedJetStreamBroker

from tasktracker.background import Outage
from tasktracker.config import NatsAddress
from tasktracker.jobs.outbox import Job

logger = logging.getLogger(__name__)

STREAM = "tasktracker"
SUBJECT = "tasktracker.jobs"
CONSUMER = "tasktracker-worker"
# In messages that another version of the app may read: it stays, whatever the function and its module are called.
TASK_NAME = "process_task"
REQUEST_ID_LABEL = "request_id"

ACK_WAIT_SECONDS = 20.0
"""After this a job whose worker died goes to another. Longer than `worker.JOB_SECONDS`."""

FETCH_SECONDS = 5.0
"""A pull request's life: what one lost with a connection can delay a job."""

MAX_MESSAGES = 100_000
"""Under 100 MB of jobs. A full stream refuses more, and they wait in the outbox."""

CONNECT_SECONDS = 2
RECONNECT_SECONDS = 1
PING_SECONDS = 10
ANSWER_SECONDS = 2.0
RETRY_SECONDS = 1.0


class JobBroker(PullBasedJetStreamBroker):
    """One connection to NATS with the jobs' stream and consumer. It connects and reconnects for
    ever.

    `closed` is set when the client has given the connection up for good, as it does on some of the
    server's error messages: then a new broker is needed.
    """

    def __init__(self, address: NatsAddress, name: str) -> None:
        super().__init__(
            servers=[address.server],
            subject=SUBJECT,
            stream_name=STREAM,
            durable=CONSUMER,
            stream_config=StreamConfig(
                # Acknowledged jobs go; unacknowledged ones are never pushed out by new ones.
                retention=RetentionPolicy.WORK_QUEUE,
                discard=DiscardPolicy.NEW,
                storage=StorageType.FILE,
                max_msgs=MAX_MESSAGES,
            ),
            consumer_config=ConsumerConfig(
                durable_name=CONSUMER,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ACK_WAIT_SECONDS,
                # No limit here: past it, a message would stay in a work queue for ever and never be
                # delivered. The database counts attempts, and an outage of it counts as none.
                max_deliver=-1,
            ),
            pull_consume_timeout=FETCH_SECONDS,
            name=name,
            user=address.user,
            password=address.password,
            connect_timeout=CONNECT_SECONDS,
            reconnect_time_wait=RECONNECT_SECONDS,
            max_reconnect_attempts=-1,
            ping_interval=PING_SECONDS,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
            closed_cb=self._on_closed,
        )
        self.closed = asyncio.Event()
        self._last_error: str | None = None
        self._restoring = asyncio.Lock()

    async def _on_error(self, error: Exception) -> None:
        # Called at each attempt to reconnect: say a thing once.
        reason = f"{type(error).__name__}: {error}"
        if reason != self._last_error:
            logger.warning("NATS: %s", reason)
        self._last_error = reason

    async def _on_disconnected(self) -> None:
        if not self.client.is_closed:
            logger.warning("disconnected from NATS")

    async def _on_reconnected(self) -> None:
        logger.info("reconnected to NATS")
        self._last_error = None

    async def _on_closed(self) -> None:
        self.closed.set()

    async def restore(self) -> None:
        """Make the stream and the consumer again if the server lost them; only log an error."""
        if self._restoring.locked():
            return  # every job of a batch finds out; one of them is enough
        async with self._restoring:
            await self._restore()

    async def _restore(self) -> None:
        try:
            await self.consumer.unsubscribe()
            await self._add_or_reuse_stream()
            await self._startup_consumer()
        except nats.errors.Error as error:
            logger.warning("preparing the job stream: %s: %s", type(error).__name__, error)

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """Yield jobs until the connection is closed for good."""
        while not self.client.is_closed:
            try:
                for message in await self.consumer.fetch(1, self.pull_consume_timeout):
                    yield AckableMessage(data=message.data, ack=message.ack)
            except nats.errors.TimeoutError:
                continue  # no job in that time
            except nats.errors.Error as error:
                logger.warning("waiting for jobs: %s: %s", type(error).__name__, error)
                await asyncio.sleep(RETRY_SECONDS)
                await self.restore()


class NatsLink:
    """Keeps a `JobBroker` connected, and replaces it when its connection was closed for good."""

    def __init__(self, address: NatsAddress, name: str) -> None:
        self._address = address
        self._name = name
        self._broker: JobBroker | None = None

    @property
    def connected(self) -> bool:
        """Whether NATS is there, as far as the client knows."""
        return self._broker is not None and self._broker.client.is_connected

    async def session(self, use: Callable[[JobBroker], Awaitable[Any]]) -> None:
        """Connect, however long that takes, run `use`, and disconnect.

        Raises:
            Outage: NATS closed the connection or refused to make the stream.
        """
        broker = JobBroker(self._address, self._name)
        try:
            await broker.startup()
            logger.info("connected to NATS at %s", self._address.server)
            self._broker = broker
            await use(broker)
        except nats.errors.Error as error:
            raise Outage(f"NATS: {type(error).__name__}: {error}") from error
        finally:
            self._broker = None
            await broker.shutdown()

    async def stay_connected(self) -> None:
        """A session that serves `publish` and `ping` until the connection is closed for good."""
        await self.session(lambda broker: broker.closed.wait())

    async def ping(self) -> None:
        """Ask JetStream something that it answers from memory.

        Not `flush`: where its caller gives up first, the server's late answer ends the client's read
        loop, and the connection is deaf until it is found dead (nats-py's `_process_pong` sets the
        result of a cancelled future).

        Raises:
            Outage: not connected, or no answer.
        """
        broker = self._broker
        if broker is None or not broker.client.is_connected:
            raise Outage("not connected")
        try:
            await broker.client.request("$JS.API.INFO", timeout=ANSWER_SECONDS)
        except nats.errors.Error as error:
            raise Outage(str(error)) from error

    async def publish(self, job: Job) -> None:
        """Enqueue `job` and return when JetStream has stored it.

        Raises:
            Outage: it isn't known to be stored.
        """
        broker = self._broker
        if broker is None:
            raise Outage("not connected")
        # taskiq-nats sends labels as headers too, so that this one reaches JetStream.
        labels = {"Nats-Msg-Id": job.message_id, REQUEST_ID_LABEL: job.request_id}
        kicker: AsyncKicker[[str], None] = AsyncKicker(TASK_NAME, broker, labels)
        try:
            await kicker.kiq(str(job.task_id))
        except SendTaskError as error:
            cause = error.__cause__ or error
            if isinstance(cause, NoStreamResponseError):
                await broker.restore()
            raise Outage(f"{type(cause).__name__}: {cause}") from error
