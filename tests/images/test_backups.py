"""The postgres image's backups: taken by themselves, guarded, and honest about what is wrong with them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from components.backup.backups import backup_crontab
from components.backup.repository import Keys, Repository, repository_config
from components.data.postgres import access_rules, server_config
from components.secrets.certificates import new_authority, new_server_certificate
from settings.blocks.backup import BackupSchedule, BackupSettings
from settings.blocks.postgres import PostgresSettings
from tests.images.conftest import Bench, Container, wait_for

pytestmark = pytest.mark.docker

ACCESS_KEY, SECRET_KEY, PASSPHRASE = "backups", "the-stores-own-key", "the-passphrase-of-all-backups-and-wal"
DATA, SOCKET = "/var/lib/postgresql", "/run/postgresql"
READY = f"{DATA}/17/data/pg_wal/archive_status"


class Stand:
    """PostgreSQL, an object store and what takes backups, in one network that has no way out."""

    def __init__(self, bench: Bench, config: Path) -> None:
        self.bench = bench
        self.config = config
        self.volumes = {name: bench.volume() for name in ("data", "socket", "objects")}
        config.chmod(0o755)
        now = datetime.now(UTC)
        authority = new_authority(now)
        server = new_server_certificate(authority, ["localhost"], now)
        self.authority = authority.certificate
        # What the store takes and what its clients say are files of their own, so that they can differ.
        for name, text in {
            "access-key": ACCESS_KEY,
            "secret-key": SECRET_KEY,
            "ca.crt": authority.certificate,
            "server.crt": server.certificate,
            "server.key": server.key,
            "postgresql.conf": server_config(PostgresSettings(), 10),
            "pg_hba.conf": access_rules(PostgresSettings(), []),
            "postgres-password": "superusers-word",
            "app-password": "apps-word",
            "crontab": backup_crontab(BackupSchedule()),
        }.items():
            self.write(name, text)
        self.describe()
        self.postgres = self.run_postgres(self.volumes)
        self.store = bench.run(
            "object_store",
            config=config,
            env={"BUCKET": "backups", "REGION": "local"},
            mounts={"/var/lib/objects": self.volumes["objects"]},
            options=[self.network],
        )

    @property
    def network(self) -> str:
        return f"--network=container:{self.postgres.name}"

    def run_postgres(self, volumes: Mapping[str, str]) -> Container:
        return self.bench.run(
            "postgres",
            config=self.config,
            env={
                "POSTGRES_DB": "tasktracker",
                "APP_USER": "tasktracker",
                "POSTGRES_PASSWORD_FILE": "/etc/tasktracker/postgres-password",
                "APP_PASSWORD_FILE": "/etc/tasktracker/app-password",
            },
            mounts={DATA: volumes["data"], SOCKET: volumes["socket"]},
            options=["--network=none"],
        )

    def describe(
        self, *, bucket: str = "backups", secret_key: str = SECRET_KEY, passphrase: str = PASSPHRASE, ca: str = ""
    ) -> None:
        """Says what the repository is."""
        keys = Keys(ACCESS_KEY, secret_key)
        repository = Repository(
            bucket=bucket, host="localhost", port=7070, region="local", writer=keys, reader=keys, ca="PEM"
        )
        text = repository_config(BackupSettings(), repository, ACCESS_KEY, secret_key, passphrase)
        self.write("pgbackrest.conf", text)
        self.write("repository-ca.crt", ca or self.authority)

    def write(self, name: str, text: str) -> None:
        file = self.config / name
        file.unlink(missing_ok=True)
        file.write_text(text)
        file.chmod(0o444)

    def run_backups(self, volumes: Mapping[str, str] | None = None) -> Container:
        volumes = volumes or self.volumes
        return self.bench.run(
            "postgres",
            "backup",
            config=self.config,
            env={"MAX_BACKUP_AGE": "3600", "MAX_WAL_AGE": "60", "RETENTION_DAYS": "7", "RETENTION_FULL": "2"},
            options=[
                self.network,
                f"--volume={volumes['data']}:{DATA}:ro",
                f"--volume={volumes['socket']}:{SOCKET}:ro",
            ],
        )

    def query(self, sql: str) -> str:
        result = self.postgres.exec("psql", "-XAtq", "-h", SOCKET, "-U", "postgres", "-d", "tasktracker", "-c", sql)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()


def status(backups: Container) -> dict[str, Any]:
    """The status as it is now."""
    found: dict[str, Any] = json.loads(backups.sh("backup-status && cat /tmp/status.json"))
    return found


def labels(backups: Container) -> list[str]:
    return [each["label"] for each in status(backups)["backups"]]


def problems(backups: Container) -> str:
    """What the health check says; empty when it passes."""
    result = backups.exec("backup-health")
    assert (result.returncode == 0) == (result.stdout == ""), result
    return result.stdout


#: Lists the processes of a program.
PROCESSES = "grep -l '^Name:.{}' /proc/[0-9]*/status"


def kill_all(program: str) -> str:
    """A command that kills all processes of `program`."""
    return f"kill -9 $({PROCESSES.format(program)} | tr -dc '0-9\\n')"


def wait_healthy(backups: Container) -> None:
    wait_for(lambda: backups.exec("backup-health").returncode == 0, f"a good backup: {backups.logs}", interval=1)


@pytest.fixture(scope="module")
def stand(shared_bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Stand:
    return Stand(shared_bench, tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="module")
def running(stand: Stand) -> Container:
    """What takes the backups, with the first one there."""
    backups = stand.run_backups()
    wait_healthy(backups)
    return backups


def test_the_first_start_takes_a_full_backup(running: Container) -> None:
    found = status(running)
    assert [each["type"] for each in found["backups"]] == ["full"]
    assert found["last_good"]["error"] is False
    assert found["repository"] == {"reachable": True, "error": None}
    assert found["archive"]["waiting"] == 0
    assert problems(running) == ""


def test_a_restart_takes_no_other(running: Container) -> None:
    before = labels(running)
    running.stop()
    running.start()
    wait_healthy(running)
    time.sleep(3)
    assert labels(running) == before


def test_wal_arrives_within_the_archive_timeout(stand: Stand, running: Container) -> None:
    before = status(running)["wal"]["max"]
    stand.query("CREATE TABLE IF NOT EXISTS arrives (n int); INSERT INTO arrives VALUES (1)")
    written = stand.query("SELECT pg_walfile_name(pg_current_wal_lsn())")
    assert written > before
    # Ten seconds, and what it takes to be sent.
    wait_for(lambda: status(running)["wal"]["max"] >= written, "WAL in the repository", interval=1)


def test_of_two_backups_at_once_one_says_so(running: Container) -> None:
    second = running.sh("backup-run diff >/tmp/first 2>&1 & sleep 0.3; backup-run full 2>&1; echo $?; wait")
    assert second == "backup-run: another backup is running: this one (full) is not taken\n75\n"
    assert "backup command end: completed successfully" in running.sh("cat /tmp/first")


def test_a_killed_backup_is_none(stand: Stand, running: Container) -> None:
    stand.query("CREATE TABLE IF NOT EXISTS large AS SELECT md5(i::text) FROM generate_series(1, 500000) i")
    before = labels(running)
    # The second process comes to copy files.
    copying = f"until [ $({PROCESSES.format('pgbackrest')} | wc -l) -ge 2 ]; do sleep 0.05; done"
    running.sh(f"backup-run full >/dev/null 2>&1 & {copying}; {kill_all('pgbackrest')}; wait")
    assert labels(running) == before
    assert status(running)["running_since"] is None
    result = running.exec("backup-run", "full")
    assert result.returncode == 0, result.stdout
    assert len(labels(running)) == len(before) + 1


def test_it_runs_without_rights(running: Container) -> None:
    text = running.sh("cat /proc/1/status")
    assert "Uid:\t10001\t10001\t10001\t10001" in text
    assert "CapBnd:\t0000000000000000" in text


def test_no_secret_in_logs_arguments_or_environment(stand: Stand, running: Container) -> None:
    for container in (running, stand.postgres, stand.store):
        for secret in (SECRET_KEY, PASSPHRASE):
            assert secret not in container.logs
            assert secret not in container.inspect("{{json .}}")
    processes = running.sh("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' ' || true")
    assert SECRET_KEY not in processes
    assert PASSPHRASE not in processes


@pytest.mark.nightly
def test_a_store_that_is_down(stand: Stand, running: Container) -> None:
    """The database goes on, the health check tells, PostgreSQL stops soon, and no WAL is lost."""
    stand.store.stop()
    # It looks once a minute.
    running.sh(kill_all("sleep"))
    stand.query("CREATE TABLE while_down AS SELECT md5(i::text) FROM generate_series(1, 300000) i")
    wait_for(lambda: "the repository can't be reached" in problems(running), "health tells", interval=1)
    start = time.monotonic()
    taken = running.exec("backup-run", "diff")
    assert (taken.returncode, time.monotonic() - start < 15) == (69, True), taken.stderr
    assert "backup-run: the repository can't be reached: nothing answers at" in taken.stderr
    start = time.monotonic()
    stand.postgres.stop()
    assert time.monotonic() - start < 15
    assert stand.postgres.exit_code() == 0
    waiting = int(running.sh(f"ls {READY} | grep -c ready"))
    assert waiting >= 2
    # The network is PostgreSQL's, so both others join it anew.
    stand.postgres.start()
    running.stop()
    stand.store.start()
    running.start()
    wait_for(lambda: running.exec("backup-health").returncode == 0, f"health: {running.logs}", interval=1)
    wait_for(lambda: status(running)["archive"]["waiting"] == 0, "all WAL in the repository", interval=1)
    assert stand.query("SELECT count(*) FROM while_down") == "300000"
    gaps = running.exec("pgbackrest", "--stanza=main", "--output=text", "--verbose", "verify")
    assert "missing: 0, checksum invalid: 0, size invalid: 0, other: 0" in gaps.stdout, gaps.stdout


@contextmanager
def described(stand: Stand, **repository: str) -> Iterator[Container]:
    """Something else that takes backups, with another description of the repository."""
    stand.describe(**repository)
    backups = stand.run_backups()
    try:
        yield backups
    finally:
        stand.describe()
        stand.bench.docker.output("rm", "--force", backups.name)


def test_a_clock_that_is_wrong_is_named(running: Container) -> None:
    """By what versitygw and AWS answer, since no container has a clock of its own."""
    answer = "HTTP request failed with 403 (Forbidden): <Error><Code>RequestTimeTooSkewed</Code></Error>"
    script = f". /usr/local/share/tasktracker/repository.sh; echo '{answer}' >/tmp/answer; repository_error /tmp/answer"
    assert running.sh(script) == (
        "the clock of this host or of the repository is wrong: they are more than 15 minutes apart\n"
    )


@pytest.mark.parametrize(
    ("repository", "words"),
    [
        ({"secret_key": "wrong"}, "the repository refuses the access key or the secret key"),
        ({"passphrase": "wrong"}, "the repository is encrypted with another passphrase"),
        ({"bucket": "other"}, "the repository's bucket does not exist"),
        ({"ca": "other"}, "the repository's certificate is for another host, or not from the authority"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_description_is_named(stand: Stand, running: Container, repository: dict[str, str], words: str) -> None:
    if "ca" in repository:
        repository = {"ca": new_authority(datetime.now(UTC)).certificate}
    with described(stand, **repository) as backups:
        wait_for(lambda: f"backup: {words}" in backups.logs, f"a reason: {backups.logs}", interval=1)
        wait_for(lambda: problems(backups).startswith(words), "health tells", interval=1)
        assert SECRET_KEY not in backups.logs


def test_another_cluster_does_not_take_the_repository_over(stand: Stand, running: Container) -> None:
    volumes = {"data": stand.bench.volume(), "socket": stand.bench.volume()}
    other = stand.run_postgres(volumes)
    before = labels(running)
    backups = stand.run_backups(volumes)
    wait_for(
        lambda: "backup: the repository holds the backups of another cluster" in backups.logs,
        f"a reason: {backups.logs}",
        interval=1,
    )
    status(backups)
    assert "the repository holds the backups of another cluster" in problems(backups)
    assert labels(running) == before
    for container in (backups, other):
        stand.bench.docker.output("rm", "--force", container.name)


@pytest.mark.nightly
def test_expiry_leaves_the_last_good_full_backup(stand: Stand, running: Container) -> None:
    """Nothing but one full backup is wanted; what is newer and damaged doesn't count."""
    least = {"RETENTION_FULL": "1", "RETENTION_DAYS": "0"}

    def take() -> list[dict[str, Any]]:
        result = running.exec("backup-run", "full", env=least)
        assert result.returncode == 0, result.stdout
        found: list[dict[str, Any]] = status(running)["backups"]
        return found

    # One more than it will leave, without a limit so far.
    assert running.exec("backup-run", "full").returncode == 0
    assert len(labels(running)) > 1
    [kept] = take()
    assert not kept["error"]
    stand.query("CREATE TABLE broken AS SELECT 1 AS n")
    stand.query("CHECKPOINT")
    path = f"{DATA}/17/data/" + stand.query("SELECT pg_relation_filepath('broken')")
    stand.postgres.sh(f"printf damaged | dd of={path} bs=1 seek=100 conv=notrunc 2>&1")
    first, damaged = take()
    assert (first["label"], first["error"], damaged["error"]) == (kept["label"], False, True)
    assert status(running)["last_good"]["label"] == kept["label"]
    assert "has found pages with wrong checksums" in problems(running)
    stand.query("DROP TABLE broken")
    [mended] = take()
    assert not mended["error"]
    assert problems(running) == ""


