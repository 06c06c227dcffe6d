"""Every query on tasks and the outbox. Each method is one transaction.

A change of a task is announced with NOTIFY inside the transaction that makes it: listeners hear of
it if, and only if, it was committed.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer
from sqlalchemy.sql.dml import ReturningUpdate

from tasktracker.jobs.outbox import Delivery, Job
from tasktracker.schemas import Queue, TaskSummary
from tasktracker.store.database import (
    DROPPED,
    Database,
    OutboxEntry,
    Status,
    Task,
    UnusableError,
    is_unavailable,
    known_reasons,
)
from tasktracker.store.embedding import DIMENSIONS

CHANNEL = "task_changes"

_SWEEP = text("""
    WITH stale AS (
        SELECT id FROM tasks
        WHERE status = 'queued' AND enqueued_at < now() - CAST(:age AS interval)
          AND NOT EXISTS (SELECT FROM outbox WHERE outbox.task_id = tasks.id)
        ORDER BY enqueued_at LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ), touched AS (
        UPDATE tasks SET enqueued_at = now() FROM stale WHERE tasks.id = stale.id
        RETURNING tasks.id, tasks.request_id
    )
    INSERT INTO outbox (task_id, request_id) SELECT id, request_id FROM touched
    RETURNING id
""")

# By the partial index of queued tasks; the oldest is by its creation, as a sweep changes `enqueued_at`.
_QUEUE = text("""
    SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0), (SELECT count(*) FROM outbox)
    FROM tasks WHERE status = 'queued'
