"""What the program checks on its Docker host before it changes anything, and what a preview then shows of a change."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import httpx
import pytest

from tests.e2e.support.releases import another_release, containers_in, slots
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
        uses = rf":api.resources.memory = 96MB: {stack.container('api').name} uses (\d+) MB now, so at least (\d+)MB"
        found = re.search(uses, said)
        assert found, said
        assert 120 < int(found[1]) < int(found[2]) < 250


def test_a_change_shows_just_that(stack: Stack) -> None:
    stack.write_config(
        {"nginx": {**stack.config["nginx"], "client_max_body_size": "11MB"}, "backup": {"drill": {"max_age": "216h"}}}
    )
    try:
        diff = stack.pulumi("preview", "--diff").stdout
    finally:
        stack.write_config()
    # nginx.conf has the size twice, as the limit and in the text of the error; the drills one variable. What else is
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
    [variable] = [line.strip() for line in diff.splitlines() if "MAX_DRILL_AGE" in line]
    assert re.fullmatch(r'~ \[\d\]: "MAX_DRILL_AGE=691200" => "MAX_DRILL_AGE=777600"', variable), diff
    assert "mounts" not in diff


def in_order(inputs: dict[str, Any]) -> dict[str, Any]:
    """A container's inputs with mounts and networks sorted: of one that is there they are in Docker's order."""
    mounts = sorted(inputs.get("mounts") or [], key=lambda its: str(its["target"]))
    networks = sorted(inputs.get("networksAdvanced") or [], key=lambda its: str(its["name"]))
    return {**inputs, "mounts": mounts, "networksAdvanced": networks}


def test_another_release_differs_in_just_what_was_changed(stack: Stack) -> None:
    old, new = slots(stack)
    stack.write_config({"worker": {"log_level": "debug"}})
    try:
        preview = json.loads(stack.pulumi("preview", "--json").stdout)
        assert stack.planned() == another_release(old, new)
    finally:
        stack.write_config()
    containers = {
        step["urn"].rpartition("::")[2]: step["oldState" if step["op"] == "delete" else "newState"]["inputs"]
        for step in preview["steps"]
        if step["op"] in ("create", "delete") and "$docker:index/container:Container::" in step["urn"]
    }
    assert containers.keys() == containers_in(old) | containers_in(new)
    # A slot has its own names and addresses, and its release an id.
    own = rf"\b({old}|{new})\b|(?<=\"ipv4Address\": )\"[\d.]+\"|(?<=\"release-id\", \"value\": )\"\w+\""
    found = {
        name: re.sub(own, "ITS", json.dumps(in_order(inputs), sort_keys=True)) for name, inputs in containers.items()
    }
    for name in containers_in(old):
        before, after = found[name], found[name.replace(old, new)]
        if name == f"worker-{old}":
            assert before.count("TASKTRACKER_LOG_LEVEL=info") == 1
            before = before.replace("TASKTRACKER_LOG_LEVEL=info", "TASKTRACKER_LOG_LEVEL=debug")
        assert after == before


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
