"""The connection to PostgreSQL and the tables' shape.

The migrations make the tables; these classes only describe them to queries.
"""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
from pgvector.sqlalchemy import VECTOR
from pydantic import SecretStr
from sqlalchemy import ForeignKey, LargeBinary, Text, exists, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.orm.exc import FlushError
from sqlalchemy.types import DateTime

from tasktracker.store.embedding import DIMENSIONS

POOL_SIZE = 10
MAX_OVERFLOW = 5
"""At most 15 connections a process: ten processes stay within PostgreSQL's `max_connections` of
200."""

CONNECT_SECONDS = 3.0
STATEMENT_SECONDS = 10.0
"""Every statement here takes milliseconds; one that takes this long is stuck."""


class Status(StrEnum):
    """A task's life: accepted, then processed, or given up."""

    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"


class Base(DeclarativeBase):
    """The tables' common base."""


class Task(Base):
    """One task. `notes` is ciphertext; `attempts` counts how often a worker took it up."""

    __tablename__ = "tasks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    notes: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    status: Mapped[str] = mapped_column(Text)
    failure: Mapped[str | None] = mapped_column(Text)
    embedding: Mapped[Any] = mapped_column(VECTOR(DIMENSIONS), deferred=True)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    request_id: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    enqueued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class OutboxEntry(Base):
    """A job that was promised with a task's row and is not yet known to be in JetStream."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    request_id: Mapped[str] = mapped_column(Text)


AWAY: tuple[type[Exception], ...] = (InterfaceError, PoolTimeoutError, asyncpg.InterfaceError, OSError)
"""What SQLAlchemy, asyncpg and the socket raise without a word from the server."""

TRANSIENT_SQLSTATES = ("08", "40", "53", "55", "57", "58")
"""Classes of PostgreSQL's error codes (appendix A of its manual): connection lost, transaction to be repeated, no
resources, object in use, operator intervention (starting, stopping, cancelled), system error."""

REASONS = {
    "0A": "a rule refuses new tasks",
    "22": "a column does not take what tasks have",
    "2200H": "a sequence is used up",
    "23": "a constraint refuses new tasks",
    "28": "the database refuses the login",
    "28P01": "the database refuses the password",
    "3D000": "the database is missing",
    "42501": "a right is missing",
    "42703": "a column is missing",
    "42P01": "a table is missing",
    "53300": "the database has no connection free",
    "55000": "the database accepts no connections",
    "55P03": "a table is locked",
    "57014": "the database cancels statements",
    "P0": "a trigger refuses new tasks",
    "XX": "a table or an index is damaged",
}
"""Why tasks can't be stored, by PostgreSQL's error codes or their classes (appendix A of its manual): nothing that must
stay private."""

DROPPED = "a trigger drops tasks or changes of them"
"""It reports no error: an INSERT adds no row, or an UPDATE changes none."""

HIDDEN = "the tables are out of sight"
"""PostgreSQL reports tables as missing that the role may not see, or that its `search_path` leads past."""

GUARDED = "row security refuses tasks"
"""PostgreSQL reports it with the code of a missing right."""

READABLE = select(exists(select(*Task.__table__.columns)), exists(select(*OutboxEntry.__table__.columns)))
"""Reads both tables, all their columns by name."""

READ_ONLY = "the database is read-only"
"""It reports no error before something is stored: as a standby, or by `default_transaction_read_only`."""

RIGHTS = text(
    "SELECT current_setting('transaction_read_only')::bool,"
    " has_table_privilege('tasks', 'INSERT') AND has_table_privilege('tasks', 'UPDATE')"
    " AND has_table_privilege('outbox', 'INSERT') AND has_table_privilege('outbox', 'DELETE'),"
    " row_security_active('tasks') OR row_security_active('outbox')"
)

THERE = text("SELECT count(DISTINCT relname) = 2 FROM pg_class WHERE relname IN ('tasks', 'outbox') AND relkind = 'r'")
"""Whether some schema has both tables: every role may read the catalogue."""

LOCK = ("SET LOCAL lock_timeout = '1s'", "LOCK TABLE tasks, outbox IN ROW EXCLUSIVE MODE")
"""Takes the lock that a change takes, and changes nothing."""


class UnusableError(Exception):
    """The database answers, and tasks can't be stored in it; the text says why."""


