"""The state in a bucket: moves there and back, locks of updates that run or were killed, passphrases."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest
import yaml
from botocore.config import Config

from components.secrets.certificates import new_authority, new_server_certificate
from images.catalog import local_reference
from ops.tt.errors import Exit
from tests.e2e.fakes.kms import answering as kms
from tests.e2e.support.stack import Stack, eventually
from tests.leftovers import name_of_this_run, remove, remove_those_of_dead_runs
from toolchain.process.steps import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.docker]

#: Beside the numbers of the other stacks.
NUMBER = 80

PORT = 18000 + 10 * NUMBER

BUCKET, PLAIN_BUCKET = "states", "without-versions"

CONFIG_SECRET, STATE_SECRET = "0123456789abcdef0123456789abcdef", "hunter2"

#: Whom the service belongs to, and who has no more rights than docs/STATE.md gives.
ROOT_KEYS, USER_KEYS = ("root", "root-secret-key"), ("state-user", "state-secret-key")


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


def documented_policy(bucket: str) -> dict[str, Any]:
    """The policy of docs/STATE.md, as one of a bucket."""
    (text,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs/STATE.md").read_text(), re.DOTALL)
    policy: dict[str, Any] = json.loads(text.replace("acme-states", bucket))
    for statement in policy["Statement"]:
        statement["Principal"] = {"AWS": [USER_KEYS[0]]}
    return policy


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
    accounts = tmp_path_factory.mktemp("accounts")
    accounts.chmod(0o777)
    user = {"access": USER_KEYS[0], "secret": USER_KEYS[1], "role": "user"}
    (accounts / "users.json").write_text(json.dumps({"accessAccounts": {USER_KEYS[0]: user}}))
    (accounts / "users.json").chmod(0o666)
    container = engine.containers.run(
        local_reference("object_store"),
        name=name,
        labels={"stack": name},
        entrypoint=["versitygw", "--port", ":7070", "--cert", "/tls/server.crt", "--key", "/tls/server.key"],
        command=[
            "--region",
            "local",
            "--quiet",
            "--iam-dir",
            "/accounts",
            "posix",
            "--versioning-dir",
            "/versions",
            "/objects",
        ],
        environment={"ROOT_ACCESS_KEY": ROOT_KEYS[0], "ROOT_SECRET_KEY": ROOT_KEYS[1]},
        ports={"7070/tcp": ("127.0.0.1", PORT)},
        volumes={str(folder): {"bind": "/tls", "mode": "ro"}, str(accounts): {"bind": "/accounts", "mode": "rw"}},
        tmpfs=dict.fromkeys(("/objects", "/versions", "/tmp"), "uid=10005,gid=10005"),
        detach=True,
    )
    client = boto3.client(
        "s3", endpoint_url=f"https://127.0.0.1:{PORT}", verify=str(folder / "ca.crt"), region_name="local",
        aws_access_key_id=ROOT_KEYS[0], aws_secret_access_key=ROOT_KEYS[1],
        config=Config(s3={"addressing_style": "path"}, connect_timeout=1, retries={"total_max_attempts": 20}),
    )  # fmt: skip
    try:
        for bucket in (BUCKET, PLAIN_BUCKET):
            client.create_bucket(Bucket=bucket)
            client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(documented_policy(bucket)))
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        keys = {"AWS_ACCESS_KEY_ID": USER_KEYS[0], "AWS_SECRET_ACCESS_KEY": USER_KEYS[1]}
        yield Service({**keys, "AWS_CA_BUNDLE": str(folder / "ca.crt")}, client)
    finally:
        container.remove(force=True)


@pytest.fixture(scope="module")
def original(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A stack with a little of everything that a state holds; its state is in a folder."""
    stack = Stack(tmp_path_factory.mktemp("original") / "stack", name_of_this_run("e2e", "state"), NUMBER)
    entry = stack.folder / "__main__.py"
    entry.unlink()
    entry.symlink_to(ROOT / "tests/e2e/programs/stateful.py")
    stack.env |= service.env
    stack.pulumi("config", "set", "--secret", "encryption_key", CONFIG_SECRET)
    stack.up()
    return stack


