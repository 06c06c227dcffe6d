"""The state in a bucket: moves there and back, locks of updates that run or were killed, passphrases."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest
from botocore.config import Config

from components.certificates import new_authority, new_server_certificate
from images.catalog import local_reference
from ops.tt.errors import Exit
from tests.e2e.stack import COMMAND_TIMEOUT, Stack, eventually
from tests.leftovers import name_of_this_run, remove, remove_those_of_dead_runs
from toolchain.steps import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.docker]

#: Beside the numbers of the other stacks.
NUMBER = 80

PORT = 18000 + 10 * NUMBER

BUCKET, PLAIN_BUCKET = "states", "without-versions"

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "state-user", "AWS_SECRET_ACCESS_KEY": "state-secret-key", "AWS_REGION": "local"}


@dataclass(frozen=True)
class Service:
    """An S3 service over TLS, with a bucket that keeps versions and one that does not."""

    env: dict[str, str]
    client: Any

    def url(self, folder: str, bucket: str = BUCKET) -> str:
        return (
            f"s3://{bucket}/{folder}?region=local&endpoint=https://127.0.0.1:{PORT}&use_path_style=true"
            "&request_checksum_calculation=when_supported"
        )

    def keys(self, folder: str) -> list[str]:
        found = self.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{folder}/").get("Contents", [])
        return [each["Key"].removeprefix(f"{folder}/") for each in found]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    engine = docker.from_env()
    remove_those_of_dead_runs(engine)
    name = name_of_this_run("e2e", "state-bucket")
    folder = tmp_path_factory.mktemp("service")
    now = datetime.now(UTC)
    authority = new_authority(now)
    server = new_server_certificate(authority, ["127.0.0.1"], now)
    for file, text in {
        "ca.crt": authority.certificate,
        "server.crt": server.certificate,
        "server.key": server.key,
    }.items():
        (folder / file).write_text(text)
        (folder / file).chmod(0o444)
    folder.chmod(0o755)
    container = engine.containers.run(
        local_reference("object_store"),
        name=name,
        labels={"stack": name},
        entrypoint=["versitygw", "--port", ":7070", "--cert", "/tls/server.crt", "--key", "/tls/server.key"],
        command=["--region", "local", "--quiet", "posix", "--versioning-dir", "/versions", "/objects"],
        environment={
            "ROOT_ACCESS_KEY": CREDENTIALS["AWS_ACCESS_KEY_ID"],
            "ROOT_SECRET_KEY": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        },
        ports={"7070/tcp": ("127.0.0.1", PORT)},
        volumes={str(folder): {"bind": "/tls", "mode": "ro"}},
        tmpfs={path: "uid=10005,gid=10005" for path in ("/objects", "/versions", "/tmp")},
        detach=True,
    )
    client = boto3.client(
        "s3", endpoint_url=f"https://127.0.0.1:{PORT}", verify=str(folder / "ca.crt"), region_name="local",
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}, connect_timeout=1, retries={"total_max_attempts": 20}),
    )  # fmt: skip
    try:
        for bucket in (BUCKET, PLAIN_BUCKET):
            client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield Service({**CREDENTIALS, "AWS_CA_BUNDLE": str(folder / "ca.crt")}, client)
    finally:
        container.remove(force=True)


@pytest.fixture
def stack(service: Service, tmp_path: Path) -> Iterator[Stack]:
    """A stack with a little of everything that a state holds, after three updates; its state is in a folder."""
    stack = Stack(tmp_path / "stack", name_of_this_run("e2e", "state"), NUMBER)
    entry = stack.folder / "__main__.py"
    entry.unlink()
    entry.symlink_to(ROOT / "tests/e2e/programs/stateful.py")
    stack.env |= service.env
    stack.up()
    yield stack
    remove(stack.docker, stack.name)


def test_x(stack: Stack, service: Service) -> None:
    print(stack.pulumi("stack", "output", "--show-secrets").stdout)
    t = time.monotonic()
    print(stack.tt("state", "move", service.url("a")))
    print(time.monotonic() - t)
    print(stack.config_file.read_text())
    print(service.keys("a"))
    stack.env["PULUMI_BACKEND_URL"] = service.url("a")
    print(stack.pulumi("stack", "output", "--show-secrets").stdout)
    print(stack.pulumi("up", "--yes", check=False).stdout)
    print(stack.tt("state", "move", "file"))
    print(stack.config_file.read_text())
    assert 0
