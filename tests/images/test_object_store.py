"""The object store's image: it serves its bucket by S3 over TLS, and refuses to start on less than it needs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.secrets.certificates import SERVER_LIFETIME, KeyPair, new_authority, new_server_certificate
from tests.images.conftest import Bench, Container, wait_for

pytestmark = pytest.mark.docker

KEY = "the-stores-own-key-with-$HOME-and-`id`"
HOSTS = ("object-store", "localhost", "127.0.0.1")
READER_KEY, APP_KEY = 'the-readers-"own\\key', "the-apps-own-key"
ACCOUNTS = {
    "reader-access-key": "backups-reader",
    "reader-secret-key": READER_KEY,
    "app-access-key": "app",
    "app-secret-key": APP_KEY,
}
CLIENT = ("pgbackrest", "--config=/etc/tasktracker/pgbackrest.conf", "--log-level-console=error", "--io-timeout=2")

PGBACKREST_CONF = f"""\
[global]
repo1-type=s3
repo1-s3-bucket=backups
repo1-s3-endpoint=localhost
repo1-storage-port=7070
repo1-s3-region=local
repo1-s3-uri-style=path
repo1-s3-key=backups
repo1-s3-key-secret={KEY}
repo1-storage-ca-file=/etc/tasktracker/ca.crt
repo1-path=/main
log-level-file=off
lock-path=/tmp
"""


def as_account(name: str, key: str, bucket: str = "backups") -> dict[str, str]:
    """What makes the client another account."""
    return {
        "PGBACKREST_REPO1_S3_KEY": name,
        "PGBACKREST_REPO1_S3_KEY_SECRET": key,
        "PGBACKREST_REPO1_S3_BUCKET": bucket,
    }


class Stand:
    """A volume and a folder of files, and the containers that are run on them."""

    def __init__(self, bench: Bench, config: Path) -> None:
        self.bench = bench
        self.config = config
        self.volume = bench.volume()
        config.chmod(0o755)
        self.write("access-key", "backups")
        self.write("secret-key", KEY + "\n")
        self.write("pgbackrest.conf", PGBACKREST_CONF)
        self.certify(datetime.now(UTC))

    def certify(self, now: datetime) -> KeyPair:
        """Gives the server a certificate of `now`; returns its authority."""
        authority = new_authority(now)
        server = new_server_certificate(authority, HOSTS, now)
        self.write("ca.crt", authority.certificate)
        self.write("server.crt", server.certificate)
        self.write("server.key", server.key)
        return authority

    def write(self, name: str, text: str) -> None:
        file = self.config / name
        file.unlink(missing_ok=True)
        file.write_text(text)
        file.chmod(0o444)

    def write_accounts(self) -> None:
        for name, text in ACCOUNTS.items():
            self.write(name, text)

    def run(self, *options: str, **env: str) -> Container:
        return self.bench.run(
            "object_store",
            config=self.config,
            env={"BUCKET": "backups", "REGION": "local", **env},
            mounts={"/var/lib/objects": self.volume},
            options=["--network=none", *options],
        )

    def client(self, server: Container) -> Container:
        """A container of the postgres image that shares the server's network."""
        return self.bench.run(
            "postgres",
            "600",
            config=self.config,
            options=[f"--network=container:{server.name}", "--entrypoint=sleep"],
        )


@pytest.fixture
def stand(bench: Bench, tmp_path: Path) -> Stand:
    return Stand(bench, tmp_path)


