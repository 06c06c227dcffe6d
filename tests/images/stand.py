"""PostgreSQL, its repository and what works on both, as in a stack, on volumes that can be swapped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.backup.repository import Keys, Repository, repository_config
from components.backup.sidecar import crontab
from components.data.postgres import access_rules, server_config
from components.secrets.certificates import new_authority, new_server_certificate
from settings.blocks.backup import BackupSettings
from settings.blocks.postgres import PostgresSettings
from tests.images.conftest import Bench, Container, wait_for

DATA, SOCKET, METRICS = "/var/lib/postgresql", "/run/postgresql", "/var/lib/metrics"

#: Seconds, here and below: WAL is archived soon, so that tests need not wait.
ARCHIVE_TIMEOUT = 2

WRITER, READER = Keys("backups", "the-stores-own-key"), Keys("backups-reader", 'the-readers-"own\\key')
PASSPHRASE = "the-passphrase-of-all-backups-and-wal"


class Stand:
    """All in one network that has no way out; it is that of a container which outlives the others."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder
        folder.chmod(0o755)
        self.objects, self.socket, self.metrics = bench.volume(), bench.volume(), bench.volume()
        self.network = f"--network=container:{bench.run('postgres', 'sleep', '900', options=['--network=none']).name}"
        now = datetime.now(UTC)
        authority = new_authority(now)
        server = new_server_certificate(authority, ["localhost", "127.0.0.1"], now)
        self.ca = authority.certificate
        self.store = bench.run(
            "object_store",
            config=self.files(
                "store",
                {
                    "access-key": str(WRITER.access_key),
                    "secret-key": str(WRITER.secret_key),
                    "reader-access-key": str(READER.access_key),
                    "reader-secret-key": str(READER.secret_key),
                    "ca.crt": self.ca,
                    "server.crt": server.certificate,
                    "server.key": server.key,
                },
            ),
            env={"BUCKET": "backups", "REGION": "local"},
            mounts={"/var/lib/objects": self.objects},
            options=[self.network],
        )
        self.writer, self.reader = self.describe(WRITER), self.describe(READER)
        self.volume = bench.volume()
        self.postgres = self.run_postgres(self.volume)

    def files(self, name: str, texts: Mapping[str, str]) -> Path:
        """A folder for /etc/tasktracker."""
        folder = self.folder / name
        folder.mkdir(mode=0o755)
        for file, text in texts.items():
            (folder / file).write_text(text)
            (folder / file).chmod(0o444)
        return folder

    def describe(self, keys: Keys, passphrase: str = PASSPHRASE) -> Path:
        """The files of what uses the repository by `keys`."""
        repository = Repository(
            bucket="backups", host="localhost", port=7070, region="local", writer=keys, reader=keys, ca="PEM"
        )
        return self.files(
            f"{keys.access_key}-{passphrase}",
            {
                "pgbackrest.conf": repository_config(
                    BackupSettings(), repository, str(keys.access_key), str(keys.secret_key), passphrase
                ),
                "repository-ca.crt": self.ca,
                "postgresql.conf": server_config(PostgresSettings(), ARCHIVE_TIMEOUT),
                "pg_hba.conf": access_rules(PostgresSettings(), []),
                "postgres-password": "superusers-word",
                "app-password": "apps-word",
                # Nothing falls due while tests run.
                "crontab": crontab("UTC", {"true": "0 0 1 1 *"}),
            },
        )

    def run_postgres(self, volume: str) -> Container:
        """PostgreSQL on `volume`, once it answers."""
        postgres = self.bench.run(
            "postgres",
            config=self.writer,
            env={
                "POSTGRES_DB": "tasktracker",
                "APP_USER": "tasktracker",
                "POSTGRES_PASSWORD_FILE": "/etc/tasktracker/postgres-password",
                "APP_PASSWORD_FILE": "/etc/tasktracker/app-password",
            },
            mounts={DATA: volume, SOCKET: self.socket},
            options=[self.network],
        )
        ready = ("pg_isready", "-q", "-h", "127.0.0.1", "-U", "tasktracker", "-d", "tasktracker")
        wait_for(lambda: postgres.exec(*ready).returncode == 0, f"PostgreSQL: {postgres.logs}")
        return postgres

    @contextmanager
    def backed_up(self) -> Iterator[Container]:
        """What takes the backups, once there is one of the database as it is now."""
        backups = self.bench.run(
            "postgres",
            "backup",
            config=self.writer,
            env={"MAX_BACKUP_AGE": "3600", "MAX_WAL_AGE": "60", "RETENTION_DAYS": "7", "RETENTION_FULL": "2"},
            mounts={METRICS: self.metrics},
            options=[self.network, f"--volume={self.volume}:{DATA}:ro", f"--volume={self.socket}:{SOCKET}:ro"],
        )
        up_to_date = "jq -e '.last_good != null and .last_good.timeline == .timeline' /tmp/status.json && backup-health"
        wait_for(
            lambda: backups.exec("sh", "-c", up_to_date).returncode == 0, f"a backup: {backups.logs}", interval=0.5
        )
        yield backups
        self.remove(backups)

    def swap(self, volume: str) -> None:
        """PostgreSQL goes on on another volume."""
        self.postgres.stop()
        self.volume, self.postgres = volume, self.run_postgres(volume)

    def job(self, volume: str | None = None, *, config: Path | None = None, options: tuple[str, ...] = ()) -> Container:
        """Where `restore` and what else may only read the repository can be run."""
        return self.bench.run(
            "postgres",
            "sleep",
            "900",
            config=config or self.reader,
            env={"POSTGRES_DB": "tasktracker"},
            mounts={} if volume is None else {DATA: volume},
            options=[self.network, *options],
        )

    def query(self, sql: str) -> str:
        result = self.postgres.exec("psql", "-XAtq", "-h", SOCKET, "-U", "postgres", "-d", "tasktracker", "-c", sql)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def await_archive(self) -> None:
        """Waits until all that is written is in the repository."""
        segment = self.query("SELECT pg_walfile_name(pg_logical_emit_message(false, 'test', '', true))")
        self.query("SELECT pg_switch_wal()")
        wait_for(
            lambda: self.query("SELECT last_archived_wal FROM pg_stat_archiver") >= segment,
            "WAL in the repository",
        )

    def damage(self, pattern: str, *, last: bool = False) -> str:
        """Overwrites some bytes of the first or last object of that name; returns its path."""
        folder = "cd /var/lib/objects/buckets/backups"
        path = self.store.sh(f"{folder} && find . -path '{pattern}' | sort | {'tail' if last else 'head'} -n 1").strip()
        assert path, pattern
        self.store.sh(f"{folder} && printf XXXXXXXX | dd of={path} bs=1 seek=200 conv=notrunc status=none")
        return path.removeprefix("./")

    def remove(self, *containers: Container) -> None:
        for container in containers:
            self.bench.docker.output("rm", "--force", container.name)


def events(text: str) -> list[dict[str, Any]]:
    """The JSON objects that a script has printed, one a line."""
    return [json.loads(line) for line in text.splitlines()]
