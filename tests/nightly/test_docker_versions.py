"""The dev stack on the newest Docker that Debian has, beside Debian 12's 20.10 that the other tests run on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from components.preflight.engine_version import NEWEST_MAJOR, notice, refusal
from images.catalog import local_reference
from settings.services import SERVICES
from tests.e2e.dev.test_audit import audit
from tests.e2e.support.comeback import ENDS, expect_comeback
from tests.e2e.support.stack import Stack, add_task, eventually, is_done
from tests.leftovers import name_of_this_run
from tests.nightly.debian_docker import DebianDocker, debian_docker

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.engine,
    pytest.mark.docker,
    pytest.mark.skipif(os.geteuid() != 0, reason="a second Docker engine takes root"),
]

#: The releases, each with the major version of its Docker, and the numbers of the stack and of the host there.
RELEASES = {"trixie": (26, 70, 71), "sid": (NEWEST_MAJOR, 72, 73)}

#: Seconds for a task, on a machine that has just started everything.
TASK_TIMEOUT = 60


@dataclass(frozen=True)
class There:
    """A stack on the engine of a release."""

    host: DebianDocker
    stack: Stack
    major: int

    def client(self) -> httpx.Client:
        """What nginx publishes."""
        return httpx.Client(base_url=f"http://{self.host.address}:{self.stack.port}", timeout=5, trust_env=False)


@pytest.fixture(scope="module", params=RELEASES)
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    """The dev stack, up on the engine of a release."""
    major, number, host_number = RELEASES[request.param]
    with debian_docker(request.param, host_number) as host:
        host.load(
            [local_reference(image) for image in sorted({each.folder for each in SERVICES.values() if each.local})]
        )
        published = {"address": host.address, "port": 18000 + 10 * number}
        stack = Stack(
            tmp_path_factory.mktemp(request.param) / "stack",
            name_of_this_run("e2e", number),
            number,
            {"nginx": {"publish": published, "rate_limit": {"requests_per_second": 1000, "burst": 1000}}},
        )
        stack.env["DOCKER_HOST"] = host.docker_host
        # In place of this machine's.
        vars(stack)["docker"] = host.client()
        stack.up()
        yield There(host, stack, major)


def test_the_version_is_one_that_the_program_knows(there: There) -> None:
    version = there.host.client().version()
    # Where Debian has a newer one, what the program says of it is to be set: in README.md, and in
    # components/preflight/engine_version.py.
    assert int(version["Version"].partition(".")[0]) == there.major, version["Version"]
    assert refusal(version) is notice(version) is None


def test_a_task_is_done(there: There) -> None:
    with there.client() as client:
        task = eventually(lambda: add_task(client, "nightly"), TASK_TIMEOUT, "a task is taken")
        eventually(lambda: is_done(client, task), TASK_TIMEOUT, "the task is done")


def test_previews_are_clean_and_nothing_violates_a_policy(there: There) -> None:
    there.stack.expect_no_changes()
    exported = there.stack.folder / "state.json"
    exported.write_text(there.stack.pulumi("stack", "export").stdout)
    code, found = audit(there.stack, "--state", str(exported))
    assert [each for each in found if each.get("level") == "mandatory" or each["finding"] != "violation"] == []
    assert code == 0


@pytest.mark.parametrize("end", ENDS)
def test_all_of_it_comes_back_with_the_engine(there: There, end: str) -> None:
    with there.client() as client:
        expect_comeback(there.host, there.stack, end, lambda: client.get("/api/health").is_success)


def test_a_second_update_changes_nothing_and_down_removes_everything(there: There) -> None:
    there.stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    there.stack.pulumi("destroy", "--exclude-protected", "--yes", "--skip-preview")
    assert there.stack.containers(all=True) == []
    volumes = there.stack.docker.volumes.list(filters=there.stack.filters)
    assert {str(each.name) for each in volumes} >= {f"tasktracker-{there.stack.name}-postgres-data"}
    there.stack.destroy_all()
    assert there.stack.docker.volumes.list(filters=there.stack.filters) == []
