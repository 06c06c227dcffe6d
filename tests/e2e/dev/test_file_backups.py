"""Backups of files on a real stack: uploads and messages that were lost come back."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import cast

import pytest

from tests.e2e.support.stack import Stack, add_task, eventually, is_done

pytestmark = [pytest.mark.engine, pytest.mark.docker, pytest.mark.nightly]

UPLOADS = "/var/lib/tasktracker"
CONTEXT = "/etc/tasktracker/nats-context.json"

#: Seconds for a task.
PATIENCE = 30


def sh(stack: Stack, service: str, script: str) -> str:
    """What a script prints in a service's container."""
    code, output = stack.container(service).exec_run(["sh", "-c", script], demux=True)
    assert code == 0, output
    # With `demux`, which the stubs leave out: the output and the errors, each None where there is none.
    printed, _ = cast("tuple[bytes | None, bytes | None]", output)
    return (printed or b"").decode()


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


def test_what_was_lost_comes_back(stack: Stack) -> None:
    sh(stack, "api", f"mkdir -p {UPLOADS}/docs; echo kept > '{UPLOADS}/docs/a file'; chmod 600 {UPLOADS}/docs/*")
    as_the_app(stack, "await js.add_stream(name='orders', subjects=['orders.*'])")
    as_the_app(stack, "[await js.publish('orders.new', b'%d' % n) for n in range(50)]")
    code, taken = stack.tt("files", "now")
    assert code == 0, taken
    ids = {each["what"]: each["id"] for each in taken["saved"]}

    sh(stack, "api", f"rm -r {UPLOADS}/docs; echo later > {UPLOADS}/later")
    as_the_app(stack, "await js.delete_stream('orders')")
    before, config = stack.ids(), stack.config_file.read_bytes()
    code, told = stack.tt("files", "restore", "--uploads", ids["uploads"], "--nats", ids["nats"], "--yes")
    assert code == 0, told

    assert sh(stack, "worker", f"cat '{UPLOADS}/docs/a file' {UPLOADS}/later; stat -c '%a %u' {UPLOADS}/docs/*") == (
        "kept\nlater\n600 10004\n"
    )
    assert messages(stack, "orders") == 50
    # Nothing that serves was touched by it, and nothing of it is left.
    assert (stack.ids(), stack.config_file.read_bytes()) == (before, config)
    # What was there before can be had back.
    code, listed = stack.tt("files", "list")
    assert {each["what"] for each in listed["sets"] if each["before_restore"]} == {"uploads", "nats"}
    # The jobs' own stream is what it was, so the app goes on.
    with stack.client() as client:
        task = add_task(client, "after the restore")
        eventually(lambda: is_done(client, task), PATIENCE, "the task is done")


def test_a_set_that_is_not_there_changes_nothing(stack: Stack) -> None:
    before, config = stack.ids(), stack.config_file.read_bytes()
    code, told = stack.tt("files", "restore", "--uploads", "ffffffff", "--yes")
    assert (code, told["code"]) == (2, 2)
    assert "there is no such set" in told["error"]
    assert (stack.ids(), stack.config_file.read_bytes()) == (before, config)


def test_the_state_is_saved_and_fetched(stack: Stack, tmp_path: Path) -> None:
    code, saved = stack.tt("state", "save")
    assert code == 0, saved
    archive = tmp_path / "state.tar"
    assert stack.tt("state", "fetch", str(archive), "--set", saved["id"])[0] == 0
    with tarfile.open(archive) as tar:
        deployment = tar.extractfile(f"state/.pulumi/stacks/tasktracker/{stack.name}.json")
        assert deployment is not None
        assert deployment.read() == (stack.folder / f"state/.pulumi/stacks/tasktracker/{stack.name}.json").read_bytes()


def test_no_secret_shows(stack: Stack) -> None:
    container = stack.container("file-backups")
    assert stack.healthy("file-backups")
    password = json.loads(sh(stack, "file-backups", f"cat {CONTEXT}"))["password"]
    key = json.loads(sh(stack, "file-backups", "cat /etc/tasktracker/s3.json"))["aliases"]["s3"]["secretKey"]
    passphrase = sh(stack, "file-backups", "cat /etc/tasktracker/passphrase")
    state = stack.pulumi("stack", "export").stdout
    for secret in (password, key, passphrase):
        assert secret not in str(container.attrs) + container.logs().decode() + state
