"""The postgres image's drill: green when the latest state can be restored, red with the reason when it can't."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.images.conftest import Bench, Container, wait_for
from tests.images.stand import ARCHIVE_TIMEOUT, DATA, METRICS, READER, SOCKET, Stand, events

pytestmark = pytest.mark.docker

#: Seconds that WAL may take beyond the archive timeout.
MAX_WAL_AGE = 20


@pytest.fixture(scope="module")
def stand(shared_bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Stand:
    stand = Stand(shared_bench, tmp_path_factory.mktemp("stand"))
    with stand.backed_up():
        stand.query("CREATE TABLE tasks AS SELECT i, md5(i::text) AS text FROM generate_series(1, 5000) i")
        stand.query(
            "CREATE TABLE meanings AS SELECT i, ARRAY[i, i * i, 1]::vector(3) AS meaning FROM generate_series(1, 99) i;"
            " CREATE INDEX ON meanings USING hnsw (meaning vector_l2_ops)"
        )
    return stand


def run_drills(stand: Stand, **options: Any) -> Container:
    env = {
        "POSTGRES_DB": "tasktracker",
        "ARCHIVE_TIMEOUT": str(ARCHIVE_TIMEOUT),
        "MAX_WAL_AGE": str(MAX_WAL_AGE),
        "MAX_DRILL_AGE": "3600",
    }
    return stand.bench.run(
        "postgres",
        "drills",
        config=options.get("config", stand.reader),
        env={**env, **options.get("env", {})},
        mounts={DATA: stand.bench.volume(), METRICS: options.get("metrics", stand.metrics)},
        options=[stand.network, f"--volume={stand.socket}:{SOCKET}:ro"],
    )


@pytest.fixture(scope="module")
def drills(stand: Stand) -> Container:
    return run_drills(stand)


def drill(drills: Container, **env: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The result, and all events; what it leaves behind is checked in each case."""
    result = drills.exec("drill", "--json", env=env)
    found = events(result.stdout)
    done = found[-1]
    assert done["event"] == "done", result.stderr
    assert result.returncode == (0 if done["ok"] else 1)
    assert drills.sh(f"ls {DATA}; ls /tmp") == ""
    kept = json.loads(drills.sh(f"cat {METRICS}/drill.json"))
    assert {"event": "done", **kept} == done
    health = drills.exec("drill-health")
    assert health.stdout == ("" if done["ok"] else f"the last drill was red: {done['reason']}\n")
    assert health.returncode == result.returncode
    return done, found


def red(drills: Container, **env: str) -> str:
    """Why a drill is red."""
    done, _ = drill(drills, **env)
    assert not done["ok"]
    assert "tasktracker_drill_ok 0\n" in drills.sh(f"cat {METRICS}/drill.prom")
    return str(done["reason"])


def test_none_is_due_yet(drills: Container) -> None:
    assert drills.exec("drill-health").returncode == 0
    missed = drills.exec("drill-health", env={"MAX_DRILL_AGE": "-1"})
    assert missed.returncode == 1
    assert "there has been no drill in" in missed.stdout


@pytest.mark.nightly
def test_a_bad_result_is_tried_anew_by_a_start(stand: Stand) -> None:
    """What was wrong may have been put right by the very update that starts it."""
    drills = run_drills(stand)

    def has_looked() -> bool:
        running = drills.sh("cat /proc/[0-9]*/comm 2>/dev/null || true").split()
        return "supercronic" in running and "drill-health" not in running

    # Its start looks at the last result by itself.
    wait_for(has_looked, f"the start is over: {drills.logs}")
    bad = json.dumps({"ok": False, "reason": "the passphrase was wrong", "time": 1})
    drills.sh(f"echo '{bad}' >{METRICS}/drill.json")
    assert drills.exec("drill-health").returncode == 1
    drills.stop()
    drills.start()
    locked = "! flock --nonblock /var/lib/postgresql/.drill.lock true"
    wait_for(lambda: drills.exec("sh", "-c", locked).returncode == 0, f"a drill: {drills.logs}")
    assert drills.exec("drill-health").returncode == 0
    wait_for(lambda: json.loads(drills.sh(f"cat {METRICS}/drill.json"))["ok"], f"a green one: {drills.logs}")
    assert drills.exec("drill-health").returncode == 0


