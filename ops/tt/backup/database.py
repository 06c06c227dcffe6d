"""What `tt` asks of PostgreSQL and its backups, by commands in the containers beside it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from ops.tt.backup import object_store
from ops.tt.backup.backups import Backup, Repository, Target, chosen
from ops.tt.errors import FailedError, RefusedError, UnreachableError
from ops.tt.host.docker_host import Host
from ops.tt.output import Output

#: The service that sees the database's files, its socket and the repository.
BACKUPS = "backups"

#: Where that service finds the server's socket and the data volume.
SOCKET = "/run/postgresql"
DATA_PATH = "/var/lib/postgresql"

#: sysexits.h: another one is at work.
BUSY = 75

#: sysexits.h: the repository can't be read.
UNREADABLE = 69

#: What a shell ends with for a command that there is not.
NOT_FOUND = 127

#: Seconds that WAL that is complete may take to the repository.
ARCHIVE_LIMIT = 120

#: Seconds between two looks.
POLL = 1.0

#: Seconds for an answer of PostgreSQL.
CONNECT_LIMIT = 5


class Database:
    """A stack's PostgreSQL and its backup repository."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def repository(self) -> Repository:
        """The backups that there are.

        Raises:
            UnreachableError: the repository can't be read; says why.
        """
        object_store.check(self.host)
        result = self.host.run(BACKUPS, ["backup-list"])
        if result.code:
            raise UnreachableError(f"the backups can't be listed: {result.reason.removeprefix('backup-list: ')}")
        return Repository.parse(result.output)

    def verify(self, output: Output) -> Mapping[str, Any]:
        """Reads everything in the repository and compares it with its checksums; returns what is wrong with it.

        Raises:
            UnreachableError: it can't be read; says why.
            FailedError: the verification itself failed.
        """
        object_store.check(self.host)
        with output.work("Reading the repository"):
            result = self.host.run(BACKUPS, ["backup-verify"])
        if result.code == UNREADABLE:
            raise UnreachableError(f"the repository can't be read: {result.reason.removeprefix('backup-verify: ')}")
        try:
            found: Mapping[str, Any] = json.loads(result.output)
            _ = found["ok"], [(each["file"], each["what"]) for each in found["problems"]]
        except (ValueError, KeyError, TypeError):
            raise FailedError(f"the verification failed: {result.reason}") from None
        return found

    def choose(self, target: Target, now: float, live: int | None) -> Backup:
        """The backup that a restore to `target` begins with. `live` is the timeline that PostgreSQL writes.

        All that it has written until `now` (seconds since 1970) counts as archived, as it will be before the restore.
        The image's own program decides, the one that its restores run too. An image that is older than this `tt` may
        have none that can be asked: then nothing is chosen here, and the restore is refused.

        Raises:
            RefusedError: it can't be restored, or the image is too old; says what can be, or what to do.
            UnreachableError: the repository can't be read; says why.
        """
        object_store.check(self.host)
        until = () if live is None else (str(now), str(live))
        result = self.host.run(BACKUPS, ["backup-choose", *target.words, *until])
        if result.code == NOT_FOUND:
            raise RefusedError(
                f"the image of {self.host.name(BACKUPS)} is older than this `tt`, which can't ask it what a restore "
                f"would begin with: bring this version's up with `make up STACK={self.host.stack}`, or use the `tt` of "
                "the image's version"
            )
        if result.code:
            raise UnreachableError(f"the backups can't be listed: {result.reason.removeprefix('backup-choose: ')}")
        return chosen(target, result.output, now)

    def query(self, *statements: str) -> str:
        """What PostgreSQL answers to the last of `statements`, each of them a transaction of its own.

        Raises:
            FailedError: it refuses, or does not answer.
        """
        options = [part for each in statements for part in ("--command", each)]
        result = self.host.run(
            BACKUPS,
            [
                *("env", f"PGCONNECT_TIMEOUT={CONNECT_LIMIT}", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1"),
                *("-h", SOCKET, "-U", "postgres", "-d", "postgres", *options),
            ],
        )
        if result.code:
            # psql goes on with advice.
            said = re.search(r"(?:error|ERROR|FATAL): +(.*)", result.errors)
            raise FailedError(f"PostgreSQL does not answer: {said[1] if said else result.reason}")
        return (result.output.splitlines() or [""])[-1].strip()

    def timeline(self) -> int:
        """The timeline that PostgreSQL writes.

        Raises:
            FailedError: it does not answer.
        """
        return int(self.query("SELECT timeline_id FROM pg_control_checkpoint()"))

    def free(self) -> int:
        """Bytes that are free on the disk of the data volumes."""
        result = self.host.run(BACKUPS, ["df", "--output=avail", "--block-size=1", DATA_PATH])
        return int(result.output.split()[-1])

    def take_backup(self, kind: str, output: Output, title: str, *, wait: bool) -> str:
        """Takes a backup, full or diff, and returns its label. Where another one runs it waits for that, or not.

        A backup that is no longer watched goes on: it costs nothing that is there, and the next one would wait for it.

        Raises:
            RefusedError: another one runs.
            UnreachableError: the repository can't be used; says why.
            FailedError: it failed; carries pgBackRest's last words.
        """
        object_store.check(self.host)
        with output.work(title) as work:
            labels: list[str] = []

            def read(line: str) -> None:
                if found := re.search(r"new backup label = (\S+)", line):
                    labels.append(found[1])
                elif found := re.search(r"INFO: (.*)", line):
                    work.say(found[1][:60])

            while True:
                result = self.host.run(BACKUPS, ["backup-run", kind], read)
                if result.code != BUSY:
                    break
                if not wait:
                    raise RefusedError(
                        "another backup is running: this one is not taken; "
                        f"`./tt status --stack {self.host.stack}` shows that one"
                    )
                work.say("another backup is running: waiting for its end")
                time.sleep(POLL)
        if result.code == UNREADABLE:
            # What it does at its end may have something to say too.
            reasons = re.findall(r"^backup-run: (.*)$", result.errors, re.MULTILINE)
            raise UnreachableError(f"no backup was taken: {reasons[0] if reasons else result.reason}")
        if result.code:
            errors = re.findall(r"ERROR: (.*)", result.output)
            raise FailedError(f"the backup failed: {'; '.join(errors) or result.reason}")
        return labels[-1] if labels else ""

    def archive_all(self, output: Output) -> None:
        """Has everything that is committed until now archived, and what commits after that in another WAL file.

        Raises:
            FailedError: it is not in the repository within `ARCHIVE_LIMIT` seconds.
        """
        # A commit later than the time to restore to is how recovery knows that it is there.
        segment = self.query("SELECT pg_current_xact_id()", "SELECT pg_walfile_name(pg_switch_wal())")
        with output.work("Archiving the last WAL"):
            deadline = time.monotonic() + ARCHIVE_LIMIT
            while self.query("SELECT last_archived_wal FROM pg_stat_archiver") < segment:
                if time.monotonic() > deadline:
                    raise FailedError(
                        f"the WAL is not archived after {ARCHIVE_LIMIT} s: "
                        f"`./tt status --stack {self.host.stack}` says why"
                    )
                time.sleep(POLL)


def events(on_event: Callable[[dict[str, object]], None]) -> Callable[[str], None]:
    """A reader of lines that are JSON objects; passes over all others."""

    def read(line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            return
        if isinstance(event, dict):
            on_event(event)

    return read
