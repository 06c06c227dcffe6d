"""What a change of config, a secret or the code does to a running stack; and what it leaves alone."""

from __future__ import annotations

import pytest

from tests.e2e.support.releases import another_release, containers_in, slots, uninterrupted
from tests.e2e.support.stack import Stack, add_task, eventually, execute, is_done
from tests.services import SERVICES, SLOTTED

pytestmark = [pytest.mark.engine, pytest.mark.docker]


@pytest.mark.usefixtures("restored")
def test_changed_settings_show_in_the_preview_and_replace_their_services_only(stack: Stack) -> None:
    old, new = slots(stack)
    changed = {
        "nginx": {**stack.config["nginx"], "client_max_body_size": "20MB"},
        "dashboard": {"resources": {"cpus": 0.25, "memory": "128MB", "memory_reservation": "64MB"}},
    }
    stack.write_config(changed)
    # A limit is a release's own, and a setting is in a file of nginx, which takes it up as it runs.
    assert stack.planned() == {
        "docker:index/container:Container nginx-files": "replace",
        "pulumi:index:Stash nginx-files": "update",
        **another_release(old, new),
    }
    before = stack.ids()
    with uninterrupted(stack):
        stack.up()
    after = stack.ids()
    assert {name for name, each in after.items() if before.get(name) != each} == {"nginx-files", *containers_in(new)}
    assert before.keys() - after.keys() == containers_in(old)
    assert stack.slot() == new
    config = stack.container("nginx").exec_run(["cat", "/tmp/files/current/nginx.conf"]).output
    assert b"client_max_body_size 20m;" in config
    limits = stack.container("dashboard").attrs["HostConfig"]
    assert limits["NanoCpus"] == 250_000_000
    assert limits["Memory"] == limits["MemorySwap"] == 128 * 2**20
    stack.expect_no_changes()


@pytest.mark.nightly
@pytest.mark.usefixtures("restored")
def test_up_waits_until_nginx_has_taken_up_a_changed_file(stack: Stack) -> None:
    stack.write_config({"nginx": {**stack.config["nginx"], "client_max_body_size": "30MB"}})
    nginx = stack.container("nginx")
    nginx.pause()
    try:
        result = stack.up(check=False)
    finally:
        nginx.unpause()
    assert result.returncode != 0
    name = f"tasktracker-{stack.name}-nginx"
    assert f"{name} is paused, so it does not use its changed files" in result.stdout
    assert f"`docker unpause {name}`" in result.stdout
    assert "Traceback" not in result.stdout
    # The failure was not taken for done.
    assert stack.planned() == {"pulumi:index:Stash nginx-files": "update"}
    stack.up()
    assert b"client_max_body_size 30m;" in nginx.exec_run(["cat", "/tmp/files/current/nginx.conf"]).output


#: Secrets of the program's own that are rotated together, and who is told a new one.
ROTATED = {
    "postgres-password": {"postgres"},
    "postgres-app-password": {"postgres", "migrations", "api", "worker"},
    "nats-password": {"nats", "api", "worker"},
    "nats-backup-password": {"nats", "file-backups"},
}


@pytest.mark.nightly
def test_rotated_passwords_replace_what_uses_them_and_work(stack: Stack) -> None:
    def ask(service: str, *command: str) -> str:
        return execute(stack.container(service), *command)

    def read(service: str, file: str) -> str:
        return ask(service, "cat", f"/etc/tasktracker/{file}")

    def superuser() -> str:
        """What PostgreSQL keeps of its superuser's password, which nobody can log in with over a network."""
        query = "select rolpassword from pg_authid where rolname = 'postgres'"
        return ask("postgres", "psql", "-XAtq", "-h", "/run/postgresql", "-U", "postgres", "-c", query)

    before, (slot, _) = stack.ids(), slots(stack)
    old, old_superuser = {name: read("api", name) for name in ("database-url", "nats-url")}, superuser()
    old_backups = read("file-backups", "nats-context.json")
    endings = tuple(f"Stash::{each}" for each in ROTATED)
    urns = [each for each in stack.pulumi("stack", "--show-urns").stdout.split() if each.endswith(endings)]
    assert len(urns) == len(ROTATED)
    stack.pulumi("up", "--yes", "--skip-preview", *(f"--replace={urn}" for urn in urns))
    after = stack.ids()
    users = {f"{each}-{slot}" if each in SLOTTED else each for each in set().union(*ROTATED.values())}
    # Backups go with the server that they are of. The migrations of a release that serves do not run again.
    expected = (users | {f"{each}-files" for each in users} | {"backups"}) - {"migrations"}
    assert {name for name in before if before[name] != after[name]} == expected
    with stack.client() as client:
        task = add_task(client, "after the rotation")
        eventually(lambda: is_done(client, task), 10, "the task is done")
    assert stack.tt("files", "now")[0] == 0
    assert superuser() != old_superuser
    assert read("file-backups", "nats-context.json") != old_backups
    for file, program, refusal in (
        ("database-url", LOGIN, b"InvalidPasswordError"),
        ("nats-url", CONNECT, b"Authorization Violation"),
    ):
        assert read("api", file) != old[file]
        refused = stack.container("api").exec_run(["python3", "-c", program, old[file].strip()])
        assert refusal in refused.output
    stack.expect_no_changes()


LOGIN = "import asyncio, asyncpg, sys; asyncio.run(asyncpg.connect(sys.argv[1]))"
CONNECT = "import asyncio, nats, sys; asyncio.run(nats.connect(sys.argv[1], allow_reconnect=False))"


@pytest.mark.nightly
def test_down_and_up_keeps_the_tasks(stack: Stack) -> None:
    with stack.client() as client:
        response = client.post("/api/tasks", json={"title": "survivor", "notes": "secret plans"})
        task = response.json()["id"]
        eventually(lambda: is_done(client, task), 10, "the task is done")
        stack.pulumi("destroy", "--exclude-protected", "--yes", "--skip-preview")
        assert stack.containers(all=True) == []
        assert stack.docker.networks.list(filters=stack.filters) == []
        volumes = {volume.name for volume in stack.docker.volumes.list(filters=stack.filters)}
        assert volumes == {
            f"tasktracker-{stack.name}-{each}" for each in ("postgres-data", "nats-data", "uploads", "objects")
        }
        stack.up()
        kept = client.get(f"/api/tasks/{task}").raise_for_status().json()
    assert (kept["title"], kept["notes"], kept["status"]) == ("survivor", "secret plans", "done")
    stack.expect_no_changes()


@pytest.mark.nightly
def test_what_was_deleted_comes_back_with_a_refresh_and_disturbs_nothing_else(stack: Stack) -> None:
    """A service, and the carriers that `docker container prune` takes: their files are in volumes all the same."""
    slot, _ = slots(stack)
    kept = {f"{each}-{slot}" if each in SLOTTED else each for each in SERVICES} - {"nginx"}
    others = {name: each for name, each in stack.ids().items() if name in kept}
    assert others.keys() == kept
    stack.container("nginx").remove(force=True)
    for container in stack.containers(all=True):
        if str(container.name).endswith("-files"):
            container.remove()
    stack.pulumi("up", "--yes", "--skip-preview", "--refresh")
    assert stack.healthy("nginx")
    assert {name: each for name, each in stack.ids().items() if name in others} == others
    stack.expect_no_changes()
