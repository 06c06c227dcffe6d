"""What backups cost and give back: full backup, restore, and what the loss of a whole stack costs.

A stack with a gigabyte of data is backed up by pgBackRest (compressed, encrypted, over TLS) and, in
the same run, by plain `pg_basebackup` onto the same disk. It is restored in place by `tt`. Then it is
killed under write load, all but the repository, and comes up elsewhere from its backups.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx

from tests.e2e.support.stack import Stack, add_task, eventually
from tests.services import SERVICES

#: Stack numbers: subnets and ports beside those of the other stacks.
NUMBER = 95
ELSEWHERE = 96

#: Rows of about 1 kB of which half compresses away, as with text: a gigabyte.
ROWS = 900_000
FILL = f"""
    CREATE TABLE ballast AS
    SELECT i AS id, repeat(md5(i::text), 15) || noise AS text
    FROM generate_series(1, {ROWS}) AS i,
        LATERAL (SELECT string_agg(md5(random()::text || i || n), '') AS noise FROM generate_series(1, 15) AS n) AS n"""

#: Pairs of the same requests with and without archiving, in turn, so that a busy machine is busy for both.
PAIRS = 5
REQUESTS = 300

#: Seconds of write load before the kill: all but as long as WAL may wait for the archive, which is the worst moment.
ARCHIVE_TIMEOUT = 60
BEFORE_KILL = 55

Report = Callable[[str, str, Sequence[float]], None]


def measure(folder: Path, report: Report) -> None:
    """Prints all figures; makes two stacks in `folder` and removes them."""
    stack = Stack(folder / "backups", f"backups{os.getpid()}", NUMBER)
    elsewhere = Stack(folder / "elsewhere", f"elsewhere{os.getpid()}", ELSEWHERE)
    try:
        stack.up()
        sql(stack, FILL)
        sql(stack, "CHECKPOINT")
        raw = int(sql(stack, "SELECT sum(pg_database_size(oid)) FROM pg_database")) / 1e6
        report("data in the database", "MB", [raw])
        full_backup(stack, raw, report)
        archiving(stack, report)
        restore(stack, report)
        loss_of_the_host(stack, elsewhere, report)
    finally:
        for each in (stack, elsewhere):
            each.destroy_all()


def full_backup(stack: Stack, raw: float, report: Report) -> None:
    """A full backup beside a plain copy of the same files onto the same disk."""
    start = time.perf_counter()
    run(stack, "backups", "backup-run", "full")
    seconds = time.perf_counter() - start
    newest = max(tt(stack, "backup", "list")["backups"], key=lambda backup: backup["stop"])
    report("full backup", "s", [seconds])
    report("full backup, rate", "MB/s", [raw / seconds])
    report("full backup, size in the repository", "MB", [newest["repository_size"] / 1e6])
    report("pg_basebackup of the same", "s", [plain_copy(stack)])


def plain_copy(stack: Stack) -> float:
    """Seconds for `pg_basebackup` of the whole cluster into a volume."""
    volume = stack.docker.volumes.create(labels={"stack": stack.name})
    postgres = stack.container("postgres")
    socket = next(each["Name"] for each in postgres.attrs["Mounts"] if each["Destination"] == "/run/postgresql")
    try:
        start = time.perf_counter()
        stack.docker.containers.run(
            postgres.attrs["Config"]["Image"],
            "pg_basebackup -h /run/postgresql -U postgres -D /var/lib/postgresql/copy -X none -c fast",
            user="10001:10001",
            network_mode="none",
            labels={"stack": stack.name},
            volumes={volume.name: {"bind": "/var/lib/postgresql"}, socket: {"bind": "/run/postgresql", "mode": "ro"}},
            remove=True,
        )
        return time.perf_counter() - start
    finally:
        volume.remove()


def archiving(stack: Stack, report: Report) -> None:
    """What the archive adds to the slowest requests while WAL is written all the time."""
    slowest: dict[bool, list[float]] = {True: [], False: []}
    with writes(stack):
        for on in (True, False) * PAIRS:
            keep_wal(stack, on)
            slowest[on].append(1000 * statistics.quantiles(requests(stack), n=100)[98])
    keep_wal(stack, True)
    # The archive has a gap now: what comes after it needs a backup of its own.
    run(stack, "backups", "backup-run", "full")
    report("99th percentile of adding a task, WAL archived", "ms", slowest[True])
    report("99th percentile of adding a task, WAL thrown away", "ms", slowest[False])


def keep_wal(stack: Stack, on: bool) -> None:
    """Has PostgreSQL archive its WAL, or count it as archived and throw it away."""
    sql(stack, "ALTER SYSTEM " + ("RESET archive_command" if on else "SET archive_command = '/bin/true'"))
    sql(stack, "SELECT pg_reload_conf()")


def requests(stack: Stack) -> list[float]:
    """Seconds of each of a number of requests, one after the other."""
    taken = []
    with stack.client() as client:
        for number in range(REQUESTS):
            start = time.perf_counter()
            add_task(client, f"request {number}")
            taken.append(time.perf_counter() - start)
    return taken


@contextmanager
def writes(stack: Stack) -> Iterator[None]:
    """A writer in the background that fills a WAL segment about every second."""
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.2):
            sql(stack, "CREATE TABLE churn AS SELECT repeat(md5(i::text), 30) FROM generate_series(1, 3000) AS i")
            sql(stack, "DROP TABLE churn")

    sql(stack, "DROP TABLE IF EXISTS churn")
    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def restore(stack: Stack, report: Report) -> None:
    """The newest state, restored into a new volume and swapped in."""
    result = tt(stack, "restore", "--latest", "--yes")
    report("restore of all, until it serves (RTO)", "s", [result["rto_seconds"]])
    report("restore of all, time without a database", "s", [result["downtime_seconds"]])


def loss_of_the_host(stack: Stack, elsewhere: Stack, report: Report) -> None:
    """All of the stack but its repository is killed under write load; another stack is made of its backups."""
    repository_elsewhere(stack, elsewhere)
    acknowledged: list[tuple[float, str]] = []
    killed = threading.Event()

    def write() -> None:
        with stack.client() as client:
            while not killed.is_set():
                try:
                    acknowledged.append((time.time(), add_task(client, f"write {len(acknowledged)}")))
                except (httpx.HTTPError, AssertionError):
                    return

    archived = archived_count(stack)
    writer = threading.Thread(target=write)
    writer.start()
    eventually(lambda: archived_count(stack) > archived, 2 * ARCHIVE_TIMEOUT, "WAL is archived", interval=0.5)
    time.sleep(BEFORE_KILL)
    victims = [stack.container(service) for service in SERVICES if service != "object-store"]
    at = time.time()
    for victim in victims:
        victim.kill()
    killed.set()
    writer.join()
    start = time.perf_counter()
    elsewhere.up()
    with elsewhere.client() as client:
        eventually(lambda: client.get("/api/health").is_success, 60, "the restored stack serves")
        report("loss of the host: until a stack elsewhere serves", "s", [time.perf_counter() - start])
        # What came back is a beginning of what was acknowledged: the last of it that is there.
        last = bisect(lambda index: client.get(f"/api/tasks/{acknowledged[index][1]}").is_success, len(acknowledged))
    report("loss of the host: writes acknowledged", "count", [len(acknowledged)])
    lost = acknowledged[last:]
    report("loss of the host: writes lost", "count", [len(lost)])
    report("loss of the host: age of the oldest lost write (RPO)", "s", [at - lost[0][0] if lost else 0])


def bisect(is_there: Callable[[int], bool], count: int) -> int:
    """The first index that is not there, of which all before it are.

    >>> bisect(lambda index: index < 3, 10), bisect(lambda index: False, 10)
    (3, 0)
    """
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if is_there(middle) else (low, middle)
    return low


def repository_elsewhere(stack: Stack, elsewhere: Stack) -> None:
    """Has `elsewhere` restore from the object store of `stack`, which it can reach, at its first `up`."""
    store = stack.container("object-store")
    secret = {
        "s3_access_key": "cat /etc/tasktracker/access-key",
        "s3_secret_key": "cat /etc/tasktracker/secret-key",
        "s3_ca_certificate": "cat /etc/tasktracker/ca.crt",
    }
    values = {name: run(stack, "object-store", "sh", "-c", command) for name, command in secret.items()}
    passphrase = "sed -n 's/^repo1-cipher-pass=//p' /etc/tasktracker/pgbackrest.conf"
    values["backup_passphrase"] = run(stack, "backups", "sh", "-c", passphrase).strip()
    elsewhere.config |= {
        "backup": {
            "repository": "s3",
            "s3": {
                "bucket": "backups", "endpoint": "object-store", "port": 7070, "region": "local", "uri_style": "path",
            },
        },
        "postgres": {"restore": {"volume": 1, "to": "latest"}},
    }  # fmt: skip
    elsewhere.write_config()
    for name, value in values.items():
        # Not `set`, which takes a certificate for an option.
        elsewhere.pulumi("config", "set-all", "--secret", f"{name}={value}")
    # Its network is there first, so that the store can be reached on it.
    targets = [f"--target={urn}" for urn in ("**:Platform::platform", "**:Networks::networks", "**:Networks$**")]
    elsewhere.pulumi("up", "--yes", "--skip-preview", *targets)
    network = elsewhere.docker.networks.get(f"tasktracker-{elsewhere.name}-egress")
    network.connect(store, aliases=["object-store"])


def archived_count(stack: Stack) -> int:
    """WAL files archived so far."""
    return int(sql(stack, "SELECT archived_count FROM pg_stat_archiver"))


def sql(stack: Stack, statement: str) -> str:
    """What a statement answers, run by the superuser in the app's database."""
    return run(stack, "postgres", "psql", "-XAtq", "-U", "postgres", "-d", "tasktracker", "-c", statement).strip()


def run(stack: Stack, service: str, *command: str) -> str:
    """What a command says that is run in a service's container; it has to succeed."""
    container = stack.container(service).name
    result = subprocess.run(["docker", "exec", str(container), *command], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{service}: {command[0]} exited {result.returncode}: {result.stderr}")
    return result.stdout


def tt(stack: Stack, *command: str) -> dict[str, Any]:
    """What the operator's command answers; it has to succeed."""
    code, answer = stack.tt(*command)
    if code != 0:
        raise RuntimeError(f"tt {' '.join(command)} exited {code}: {answer}")
    return cast(dict[str, Any], answer)
