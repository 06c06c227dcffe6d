"""New keys of clouds, and a new digest key, for a stack of prod's shape on the real engine; Docker and clouds are
fakes. What a running stack makes of other new secrets is in test_changes.py and test_object_store.py."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from policies.aws.bucket_keys import ACCESS_KEY
from policies.resource import VOLUME
from tests.e2e.environments.test_tunnel import CONTAINER, UP, by_method
from tests.e2e.fakes.cloud import FUNCTIONS, Cloud, Request
from tests.e2e.support.prod import prod_stack
from tests.e2e.support.stack import Stack
from tests.services import SLOTTED
from toolchain.process.steps import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.nightly]

#: Beside the numbers of the other stacks; nothing of it is made on the host.
NUMBER = 71

TUNNEL_TOKEN = "cloudflare:index/getZeroTrustTunnelCloudflaredToken:getZeroTrustTunnelCloudflaredToken"

#: What comes to the containers with the keys to the bucket, and with the tunnel's token.
USERS_OF_THE_BUCKET = ("postgres", "backups", "drills", "file-backups")
USERS_OF_THE_TOKEN = ("cloudflared-1", "cloudflared-2")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Cloud]]:
    with prod_stack(tmp_path_factory.mktemp("rotation") / "stack", NUMBER) as (stack, cloud):
        stack.pulumi(*UP)
        yield stack, cloud


def anew(stack: Stack, *secrets: str) -> list[str]:
    """Options that have the engine make secrets anew, by the function that docs/SECURITY.md has for it."""
    page = (ROOT / "docs" / "SECURITY.md").read_text()
    (function,) = re.findall(r"^urn\(\) .+$", page, re.MULTILINE)
    script = "\n".join([function.replace("STACK", stack.name), *(f"urn {each}" for each in secrets)])
    result = subprocess.run(
        ["bash", "-euc", script], cwd=stack.folder, env=stack.env, capture_output=True, text=True, check=True
    )
    urns = result.stdout.split()
    assert len(urns) == len(secrets)
    return [f"--replace={urn}" for urn in urns]


def rotate(stack: Stack, cloud: Cloud, *secrets: str) -> list[Request]:
    """What an update changes that makes these secrets anew, in order."""
    before = len(cloud.changes())
    stack.pulumi(*UP, *anew(stack, *secrets))
    stack.pulumi("preview", "--expect-no-changes")
    return cloud.changes()[before:]


def made(changes: list[Request]) -> set[str]:
    """The containers that were made anew."""
    return {each.name for each in changes if (each.method, each.type) == ("Create", CONTAINER)}


def test_what_data_is_encrypted_with_is_not_rotated_by_accident(running: tuple[Stack, Cloud]) -> None:
    stack, _ = running
    secrets = ("encryption-key", "backup-passphrase")
    result = stack.pulumi("preview", *anew(stack, *secrets), check=False)
    assert result.returncode != 0
    for secret in secrets:
        assert re.search(
            rf"unable to replace resource \S+::{secret}\"\s+as it is currently marked for protection", result.stdout
        )


def test_a_new_digest_key_restarts_what_has_files_and_changes_nothing_else(running: tuple[Stack, Cloud]) -> None:
    stack, cloud = running
    changes = rotate(stack, cloud, "digest-key")
    with_files = {
        each.name
        for each in cloud.kept(CONTAINER)
        if "files" in {label["label"] for label in each.plain.get("labels", [])}
    }
    # nginx has the digest in a file, and takes that up by itself. Migrations run for a new release.
    assert made(changes) == with_files - {"migrations"} | {"nginx-files"}
    assert {"api-blue", "worker-blue", "nats", "postgres"} <= with_files
    assert "nginx" not in with_files
    assert {each.type for each in changes} == {CONTAINER}


def test_a_new_key_of_releases_brings_the_release_to_the_other_slot_with_the_next_update(
    running: tuple[Stack, Cloud],
) -> None:
    stack, cloud = running
    before = len(cloud.changes())
    stack.pulumi(*UP, *anew(stack, "release-key"))
    assert cloud.changes()[before:] == []
    stack.pulumi(*UP)
    there = {f"{service}-green" for service in SLOTTED}
    with_files = {"api-green-files", "worker-green-files"}
    # What served before stays as it is. The migrations get the digest of the test before.
    assert by_method(cloud.changes()[before:]) == sorted(
        [
            *(("Create", CONTAINER, each) for each in {*there, *with_files, "migrations"}),
            *(("Create", VOLUME, each) for each in with_files),
            ("Delete", CONTAINER, "migrations"),
        ]
    )
    stack.pulumi("preview", "--expect-no-changes")


def test_new_keys_of_clouds_reach_those_who_use_them_before_the_old_ones_go(
    running: tuple[Stack, Cloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, cloud = running
    # The token is Cloudflare's to change, and the next update reads it.
    token = FUNCTIONS[TUNNEL_TOKEN]
    monkeypatch.setitem(FUNCTIONS, TUNNEL_TOKEN, lambda inputs: {**token(inputs), "token": "another-token-of-it"})
    stack.pulumi("config", "set", "--secret", "cloudflare_api_token", stdin="another-api-token-of-nobody")
    old = {each.name: each.id for each in cloud.kept(ACCESS_KEY)}
    changes = rotate(stack, cloud, "backups-writer", "backups-reader")

    users = {*USERS_OF_THE_BUCKET, *USERS_OF_THE_TOKEN}
    assert made(changes) == users | {f"{each}-files" for each in users}
    assert {each.type for each in changes} == {CONTAINER, ACCESS_KEY}
    new = {each.name: each.id for each in cloud.kept(ACCESS_KEY)}
    assert set(new) == set(old)
    assert not {*new.values()} & {*old.values()}
    files = {each.name: str(each.plain.get("uploads")) for each in cloud.kept(CONTAINER)}
    assert new["backups-writer"] in files["postgres-files"]
    assert new["backups-reader"] in files["drills-files"]
    assert "another-token-of-it" in files["cloudflared-2-files"]
    # AWS knows both keys until nobody has the old one any more.
    steps = [(each.method, each.type, each.name) for each in changes]
    last = max(steps.index(("Create", CONTAINER, each)) for each in USERS_OF_THE_BUCKET)
    for key in new:
        first = min(steps.index(("Create", CONTAINER, f"{each}-files")) for each in ("postgres", "drills"))
        assert steps.index(("Create", ACCESS_KEY, key)) < first
        assert last < steps.index(("Delete", ACCESS_KEY, key))
    # One replica of the tunnel serves while the other one is replaced.
    first_replica, second_replica = USERS_OF_THE_TOKEN
    assert steps.index(("Create", CONTAINER, first_replica)) < steps.index(("Delete", CONTAINER, second_replica))
