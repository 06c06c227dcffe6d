"""Brings the database's schema to the newest revision."""

import asyncio
import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tasktracker.store.database import connect_arguments, create_engine, is_unavailable

logger = logging.getLogger(__name__)

WAIT_SECONDS = 30.0
"""How long to wait for the database to accept connections."""

LOCK_TIMEOUT = "30s"
"""For the advisory lock, and for each table's lock: a migration must not queue up behind a long
query and hold up everybody else behind itself."""

LOCK_ID = 0x7461736B
"""Any number, as long as it stays: `task` in ASCII."""


class MigrationError(Exception):
    """The schema wasn't migrated; the text says why, in one line."""


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(connection: Connection) -> None:
    """Run the missing migrations on `connection`, all in one transaction; the caller commits."""
    config = _alembic_config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = set(MigrationContext.configure(connection).get_current_heads())
    if unknown := current - known:
        # After a rollback. Migrations only ever expand what the release before still needs, so the
        # newer schema serves this one too.
        logger.warning("the schema is of a newer release (%s); left as it is", ", ".join(unknown))
        return
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    head = MigrationContext.configure(connection).get_current_revision()
    logger.info("schema: %s, was %s", head, ", ".join(current) or "none")


async def _connect(engine: AsyncEngine, wait_seconds: float) -> AsyncConnection:
    deadline = asyncio.get_running_loop().time() + wait_seconds
    while True:
        try:
            return await engine.connect()
        except Exception as error:
            if not is_unavailable(error):
                raise
            reason = f"{type(error).__name__}: {error}"
            if asyncio.get_running_loop().time() >= deadline:
                raise MigrationError(f"no database within {wait_seconds:g} s ({' '.join(reason.split())})") from error
        await asyncio.sleep(0.5)


async def _migrate(url: SecretStr, wait_seconds: float) -> None:
    arguments = connect_arguments(url, "tasktracker-migrate")
    arguments["server_settings"]["lock_timeout"] = LOCK_TIMEOUT
    engine = create_engine(arguments, poolclass=NullPool)
    connection = await _connect(engine, wait_seconds)
    try:
        # Held until the connection ends, past the commit.
        await connection.execute(text("SELECT pg_advisory_lock(:id)"), {"id": LOCK_ID})
        await connection.commit()
        await connection.run_sync(upgrade)
        await connection.commit()
    finally:
        await connection.close()
        await engine.dispose()


def migrate(url: SecretStr, wait_seconds: float = WAIT_SECONDS) -> None:
    """Upgrade the database at `url` to the newest revision; one process at a time does so.

    Raises:
        MigrationError: no database, no lock, no `vector` extension, or a migration that failed.
    """
    try:
        asyncio.run(_migrate(url, wait_seconds))
    except MigrationError:
        raise
    except Exception as error:
        logger.exception("migration failed")
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason = f"{type(cause).__name__}: {cause}"
        raise MigrationError(f"nothing was changed: {' '.join(reason.split())}") from error
