"""The chain of revisions."""

from alembic.script import ScriptDirectory
from sqlalchemy.schema import CreateTable
from tasktracker import migrate
from tasktracker.store.database import Base
from tasktracker.store.embedding import DIMENSIONS


def test_one_chain_with_one_head() -> None:
    script = ScriptDirectory.from_config(migrate._alembic_config())
    assert script.get_current_head() == "0001"
    assert len(script.get_bases()) == 1


def test_the_code_stores_vectors_of_the_columns_width() -> None:
    assert f"embedding VECTOR({DIMENSIONS})" in str(CreateTable(Base.metadata.tables["tasks"]))