@pytest.fixture(scope="module")
def running(shared_bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Container:
    """A server that is healthy, for all tests that leave it as it is."""
    server = Stand(shared_bench, tmp_path_factory.mktemp("config")).run()
    wait_healthy(server)
    return server


def healthy(server: Container, **env: str) -> bool:
    return server.exec("healthcheck", env=env).returncode == 0


def wait_healthy(server: Container) -> None:
    wait_for(lambda: healthy(server), f"the server is healthy: {server.logs}")


def test_it_runs_without_rights_on_a_read_only_root(running: Container) -> None:
    status = running.sh("cat $(grep -l '^Name:.versitygw' /proc/[0-9]*/status)")
    assert re.search(r"^Uid:\s+10005\s", status, re.M)
    assert set(re.findall(r"^Cap\w+:\s+(\w+)$", status, re.M)) == {"0" * 16}
    assert running.exec("touch", "/usr/x").returncode != 0


def test_its_key_is_where_only_its_user_can_read_it(running: Container) -> None:
    assert KEY not in running.inspect("{{json .}}")
    assert KEY not in running.logs
    assert running.sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").count(KEY) == 0
    owners = running.sh(
        "for file in /proc/[0-9]*/environ; do grep -q ROOT_SECRET $file && stat -c '%u %a' $file; done; :"
    )
    assert set(owners.splitlines()) == {"10005 400"}


def test_the_bucket_and_objects_are_its_users_alone(running: Container) -> None:
    assert running.sh("stat -c '%u %a' /var/lib/objects/buckets/backups") == "10005 700\n"


def test_health_is_a_signed_request_over_checked_tls_to_the_bucket(stand: Stand) -> None:
    server = stand.run()
    wait_healthy(server)
    assert not healthy(server, BUCKET="another")
    stand.write("secret-key", "another")
    assert "SignatureDoesNotMatch" in server.exec("healthcheck").stderr
    stand.write("secret-key", KEY)
    stand.write("ca.crt", new_authority(datetime.now(UTC)).certificate)
    assert "unknown authority" in server.exec("healthcheck").stderr


def test_a_server_whose_certificate_has_expired_is_unhealthy(stand: Stand) -> None:
    stand.certify(datetime.now(UTC) - SERVER_LIFETIME - timedelta(days=1))
    server = stand.run()
    wait_for(lambda: "certificate has expired" in server.exec("healthcheck").stderr, f"it is told: {server.logs}")


def test_objects_outlive_the_container(stand: Stand) -> None:
    first = stand.run()
    wait_healthy(first)
    client = stand.client(first)
    # More than one part of an upload.
    client.sh(f"head -c 20M /dev/urandom > /tmp/data && {' '.join(CLIENT)} repo-put /main/data < /tmp/data")
    stored = client.sh("sha256sum < /tmp/data")
    first.stop()
    assert first.exit_code() in (0, 143)
    second = stand.run()
    wait_healthy(second)
    assert stand.client(second).sh(f"{' '.join(CLIENT)} repo-get /main/data | sha256sum") == stored
    assert second.sh("stat -c '%u %a' /var/lib/objects/buckets/backups/main/data") == "10005 600\n"


def test_another_key_and_another_authority_are_refused(stand: Stand) -> None:
    server = stand.run()
    wait_healthy(server)
    client = stand.client(server)
    assert client.exec(*CLIENT, "repo-ls").returncode == 0
    key = client.exec(*CLIENT, "repo-ls", env={"PGBACKREST_REPO1_S3_KEY_SECRET": "wrong"})
    assert "403 (Forbidden)" in key.stdout + key.stderr
    stand.write("ca.crt", new_authority(datetime.now(UTC)).certificate)
    authority = client.exec(*CLIENT, "repo-ls")
    assert "unable to verify certificate" in authority.stdout + authority.stderr


def test_each_account_may_do_its_part_and_no_more(stand: Stand) -> None:
    stand.write_accounts()
    server = stand.run(APP_BUCKET="objects")
    wait_healthy(server)
    client = stand.client(server)

    def run(env: dict[str, str], command: str) -> str:
        """What it prints, or that it is forbidden."""
        variables = " ".join(f"{key}='{value}'" for key, value in env.items())
        found = client.exec("sh", "-c", f"echo data | {variables} {' '.join(CLIENT)} {command} 2>&1")
        return "forbidden" if "403 (Forbidden)" in found.stdout else found.stdout.strip()

    writer: dict[str, str] = {}
    reader, app = as_account("backups-reader", READER_KEY), as_account("app", APP_KEY, "objects")
    assert run(writer, "repo-put main/data") == ""
    assert [run(reader, command) for command in ("repo-ls main", "repo-get main/data")] == ["data", "data"]
    assert run(reader, "repo-put main/data") == "forbidden"
    assert run(reader, "repo-put main/new") == "forbidden"
    assert run(reader, "repo-rm main/data") == "forbidden"
    assert run(as_account("backups-reader", READER_KEY, "objects"), "repo-ls") == "forbidden"
    assert [run(app, command) for command in ("repo-put mine", "repo-ls", "repo-get mine", "repo-rm mine")] == [
        "", "mine", "data", ""
    ]  # fmt: skip
    for command in ("repo-ls main", "repo-get main/data", "repo-put main/data"):
        assert run(as_account("app", APP_KEY), command) == "forbidden"
    assert run(writer, "repo-get main/data") == "data"
    assert server.sh("stat -c '%u %a' /tmp/accounts/users.json") == "10005 600\n"
    processes = server.sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    for key in (READER_KEY, APP_KEY):
        assert key not in processes + server.logs + server.inspect("{{json .}}")
    # Keys are read at each start, and an account without any is none.
    stand.write("reader-secret-key", "another")
    for name in ("app-access-key", "app-secret-key"):
        (stand.config / name).unlink()
    server.stop()
    server.start()
    wait_healthy(server)
    client = stand.client(server)
    assert run(reader, "repo-get main/data") == "forbidden"
    assert run(as_account("backups-reader", "another"), "repo-get main/data") == "data"
    assert run(app, "repo-ls") == "forbidden"


@pytest.mark.parametrize("name", ["access-key", "secret-key", *ACCOUNTS, "server.crt", "server.key"])
def test_a_missing_file_is_named(name: str, stand: Stand) -> None:
    stand.write_accounts()
    (stand.config / name).unlink()
    server = stand.run(APP_BUCKET="objects")
    assert server.exit_code() == 78
    assert f"/etc/tasktracker/{name}: there is no such file" in server.logs


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("secret-key", " \n", "the file is empty"),
        ("access-key", "one\ntwo\n", "must be one line"),
        ("reader-access-key", "two words", "only letters, digits"),
        ("reader-access-key", "backups", "must not be the one in access-key"),
        ("reader-access-key", "app", "must not be the one in app-access-key"),
        ("app-secret-key", "clé", "must be ASCII characters"),
        ("server.crt", "nonsense", "must be certificates in PEM form"),
        ("server.key", "nonsense", "must be a private key in PEM form"),
    ],
)
def test_a_file_that_is_wrong_is_named(name: str, text: str, message: str, stand: Stand) -> None:
    stand.write_accounts()
    stand.write(name, text)
    server = stand.run(APP_BUCKET="objects")
    assert server.exit_code() == 78
    assert f"/etc/tasktracker/{name}: {message}" in server.logs


@pytest.mark.parametrize(
    "env",
    [
        {"BUCKET": ""},
        {"BUCKET": "../x"},
        {"REGION": ""},
        {"REGION": "Local 1"},
        {"APP_BUCKET": ""},
        {"APP_BUCKET": "backups"},
    ],
)
def test_a_setting_that_is_wrong_is_named(env: dict[str, str], stand: Stand) -> None:
    stand.write_accounts()
    server = stand.run(**env)
    assert server.exit_code() == 78
    assert next(iter(env)) in server.logs


def test_root_is_refused(stand: Stand) -> None:
    server = stand.run("--user=0:0")
    assert server.exit_code() == 64
    assert "doesn't run as root" in server.logs


def test_a_volume_that_is_not_its_own_is_refused(stand: Stand) -> None:
    server = stand.run("--user=10009:10009")
    assert server.exit_code() == 73
    assert "must belong to 10005:10005" in server.logs
