"""The bucket in AWS for backups: the program on the real engine, with the policy pack and an AWS that is a fake."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from policies.aws.bucket_keys import ACCESS_KEY, USER
from policies.values import has_unknown
from tests.e2e.environments.test_environments import OUTSIDE_DEV
from tests.e2e.fakes.cloud import ACCOUNT, AWS_SECRET, FUNCTIONS, Cloud, plain, serving
from tests.e2e.policies.test_clouds import state
from tests.e2e.support.stack import Stack, violations
from toolchain.pulumi_engine.engine import POLICY_OPTIONS

pytestmark = pytest.mark.engine

#: Beside the numbers of the other stacks.
NUMBER = 86

BUCKET = f"tasktracker-prod-backups-{ACCOUNT}"


def new_stack(folder: Path, environment: str = "prod") -> Stack:
    backup = {"repository": "aws", "aws": {"region": "eu-central-1"}}
    return Stack(folder / "stack", environment, NUMBER, {"environment": environment, "backup": backup, **OUTSIDE_DEV})


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with serving(["aws"]) as cloud:
        yield cloud


def run(stack: Stack, cloud: Cloud, *command: str) -> tuple[int, str]:
    """Exit code and output of a command, with no Docker in reach."""
    result = stack.pulumi(*command, check=False, env=cloud.env, without_docker=True)
    assert "Traceback" not in result.stdout
    return result.returncode, result.stdout


@pytest.mark.parametrize("environment", ["prod", "staging"])
def test_a_preview_shows_the_bucket_and_passes_with_no_waiver(cloud: Cloud, tmp_path: Path, environment: str) -> None:
    before = len(cloud.requests)
    code, output = run(new_stack(tmp_path, environment), cloud, "preview", *POLICY_OPTIONS)
    assert code == 0, output
    assert "docker-hosts@v" in output
    assert re.search(r"aws:s3:Bucket +backups +create", output), output
    assert violations(output) == set()
    planned = [each for each in cloud.requests[before:] if each.method == "Create"]
    assert {each.inputs["bucket"] for each in planned if each.type.startswith("aws:s3/")} == {
        f"tasktracker-{environment}-backups-{ACCOUNT}",
        f"tasktracker-{environment}-backups-{ACCOUNT}-logs",
    }
    # The pack is sure of nothing that is known only at `up`.
    assert not [each for each in planned if has_unknown(plain(each.inputs))]


def test_the_bucket_is_made_once_and_stays(cloud: Cloud, tmp_path: Path) -> None:
    stack = new_stack(tmp_path)
    entry = stack.folder / "__main__.py"
    entry.unlink()
    shutil.copy(Path(__file__).parents[1] / "programs/backup_bucket.py", entry)
    code, output = run(stack, cloud, "up", "--yes", "--skip-preview", *POLICY_OPTIONS)
    assert code == 0, output
    assert violations(output) == set()
    parts = sorted(each.type for each in cloud.things.values() if each.type.startswith("aws:s3/"))
    assert len(parts) == 16
    assert {each.plain["bucket"] for each in cloud.things.values() if each.type in parts} == {BUCKET, f"{BUCKET}-logs"}
    assert {each.id for each in cloud.kept(USER)} == {
        f"tasktracker-prod-backups-{each}" for each in ("reader", "writer")
    }
    assert [each.outputs["secret"] for each in cloud.kept(ACCESS_KEY)] == [AWS_SECRET] * 2
    assert AWS_SECRET not in state(stack)

    code, output = run(stack, cloud, "preview", "--expect-no-changes", "--refresh")
    assert code == 0, output

    changes = len(cloud.changes())
    code, output = run(stack, cloud, "destroy", "--yes")
    assert code != 0
    assert "protected" in output
    assert len(cloud.changes()) == changes

    # Even then it is only forgotten, with no part of it gone.
    stack.pulumi("state", "unprotect", "--all", "--yes")
    code, output = run(stack, cloud, "destroy", "--yes", "--skip-preview")
    assert code == 0, output
    assert sorted(each.type for each in cloud.things.values()) == parts


def test_no_credentials_is_one_message(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(FUNCTIONS, "aws:index/getCallerIdentity:getCallerIdentity")
    code, output = run(new_stack(tmp_path), cloud, "preview")
    assert code != 0
    assert "tasktracker:backup.aws: AWS doesn't say which account this is; check its credentials" in output
