"""Backups of files on a real stack: uploads and messages that were lost come back by `up`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.stack import Stack, eventually
from tests.e2e.test_policies import PACK

pytestmark = [pytest.mark.engine, pytest.mark.docker]

#: Beside the numbers of the other stacks.
NUMBER = 87

UPLOADS = "/var/lib/tasktracker"
CONTEXT = "/etc/tasktracker/nats-context.json"

#: Seconds for the first backup after the start.
PATIENCE = 30


@pytest.fixture(scope="module")
def files_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that was brought up under the policy pack."""
    stack = Stack(tmp_path_factory.mktemp("stacks") / str(NUMBER), f"e2e{os.getpid()}-{NUMBER}", NUMBER)
    try:
        stack.pulumi("up", "--yes", *PACK)
        yield stack
    finally:
        stack.destroy_all()


def sh(stack: Stack, service: str, script: str) -> str:
    """What a script prints in a service's container."""
    code, output = stack.container(service).exec_run(["sh", "-c", script], demux=True)
    assert code == 0, output
    return (output[0] or b"").decode()


def sets(stack: Stack) -> dict[str, list[dict[str, Any]]]:
    """The sets in the repository, oldest first, by what they hold."""
    found = json.loads(sh(stack, "file-backups", "files-list"))["sets"]
    return {what: [each for each in found if each["what"] == what] for what in ("uploads", "nats")}


def messages(stack: Stack, stream: str) -> int:
    info = f"nats --context {CONTEXT} stream info {stream} --json"
    return int(json.loads(sh(stack, "file-backups", info))["state"]["messages"])


def as_the_app(stack: Stack, script: str) -> None:
    """Runs a program in the worker, with the app's own connection to NATS as `js`."""
    program = f"""
import asyncio, nats
async def main():
    connection = await nats.connect(open("/etc/tasktracker/nats-url").read().strip())
    js = connection.jetstream()
    {script}
    await connection.close()
asyncio.run(main())
"""
    code, output = stack.container("worker").exec_run(["python", "-c", program])
    assert code == 0, output


def test_what_was_lost_comes_back_by_up(files_stack: Stack) -> None:
    stack = files_stack
    sh(stack, "api", f"mkdir -p {UPLOADS}/docs; echo kept > '{UPLOADS}/docs/a file'; chmod 600 {UPLOADS}/docs/*")
    as_the_app(stack, "await js.add_stream(name='orders', subjects=['orders.*'])")
    as_the_app(stack, "[await js.publish('orders.new', b'%d' % n) for n in range(50)]")
    sh(stack, "file-backups", "files-backup")
    found = {what: each[-1]["id"] for what, each in sets(stack).items()}

    sh(stack, "api", f"rm -r {UPLOADS}/docs; echo later > {UPLOADS}/later")
    as_the_app(stack, "await js.delete_stream('orders')")
    before = stack.ids()
    stack.write_config({"backup": {"files": {"restore": found}}})
    stack.pulumi("up", "--yes", *PACK)

    assert sh(stack, "worker", f"cat '{UPLOADS}/docs/a file' {UPLOADS}/later; stat -c '%a %u' {UPLOADS}/docs/*") == (
        "kept\nlater\n600 10004\n"
    )
    assert messages(stack, "orders") == 50
    after = stack.ids()
    # Nothing that serves was touched by it.
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {"file-restore", "file-restore-files"}
    # The jobs' own stream is what it was, so the app goes on.
    with stack.client() as client:
        task = client.post("/api/tasks", json={"title": "after the restore"}).raise_for_status().json()["id"]
        eventually(lambda: client.get(f"/api/tasks/{task}").json()["status"] == "done", PATIENCE, "the task is done")


def test_no_secret_shows(files_stack: Stack) -> None:
    container = files_stack.container("file-backups")
    assert files_stack.healthy("file-backups")
    password = json.loads(sh(files_stack, "file-backups", f"cat {CONTEXT}"))["password"]
    key = json.loads(sh(files_stack, "file-backups", "cat /etc/tasktracker/s3.json"))["aliases"]["s3"]["secretKey"]
    passphrase = sh(files_stack, "file-backups", "cat /etc/tasktracker/passphrase")
    state = files_stack.pulumi("stack", "export").stdout
    for secret in (password, key, passphrase):
        assert secret not in str(container.attrs) + container.logs().decode() + state