def copy_of(original: Stack, folder: Path) -> Stack:
    """The same stack in another folder, which is faster than a new one."""
    stack = copy.copy(original)
    stack.folder = folder
    shutil.copytree(original.folder, folder, symlinks=True)
    stack.env = {name: value.replace(str(original.folder), str(folder)) for name, value in original.env.items()}
    return stack


@pytest.fixture
def stack(original: Stack, tmp_path: Path) -> Stack:
    """The stack, of this test alone, with its state in a folder."""
    return copy_of(original, tmp_path / "stack")


@pytest.fixture(scope="module")
def in_bucket(original: Stack, service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with its state in the bucket, of the tests that leave it as it was."""
    stack = moved(copy_of(original, tmp_path_factory.mktemp("in-bucket") / "stack"), service.url("shared"))
    yield stack
    remove(stack.docker, stack.name)


def moved(stack: Stack, backend: str) -> Stack:
    """Moves the stack's state, and has Pulumi commands on it go there."""
    code, told = stack.tt("state", "move", backend)
    assert code == Exit.DONE, told
    stack.env["PULUMI_BACKEND_URL"] = told["backend"]
    return stack


def exported(stack: Stack) -> dict[str, Any]:
    """The state with its secrets encrypted, as Pulumi reads it."""
    state: dict[str, Any] = json.loads(stack.pulumi("stack", "export").stdout)
    return state


def start_up(stack: Stack) -> subprocess.Popen[str]:
    """Begins an `up` in a process group of its own."""
    return subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--stack", stack.name, "--non-interactive", "--color", "never"],
        cwd=stack.folder, env=stack.env, text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def lock_holders(stack: Stack) -> list[int]:
    """The processes that have a lock of the stack."""
    code, told = stack.tt("state", "show")
    assert code == Exit.DONE, told
    return [each["pid"] for each in told["locks"]]


def kill(process: subprocess.Popen[str]) -> None:
    """Kills an `up` with all that it has started, as a power cut does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_state_moves_to_a_bucket_and_back_and_loses_nothing(stack: Stack, service: Service) -> None:
    stack.config_file.write_text(stack.config_file.read_text().replace("config:", "config: # what people set", 1))
    stack.up()
    home = stack.env["PULUMI_BACKEND_URL"]
    config, state = stack.config_file.read_text(), exported(stack)
    history = stack.pulumi("stack", "history", "--json").stdout
    assert len(json.loads(history)) == 2
    assert [each["protect"] for each in state["deployment"]["resources"] if each["type"] == "pulumi:index:Stash"]
    # A move reads no secret, so it needs no passphrase.
    passphrase = Path(stack.env["PULUMI_CONFIG_PASSPHRASE_FILE"])
    hidden = passphrase.rename(passphrase.with_name("hidden"))
    backend = service.url("there-and-back")
    code, told = stack.tt("state", "move", backend)
    assert (code, told["resources"], told["updates"], told["previous"]) == (Exit.DONE, 3, 2, home)
    hidden.rename(passphrase)
    assert json.loads(Path(told["kept"]).read_text()) == state
    assert stat.S_IMODE(Path(told["kept"]).stat().st_mode) == 0o600
    line = f"  tasktracker:state_backend: {backend}\n"
    written = stack.config_file.read_text()
    assert [*yaml.safe_load(written)["config"]][-1] == "tasktracker:state_backend"
    assert written.replace(line, "") == config
    # The old place has no such stack, and the program refuses to make another one there.
    elsewhere = {"PULUMI_BACKEND_URL": home}
    stack.pulumi("stack", "init", stack.name, env=elsewhere)
    refused = stack.pulumi("up", "--yes", "--skip-preview", check=False, env=elsewhere)
    assert f"run `STACK={stack.name} . .tools/env` and try again" in refused.stdout
    assert "Traceback" not in refused.stdout
    stack.pulumi("stack", "rm", "--yes", "--preserve-config", env=elsewhere)
    stack.env["PULUMI_BACKEND_URL"] = backend
    assert exported(stack) == state
    assert stack.pulumi("stack", "history", "--json").stdout == history
    assert STATE_SECRET in stack.pulumi("stack", "output", "secret", "--show-secrets").stdout
    stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    assert STATE_SECRET not in "".join(
        service.client.get_object(Bucket=BUCKET, Key=f"there-and-back/{key}")["Body"].read().decode()
        for key in service.keys("there-and-back")
    )
    again, told = stack.tt("state", "move", backend)
    assert (again, told["moved"], told["config_changed"]) == (Exit.DONE, False, False)
    # `file` is where the state of a stack is whose config names no backend.
    moved(stack, "file")
    assert stack.env["PULUMI_BACKEND_URL"] == home
    assert stack.config_file.read_text() == config
    assert len(json.loads(stack.pulumi("stack", "history", "--json").stdout)) == 3
    # What Pulumi itself never asks for again: its copies of earlier states.
    left = [each for each in service.keys("there-and-back") if not each.startswith(".pulumi/backups/")]
    assert left == [".pulumi/meta.yaml", f".pulumi/stacks/tasktracker/{stack.name}.json.bak"]
    stack.pulumi("preview", "--expect-no-changes")


@pytest.mark.nightly
def test_what_a_move_refuses_changes_nothing(stack: Stack, service: Service, tmp_path: Path) -> None:
    file = stack.folder / f"state/.pulumi/stacks/tasktracker/{stack.name}.json"
    before = (stack.config_file.read_bytes(), file.read_bytes())

    def refused(code: Exit, message: str, backend: str, **env: str) -> None:
        own = stack.env
        stack.env = {**own, **env}
        found, told = stack.tt("state", "move", backend)
        stack.env = own
        assert (found, message in told["error"]) == (code, True), told
        assert (stack.config_file.read_bytes(), file.read_bytes()) == before

    refused(Exit.UNREACHABLE, "the bucket nowhere: there is no such bucket", service.url("x", "nowhere"))
    others = "/etc/ssl/certs/ca-certificates.crt"
    wrong = {"AWS_SECRET_ACCESS_KEY": "wrong"}
    refused(Exit.UNREACHABLE, f"the bucket {BUCKET}: SignatureDoesNotMatch", service.url("x"), **wrong)
    refused(Exit.UNREACHABLE, "SSL validation failed", service.url("x"), AWS_CA_BUNDLE=others)
    refused(Exit.USAGE, "unknown: reigon. Allowed are region, endpoint", f"s3://{BUCKET}?reigon=local")
    refused(Exit.USAGE, "must be s3://BUCKET", "gs://bucket")
    refused(Exit.REFUSED, "Status=Enabled", service.url("x", PLAIN_BUCKET))
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    policy = documented_policy(BUCKET)
    public = {**policy, "Statement": [*policy["Statement"], everybody]}
    service.client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(public))
    refused(Exit.REFUSED, f"the bucket {BUCKET} is public by its policy", service.url("x"))
    service.client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    # Another state of the same name.
    other = f"file://{tmp_path / 'other'}"
    (tmp_path / "other").mkdir()
    shutil.copytree(stack.folder / "state", tmp_path / "other", dirs_exist_ok=True)
    stack.up()
    before = (stack.config_file.read_bytes(), file.read_bytes())
    refused(Exit.REFUSED, "with 3 resources already, and it is not the one in", other)
    hold = stack.folder / "hold"
    hold.touch()
    running = start_up(stack)
    eventually(lambda: list((stack.folder / "state/.pulumi/locks").rglob("*.json")), 60, "the up has its lock")
    refused(Exit.REFUSED, f"another update of '{stack.name}' is under way (process {running.pid} of", service.url("x"))
    hold.unlink()
    assert running.wait() == 0
    assert not [key for key in service.keys("x") if "/stacks/" in key or "/locks/" in key]


def test_of_two_ups_at_once_one_is_refused_and_told_whose_lock_it_is(in_bucket: Stack, service: Service) -> None:
    hold = in_bucket.folder / "hold"
    hold.touch()
    first = start_up(in_bucket)
    eventually(lambda: "/locks/" in " ".join(service.keys("shared")), 60, "the first up has the lock")
    assert lock_holders(in_bucket) == [first.pid]
    second = in_bucket.up(check=False)
    assert second.returncode != 0
    assert "the stack is currently locked by 1 lock(s)" in second.stdout
    assert f"(pid {first.pid})" in second.stdout
    code, told = in_bucket.tt("state", "check")
    assert code == Exit.RED
    assert f"is under way (process {first.pid} of " in told["problems"][0]
    assert told["problems"][0].endswith("wait for its end")
    for command in (["state", "unlock"], ["recover"]):
        code, told = in_bucket.tt(*command)
        assert (code, "wait for its end" in told["error"]) == (Exit.REFUSED, True)
    hold.unlink()
    assert first.wait() == 0
    assert lock_holders(in_bucket) == []
    in_bucket.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")


@pytest.mark.nightly
def test_two_ups_at_the_same_instant_never_both_go_ahead(in_bucket: Stack) -> None:
    hold = in_bucket.folder / "hold"
    hold.touch()
    ups = [start_up(in_bucket) for _ in range(3)]
    # Whoever has the lock waits for the file to go; the others end. All may be refused.
    eventually(lambda: sum(each.poll() is not None for each in ups) >= 2, 60, "all but one have ended")
    refused = [each for each in ups if each.poll() is not None]
    assert all(each.returncode != 0 for each in refused)
    assert all("the stack is currently locked by" in each.communicate()[0] for each in refused)
    hold.unlink()
    assert all(each.wait() == 0 for each in ups if each not in refused)
    assert lock_holders(in_bucket) == []
    in_bucket.up()


def test_after_a_killed_up_one_command_clears_the_way(in_bucket: Stack) -> None:
    slow = in_bucket.folder / "slow"
    slow.write_text(local_reference("nats"))
    up = start_up(in_bucket)
    container = eventually(lambda: in_bucket.container("slow"), 60, "the container is there")
    kill(up)
    slow.unlink()
    code, told = in_bucket.tt("state", "check")
    assert (code, len(told["problems"])) == (Exit.RED, 1)
    assert f"was killed (process {up.pid} of " in told["problems"][0]
    assert f"`./tt recover --stack {in_bucket.name}` clears it" in told["problems"][0]
    code, told = in_bucket.tt("recover")
    assert (code, told["code"]) == (Exit.REFUSED, Exit.REFUSED), "a container is removed after a yes"
    code, told = in_bucket.tt("recover", "--yes")
    assert code == Exit.DONE, told
    assert told["removed"] == [container.name]
    assert [urn.rpartition("::")[2] for urn in told["cut_off"]] == ["slow"]
    with pytest.raises(docker.errors.NotFound):
        container.reload()
    state = exported(in_bucket)
    assert "pending_operations" not in state["deployment"]
    # Pulumi checks the whole of a state that it imports.
    in_bucket.pulumi("stack", "import", stdin=json.dumps(state))
    in_bucket.up()
    in_bucket.pulumi("preview", "--refresh", "--expect-no-changes")


@pytest.mark.nightly
def test_a_lock_of_another_machine_is_cleared_only_by_name(in_bucket: Stack, service: Service) -> None:
    content = {"pid": 1, "username": "ann", "hostname": "laptop", "timestamp": "2026-11-20T12:05:00.123456789+01:00"}
    key = f"shared/.pulumi/locks/organization/tasktracker/{in_bucket.name}/1.json"
    service.client.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(content))
    assert "ann@laptop (pid 1) at 2026-11-20T12:05:00+01:00" in in_bucket.up(check=False).stdout
    code, told = in_bucket.tt("state", "unlock")
    assert code == Exit.REFUSED
    assert "process 1 of ann on laptop, since 2026-11-20 " in told["error"]
    assert f"--confirm {in_bucket.name}" in told["error"]
    assert lock_holders(in_bucket) == [1]
    code, told = in_bucket.tt("state", "unlock", "--confirm", in_bucket.name)
    assert (code, [each["host"] for each in told["locks"]]) == (Exit.DONE, ["laptop"])
    in_bucket.up()


def test_a_wrong_passphrase_is_told_and_changes_nothing(stack: Stack) -> None:
    config, state = stack.config_file.read_text(), exported(stack)
    file = Path(stack.env["PULUMI_CONFIG_PASSPHRASE_FILE"])
    right = file.read_text()
    assert stack.tt("state", "check")[0] == Exit.DONE
    for content, message in ((f"not {right}", "is not the one of"), (None, f"can't be read: {file}: No such file")):
        file.unlink()
        if content is not None:
            file.write_text(content)
        refused = stack.up(check=False)
        assert refused.returncode != 0
        assert "Traceback" not in refused.stdout
        code, told = stack.tt("state", "check")
        assert (code, len(told["problems"])) == (Exit.RED, 1)
        assert message in told["problems"][0]
        assert "export TASKTRACKER_PASSPHRASE_FILE=FILE" in told["problems"][0]
        assert right not in refused.stdout + told["problems"][0]
        file.write_text(right)
        assert (stack.config_file.read_text(), exported(stack)) == (config, state)
    stack.pulumi("preview", "--expect-no-changes")


@pytest.mark.nightly
def test_secrets_go_from_a_passphrase_to_kms_and_back_to_another_passphrase(stack: Stack) -> None:
    """The commands of docs/STATE.md."""
    file = Path(stack.env["PULUMI_CONFIG_PASSPHRASE_FILE"])

    def check(provider: str) -> None:
        assert exported(stack)["deployment"]["secrets_providers"]["type"] == provider
        # It reads the secrets of the config and of the state.
        stack.pulumi("preview", "--expect-no-changes")

    with kms() as env:
        stack.env |= env
        stack.pulumi("stack", "change-secrets-provider", "awskms://alias/test?region=eu-central-1")
        file.unlink()
        check("cloud")
        file.write_text("second")
        stack.pulumi("stack", "change-secrets-provider", "passphrase")
        check("passphrase")
    stack.pulumi("stack", "change-secrets-provider", "passphrase", stdin="third\n")
    assert "incorrect passphrase" in stack.pulumi("config", "get", "encryption_key", check=False).stdout
    file.write_text("third")
    check("passphrase")
    assert CONFIG_SECRET in stack.pulumi("config", "get", "encryption_key").stdout
    assert STATE_SECRET in stack.pulumi("stack", "output", "secret", "--show-secrets").stdout


@pytest.mark.nightly
def test_a_new_commit_changes_no_resource(stack: Stack) -> None:
    def git(*args: str) -> str:
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(stack.folder), *identity, *args]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    # The program's own folder is the one that this package is in.
    (stack.folder / "images").unlink()
    shutil.copytree(ROOT / "images", stack.folder / "images", ignore=shutil.ignore_patterns("built", "__pycache__"))
    (stack.folder / "VERSION").unlink()
    (stack.folder / "VERSION").write_text("9.8.7\n")
    (stack.folder / ".gitignore").write_text("*\n!VERSION\n")

    def program() -> dict[str, Any]:
        stack.up()
        told: dict[str, Any] = json.loads(stack.pulumi("stack", "output", "program", "--json").stdout)
        return told

    assert program() == {"version": "9.8.7", "commit": None}
    git("init", "-q")
    git("add", "VERSION")
    git("commit", "-qm", "first")
    assert program()["commit"] == git("rev-parse", "HEAD")
    git("commit", "-q", "--allow-empty", "-m", "second")
    (stack.folder / "VERSION").write_text("9.8.8\n")
    stack.pulumi("preview", "--expect-no-changes")
    assert program() == {"version": "9.8.8", "commit": f"{git('rev-parse', 'HEAD')}-dirty"}
