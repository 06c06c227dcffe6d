"""What a change of config, a secret or the code does to a running stack; and what it leaves alone."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.stack import SERVICES, Stack, add_task, eventually, is_done

pytestmark = [pytest.mark.engine, pytest.mark.docker]

#: Seconds that a failing start may take in a test.
START_TIMEOUT = 10


@pytest.fixture
def restored(stack: Stack) -> Iterator[None]:
    """Brings the stack back to its config, whatever the test did."""
    yield
    stack.write_config()
    stack.up()


@pytest.fixture
def unchanged(stack: Stack) -> Iterator[None]:
    """Asserts that what failed changed nothing, and brings the config back."""
    before = stack.ids()
    yield
    stack.write_config()
    assert stack.ids() == before


def replaced(stack: Stack, change: Callable[[], Any]) -> set[str]:
    """Names of the containers that `change` and an `up` replaced."""
    before = stack.ids()
    change()
    stack.up()
    after = stack.ids()
    assert set(after) == set(before)
    return {name for name in before if before[name] != after[name]}


@pytest.mark.usefixtures("restored")
def test_a_changed_setting_shows_in_the_preview_and_replaces_its_service_only(stack: Stack) -> None:
    larger = {"nginx": {**stack.config["nginx"], "client_max_body_size": "20MB"}}
    stack.write_config(larger)
    assert stack.planned() == {
        "docker:index/container:Container nginx-files": "replace",
        "docker:index/container:Container nginx": "replace",
    }
    assert replaced(stack, lambda: None) == {"nginx-files", "nginx"}
    config = stack.container("nginx").exec_run(["cat", "/etc/tasktracker/nginx.conf"]).output
    assert b"client_max_body_size 20m;" in config


@pytest.mark.usefixtures("restored")
def test_a_changed_health_check_or_limit_takes_effect(stack: Stack) -> None:
    small = {"dashboard": {"resources": {"cpus": 0.25, "memory": "128MB", "memory_reservation": "64MB"}}}
    assert replaced(stack, lambda: stack.write_config(small)) == {"dashboard"}
    limits = stack.container("dashboard").attrs["HostConfig"]
    assert limits["NanoCpus"] == 250_000_000
    assert limits["Memory"] == limits["MemorySwap"] == 128 * 2**20
    stack.expect_no_changes()


def test_a_rotated_password_replaces_what_uses_it_and_works(stack: Stack) -> None:
    urns = stack.pulumi("stack", "--show-urns").stdout.split()
    urn = next(each for each in urns if each.endswith("Stash::postgres-app-password"))
    before = stack.ids()
    old = stack.container("api").exec_run(["cat", "/etc/tasktracker/database-url"]).output
    stack.pulumi("up", "--yes", "--skip-preview", "--replace", urn)
    after = stack.ids()
    users = {"postgres", "migrations", "api", "worker"}
    assert {name for name in before if before[name] != after[name]} == users | {f"{each}-files" for each in users}
    assert stack.container("api").exec_run(["cat", "/etc/tasktracker/database-url"]).output != old
    with stack.client() as client:
        task = add_task(client, "after the rotation")
        eventually(lambda: is_done(client, task), 10, "the task is done")
    refused = stack.container("api").exec_run(
        ["python3", "-c", LOGIN, old.decode().strip()],
    )
    assert b"InvalidPasswordError" in refused.output
    stack.expect_no_changes()


LOGIN = "import asyncio, asyncpg, sys; asyncio.run(asyncpg.connect(sys.argv[1]))"


def test_down_and_up_keeps_the_tasks(stack: Stack) -> None:
    with stack.client() as client:
        response = client.post("/api/tasks", json={"title": "survivor", "notes": "secret plans"})
        task = response.json()["id"]
        eventually(lambda: is_done(client, task), 10, "the task is done")
        stack.pulumi("destroy", "--exclude-protected", "--yes", "--skip-preview")
        assert stack.containers(all=True) == []
        assert stack.docker.networks.list(filters=stack.filters) == []
        volumes = {volume.name for volume in stack.docker.volumes.list(filters=stack.filters)}
        assert volumes == {f"tasktracker-{stack.name}-{each}" for each in ("postgres-data", "nats-data", "uploads", "objects")}
        stack.up()
        kept = client.get(f"/api/tasks/{task}").raise_for_status().json()
    assert (kept["title"], kept["notes"], kept["status"]) == ("survivor", "secret plans", "done")
    stack.expect_no_changes()


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


def test_a_deleted_container_comes_back_with_a_refresh(stack: Stack) -> None:
    stack.container("nginx").remove(force=True)
    stack.pulumi("up", "--yes", "--skip-preview", "--refresh")
    assert stack.healthy("nginx")
    stack.expect_no_changes()


def test_pruned_carriers_disturb_nothing(stack: Stack) -> None:
    """`docker container prune` takes the carriers; the files are in the volumes all the same."""
    running = {name: each for name, each in stack.ids().items() if name in SERVICES}
    for container in stack.containers(
        all=True,
    ):
        if str(container.name).endswith("-files"):
            container.remove()
    stack.pulumi("up", "--yes", "--skip-preview", "--refresh")
    assert {name: each for name, each in stack.ids().items() if name in SERVICES} == running
    stack.expect_no_changes()


def test_tls(make_stack: Callable[..., Stack], tmp_path: Path) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    subprocess.run(
        ["openssl", "req", "-x509", *algorithm, *subject, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    stack = make_stack()
    stack.config["nginx"]["tls"] = True
    stack.write_config()
    refused = stack.pulumi("preview", check=False)
    assert refused.returncode != 0
    assert "tls_certificate" in refused.stdout
    assert "tls_key" in refused.stdout
    for name, path in (("tls_certificate", certificate), ("tls_key", key)):
        subprocess.run(
            ["pulumi", "config", "set", "--secret", name, "--stack", stack.name, "--cwd", stack.folder],
            stdin=path.open(), env=stack.env, check=True, capture_output=True,
        )  # fmt: skip
    stack.up()
    secure = f"https://localhost:{stack.tls_port}"
    redirect = httpx.get(f"{stack.url}/api/version?x=1")
    assert (redirect.status_code, redirect.headers["location"]) == (301, f"{secure}/api/version?x=1")
    with httpx.Client(base_url=secure, verify=ssl.create_default_context(cafile=certificate), timeout=5) as client:
        response = client.get("/api/version").raise_for_status()
        assert "max-age=63072000" in response.headers["strict-transport-security"]
        task = add_task(client, "over TLS")
        eventually(lambda: is_done(client, task), 10, "the task is done")
    assert key.read_text().splitlines()[1] not in "".join(
        path.read_text() for path in (stack.folder / "state").rglob("*") if path.is_file()
    )
    stack.expect_no_changes()