def test_it_ends_with_its_schedule(running: Container) -> None:
    running.sh(kill_all("supercronic"))
    # It looks once a minute.
    running.sh(kill_all("sleep"))
    assert running.exit_code() == 70


DAY = 86_400


@pytest.fixture(scope="module")
def idle(shared_bench: Bench) -> Container:
    """The image's programs, with nothing that runs."""
    ages = {"MAX_BACKUP_AGE": "93600", "MAX_WAL_AGE": "300"}
    return shared_bench.run("postgres", "sleep", "600", env=ages, options=["--network=none"])


def full(age: float, *, error: bool = False) -> dict[str, Any]:
    stop = time.time() - age * DAY
    return {"type": "full", "label": f"{age}F", "error": error, "timestamp": {"start": stop - 60, "stop": stop}}


@pytest.mark.parametrize(
    ("backups", "keep"),
    [
        ([], 0),
        ([full(1)], 0),
        ([full(0), full(1), full(2)], 0),
        ([full(1), full(8)], 2),
        ([full(1), full(8), full(15)], 2),
        ([full(8), full(15), full(22)], 2),
        ([full(0), full(1), full(2), full(8), full(9)], 4),
        # Those with errors count for nothing.
        ([full(1, error=True), full(8), full(15), full(22)], 3),
        ([full(1), full(8, error=True), full(15), full(22)], 3),
        ([full(1, error=True), full(8, error=True), full(15)], 0),
    ],
)
def test_what_is_kept(idle: Container, backups: list[dict[str, Any]], keep: int) -> None:
    info = json.dumps([{"backup": backups}])
    found = idle.sh(f"echo '{info}' | jq --argjson full 2 --argjson days 7 -f /usr/local/share/tasktracker/keep.jq")
    assert int(found) == keep