""")


async def _announce(session: AsyncSession, task: Task) -> None:
    # A title of 500 characters keeps the payload under NOTIFY's 8000 bytes, even if all are
    # escaped.
    payload = TaskSummary.model_validate(task).model_dump_json()
    await session.execute(select(func.pg_notify(CHANNEL, payload)))


def _settled(task_id: UUID, **values: object) -> ReturningUpdate[Task]:
    """Ends a waiting task."""
    return (
        update(Task)
        .where(Task.id == task_id, Task.status == Status.QUEUED)
        .values(updated_at=func.clock_timestamp(), **values)
        .returning(Task)
    )


async def _commit(session: AsyncSession, task_id: UUID) -> None:
    try:
        await session.commit()
    except Exception as error:
        # One that the server reports is certain.
        if is_unavailable(error):
            raise UnconfirmedError(task_id) from error
        raise


async def _add(session: AsyncSession, task: Task) -> None:
    session.add(task)
    await session.flush()
    session.add(OutboxEntry(task_id=task.id, request_id=task.request_id))
    await _announce(session, task)


class UnconfirmedError(Exception):
    """The database did not answer to a commit: it is not known whether the task is stored."""

    def __init__(self, task_id: UUID) -> None:
        super().__init__(f"the database did not confirm that task {task_id} is stored")
        self.task_id = task_id


class TaskStore:
    """Tasks and their outbox in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._session = database.session
        # A check tries as long as fewer failures are known to be over than there were: from the start on, and since a
        # task was refused. A trial writes WAL, so that one at every check would have an idle database archive a segment
        # a minute.
        self._failures, self._over = 1, 0
        self._guarded = False

    async def create(self, task_id: UUID, title: str, notes: bytes | None, request_id: str) -> TaskSummary:
        """Store a task and the promise of its job, together or not at all.

        Raises:
            UnusableError: the database refuses them; nothing is stored.
            UnconfirmedError: it is not known whether they are stored.
            Exception: what the driver raises; nothing is stored.
        """
        task = Task(id=task_id, title=title, notes=notes, status=Status.QUEUED, request_id=request_id)
        try:
            async with self._session() as session:
                with known_reasons():
                    await _add(session, task)
                summary = TaskSummary.model_validate(task)
                await _commit(session, task_id)
                return summary
        except Exception:
            self._failures += 1
            raise

    async def check(self) -> None:
        """Ask whether tasks can be stored and processed; after a failure by doing so, without a trace.

        Raises:
            UnusableError: as `Database.check`, or something in the database refuses a task.
            Exception: what the driver raises where the database is away.
        """
        guarded = await self._database.check()
        if guarded and not self._guarded:
            # Its policies may refuse what the role has the right to.
            self._failures += 1
        self._guarded = guarded
        failures = self._failures
        if self._over < failures:
            with known_reasons():
                await self._try()
            self._over = failures

    async def _try(self) -> None:
        async with self._session() as session:
            task = Task(id=uuid4(), title="health", notes=b"health", status=Status.QUEUED, request_id="health")
            await _add(session, task)
            if await session.scalar(_settled(task.id, status=Status.DONE, embedding=[1.0] * DIMENSIONS)) is None:
                raise UnusableError(DROPPED)
            # Or a deferred constraint would be checked by a commit alone.
            await session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        async with self._session.begin() as session:
            # A commit hangs where a standby is missing that has to confirm it. It leaves a record in the WAL only.
            await session.execute(text("SELECT pg_logical_emit_message(true, 'tasktracker', 'health')"))

    async def get(self, task_id: UUID) -> Task | None:
        """One task with its encrypted notes and its embedding, or None."""
        async with self._session() as session:
            return await session.get(Task, task_id, options=[undefer(Task.notes), undefer(Task.embedding)])

    async def page(self, limit: int, before: UUID | None, status: Status | None) -> Sequence[TaskSummary]:
        """Up to `limit` tasks, newest first, that are older than the task `before`."""
        query = select(Task).order_by(Task.created_at.desc(), Task.id.desc()).limit(limit)
        if status is not None:
            query = query.where(Task.status == status)
        if before is not None:
            edge = select(Task.created_at, Task.id).where(Task.id == before).scalar_subquery()
            query = query.where(tuple_(Task.created_at, Task.id) < edge)
        async with self._session() as session:
            return [TaskSummary.model_validate(task) for task in await session.scalars(query)]

    async def similar(self, task: Task, limit: int) -> Sequence[tuple[TaskSummary, float]]:
        """The `limit` processed tasks nearest to `task`, with their cosine distance (0 to 2).

        The search is exact: no vector index. An HNSW index misses neighbours where many titles are the same, and a
        scan of 100 000 tasks takes about 50 ms.
        """
        distance = Task.embedding.cosine_distance(task.embedding)
        query = (
            select(Task, distance)
            .where(Task.embedding.is_not(None), Task.id != task.id)
            .order_by(distance)
            .limit(limit)
        )
        async with self._session() as session:
            rows = (await session.execute(query)).all()
        return [(TaskSummary.model_validate(found), float(value)) for found, value in rows]

    async def queue(self) -> Queue:
        """How many tasks are queued, and for how long."""
        async with self._session() as session:
            waiting, oldest, promised = (await session.execute(_QUEUE)).one()
        return Queue(waiting=waiting, oldest_seconds=float(oldest), not_in_nats=promised)

    async def begin_attempt(self, task_id: UUID) -> tuple[str, int] | None:
        """Count an attempt; return title and count, or None if the task isn't waiting any more.

        Raises:
            UnusableError: it is waiting, and can't be changed.
        """
        async with self._session.begin() as session:
            row = (
                await session.execute(
                    update(Task)
                    .where(Task.id == task_id, Task.status == Status.QUEUED)
                    .values(attempts=Task.attempts + 1)
                    .returning(Task.title, Task.attempts)
                )
            ).one_or_none()
            if row is None and await session.scalar(select(Task.status).where(Task.id == task_id)) == Status.QUEUED:
                raise UnusableError(DROPPED)
        return None if row is None else (row.title, row.attempts)

    async def forget_attempt(self, task_id: UUID) -> None:
        """Take back the count of an attempt."""
        self._failures += 1
        async with self._session.begin() as session:
            await session.execute(
                update(Task)
                .where(Task.id == task_id, Task.status == Status.QUEUED)
                .values(attempts=func.greatest(Task.attempts - 1, 0))
            )

    async def finish(self, task_id: UUID, embedding: list[float]) -> bool:
        """Mark a waiting task done; False if another worker was first."""
        return await self._settle(task_id, status=Status.DONE, embedding=embedding)

    async def fail(self, task_id: UUID, reason: str) -> bool:
        """Mark a waiting task failed; False if it isn't waiting any more."""
        return await self._settle(task_id, status=Status.FAILED, failure=reason)

    async def _settle(self, task_id: UUID, **values: object) -> bool:
        async with self._session.begin() as session:
            task = await session.scalar(_settled(task_id, **values))
            if task is None:
                return False
            await _announce(session, task)
            return True

    async def deliver(self, publish: Callable[[Sequence[Job]], Awaitable[Delivery]], limit: int) -> Delivery:
        """Hand up to `limit` outbox entries to `publish` and delete those that it delivered.

        The rows stay locked meanwhile, and other relays skip them.
        """
        async with self._session.begin() as session:
            entries = await session.scalars(
                select(OutboxEntry).order_by(OutboxEntry.id).limit(limit).with_for_update(skip_locked=True)
            )
            jobs = [Job(entry.id, entry.task_id, entry.request_id) for entry in entries]
            delivery = await publish(jobs)
            if delivery.delivered:
                await session.execute(delete(OutboxEntry).where(OutboxEntry.id.in_(delivery.delivered)))
            return delivery

    async def sweep(self, age: timedelta, limit: int) -> int:
        """Promise the job again of tasks that have waited longer than `age`; return how many."""
        async with self._session.begin() as session:
            return len((await session.execute(_SWEEP, {"age": age, "limit": limit})).all())
