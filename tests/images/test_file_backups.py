"""The image that backs up files and streams: good sets, honest about what is wrong, and a way back."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from components.backup.file_backups import keys_file, repository_env
from components.backup.repository import Keys, Repository
from components.backup.sidecar import crontab
from components.data.nats import BACKUP_INBOX, BACKUP_USER, CLIENT_USER, client_context, server_config
from components.secrets.certificates import new_authority, new_server_certificate
from settings.blocks.nats import NatsSettings
from tests.images.conftest import Bench, Container, wait_for

pytestmark = pytest.mark.docker

PASSPHRASE, SECRET_KEY = "the-passphrase-of-all-sets-of-files", 'the-stores-"own"-\\key#1'
UPLOADS, WORK = "/var/lib/tasktracker", "/var/lib/file-backups"
ENV = {"MAX_AGE": "3600", "RETENTION_DAYS": "7", "RETENTION_COUNT": "2"}
APP = "nats --context /etc/tasktracker/nats-context.json"


class Stand:
    """NATS, an object store, and what takes backups and restores them, in one network that has no way out."""

    def __init__(self, bench: Bench, config: Path) -> None:
        self.bench = bench
        self.config = config
        self.volumes = {name: bench.volume() for name in ("uploads", "work", "objects", "nats")}
        config.chmod(0o755)
        now = datetime.now(UTC)
        authority = new_authority(now)
        server = new_server_certificate(authority, ["localhost", "127.0.0.1"], now)
        for name, text in {
            "access-key": "backups",
            "secret-key": SECRET_KEY,
            "s3.json": keys_file("backups", SECRET_KEY),
            "server.crt": server.certificate,
            "server.key": server.key,
            "ca.crt": authority.certificate,
            "repository-ca.crt": authority.certificate,
            "passphrase": PASSPHRASE,
            "crontab": crontab("UTC", {"files-backup": "0 0 1 1 *"}),
            "nats.conf": server_config(NatsSettings(), "nats", "of-the-app", "of-backups"),
            "nats-context.json": client_context("localhost", BACKUP_USER, "of-backups", inbox_prefix=BACKUP_INBOX),
            "app-context.json": client_context("localhost", CLIENT_USER, "of-the-app"),
        }.items():
            self.write(name, text)
        self.nats = bench.run(
            "nats", config=config, mounts={"/var/lib/nats": self.volumes["nats"]}, options=["--network=none"]
        )
        self.store = bench.run(
            "object_store",
            config=config,
            env={"BUCKET": "backups", "REGION": "local"},
            mounts={"/var/lib/objects": self.volumes["objects"]},
            options=[self.network],
        )
        # As the job is: it may write the uploads and the streams.
        rights = f"--volume={config}/app-context.json:/etc/tasktracker/nats-context.json:ro"
        self.job = self.run(f"{self.volumes['uploads']}:{UPLOADS}", "sleep", "600", options=[rights])
        wait_for(lambda: self.store.exec("healthcheck").returncode == 0, "the store is healthy")

    @property
    def network(self) -> str:
        return f"--network=container:{self.nats.name}"

    def run(self, uploads: str, *command: str, bucket: str = "backups", options: Sequence[str] = ()) -> Container:
        nobody = Keys("", "")
        repository = Repository(
            bucket=bucket, host="localhost", port=7070, region="local", writer=nobody, reader=nobody, ca="PEM"
        )
        return self.bench.run(
            "file_backups",
            *command,
            config=self.config,
            env={**repository_env(repository), **ENV},
            mounts={WORK: self.volumes["work"]},
            options=[self.network, f"--volume={uploads}", *options],
        )

    def write(self, name: str, text: str) -> None:
        file = self.config / name
        file.unlink(missing_ok=True)
        file.write_text(text)
        file.chmod(0o444)

    def add_message(self, text: str) -> None:
        self.job.sh(f"{APP} pub jobs.new {text} --jetstream --quiet")

    @property
    def messages(self) -> int:
        return int(self.job.sh(f"{APP} stream info jobs --json | jq .state.messages"))


@pytest.fixture(scope="module")
def stand(shared_bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Stand:
    stand = Stand(shared_bench, tmp_path_factory.mktemp("config"))
    stand.job.sh(f"{APP} stream add jobs --subjects='jobs.*' --retention=work --defaults")
    stand.job.sh(f"{APP} stream add fleeting --subjects='fleeting.*' --storage=memory --defaults")
    stand.job.sh(f"{APP} consumer add jobs workers --pull --defaults")
    stand.job.sh(f"mkdir {UPLOADS}/a; echo one > '{UPLOADS}/a/first file'; chmod 600 {UPLOADS}/a/*")
    stand.add_message("one")
    return stand


@pytest.fixture(scope="module")
def running(stand: Stand) -> Container:
    """What takes the backups, with its first one taken."""
    container = stand.run(f"{stand.volumes['uploads']}:{UPLOADS}:ro")
    wait_for(lambda: problems(container) == "", f"a first backup: {container.logs}", interval=0.5)
    return container


def events(container: Container, *command: str, code: int = 0) -> list[dict[str, Any]]:
    """What a command prints; it has to end with `code`."""
    result = container.exec(*command)
    assert result.returncode == code, result
    return [json.loads(line) for line in result.stdout.splitlines()]


def reason(container: Container, *command: str, code: int) -> str:
    """Why a command fails."""
    return str(events(container, *command, code=code)[-1]["reason"])


def sets(container: Container, what: str) -> list[dict[str, Any]]:
    (found,) = events(container, "files-list")
    return [each for each in found["sets"] if each["what"] == what and not each["before_restore"]]


def problems(container: Container) -> str:
    """What the health check says; empty when it passes."""
    result = container.exec("files-health")
    assert (result.returncode == 0) == (result.stdout == ""), result
    return result.stdout


def test_the_first_backup_is_good_and_tells_no_secret(stand: Stand, running: Container) -> None:
    assert [each["complete"] for what in ("uploads", "nats") for each in sets(running, what)] == [True, True]
    assert events(running, "files-verify") == [{"ok": True, "problems": []}]
    commands = running.sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    for secret in (PASSPHRASE, SECRET_KEY, "of-backups"):
        assert secret not in commands + running.inspect("{{json .Config}}") + running.logs
    assert running.exec("touch", f"{UPLOADS}/x").returncode != 0


def test_the_backups_user_of_nats_reads_no_message_and_changes_nothing(running: Container) -> None:
    mine = "nats --context /etc/tasktracker/nats-context.json --timeout 1s"
    for command in ("pub jobs.new x", "stream get jobs 1", "stream rm jobs --force", "sub --count 1 'jobs.>'"):
        assert running.exec("sh", "-c", f"timeout 3 {mine} {command}").returncode != 0, command


def test_what_was_lost_comes_back(stand: Stand, running: Container) -> None:
    events(running, "files-backup")
    saved = {what: sets(running, what)[-1]["id"] for what in ("uploads", "nats")}
    stand.job.sh(f"rm -r {UPLOADS}/a; echo new > {UPLOADS}/new")
    stand.job.sh(f"{APP} stream purge jobs --force")
    stand.add_message("two")
    stand.add_message("three")
    before = reason(running, "files-restore", "--uploads", saved["uploads"], code=77)
    assert before.startswith("the uploads can't be written here")
    found = events(stand.job, "files-restore", "--uploads", saved["uploads"], "--nats", saved["nats"])
    assert [each["event"] for each in found] == ["start", "saved", "saved", "restored", "restored", "done"]
    assert stand.job.sh(f"cat '{UPLOADS}/a/first file' {UPLOADS}/new; stat -c %a {UPLOADS}/a/*") == "one\nnew\n600\n"
    assert stand.messages == 1
    assert stand.job.sh(f"{APP} consumer ls jobs --names") == "workers\n"
    # And back again, from what was saved before.
    (undo,) = [each["id"] for each in found if each["event"] == "saved" and each["what"] == "nats"]
    events(stand.job, "files-restore", "--nats", undo)
    assert stand.messages == 2


def test_a_set_that_is_not_there_changes_nothing(stand: Stand, running: Container) -> None:
    assert "there is no set 'ffffffff' of nats" in reason(stand.job, "files-restore", "--nats", "ffffffff", code=65)


def test_a_store_that_is_away_makes_it_unhealthy_until_it_is_back(stand: Stand, running: Container) -> None:
    stand.store.stop()
    away = "the repository can't be reached: no answer from localhost:7070"
    assert reason(running, "files-backup", code=69) == away
    running.sh("files-status")
    assert problems(running) == f"{away}\n"
    stand.store.start()
    wait_for(lambda: stand.store.exec("healthcheck").returncode == 0, "the store is back")
    events(running, "files-backup")
    assert problems(running) == ""


def test_uploads_are_saved_while_nats_is_away(stand: Stand, running: Container) -> None:
    context = (stand.config / "nats-context.json").read_text()
    stand.write("nats-context.json", context.replace("of-backups", "another"))
    found = events(running, "files-backup", code=69)
    stand.write("nats-context.json", context)
    assert [(each["event"], each["what"]) for each in found[1:]] == [("saved", "uploads"), ("failed", "nats")]
    assert found[-1]["reason"] == "NATS refuses the user or the password"


@pytest.mark.parametrize(
    ("name", "text", "code", "message"),
    [
        ("passphrase", "another passphrase", 78, "the repository is encrypted with another passphrase"),
        ("s3.json", keys_file("backups", "wrong"), 69, "the repository refuses the access key or the secret key"),
        ("s3.json", keys_file("nobody", "wrong"), 69, "the repository refuses the access key or the secret key"),
        ("repository-ca.crt", "", 69, "the repository's certificate is for another host, or not from the authority"),
    ],
)
def test_what_is_set_wrong_is_said(
    stand: Stand, running: Container, name: str, text: str, code: int, message: str
) -> None:
    before = (stand.config / name).read_text()
    stand.write(name, text or new_authority(datetime.now(UTC)).certificate)
    assert reason(running, "files-backup", code=code).startswith(message)
    running.sh("files-status")
    assert message in problems(running)
    stand.write(name, before)
    running.sh("files-status")
    assert problems(running) == ""


def test_a_missing_bucket_is_said_and_not_made(stand: Stand) -> None:
    container = stand.run(f"{stand.volumes['uploads']}:{UPLOADS}:ro", "sleep", "600", bucket="missing")
    assert reason(container, "files-backup", code=69) == "the repository's bucket does not exist"
    assert stand.store.sh("ls /var/lib/objects/buckets") == "backups\n"


@pytest.mark.nightly
def test_one_that_is_killed_leaves_nothing_in_the_way(stand: Stand, running: Container) -> None:
    stand.job.sh(f"head -c 60M /dev/urandom > {UPLOADS}/large")
    before = sets(running, "uploads")
    stand.bench.docker.output("exec", "--detach", running.name, "files-backup")
    lock = "find /var/lib/objects/buckets/backups/files/locks -type f 2>/dev/null | grep -q ."
    restic = "grep -l '^Name:.restic' /proc/[0-9]*/status | tr -dc '0-9\\n'"
    wait_for(lambda: stand.store.exec("sh", "-c", lock).returncode == 0, "a backup is under way", interval=0.01)
    running.sh(f"kill -9 $({restic}) $(grep -l '^Name:.files-backup' /proc/[0-9]*/status | tr -dc '0-9\\n') || :")
    assert stand.store.exec("sh", "-c", lock).returncode == 0
    assert sets(running, "uploads") == before
    events(running, "files-backup")
    assert stand.store.exec("sh", "-c", lock).returncode != 0
    assert events(running, "files-verify") == [{"ok": True, "problems": []}]
    stand.job.sh(f"rm {UPLOADS}/large")


def test_retention_keeps_the_last_ones(stand: Stand, running: Container) -> None:
    events(running, "sh", "-c", "RETENTION_DAYS=0 RETENTION_COUNT=1 files-backup")
    assert len(sets(running, "uploads")) == len(sets(running, "nats")) == 1


@pytest.mark.nightly
def test_a_file_that_can_not_be_read_makes_no_good_set(stand: Stand, running: Container) -> None:
    good = sets(running, "uploads")[-1]["id"]
    stand.job.sh(f"echo x > {UPLOADS}/closed; chmod 0 {UPLOADS}/closed")
    found = events(running, "files-backup", code=74)
    stand.job.sh(f"rm -f {UPLOADS}/closed")
    assert found[1]["reason"] == f"not all files could be read: {UPLOADS}/closed"
    assert "lacks files that could not be read" in problems(running)
    (listed,) = events(running, "files-list")
    assert listed["last_good"]["uploads"]["id"] == good
    events(running, "files-backup")
    assert problems(running) == ""


def test_damage_is_found(stand: Stand, running: Container) -> None:
    pack = "find /var/lib/objects/buckets/backups/files/data -type f | head -n 1"
    stand.store.sh(f"file=$({pack}); cp -p $file /tmp/kept; printf damaged | dd of=$file bs=1 seek=5 conv=notrunc 2>&1")
    name = stand.store.sh(pack).strip().rpartition("/")[2]
    (found,) = events(running, "files-verify", code=1)
    stand.store.sh(f"cp /tmp/kept $({pack})")
    assert found["ok"] is False
    assert name in {problem["file"] for problem in found["problems"]}


def archive(**files: str) -> bytes:
    """A tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def feed(container: Container, data: bytes) -> subprocess.CompletedProcess[bytes]:
    argv = [str(container.docker.path), "exec", "--interactive", container.name, "state-backup"]
    return subprocess.run(argv, input=data, capture_output=True, check=False)


def test_pulumis_state_is_kept_whole_or_not_at_all(running: Container) -> None:
    data = archive(stacks='{"version": 3}' + 2000 * " ")
    result = feed(running, data)
    assert result.returncode == 0, result
    argv = [str(running.docker.path), "exec", running.name, "state-restore"]
    assert subprocess.run(argv, capture_output=True, check=True).stdout == data
    for broken in (data[:1500], b"", b"no archive"):
        assert feed(running, broken).returncode == 65
    (listed,) = events(running, "files-list")
    assert len([each for each in listed["sets"] if each["what"] == "state"]) == 1
