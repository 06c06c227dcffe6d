"""What the program checks on its Docker host before it changes anything, and what a preview then shows of a change."""

from __future__ import annotations

import re
import socket
from typing import Any

import httpx
import pytest

from tests.e2e.support.stack import Stack, eventually

pytestmark = [pytest.mark.engine, pytest.mark.docker]

#: Of the config that every dev stack has: an image that is on the host, by another tag.
MISSING = "tasktracker/dashboard:not-there"


def refusals(stack: Stack, changes: dict[str, Any], *, preview: bool = True) -> list[str]:
    """What the preview and the update of a changed config report, which both refuse it and change nothing."""
    before = stack.ids()
    stack.write_config({key: {**stack.config.get(key, {}), **value} for key, value in changes.items()})
    try:
        results = [stack.pulumi("preview", check=False)] if preview else []
        results.append(stack.up(check=False))
    finally:
        stack.write_config()
    assert all(each.returncode != 0 for each in results)
    assert all("Traceback" not in each.stdout for each in results)
    assert stack.ids() == before
    texts = [" ".join(each.stdout.partition("Diagnostics:")[2].split()) for each in results]
    assert all("Nothing was changed" in each for each in texts)
    assert httpx.get(f"{stack.url}/").status_code == 200
    return texts


def test_an_image_that_cannot_be_had_leaves_what_runs(stack: Stack) -> None:
    for said in refusals(stack, {"images": {"dashboard": MISSING}}):
        assert f"images.dashboard: {MISSING}: " in said


def test_an_image_that_was_removed_is_noticed_before_its_container_is_replaced(stack: Stack) -> None:
    image = stack.container("dashboard").attrs["Config"]["Image"]
    identifier = str(stack.docker.images.get(image).id)
    stack.docker.images.remove(image, force=True, noprune=True)
    try:
        # `make up` would build it, so that its preview goes on.
        (said,) = refusals(stack, {"dashboard": {"start_timeout": "3m"}}, preview=False)
    finally:
        stack.docker.images.get(identifier).tag(*image.rsplit(":", 1))
    assert f"images.dashboard: {image}: it is built on this machine: `make up STACK={stack.name}` does that" in said


def test_a_port_of_another_process_leaves_what_runs(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for said in refusals(stack, {"nginx": {"publish": {"address": "127.0.0.1", "port": port}}}):
            assert f"is in use already, at 127.0.0.1:{port} of the process " in said


def test_a_limit_below_what_is_in_use_leaves_what_runs(stack: Stack) -> None:
    # Files in memory count, up to the size of that file system.
    stack.container("api").exec_run(["dd", "if=/dev/zero", "of=/tmp/fill", "bs=1M", "count=60"])
    try:
        texts = refusals(stack, {"api": {"resources": {"memory": "96MB", "memory_reservation": "64MB"}}})
    finally:
        stack.container("api").exec_run(["rm", "/tmp/fill"])
    for said in texts:
        found = re.search(r":api.resources.memory = 96MB: \S+-api uses (\d+) MB now, so at least (\d+)MB", said)
        assert found, said
        assert 120 < int(found[1]) < int(found[2]) < 250


def test_a_change_shows_just_that(stack: Stack) -> None:
    stack.write_config(
        {"nginx": {**stack.config["nginx"], "client_max_body_size": "11MB"}, "worker": {"log_level": "debug"}}
    )
    try:
        diff = stack.pulumi("preview", "--diff").stdout
    finally:
        stack.write_config()
    # nginx.conf has the size twice, as the limit and in the text of the error; the worker one variable. What else is
    # new are digests: of the files of nginx, and those in its manifest.
    changed = [line.strip() for line in diff.splitlines() if re.match(r"\s+[-+] +\S", line)]
    digests = [line for line in changed if re.search(r"\b[0-9a-f]{12}\b|\b[0-9a-f]{64}\b", line)]
    # The provider shows its own defaults, which no program declares.
    defaults = r"[-+] (__defaults|contentBase64|executable|group|owner|source|sourceHash|pid|urn|provider) *:"
    rest = [re.sub(r"\s+", " ", line) for line in changed if line not in digests and not re.match(defaults, line)]
    too_large = (
        """{} return 413 '{{"type":"about:blank","title":"Content Too Large","status":413,"""
        """"detail":"A request body may have {} MB at most."}}';"""
    )
    assert rest == [
        "- client_max_body_size 10m;",
        "+ client_max_body_size 11m;",
        too_large.format("-", 10),
        too_large.format("+", 11),
    ], diff
    assert [line.strip() for line in diff.splitlines() if "LOG_LEVEL" in line] == [
        '~ [3]: "TASKTRACKER_LOG_LEVEL=info" => "TASKTRACKER_LOG_LEVEL=debug"'
    ], diff
    assert "mounts" not in diff


def test_a_fork_bomb_stays_in_its_container(stack: Stack) -> None:
    limits = {str(each.name): each.attrs["HostConfig"]["PidsLimit"] for each in stack.containers()}
    assert set(limits.values()) == {1024}
    # Bounded itself: 1,200 processes that end after some seconds.
    bomb = "i=0; while [ $i -lt 1200 ]; do sleep 5 & i=$((i + 1)); done"
    code, output = stack.container("api").exec_run(["sh", "-c", bomb])
    assert code != 0
    assert b"fork" in output
    # The others have theirs.
    assert httpx.get(f"{stack.url}/").status_code == 200
    assert stack.container("postgres").exec_run(["pg_isready"]).exit_code == 0
    eventually(lambda: httpx.get(f"{stack.url}/api/health").is_success, 60, "the api answers")
    eventually(lambda: stack.container("api").health == "healthy", 60, "the api is healthy")
