"""The operator's command on a stack that runs: a dropped table comes back, and what fails changes nothing."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import docker
import pytest
import yaml

from ops.tt import cli
from ops.tt.backup.database import Database
from ops.tt.errors import Exit
from ops.tt.project import volume_name
from tests.e2e.support.stack import Stack, add_task, eventually, execute, is_done
from toolchain.process.steps import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.docker]


#: The shortest that the settings allow: a drill waits for it.
BACKUP = {"archive_timeout": "10s", "max_wal_age": "60s"}

TASKS = ("bread", "milk", "salt")


@pytest.fixture(scope="module")
def tt_stack(make_stack: Callable[..., Stack]) -> Stack:
    """A stack with tasks in it, and its first backup."""
    stack = make_stack(backup=BACKUP)
    stack.up()
    with stack.client() as client:
        for title in TASKS:
            task = add_task(client, title)
        eventually(lambda: is_done(client, task), 30, "the tasks are done")
    return stack


def psql(stack: Stack, *statements: str) -> str:
    """What PostgreSQL answers to its superuser."""
    commands = [word for statement in statements for word in ("-c", statement)]
    command = ("psql", "-XAtqh", "/run/postgresql", "-U", "postgres", "-d", "tasktracker", *commands)
    return execute(stack.container("backups"), *command).strip()


def titles(stack: Stack) -> set[str]:
    with stack.client() as client:
        return {task["title"] for task in client.get("/api/tasks").raise_for_status().json()["items"]}


def as_it_is(stack: Stack) -> tuple[bytes, dict[str, str], list[str]]:
    """The stack's config, containers and volumes."""
    volumes = [str(each.name) for each in stack.docker.volumes.list(filters=stack.filters)]
    return stack.config_file.read_bytes(), stack.ids(), sorted(volumes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("restore", "--to", "2020-01-01 00:00+00"), "can't be restored. What can be:"),
        (("restore", "--to", "2120-01-01 00:00+00"), "still to come"),
        (("restore", "--set", "20200101-000000F"), "there is no backup"),
        (("restore", "--latest"), "no terminal to ask at"),
    ],
)
def test_what_can_t_be_or_is_not_wanted_changes_nothing(
    tt_stack: Stack, arguments: tuple[str, ...], message: str
) -> None:
    before = as_it_is(tt_stack)
    code, told = tt_stack.tt(*arguments)
    assert (code, told["code"]) == (Exit.REFUSED, Exit.REFUSED)
    assert message in told["error"]
    assert as_it_is(tt_stack) == before


def test_a_disk_without_room_for_a_second_copy_is_refused(
    tt_stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in tt_stack.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Database, "free", lambda _: 100 << 20)
    arguments = ["tt", "restore", "--latest", "--yes", "--json", "-s", tt_stack.name, "--project", str(tt_stack.folder)]
    monkeypatch.setattr("sys.argv", arguments)
    before = as_it_is(tt_stack)
    assert cli.main() == Exit.REFUSED
    assert "100 MB are free" in json.loads(capsys.readouterr().out)["error"]
    assert as_it_is(tt_stack) == before


@pytest.mark.nightly
def test_a_restore_that_is_killed_leaves_all_as_it_was(tt_stack: Stack) -> None:
    ended = threading.Event()

    def kill() -> None:
        while not ended.wait(0.1):
            with contextlib.suppress(docker.errors.DockerException):
                tt_stack.container("restore").kill()

    before = as_it_is(tt_stack)
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        code, told = tt_stack.tt("restore", "--latest", "--yes", "--without-safety-backup")
    finally:
        ended.set()
        killer.join()
    assert code == Exit.FAILED, told
    assert "exit code 137" in told["error"]
    assert "as they were before" in told["error"]
    assert as_it_is(tt_stack) == before


#: The app connects anew.
LET_GO = ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tasktracker'",)