def is_unavailable(error: BaseException) -> bool:
    """Whether the database is out of reach for now, so that the same call may work later."""
    if isinstance(error, AWAY) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return True
    return _sqlstate(error).startswith(TRANSIENT_SQLSTATES)


def _sqlstate(error: BaseException) -> str:
    """PostgreSQL's code of an error; empty where the server reported none."""
    reported = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(reported, "sqlstate", None) or "")


@contextlib.contextmanager
def known_reasons() -> Iterator[None]:
    """Raise `UnusableError` for an error that the server reports and that does not go away by itself; others pass."""
    try:
        yield
    except FlushError as error:
        raise UnusableError(DROPPED) from error
    except (DBAPIError, asyncpg.PostgresError) as error:
        state = _sqlstate(error)
        reason = REASONS.get(state) or REASONS.get(state[:2])
        if state == "42501" and "row-level security" in str(error):
            reason = GUARDED
        if reason is None and (not state or is_unavailable(error)):
            raise
        raise UnusableError(reason or f"PostgreSQL reports error {state}") from error


def connect_arguments(url: SecretStr, application: str) -> dict[str, Any]:
    """The arguments of `asyncpg.connect` for `url`.

    TLS is as the URL's `sslmode` says; without one there is none: the database is on a private network, and asyncpg's
    own default tries it first and looks for keys in the home folder, which a container's user may not read.
    """
    parsed = make_url(url.get_secret_value())
    return {
        "host": parsed.host,
        "port": parsed.port,
        "user": parsed.username,
        "password": parsed.password,
        "database": parsed.database,
        "ssl": parsed.query.get("sslmode", "disable"),
        "timeout": CONNECT_SECONDS,
        "server_settings": {"application_name": application},
    }


def create_engine(arguments: Mapping[str, Any], **options: object) -> AsyncEngine:
    """An engine that connects with `arguments`; `options` are SQLAlchemy's."""
    # Or a failing statement would put its parameters, users' titles, into the logs.
    return create_async_engine("postgresql+asyncpg://", connect_args=dict(arguments), hide_parameters=True, **options)


class Database:
    """A pool of connections to one database, checked before use so that a restart goes unnoticed."""

    def __init__(self, url: SecretStr, application: str) -> None:
        self._arguments = connect_arguments(url, application) | {"command_timeout": STATEMENT_SECONDS}
        self._engine = create_engine(
            self._arguments,
            pool_size=POOL_SIZE,
            max_overflow=MAX_OVERFLOW,
            pool_timeout=CONNECT_SECONDS,
            pool_pre_ping=True,
        )
        self.session: async_sessionmaker[AsyncSession] = async_sessionmaker(self._engine, expire_on_commit=False)

    async def check(self) -> bool:
        """Ask whether tasks can be stored, without storing one; return whether policies of row security may say no.

        Raises:
            UnusableError: a table, a column or a right is missing, a table is locked, or only reading is allowed.
            Exception: what the driver raises where the database is away.
        """
        try:
            with known_reasons():
                async with self._engine.connect() as connection:
                    await connection.execute(READABLE)
                    read_only, may, guarded = (await connection.execute(RIGHTS)).one()
                    for statement in LOCK:
                        await connection.execute(text(statement))
        except UnusableError as error:
            if str(error) == REASONS["42P01"] and await self._has_tables():
                raise UnusableError(HIDDEN) from error
            raise
        if read_only:
            raise UnusableError(READ_ONLY)
        if not may:
            raise UnusableError(REASONS["42501"])
        return bool(guarded)

    async def _has_tables(self) -> bool:
        async with self._engine.connect() as connection:
            return bool(await connection.scalar(THERE))

    async def listener(self) -> asyncpg.Connection:
        """A connection of its own, for LISTEN; the caller closes it."""
        return await asyncpg.connect(**self._arguments)

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()
