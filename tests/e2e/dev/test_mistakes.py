"""What a mistake in config or code does to a running stack: it is told, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
    others = {name: each for name, each in stack.ids().items() if name != "dashboard"}
    # The worker's image knows no dashboard: it says so and exits, over and over.
    wrong = {
        "images": {"dashboard": stack.container("worker").attrs["Config"]["Image"]},
        "dashboard": {"start_timeout": f"{START_TIMEOUT}s"},
    }
    stack.write_config(wrong)
    result = stack.up(check=False)
    assert result.returncode != 0
    assert f"tasktracker-{stack.name}-dashboard is not healthy" in result.stdout
    assert "usage" in result.stdout.lower()
    assert "Traceback" not in result.stdout
    assert {name: each for name, each in stack.ids().items() if name != "dashboard"} == others
    # The next `up` looks again instead of passing over it, and with the right config it mends it.
    again = stack.up(check=False)
    assert again.returncode != 0
    assert "dashboard is not healthy" in again.stdout
    stack.write_config()
    stack.up()
    assert stack.healthy("dashboard")
    stack.expect_no_changes()


@pytest.mark.nightly
@pytest.mark.usefixtures("restored")
def test_a_failed_migration_stops_the_up_and_runs_again(stack: Stack) -> None:
    api, worker = stack.ids()["api"], stack.ids()["worker"]
    postgres = stack.container("postgres")

    def sql(statement: str) -> None:
        code, output = postgres.exec_run(["psql", "-U", "postgres", "-d", "tasktracker", "-c", statement])
        assert code == 0, output

    sql("ALTER TABLE alembic_version RENAME TO hidden")
    urn = next(
        each for each in stack.pulumi("stack", "--show-urns").stdout.split() if each.endswith("Container::migrations")
    )
    try:
        result = stack.pulumi("up", "--yes", "--skip-preview", "--replace", urn, check=False)
        assert result.returncode != 0
        assert f"tasktracker-{stack.name}-migrations failed with exit code" in result.stdout
        # Without a change, the next one tries again: the failure was not taken for done.
        assert "failed with exit code" in stack.up(check=False).stdout
    finally:
        sql("DROP TABLE IF EXISTS alembic_version")
        sql("ALTER TABLE hidden RENAME TO alembic_version")
    assert (stack.ids()["api"], stack.ids()["worker"]) == (api, worker)
    stack.up()
    stack.expect_no_changes()
