"""What a mistake in config or code does to a running stack: it is told, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.support.releases import containers_in, slots, uninterrupted
from tests.e2e.support.stack import Stack

pytestmark = [pytest.mark.engine, pytest.mark.docker]

#: Seconds that a failing start may take in a test.
START_TIMEOUT = 10


@pytest.fixture
def unchanged(stack: Stack) -> Iterator[None]:
    """Asserts that what failed changed nothing, and brings the config back."""
    before = stack.ids()
    yield
    stack.write_config()
    assert stack.ids() == before


@pytest.mark.usefixtures("unchanged")
def test_a_bad_config_changes_nothing(stack: Stack) -> None:
    stack.write_config({"nginx": {"publsh": {"port": 1}}, "postgres": {"tuning": {"shared_buffers": "9GB"}}})
    result = stack.up(check=False)
    assert result.returncode != 0
    assert "publsh" in result.stdout
    assert "publish" in result.stdout
    assert "shared_buffers" in result.stdout
    assert "9GB" in result.stdout
    assert "Traceback" not in result.stdout


@pytest.mark.nightly
@pytest.mark.usefixtures("restored")
def test_a_container_that_never_gets_healthy_fails_the_up_with_its_log(stack: Stack) -> None:
    before, (_, new) = stack.ids(), slots(stack)
    name = f"tasktracker-{stack.name}-dashboard-{new}"
    # The worker's image knows no dashboard: it says so and exits, over and over.
    wrong = {
        "images": {"dashboard": stack.container("worker").attrs["Config"]["Image"]},
        "dashboard": {"start_timeout": f"{START_TIMEOUT}s"},
    }
    stack.write_config(wrong)
    with uninterrupted(stack):
        result = stack.up(check=False)
        assert result.returncode != 0
        assert f"{name} is not healthy" in result.stdout
        assert "usage" in result.stdout.lower()
        assert "Traceback" not in result.stdout
        # All of the release before goes on serving, and beside it there is what the new one has got.
        assert {each: stack.ids()[each] for each in before} == before
        assert stack.ids().keys() - before.keys() <= containers_in(new)
        # The next `up` looks again instead of passing over it, and with the right config it removes it.
        again = stack.up(check=False)
        assert again.returncode != 0
        assert f"{name} is not healthy" in again.stdout
        assert {each: stack.ids()[each] for each in before} == before
        stack.write_config()
        stack.up()
    assert stack.ids() == before
    assert stack.healthy("dashboard")
    stack.expect_no_changes()


@pytest.mark.nightly
@pytest.mark.usefixtures("restored")
def test_a_failed_migration_stops_the_up_and_runs_again(stack: Stack) -> None:
    before, (old, new) = stack.ids(), slots(stack)
    postgres = stack.container("postgres")

    def sql(statement: str) -> None:
        code, output = postgres.exec_run(["psql", "-U", "postgres", "-d", "tasktracker", "-c", statement])
        assert code == 0, output

    sql("ALTER TABLE alembic_version RENAME TO hidden")
    # The job has the api's image and limits.
    stack.write_config({"api": {"resources": {"cpus": 0.75}}})
    try:
        result = stack.up(check=False)
        assert result.returncode != 0
        assert f"tasktracker-{stack.name}-migrations failed with exit code" in result.stdout
        # Without a change, the next one tries again: the failure was not taken for done.
        assert "failed with exit code" in stack.up(check=False).stdout
    finally:
        sql("DROP TABLE IF EXISTS alembic_version")
        sql("ALTER TABLE hidden RENAME TO alembic_version")
    # Nothing was made of the release that needs it, and the one before goes on serving.
    after = stack.ids()
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == {"migrations"}
    with uninterrupted(stack):
        stack.up()
    assert stack.slot() == new
    assert not stack.ids().keys() & containers_in(old)
    stack.expect_no_changes()