def good(**changes: Any) -> dict[str, Any]:
    now = time.time()
    backup = {"label": "F", "type": "full", "stop": now - 600, "error": False}
    return {
        "time": now,
        "repository": {"reachable": True, "error": None},
        "postgres": {"reachable": True, "error": None},
        "archive": {
            "archive_mode": "on", "last_archived_time": now - 60, "last_failed_time": None,
            "last_failed": None, "waiting": 0, "waiting_since": None,
        },
        "running_since": None,
        "backups": [backup],
        "last_good": backup,
        **changes,
    }  # fmt: skip


def archive(**changes: Any) -> dict[str, Any]:
    return {**good()["archive"], **changes}


def later(found: Any, seconds: float) -> Any:
    """`found` with all its times moved: tests run some time after their parameters were made."""
    if isinstance(found, dict):
        return {key: later(value, seconds) for key, value in found.items()}
    if isinstance(found, list):
        return [later(value, seconds) for value in found]
    return found + seconds if isinstance(found, float) else found


NOW = time.time()
OLD = {"label": "F", "type": "full", "stop": NOW - 2 * DAY, "error": False}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (good(), ""),
        (good(time=NOW - 900), "s old: nobody writes it"),
        (good(repository={"reachable": False, "error": "no way"}), "no way"),
        (good(postgres={"reachable": False, "error": "no server"}), "PostgreSQL does not answer: no server"),
        (good(archive=archive(archive_mode="off")), "archive_mode is off"),
        (good(archive=archive(last_failed_time=NOW - 5, last_failed="0001")), "archiving fails, last"),
        (good(archive=archive(last_failed_time=NOW - 500, last_failed="0001")), ""),
        (good(archive=archive(waiting=3, waiting_since=NOW - 1000)), "3 WAL files wait for the archive"),
        (good(archive=archive(waiting=1, waiting_since=NOW - 10)), ""),
        (good(backups=[], last_good=None), "there is no good backup"),
        # A first backup that takes long is no reason for `up` to fail.
        (good(backups=[], last_good=None, running_since=NOW - 5), "there is no good backup"),
        (good(backups=[], last_good=None, running_since=NOW - 600), ""),
        (good(backups=[OLD], last_good=OLD), "the last good backup, F, is"),
        (good(backups=[OLD], last_good=OLD, running_since=NOW - 600), ""),
        (good(backups=[OLD], last_good=OLD, running_since=NOW - 2 * DAY), "the last good backup, F, is"),
        (good(backups=[{**OLD, "error": True}]), "has found pages with wrong checksums"),
    ],
)
def test_what_is_unhealthy(idle: Container, found: dict[str, Any], words: str) -> None:
    idle.sh(f"echo '{json.dumps(later(found, time.time() - NOW))}' > /tmp/status.json")
    assert words in problems(idle) if words else problems(idle) == ""
