"""What a person does to a running stack by hand: `tt status` and the audit name it, and `make up` puts it right."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from docker.models.containers import Container

from tests.e2e.support.by_hand import FILES, hanging_nginx, make_up, problems, run_audit, write_file
from tests.e2e.support.stack import Stack, add_task, eventually, is_done

pytestmark = [pytest.mark.engine, pytest.mark.docker, pytest.mark.nightly]

#: Seconds until what was put right works.
WELL_WITHIN = 60


def audit(stack: Stack) -> tuple[int, list[dict[str, str]], str]:
    """The audit's exit code, what it found changed, and all its output."""
    result = run_audit(stack, "--json")
    found = json.loads(result.stdout)
    return result.returncode, [each for each in found if each["finding"] == "changed"], result.stdout


@pytest.fixture
def hanging(stack: Stack) -> Iterator[Container]:
    """nginx with its processes stopped, as one that hangs."""
    with hanging_nginx(stack) as nginx:
        yield nginx


def test_a_service_that_hangs_makes_the_status_red(stack: Stack, hanging: Container) -> None:
    """Docker calls it healthy for as long as three checks take."""
    found = problems(stack)
    assert "does not answer at 127.0.0.1" in found
    assert f"`docker restart {hanging.name}`" in found


def test_tasks_that_are_not_processed_make_the_status_red(stack: Stack) -> None:
    """Everything runs and is healthy, and no task is done."""
    worker = stack.container("worker")
    worker.pause()
    try:
        with stack.client() as client:
            task = add_task(client, "waits")
            assert client.get("/api/health").json()["queue"]["waiting"] >= 1
            psql = ["psql", "-h", "/run/postgresql", "-U", "postgres", "tasktracker", "-qc"]
            old = f"UPDATE tasks SET created_at = now() - interval '1 hour' WHERE id = '{task}'"
            assert stack.container("postgres").exec_run([*psql, old]).exit_code == 0
            found = problems(stack)
            assert "tasks are not processed" in found
            assert "the oldest for 1 h" in found
            assert f"worker-{stack.slot()} is paused: `docker unpause {worker.name}`" in found
    finally:
        worker.unpause()
    with stack.client() as client:
        eventually(lambda: is_done(client, task), WELL_WITHIN, "the task is done")


def test_the_audit_finds_a_network_and_a_file_and_names_what_repairs_them(stack: Stack) -> None:
    worker, carrier = stack.container("worker"), stack.container(f"api-{stack.slot()}-files")
    network = stack.docker.networks.get(f"tasktracker-{stack.name}-data")
    before = b"".join(carrier.get_archive(f"{FILES}/nats-url")[0])
    assert audit(stack)[:2] == (0, [])
    network.disconnect(worker)
    write_file(carrier, "nats-url", b"other")
    try:
        code, found, output = audit(stack)
        assert code == 2
        assert {(each["name"], each["message"]) for each in found} == {
            (worker.name, f"it is not on the network {network.name}"),
            (carrier.name, "the file nats-url has another content"),
        }
        assert all(f"make up STACK={stack.name}" in each["fix"] for each in found)
        assert "nats://" not in output
        assert f"{worker.name} is not on the network {network.name}" in problems(stack)
    finally:
        carrier.put_archive(FILES, before)
        code, output = make_up(stack)
    assert code == 0, output
    assert audit(stack)[:2] == (0, [])
    eventually(lambda: stack.healthy("worker"), WELL_WITHIN, "the worker is healthy")


def test_make_up_makes_what_is_missing_and_starts_what_was_stopped(stack: Stack) -> None:
    """Pulumi's `up` sees neither, and a refresh does not see what is stopped."""
    removed, stopped = stack.container("dashboard"), stack.container("nginx")
    removed.remove(force=True)
    stopped.stop(timeout=2)
    found = problems(stack)
    assert f"the container {removed.name} is not there: `make up STACK={stack.name}` puts that right" in found
    assert f"nginx is exited (exit code 0): `docker start {stopped.name}`" in found
    assert "does not answer at 127.0.0.1" in found
    code, output = make_up(stack)
    assert code == 0, output
    assert f"the container {stopped.name} is stopped" in output
    assert "(--refresh)" in output
    assert output.endswith(f"==> Task Tracker is at http://localhost:{stack.port}\n")
    assert problems(stack) == ""
    stack.expect_no_changes()