#: What takes the app its database, what the api says, and what gives it back; None where the message has that.
UNUSABLE = {
    "read-only": (
        ("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"),
        "the database is read-only",
        None,
    ),
    "password": (
        ("ALTER ROLE tasktracker PASSWORD 'another'", *LET_GO),
        "the database refuses the password",
        None,
    ),
    "right": (
        ("REVOKE UPDATE ON tasks FROM tasktracker",),
        "a right is missing",
        ("GRANT UPDATE ON tasks TO tasktracker",),
    ),
    "search path": (
        ("ALTER ROLE tasktracker SET search_path = elsewhere", *LET_GO),
        "the tables are out of sight",
        ("ALTER ROLE tasktracker RESET search_path", *LET_GO),
    ),
    "row security": (
        ("ALTER TABLE tasks ENABLE ROW LEVEL SECURITY", "ALTER TABLE tasks FORCE ROW LEVEL SECURITY"),
        "row security refuses tasks",
        None,
    ),
    "no connections": (
        # Nobody shuts the database out that he is in.
        ("\\c postgres", "ALTER DATABASE tasktracker ALLOW_CONNECTIONS false", *LET_GO),
        "the database accepts no connections",
        None,
    ),
    "column": (
        ("ALTER TABLE tasks RENAME COLUMN title TO titel",),
        "a column is missing",
        ("ALTER TABLE tasks RENAME COLUMN titel TO title",),
    ),
    "constraint": (
        ("ALTER TABLE outbox ADD CONSTRAINT none_at_all CHECK (id < 0) NOT VALID",),
        "a constraint refuses new tasks",
        ("ALTER TABLE outbox DROP CONSTRAINT none_at_all",),
    ),
    "trigger": (
        (
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$no$$; END'",
            "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON tasks DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION refuse()",
        ),
        "a trigger refuses new tasks",
        ("DROP FUNCTION refuse CASCADE",),
    ),
}
#: What the api learns of from the first task that is refused.
FROM_A_TASK = {"constraint", "trigger"}
#: One of each sort, which each run does; the rest are nightly.
ALWAYS = {"right", "constraint"}


@pytest.mark.parametrize(
    "damage", [pytest.param(each, marks=() if each in ALWAYS else pytest.mark.nightly) for each in UNUSABLE]
)
def test_a_database_that_takes_no_tasks_is_reported(tt_stack: Stack, damage: str) -> None:
    """The api answers and its database does too, but no task can be added."""
    statements, reason, back = UNUSABLE[damage]
    psql(tt_stack, *statements)
    if damage in FROM_A_TASK:
        with tt_stack.client() as client:
            assert client.post("/api/tasks", json={"title": "refused"}).is_server_error
    problem = expect_problem(tt_stack, f"Unavailable: database ({reason}). ")
    if back:
        psql(tt_stack, *back)
    else:
        command = problem.partition(f"({reason}). `")[2].partition("`")[0]
        subprocess.run(["bash", "-c", command], check=True, stdout=subprocess.DEVNULL)
    with tt_stack.client() as client:
        eventually(lambda: client.get("/api/health").is_success, 60, f"the api works again: {problem}")
    # The api's own trials are rolled back.
    assert not {"health", "refused"} & titles(tt_stack)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("IF NEW.status = $$done$$ THEN RAISE EXCEPTION $$no$$; END IF; RETURN NEW;", "a trigger refuses new tasks"),
        ("RETURN NULL;", "a trigger drops tasks or changes of them"),
    ],
)
def test_a_task_that_can_not_be_processed_is_reported_and_waits(tt_stack: Stack, body: str, reason: str) -> None:
    psql(
        tt_stack,
        f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {body} END'",
        "CREATE TRIGGER refuse BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION refuse()",
    )

    def is_told() -> bool:
        code, reported = tt_stack.tt("status")
        return code == Exit.RED and f"database ({reason})" in str(reported["problems"])

    with tt_stack.client() as client:
        try:
            task = client.post("/api/tasks", json={"title": "waits"}).raise_for_status().json()["id"]
            eventually(is_told, 90, "status reports it")
            # However often it is tried.
            attempts = {psql(tt_stack, f"SELECT attempts FROM tasks WHERE id = '{task}'") for _ in range(20)}
            assert attempts <= {"0", "1"}
        finally:
            psql(tt_stack, "DROP FUNCTION refuse CASCADE")
        eventually(lambda: is_done(client, task), 90, "the task is done")
    without(tt_stack, "waits")


