"""The postgres image's entrypoint: it makes a cluster once, whole or not at all, and guards it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.images.conftest import Bench, Container, reference, wait_for

pytestmark = pytest.mark.docker

DATA = "/var/lib/postgresql/17/data"

#: With the characters that a shell, SQL and psql each treat in their own way.
APP_PASSWORD = 'app\'s "pass" $HOME `id` :x \\n %s é'
POSTGRES_PASSWORD = "the-superusers-own-word"

#: It logs all it can: what must not be in the logs then shows.
POSTGRESQL_CONF = """\
listen_addresses = '*'
unix_socket_directories = '/run/postgresql'
shared_preload_libraries = 'pg_stat_statements'
log_statement = 'all'
log_min_duration_statement = 0
log_connections = on
debug_print_parse = on
"""

PG_HBA_CONF = """\
local all postgres peer
host all all 127.0.0.1/32 scram-sha-256
"""


class Stand:
    """A volume, a folder of configuration, and the containers that are run on them."""

    def __init__(self, bench: Bench, config: Path) -> None:
        self.bench = bench
        self.config = config
        self.volume = bench.volume()
        #: Where the socket is, as in a stack, where other containers use it; in memory if it is None.
        self.socket: str | None = None
        config.chmod(0o755)
        self.write("postgresql.conf", POSTGRESQL_CONF)
        self.write("pg_hba.conf", PG_HBA_CONF)
        self.write("postgres-password", POSTGRES_PASSWORD + "\n")
        self.write("app-password", APP_PASSWORD)

    def write(self, name: str, text: str) -> None:
        file = self.config / name
        file.write_text(text)
        file.chmod(0o444)

    def run(self, *options: str, **env: str) -> Container:
        variables = {
            "POSTGRES_DB": "tasks",
            "APP_USER": "tracker",
            "POSTGRES_PASSWORD_FILE": "/etc/tasktracker/postgres-password",
            "APP_PASSWORD_FILE": "/etc/tasktracker/app-password",
            **env,
        }
        return self.bench.run(
            "postgres",
            config=self.config,
            env=variables,
            mounts={"/var/lib/postgresql": self.volume} | ({"/run/postgresql": self.socket} if self.socket else {}),
            tmpfs=("/tmp",) if self.socket else ("/tmp", "/run/postgresql"),
            options=options,
        )

    def prepare(self, script: str) -> None:
        """Runs `script` on the volume, as the owner of the data."""
        self.bench.docker.output(
            *("run", "--rm", "--network=none", f"--volume={self.volume}:/var/lib/postgresql", "--entrypoint=sh"),
            *(reference("postgres"), "-euc", script),
        )


def ready(container: Container) -> bool:
    return container.exec("pg_isready", "-q", "-h", "127.0.0.1", "-U", "tracker", "-d", "tasks").returncode == 0


def wait_ready(container: Container) -> None:
    wait_for(lambda: ready(container), f"PostgreSQL answers: {container.logs}")


def query(container: Container, sql: str, user: str = "tracker", password: str = APP_PASSWORD) -> str:
    """The answer to `sql` over TCP, which takes a password; or the error."""
    argv = ("psql", "-XAtq", "-h", "127.0.0.1", "-U", user, "-d", "tasks", "-c", sql)
    result = container.exec(*argv, env={"PGPASSWORD": password})
    return result.stdout.strip() if result.returncode == 0 else result.stderr.strip()


@pytest.fixture
def stand(bench: Bench, tmp_path: Path) -> Stand:
    return Stand(bench, tmp_path)


@pytest.fixture(scope="module")
def shared_stand(shared_bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> tuple[Stand, Container]:
    """A server for all tests that leave it as it was, but for restarts."""
    stand = Stand(shared_bench, tmp_path_factory.mktemp("config"))
    return stand, stand.run()


@pytest.fixture
def running(shared_stand: tuple[Stand, Container]) -> Container:
    """A server that is ready."""
    container = shared_stand[1]
    if container.inspect("{{.State.Running}}") == "false":
        container.start()
    wait_ready(container)
    return container


@contextmanager
def watching_processes(*secrets: str) -> Iterator[list[str]]:
    """Collects each process of this machine that has one of `secrets` in its arguments or environment."""
    found: list[str] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                for file in ("cmdline", "environ"):
                    try:
                        text = (process / file).read_bytes()
                    except OSError:
                        continue
                    if any(secret.encode() in text for secret in secrets):
                        found.append(f"{process.name} {file}: {text[:200]!r}")

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def test_the_app_gets_its_database_and_no_more(running: Container) -> None:
    assert query(running, "SELECT current_user || ' in ' || current_database()") == "tracker in tasks"
    rights = "rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolcanlogin"
    assert query(running, f"SELECT {rights} FROM pg_roles WHERE rolname = current_user") == "f|f|f|f|f|t"
    assert query(running, "SELECT datdba::regrole FROM pg_database WHERE datname = 'tasks'") == "tracker"
    assert "permission denied" in query(running, "CREATE ROLE other")
    assert "permission denied" in query(running, "SELECT * FROM pg_authid")
    assert query(running, "CREATE TABLE mine (v vector(3)); SELECT count(*) FROM mine") == "0"


def test_extensions_checksums_and_encoding(running: Container) -> None:
    assert query(running, "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension") == (
        "pg_stat_statements plpgsql vector"
    )
    assert query(running, "SHOW data_checksums") == "on"
    assert query(running, "SHOW server_encoding") == "UTF8"
    assert query(running, "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'tasks'") == "b|C.UTF-8"
    assert query(running, "SELECT '[1,2,3]'::vector <-> '[1,2,5]'") == "2"


def test_passwords_are_stored_as_scram_and_asked_for(running: Container) -> None:
    stored = query(
        running, "SELECT DISTINCT left(rolpassword, 14) FROM pg_authid WHERE rolcanlogin", "postgres", POSTGRES_PASSWORD
    )
    assert stored == "SCRAM-SHA-256$"
    assert "password authentication failed" in query(running, "SELECT 1", password="wrong")
    assert "password authentication failed" in query(running, "SELECT 1", "postgres", APP_PASSWORD)


def test_it_runs_without_rights_on_a_read_only_root(running: Container) -> None:
    status = running.sh("cat /proc/1/status")
    assert "Uid:\t10001\t10001\t10001\t10001" in status
    assert "CapEff:\t0000000000000000" in status
    assert "CapBnd:\t0000000000000000" in status
    assert running.exec("touch", "/usr/x").returncode != 0


def test_no_password_in_logs_arguments_environment_or_files(stand: Stand) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root sees other users' processes")
    with watching_processes(APP_PASSWORD, POSTGRES_PASSWORD) as found:
        container = stand.run()
        wait_ready(container)
    assert found == []
    # The part that no escaping changes.
    for needle in (APP_PASSWORD[-8:], POSTGRES_PASSWORD):
        assert needle not in container.logs
        assert needle not in container.inspect("{{json .}}")
    assert container.exec("grep", "-rlF", POSTGRES_PASSWORD, "/var/lib/postgresql").stdout == ""


def test_a_restart_is_quick_and_keeps_the_data(running: Container) -> None:
    query(running, "CREATE TABLE restarted AS SELECT 42 AS answer")
    start = time.monotonic()
    running.stop()
    assert time.monotonic() - start < 5
    assert running.exit_code() == 0
    running.start()
    wait_ready(running)
    assert query(running, "SELECT answer FROM restarted") == "42"
    assert running.logs.count("making a new cluster") == 1


def test_it_recovers_from_kill_9(running: Container) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can kill a container's process")
    query(running, "CREATE TABLE killed AS SELECT 42 AS answer")
    for _ in range(2):
        os.kill(int(running.inspect("{{.State.Pid}}")), signal.SIGKILL)
        assert running.exit_code() == 137
        running.start()
        wait_ready(running)
        assert query(running, "SELECT answer FROM killed") == "42"
    assert "database system was not properly shut down; automatic recovery" in running.logs


@pytest.mark.parametrize("pid", ["1", "7"])
def test_a_process_with_a_dead_servers_number_does_not_stop_it(
    shared_stand: tuple[Stand, Container], running: Container, pid: str
) -> None:
    running.stop()
    shared_stand[0].prepare(f"printf '%s\\n{DATA}\\n' {pid} > {DATA}/postmaster.pid")
    running.start()
    wait_ready(running)


def test_changed_passwords_work_after_a_restart_and_old_ones_do_not(stand: Stand) -> None:
    container = stand.run()
    wait_ready(container)
    stand.write("app-password", "new app word\n")
    stand.write("postgres-password", "new superuser word")
    container.stop()
    container.start()
    wait_ready(container)
    assert query(container, "SELECT 1", password="new app word") == "1"
    assert query(container, "SELECT 1", "postgres", "new superuser word") == "1"
    assert "password authentication failed" in query(container, "SELECT 1")
    assert "password authentication failed" in query(container, "SELECT 1", "postgres", POSTGRES_PASSWORD)


def test_another_app_user_and_database_are_made(stand: Stand) -> None:
    first = stand.run()
    wait_ready(first)
    first.stop()
    second = stand.run(APP_USER="other", POSTGRES_DB="more")
    wait_for(lambda: second.exec("pg_isready", "-q", "-h", "127.0.0.1").returncode == 0, second.logs)
    names = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate"
    assert query(second, names, "other") == "more postgres tasks"


@pytest.mark.parametrize("step", ["initdb", "provision"])
def test_a_kill_during_the_first_start_is_made_good(stand: Stand, step: str) -> None:
    container = stand.run()
    # The folder of the step's work: it is there while the step runs.
    folder = "/var/lib/postgresql/17/.staging/base" if step == "initdb" else DATA
    wait_for(lambda: container.exec("test", "-d", folder).returncode == 0, f"{step} runs", interval=0)
    container.docker.output("kill", "--signal=KILL", container.name)
    assert not (step == "initdb" and "setting roles" in container.logs), "the kill came too late to show anything"
    container.start()
    wait_ready(container)
    assert container.exec("test", "-e", "/var/lib/postgresql/17/.staging").returncode != 0
    assert query(container, "SHOW data_checksums") == "on"


@pytest.mark.nightly
def test_a_volume_that_has_lost_its_data_gets_no_new_cluster(stand: Stand) -> None:
    """It would look like a stack that works; its users would find nothing."""
    stand.socket = stand.bench.volume()
    container = stand.run()
    wait_ready(container)
    stand.prepare("cd /var/lib/postgresql; rm -rf ./* ./.[!.]*")
    container.stop()
    container.start()
    assert container.exit_code() == 65, container.logs
    assert "entrypoint: the database is gone from its volume, and no new one is made in its place" in container.logs
    # A new volume begins with a new cluster.
    stand.volume = stand.bench.volume()
    wait_ready(stand.run())


def test_two_servers_never_share_a_volume(shared_stand: tuple[Stand, Container], running: Container) -> None:
    second = shared_stand[0].run()
    assert second.exit_code() == 75
    assert "another PostgreSQL container is running on this volume" in second.logs
    assert ready(running)


def test_each_process_of_the_server_holds_the_lock(running: Container) -> None:
    """So that a backend that outlives a killed postmaster keeps the volume locked."""
    holders = running.sh("for p in /proc/[0-9]*; do readlink $p/fd/9; done 2>/dev/null | grep -c postgresql/.lock")
    processes = running.sh("grep -l '^postgres' /proc/[0-9]*/cmdline | wc -l")
    assert int(holders) >= int(processes) >= 5


REFUSALS: list[tuple[str, str, dict[str, str], list[str], int, str]] = [
    ("half-initialised", f"mkdir -p {DATA}/base; echo 17 > {DATA}/PG_VERSION", {}, [], 65, "no global/pg_control"),
    (
        "foreign",
        f"mkdir -p {DATA}; echo hello > {DATA}/notes.txt",
        {},
        [],
        65,
        "no PG_VERSION: half-initialised, or no",
    ),
    (
        "older",
        f"mkdir -p {DATA}; echo 16 > {DATA}/PG_VERSION",
        {},
        [],
        65,
        "made by PostgreSQL 16 and this image is 17",
    ),
    (
        "older beside",
        "mkdir -p 16/data; echo 16 > 16/data/PG_VERSION",
        {},
        [],
        65,
        "go back to an image of PostgreSQL 16",
    ),
    ("elsewhere", "mkdir data; echo 17 > data/PG_VERSION", {}, [], 65, f"keeps it in {DATA}: move it there"),
    ("not writable", "touch file; chmod 0555 .", {}, [], 73, "uid 10001 may not write here"),
    ("root", "", {}, ["--user=0"], 64, "doesn't run as root"),
    (
        "no secret",
        "true",
        {"APP_PASSWORD_FILE": "/nowhere"},
        [],
        78,
        "APP_PASSWORD_FILE=/nowhere: there is no such file",
    ),
    ("secret unset", "", {"POSTGRES_PASSWORD_FILE": ""}, [], 78, "POSTGRES_PASSWORD_FILE is not set"),
    (
        "empty secret",
        "true",
        {"APP_PASSWORD_FILE": "/dev/null"},
        [],
        78,
        "APP_PASSWORD_FILE=/dev/null: there is no such file",
    ),
    ("no user", "", {"APP_USER": ""}, [], 78, "APP_USER is not set"),
    ("bad user", "", {"APP_USER": 'a"; DROP'}, [], 78, "only a-z, 0-9 and _ are allowed"),
    ("superuser", "", {"APP_USER": "postgres"}, [], 78, "APP_USER='postgres': 'postgres' and names"),
    ("server's database", "", {"POSTGRES_DB": "template1"}, [], 78, "POSTGRES_DB='template1'"),
]


@pytest.mark.parametrize(
    ("script", "env", "options", "code", "message"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_it_refuses(
    stand: Stand, script: str, env: dict[str, str], options: list[str], code: int, message: str
) -> None:
    if script:
        stand.prepare(f"cd /var/lib/postgresql; {script}")
    container = stand.run(*options, **env)
    assert container.exit_code() == code, container.logs
    assert message in container.logs
    assert len(container.logs.splitlines()) == 1, "one line says it all"


@pytest.mark.parametrize("text", ["", "\n", "   \n"])
def test_it_refuses_an_empty_password(stand: Stand, text: str) -> None:
    stand.write("app-password", text)
    container = stand.run()
    assert container.exit_code() == 78
    assert "APP_PASSWORD_FILE=/etc/tasktracker/app-password: the file is empty" in container.logs


def test_it_refuses_a_password_of_two_lines(stand: Stand) -> None:
    stand.write("app-password", "one\ntwo\n")
    container = stand.run()
    assert container.exit_code() == 78
    assert "must be one line" in container.logs


def test_a_setting_that_postgres_refuses_is_shown(stand: Stand) -> None:
    stand.write("postgresql.conf", POSTGRESQL_CONF + "shared_buffers = many\n")
    container = stand.run()
    assert container.exit_code() == 70
    assert 'invalid value for parameter "shared_buffers": "many"' in container.logs
