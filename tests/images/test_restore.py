"""The postgres image's restore: to a moment, to a backup, to the end; and what it refuses, with nothing touched."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.images.conftest import Bench, Container
from tests.images.stand import DATA, WRITER, Stand, events

pytestmark = pytest.mark.docker

PGDATA = f"{DATA}/17/data"


@pytest.fixture(scope="module")
def stand(shared_bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Stand:
    return Stand(shared_bench, tmp_path_factory.mktemp("stand"))


@pytest.fixture(scope="module")
def mistake(stand: Stand) -> str:
    """The moment before a table was dropped, with a backup from before and all WAL in the repository."""
    with stand.backed_up():
        stand.query("CREATE TABLE tasks AS SELECT i, md5(i::text) AS text FROM generate_series(1, 5000) i")
        moment = stand.query("SELECT to_char(clock_timestamp(), 'YYYY-MM-DD\"T\"HH24:MI:SS.US') || '+00:00'")
        stand.query("DROP TABLE tasks; CREATE TABLE afterwards (i int)")
        stand.await_archive()
    return moment


@pytest.fixture(scope="module")
def job(stand: Stand, mistake: str) -> Container:
    """A container with an empty volume, for requests that leave it empty."""
    return stand.job(stand.bench.volume())


def restore(job: Container, **request: str) -> tuple[int, list[dict[str, Any]], str]:
    """The exit code, the events and the messages."""
    result = job.exec("restore", env=request)
    return result.returncode, events(result.stdout), result.stderr


def restored(job: Container, **request: str) -> dict[str, Any]:
    """The last event of a restore that succeeds."""
    code, found, messages = restore(job, **request)
    assert code == 0, messages
    assert found[-1]["event"] == "done"
    return found[-1]


def refused(job: Container, code: int, **request: str) -> str:
    """Why it is refused, by a volume that is left as it was."""
    before = job.sh(f"ls -A {DATA}")
    found, told, messages = restore(job, **request)
    assert found == code, messages
    assert told[-1]["event"] == "failed"
    assert [line for line in messages.splitlines() if line.startswith("restore: ")] == [
        f"restore: {told[-1]['reason']}"
    ]
    assert job.sh(f"ls -A {DATA}").replace(".lock\n", "") == before.replace(".lock\n", "")
    return str(told[-1]["reason"])


def listed(job: Container) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(job.sh("backup-list"))
    return found


def tables(stand: Stand, volume: str) -> str:
    """The tables of the cluster on `volume`, by a server on the side."""
    server = stand.job(volume)
    names = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_stat_user_tables"
    script = (
        ". /usr/local/share/tasktracker/private_server.sh; mkdir /tmp/server;"
        f' start_private_server $PGDATA /tmp/server && ask_private_server tasktracker "{names}"; stop_private_server'
    )
    found = server.exec("bash", "-c", script)
    assert found.returncode == 0, found
    stand.remove(server)
    return found.stdout.strip()


def test_what_there_is_to_restore_is_listed(job: Container) -> None:
    found = listed(job)
    backup = found["backups"][0]
    assert (backup["type"], backup["timeline"], backup["database_version"]) == ("full", 1, "17")
    assert found["ranges"] == [{"timeline": 1, "from": backup["stop"], "to": found["archived_until"]}]
    assert abs(time.time() - found["archived_until"]) < 60


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({}, "neither RESTORE_TO (latest, or a time) nor RESTORE_SET"),
        ({"RESTORE_TO": "latest", "RESTORE_SET": "20261120-020000F"}, "are both set"),
        ({"RESTORE_TO": "yesterday"}, "RESTORE_TO='yesterday': must be latest, or a time with its offset"),
        ({"RESTORE_TO": "2026-11-20T14:05:00"}, "a time with its offset"),
        ({"RESTORE_TO": "2026-13-20T14:05:00Z"}, "a time with its offset"),
        ({"RESTORE_TO": "2026-11-20T14:05:00Z'\nrestore_command = 'x"}, "a time with its offset"),
        ({"RESTORE_SET": "$(id)"}, "no label of a backup"),
        ({"RESTORE_TO": "latest", "POSTGRES_DB": ""}, "POSTGRES_DB='': must be the name"),
    ],
)
def test_a_setting_that_is_wrong_is_named(job: Container, env: dict[str, str], words: str) -> None:
    code, told, messages = restore(job, **env)
    assert (code, len(told), len(messages.splitlines())) == (78, 1, 1)
    assert words in told[0]["reason"]


def test_a_time_outside_says_the_range(job: Container) -> None:
    for moment in ("2001-02-03T04:05:06+02:00", "2099-01-01 00:00Z"):
        reason = refused(job, 65, RESTORE_TO=moment)
        assert "can't be restored to: one can restore to 20" in reason
        assert reason.endswith("(timeline 1)")


def test_a_backup_that_is_not_there_is_named(job: Container) -> None:
    reason = refused(job, 65, RESTORE_SET="20200101-000000F")
    assert reason == f"there is no backup 20200101-000000F; there are {listed(job)['backups'][0]['label']}"


def test_another_passphrase(stand: Stand, mistake: str) -> None:
    job = stand.job(stand.bench.volume(), config=stand.describe(WRITER, "another-passphrase-than-the-right-one"))
    assert "encrypted with another passphrase" in refused(job, 69, RESTORE_TO="latest")


def test_a_disk_without_room(stand: Stand, mistake: str) -> None:
    job = stand.job(options=(f"--tmpfs={DATA}:rw,size=200m,uid=10001,mode=700",))
    assert "has 200 MB free, and a restore of backup" in refused(job, 73, RESTORE_TO="latest")


def test_another_major_version(job: Container) -> None:
    backup = {"label": "20260101-000000F", "stop": 1, "timeline": 1, "database_version": "16", "error": False}
    found = {"backups": [backup], "ranges": []}
    chosen = json.loads(
        job.sh(
            f"echo '{json.dumps(found)}' >/tmp/list; . /usr/local/share/tasktracker/repository.sh;"
            " choose_backup /tmp latest '' && cat /tmp/choice; rm /tmp/list /tmp/choice"
        )
    )
    assert "is of PostgreSQL 16 and this image is 17: restore it with an image of" in chosen["reason"]
    assert (chosen["problem"], chosen["version"], chosen["major"]) == ("version", "16", "17")
    assert "backup" not in chosen


def test_what_a_restore_would_begin_with_can_be_asked(job: Container) -> None:
    found = listed(job)
    for request in (
        "latest",
        f"set {found['backups'][0]['label']}",
        f"time {found['ranges'][0]['to'] + 0.9} 9999999999 1",
    ):
        told = json.loads(job.sh(f"backup-choose {request}"))
        assert told.pop("choice") == {"backup": found["backups"][0]}
        assert told["backups"] == found["backups"]
    assert told["ranges"][0]["to"] == 9999999999
    for request in ("", "time", "newest", "latest 1", "latest 1 x", "time x"):
        result = job.exec("sh", "-c", f"backup-choose {request}")
        assert (result.returncode, result.stdout) == (64, "")
        assert "use: backup-choose latest | set LABEL" in result.stderr


GB = 1 << 30


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"archive": {"waiting_bytes": 5 * GB}}, "5120 MB of WAL wait for the archive, more than 4096 MB"),
        ({"disk": {"free": 19 * GB}}, "of the disk it waits on 19456 MB of 102400 MB are free"),
        # WAL that is on its way, or none.
        ({"disk": {"free": 19 * GB}, "archive": {"waiting_since": 10}}, ""),
        ({"disk": {"free": 19 * GB}, "archive": {"waiting": 0, "waiting_since": None}}, ""),
        ({"timeline": 2}, "no good backup is of the database as it was restored"),
        ({"timeline": 2, "timeline_since": 60}, ""),
        ({"timeline": 2, "running_since": 5}, ""),
    ],
)
def test_health_tells_of_a_disk_that_fills_and_a_history_that_is_not_backed_up(
    job: Container, changes: dict[str, Any], words: str
) -> None:
    backup = {"label": "F", "type": "full", "stop": 600, "error": False, "timeline": 1}
    found: dict[str, Any] = {
        "time": 0,
        "repository": {"reachable": True},
        "postgres": {"reachable": True},
        "archive": {"archive_mode": "on", "waiting": 8, "waiting_since": 100, "waiting_bytes": GB},
        "disk": {"free": 50 * GB, "size": 100 * GB},
        "running_since": None,
        "backups": [backup],
        "last_good": backup,
        "timeline": 1,
        "timeline_since": 700,
    }
    for key, value in changes.items():
        found[key] = {**found[key], **value} if isinstance(value, dict) else value
    # Times are given as ages.
    aged = (
        "def at: if . == null then null else now - . end;"
        " .time |= at | .running_since |= at | .timeline_since |= at | .archive.waiting_since |= at"
        " | .last_good.stop |= at | .backups[].stop |= at"
    )
    ages = {"MAX_BACKUP_AGE": "3600", "MAX_WAL_AGE": "300"}
    job.sh(f"echo '{json.dumps(found)}' | jq '{aged}' >/tmp/status.json")
    told = job.exec("backup-health", env=ages)
    assert (words in told.stdout) if words else (told.stdout == ""), told
    assert told.returncode == (1 if words else 0)


def test_to_the_moment_before_a_mistake_though_killed_on_the_way(stand: Stand, mistake: str) -> None:
    volume = stand.bench.volume()
    killed = stand.job(volume)
    # With the offset of somewhere else, and a blank.
    moment = (datetime.fromisoformat(mistake) + timedelta(hours=2)).strftime("%Y-%m-%d %H:%M:%S.%f+02:00")
    # In the one shell, which is quicker than a restore.
    killed.sh(
        f"RESTORE_TO='{moment}' setsid restore >/tmp/events 2>&1 & "
        f"until [ -e {DATA}/17/.restoring ] || ! kill -0 $! 2>/dev/null; do sleep 0.02; done; kill -KILL -- -$!; "
        f"test -e {DATA}/17/.restoring || {{ cat /tmp/events >&2; exit 1; }}"
    )
    stand.remove(killed)
    job = stand.job(volume)
    assert job.exec("test", "-e", PGDATA).returncode != 0
    done = restored(job, RESTORE_TO=moment)
    assert done["timeline"] == 2
    assert abs(datetime.fromisoformat(done["recovered_to"]) - datetime.fromisoformat(mistake)) < timedelta(seconds=20)
    assert "restore_command" not in job.sh(f"cat {PGDATA}/postgresql.auto.conf")
    # The same moment again, and another one.
    again = restored(job, RESTORE_TO=mistake)
    assert again == {**done, "repeated": True}
    assert "holds a cluster that another request made: it is left as it is" in refused(job, 65, RESTORE_TO="latest")
    stand.remove(job)
    assert tables(stand, volume) == "tasks"


def test_to_one_backup(stand: Stand, job: Container) -> None:
    volume = stand.bench.volume()
    done = restored(stand.job(volume), RESTORE_SET=listed(job)["backups"][0]["label"])
    assert done["backup"] == listed(job)["backups"][0]["label"]
    assert tables(stand, volume) == ""


def test_a_volume_in_use(stand: Stand, mistake: str) -> None:
    job = stand.job(stand.volume)
    assert "holds a cluster that another request made" in refused(job, 65, RESTORE_TO="latest")
    locked = stand.job(stand.bench.volume())
    locked.sh(f"flock {DATA}/.lock sleep 30 >/dev/null 2>&1 & sleep 0.2")
    assert "another container is at work on this volume" in refused(locked, 75, RESTORE_TO="latest")


@pytest.mark.nightly
def test_a_life_after_a_restore_and_back(stand: Stand, mistake: str) -> None:
    """Each history that goes on is backed up by itself, and `latest` follows the one that lives."""
    old, new = stand.volume, stand.bench.volume()
    job = stand.job(new)
    restored(job, RESTORE_TO="latest")
    stand.remove(job)
    stand.swap(new)
    with stand.backed_up() as backups:
        found = listed(backups)
        assert found["backups"][-1]["timeline"] == 2
        assert [each["timeline"] for each in found["ranges"]] == [1, 2]
        assert "00000002.history" in backups.sh("pgbackrest repo-ls archive/main/17-1")
        assert backups.sh(f"ls {PGDATA}/pg_wal | grep -c partial; :").strip() == "0"
        stand.query("CREATE TABLE on_the_second (i int)")
        stand.await_archive()
    third = stand.bench.volume()
    assert restored(stand.job(third), RESTORE_TO="latest")["timeline"] == 3
    # Back to the volume from before.
    stand.swap(old)
    with stand.backed_up() as backups:
        assert listed(backups)["backups"][-1]["timeline"] == 1
        stand.query("CREATE TABLE on_the_first (i int)")
        stand.await_archive()
    fourth = stand.bench.volume()
    restored(stand.job(fourth), RESTORE_TO="latest")
    assert tables(stand, third) == "afterwards on_the_second"
    assert tables(stand, fourth) == "afterwards on_the_first"


@pytest.mark.nightly
def test_wal_that_is_damaged_is_not_taken_for_the_end(stand: Stand, mistake: str) -> None:
    """PostgreSQL itself would go on with what came before it."""
    for number in range(2):
        stand.query(f"CREATE TABLE last_{number} (i int)")
        stand.await_archive()
    path = stand.damage("./archive/main/17-1/0000000100000000/*.zst", last=True)
    reason = refused(stand.job(stand.bench.volume()), 65, RESTORE_TO="latest")
    assert f"the archive has WAL up to {Path(path).name[:24]}, and not all of it can be read" in reason