@pytest.mark.nightly
def test_a_commit_that_no_standby_confirms_is_reported(tt_stack: Stack) -> None:
    psql(tt_stack, "ALTER SYSTEM SET synchronous_standby_names = 'gone'", "SELECT pg_reload_conf()")
    try:
        with tt_stack.client() as client:
            answer = client.post("/api/tasks", json={"title": "unconfirmed"}, timeout=30)
            assert answer.status_code == 503
            said = answer.json()["detail"]
            assert "Not known whether the task is stored" in said
            path = re.search(r"GET (\S+) ", said)
            assert path
            assert client.get(path[1]).json()["title"] == "unconfirmed"
            expect_problem(tt_stack, "database (no answer within 2 s)")
    finally:
        psql(tt_stack, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
    with tt_stack.client() as client:
        eventually(lambda: is_done(client, path[1].rpartition("/")[2]), 60, "the task is done")
        eventually(lambda: client.get("/api/health").is_success, 60, "the api works again")
    without(tt_stack, "unconfirmed")


def without(stack: Stack, title: str) -> None:
    """Deletes a task that the tests of restores do not know."""
    psql(stack, f"DELETE FROM tasks WHERE title = '{title}'")
    assert titles(stack) == set(TASKS)


def expect_problem(stack: Stack, text: str) -> str:
    """`status` fails, and has a problem with `text`, which this returns."""
    code, reported = stack.tt("status")
    assert code == Exit.RED
    found: list[str] = [problem for problem in reported["problems"] if text in problem]
    assert found, reported["problems"]
    return found[0]


def test_a_dropped_table_comes_back(tt_stack: Stack) -> None:
    moment = psql(tt_stack, "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.USZ')")
    psql(tt_stack, "DROP TABLE tasks CASCADE")
    expect_problem(tt_stack, "Unavailable: database (a table is missing).")
    before, start = tt_stack.config_file.read_text(), time.monotonic()
    code, told = tt_stack.tt("restore", "--to", moment, "--yes")
    assert code == Exit.DONE, told
    assert titles(tt_stack) == set(TASKS)
    # What it says it took is what it took, but for Python's start and the backup afterwards.
    assert 0 < told["rto_seconds"] <= time.monotonic() - start
    assert 0 < told["downtime_seconds"] < told["rto_seconds"]
    assert (told["volume"], told["kept_volume"]) == (2, 1)
    assert told["recovered_to"] < moment.replace(" ", "T")
    assert "restore" not in tt_stack.config_file.read_text()
    assert set(before.splitlines()) <= set(tt_stack.config_file.read_text().splitlines())
    # Of the new history a backup is there already; both are in reach.
    code, listed = tt_stack.tt("backup", "list")
    assert code == Exit.DONE
    assert told["backup_after"] in {each["label"] for each in listed["backups"]}
    assert {each["timeline"] for each in listed["ranges"]} == {1, 2}


def test_a_file_from_before_the_restore_is_refused_and_told_what_it_lacks(tt_stack: Stack) -> None:
    after = tt_stack.config_file.read_text()
    tt_stack.write_config()
    refused = tt_stack.pulumi("preview", check=False)
    assert refused.returncode != 0
    assert "  volume 2, which PostgreSQL runs on\n" in refused.stdout
    assert "unprotect" not in refused.stdout
    commands = {line.strip() for line in refused.stdout.splitlines() if "pulumi config set" in line}
    for command in sorted(commands):
        _, _, *arguments, option, stack = shlex.split(command)
        assert (option, stack) == ("--stack", tt_stack.name)
        tt_stack.pulumi(*arguments)
    assert yaml.safe_load(tt_stack.config_file.read_text()) == yaml.safe_load(after)
    tt_stack.config_file.write_text(after)


def test_a_kept_volume_outlives_a_prune(tt_stack: Stack) -> None:
    before = as_it_is(tt_stack)
    label = f"label=stack={tt_stack.name}"
    subprocess.run(["docker", "volume", "prune", "--force", "--filter", label], check=True, stdout=subprocess.DEVNULL)
    assert as_it_is(tt_stack) == before
    assert tt_stack.tt("volumes", "check") == (Exit.DONE, {"missing": [], "problems": [], "forgotten": []})


@pytest.mark.nightly
def test_an_object_store_that_is_down_is_named_at_once(tt_stack: Stack) -> None:
    store = tt_stack.container("object-store")
    store.stop()
    start = time.monotonic()
    code, told = tt_stack.tt("backup", "now")
    # Python and Docker's client take most of it.
    assert time.monotonic() - start < 15
    assert (code, f"{store.name} is exited. `docker start {store.name}`" in told["error"]) == (Exit.UNREACHABLE, True)
    store.start()
    eventually(lambda: tt_stack.healthy("object-store"), 60, "the object store is back")


def test_the_repository_is_whole_and_a_drill_is_green(tt_stack: Stack) -> None:
    assert tt_stack.tt("backup", "verify") == (Exit.DONE, {"ok": True, "problems": []})
    code, drill = tt_stack.tt("drill")
    assert (code, drill["reason"]) == (Exit.DONE, None)
    assert drill["rpo_seconds"] is not None
    code, status = tt_stack.tt("status")
    assert (code, status["problems"]) == (Exit.DONE, [])
    assert status["drill"]["backup"] == drill["backup"]
    assert status["volumes"] == {"in_use": 2, "kept": [1]}
    assert status["url"].endswith(f":{tt_stack.port}")


@pytest.mark.nightly
def test_a_scratch_server_shows_what_is_there_and_goes(tt_stack: Stack) -> None:
    before = as_it_is(tt_stack)
    code, told = tt_stack.tt("restore", "--latest", "--into", "look")
    assert code == Exit.DONE, told
    scratch = tt_stack.container("scratch-look")
    answer = execute(scratch, *told["connect"].split()[4:], "-XAtqc", "SELECT count(*) FROM tasks")
    assert answer.strip() == str(len(TASKS))
    host = scratch.attrs["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
    assert not host["PortBindings"]
    assert host["Memory"] == host["MemorySwap"] > 0
    assert scratch.attrs["NetworkSettings"]["Networks"] == {}
    assert tt_stack.tt("restore", "--latest", "--into", "look")[0] == Exit.REFUSED
    assert [each["name"] for each in tt_stack.tt("scratch", "list")[1]["scratch"]] == ["look"]
    assert tt_stack.tt("scratch", "remove", "look") == (Exit.DONE, {"removed": "look"})
    assert as_it_is(tt_stack) == before


@pytest.mark.nightly
def test_a_dump_can_be_loaded_elsewhere(tt_stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "x.dump"
    code, told = tt_stack.tt("dump", str(path))
    assert code == Exit.DONE, told
    assert path.stat().st_size == told["bytes"]
    assert list(tmp_path.iterdir()) == [path]
    listed = subprocess.run(
        ["docker", "exec", "-i", f"tasktracker-{tt_stack.name}-backups", "pg_restore", "--list"],
        input=path.read_bytes(), capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    assert " TABLE DATA public tasks " in listed
    assert tt_stack.tt("dump", str(path))[0] == Exit.REFUSED


def test_a_kept_volume_goes_when_it_is_told_to(tt_stack: Stack) -> None:
    name = f"tasktracker-{tt_stack.name}-postgres-data"
    code, told = tt_stack.tt("volumes", "list")
    assert [(each["number"], each["state"]) for each in told["volumes"]] == [(1, "kept"), (2, "in use")]
    assert tt_stack.tt("volumes", "remove", "2", "--yes")[0] == Exit.USAGE
    assert tt_stack.tt("volumes", "remove", "1")[0] == Exit.REFUSED
    code, told = tt_stack.tt("volumes", "remove", "1", "--yes")
    assert (code, told) == (Exit.DONE, {"removed": 1})
    assert name not in as_it_is(tt_stack)[2]
    assert titles(tt_stack) == set(TASKS)


def data_volumes(stack: Stack) -> tuple[int, list[int]]:
    """The numbers of PostgreSQL's data volume in use, and of those that are kept."""
    volumes = stack.tt("status")[1]["volumes"]
    return volumes["in_use"], volumes["kept"]


@pytest.mark.nightly
def test_a_restore_that_is_killed_in_the_change_of_volumes_goes_back(tt_stack: Stack) -> None:
    used, kept = data_volumes(tt_stack)
    new = max([used, *kept]) + 1
    name, start = tt_stack.container("postgres").name, time.time()
    restore = subprocess.Popen(
        [ROOT / "tt", "restore", "--latest", "--yes", "--without-safety-backup", "--stack", tt_stack.name],
        cwd=tt_stack.folder, env=tt_stack.env, stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    for event in tt_stack.docker.events(since=int(start), filters={"container": name, "event": "destroy"}, decode=True):
        assert event["Actor"]["Attributes"]["name"] == name
        break
    os.killpg(restore.pid, signal.SIGKILL)
    assert restore.wait() == -signal.SIGKILL
    code, told = tt_stack.tt("restore", "--latest", "--yes")
    assert (code, "`./tt restore --abort --stack" in told["error"]) == (Exit.REFUSED, True)
    code, told = tt_stack.tt("restore", "--abort")
    assert code == Exit.DONE, told
    assert f"PostgreSQL is on data volume {used}, and has a new container. Data volume {new}" in told["message"]
    assert titles(tt_stack) == set(TASKS)
    assert data_volumes(tt_stack) == (used, [*kept, new])
    assert "There is no restore to take back." in tt_stack.tt("restore", "--abort")[1]["message"]
    tt_stack.expect_no_changes()


@pytest.mark.nightly
def test_a_database_that_is_gone_comes_back_from_its_backups(tt_stack: Stack) -> None:
    task = "before the loss"
    with tt_stack.client() as client:
        add_task(client, task)
    segment = psql(tt_stack, "SELECT pg_walfile_name(pg_switch_wal())")
    archived = "SELECT last_archived_wal FROM pg_stat_archiver"
    eventually(lambda: psql(tt_stack, archived) >= segment, 60, f"{segment} is archived")
    names = [volume_name(tt_stack.name, data_volumes(tt_stack)[0]), f"tasktracker-{tt_stack.name}-uploads"]
    tt_stack.pulumi("destroy", "--exclude-protected", "--yes", "--skip-preview")
    for name in names:
        tt_stack.docker.volumes.get(name).remove()
    refused = tt_stack.up(check=False)
    assert refused.returncode != 0
    assert f"    ./tt restore --latest --stack {tt_stack.name}\n" in refused.stdout
    code, told = tt_stack.tt("volumes", "check")
    assert (code, told["missing"]) == (Exit.RED, names)
    assert [each.split()[0] for each in told["problems"]] == names
    code, told = tt_stack.tt("restore", "--latest", "--yes")
    assert code == Exit.DONE, told
    assert titles(tt_stack) == {*TASKS, task}
    assert tt_stack.tt("volumes", "check") == (Exit.DONE, {"missing": [], "problems": [], "forgotten": []})
    tt_stack.expect_no_changes()