def test_green(stand: Stand, drills: Container) -> None:
    before = stand.query("SELECT pg_current_wal_lsn()")
    done, found = drill(drills)
    assert done["ok"], done["reason"]
    assert {name: check["ok"] for name, check in done["checks"].items()} == {
        "canary": True,
        "rows": True,
        "amcheck": True,
        "vectors": True,
    }
    assert done["checks"]["rows"]["note"] == "5099 rows in 2 tables"
    assert done["checks"]["vectors"]["note"] == "meanings.meaning: its nearest neighbour is at 0"
    assert 0 < done["rpo_seconds"] <= ARCHIVE_TIMEOUT + MAX_WAL_AGE
    assert 0 < done["rto_seconds"] < done["seconds"]
    assert done["time"] == done["last_ok"]
    names = [each["event"] for each in found]
    assert [name for name in names if name != "progress"] == [
        "start", "canary", "archived", "start", "recovering", "checking", "done"
    ]  # fmt: skip
    assert f"tasktracker_drill_rto_seconds {done['rto_seconds']}\n" in drills.sh(f"cat {METRICS}/drill.prom")
    # The database itself: one row of the canary, and nothing else.
    assert stand.query(f"SELECT pg_current_wal_lsn() > '{before}'") == "t"
    assert stand.query("SELECT count(*) FROM pg_extension WHERE extname = 'amcheck'") == "0"


@pytest.mark.nightly
def test_one_at_a_time_and_none_left_behind(drills: Container) -> None:
    drills.sh("drill --json >/tmp/events 2>&1 & echo $! >/tmp/pid")
    wait_for(lambda: "canary" in drills.sh("cat /tmp/events"), "a drill")
    second = drills.exec("drill")
    assert (second.returncode, second.stderr) == (75, "drill: another drill is running\n")
    wait_for(lambda: "recovering" in drills.sh("cat /tmp/events"), "a restore")
    drills.sh("kill -TERM $(cat /tmp/pid)")
    wait_for(lambda: drills.sh("ls /tmp").split() == ["events", "pid"], "its end")
    assert drills.sh(f"ls {DATA}; rm /tmp/events /tmp/pid") == ""


def test_withheld_wal(stand: Stand, drills: Container) -> None:
    stand.query("ALTER SYSTEM SET archive_command = 'false'")
    stand.query("SELECT pg_reload_conf()")
    try:
        reason = red(drills, MAX_WAL_AGE="1")
    finally:
        stand.query("ALTER SYSTEM RESET archive_command")
        stand.query("SELECT pg_reload_conf()")
    assert "was not archived within 3 s; PostgreSQL has archived 0000" in reason


def test_another_passphrase(stand: Stand) -> None:
    # Without the results of before: after a red one the start drills too, and this one might find it running.
    metrics = stand.bench.volume()
    drills = run_drills(stand, config=stand.describe(READER, "another-passphrase-than-the-right-one"), metrics=metrics)
    assert red(drills).startswith("the repository is encrypted with another passphrase")
    stand.remove(drills)


def test_lost_rows(stand: Stand, drills: Container) -> None:
    """What the restored database lacks is seen, by a count that no change explains."""
    result = drills.sh(
        'jq -nc --argjson before \'[{"table": "t", "rows": 9, "file": 1, "changes": 20}]\''
        ' --argjson restored \'[{"table": "t", "rows": 5}]\''
        ' --argjson after \'[{"table": "t", "file": 1, "changes": 23}]\' -f /usr/local/share/tasktracker/drill_rows.jq'
    )
    assert json.loads(result) == {"ok": False, "note": "t has 5 rows, and should have 9 give or take 3"}


@pytest.mark.parametrize("env", [{"POSTGRES_DB": "x;y"}, {"ARCHIVE_TIMEOUT": ""}, {"MAX_WAL_AGE": "1d"}])
def test_a_setting_that_is_wrong_is_named(drills: Container, env: dict[str, str]) -> None:
    result = drills.exec("drill", env=env)
    assert result.returncode == 78
    assert result.stderr.startswith(f"drill: {next(iter(env))}='")


# From here on the repository is no more what it was.


@pytest.mark.nightly
def test_a_damaged_file(stand: Stand, drills: Container) -> None:
    # It tries again after 15 seconds otherwise.
    soon = {"PGBACKREST_JOB_RETRY": "1"}
    sound = drills.exec("backup-verify")
    assert (sound.returncode, json.loads(sound.stdout)) == (0, {"ok": True, "problems": []})
    path = stand.damage("./backup/main/*/bundle/1")
    reason = red(drills, **soon)
    assert reason.startswith("the restore failed: "), reason
    damaged = drills.exec("backup-verify", env=soon)
    assert damaged.returncode == 1
    assert json.loads(damaged.stdout)["problems"] == [{"file": path, "what": "its checksum is wrong"}]
    segment = stand.damage("./archive/main/*/*/*.zst")
    missing = stand.store.sh("ls /var/lib/objects/buckets/backups/archive/main/17-1/0000000100000000/*.zst").split()[1]
    stand.store.sh(f"rm {missing}")
    problems = {
        each["file"]: each["what"] for each in json.loads(drills.exec("backup-verify", env=soon).stdout)["problems"]
    }
    assert set(problems) >= {path, segment, "archive/main/17-1/0000000100000000"}
    assert problems["archive/main/17-1/0000000100000000"].startswith("WAL is missing between 000000010000000000000001")
