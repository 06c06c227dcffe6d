"""Tasks and their outbox.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import VECTOR

from tasktracker.migrate import MigrationError

revision = "0001"
down_revision = None

DIMENSIONS = 64
"""As it was at this revision, whatever `tasktracker.embedding` says by now."""


def _require_vector() -> None:
    # Making it needs a superuser, which this role isn't.
    query = sa.text("SELECT 1 FROM pg_extension WHERE extname = 'vector'")
    if op.get_bind().execute(query).first() is None:
        raise MigrationError("the database has no extension vector: let a superuser run CREATE EXTENSION vector")


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def upgrade() -> None:
    """Make both tables."""
    _require_vector()
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("notes", sa.LargeBinary),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("failure", sa.Text),
        sa.Column("embedding", VECTOR(DIMENSIONS)),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("request_id", sa.Text, nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("enqueued_at"),
        sa.CheckConstraint("char_length(title) BETWEEN 1 AND 500", name="tasks_title_length"),
        sa.CheckConstraint("status IN ('queued', 'done', 'failed')", name="tasks_status_known"),
        sa.CheckConstraint("status <> 'done' OR embedding IS NOT NULL", name="tasks_done_has_embedding"),
    )
    op.create_index("tasks_newest_first", "tasks", [sa.text("created_at DESC, id DESC")])
    op.create_index("tasks_waiting", "tasks", ["enqueued_at"], postgresql_where=sa.text("status = 'queued'"))
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("task_id", sa.Uuid, sa.ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        _moment("created_at"),
    )
    op.create_index("outbox_task", "outbox", ["task_id"])
