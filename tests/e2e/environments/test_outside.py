"""A stack that is more like one outside dev: HTTPS with its own certificate, and backups in a bucket elsewhere."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from docker.models.containers import Container

from components.secrets.certificates import new_authority, new_server_certificate
from images.catalog import local_reference
from tests.certificates import Made, chain, ec_key, key_pem
from tests.e2e.support.load import Load
from tests.e2e.support.stack import Stack, add_task, eventually, execute, is_done
from tests.leftovers import remove

pytestmark = [pytest.mark.engine, pytest.mark.docker, pytest.mark.nightly]

#: The bucket's server as the stack knows it.
SERVER = "s3.example.com"
ACCESS_KEY, SECRET_KEY = "given-by-people", "the-bucket-s-own-secret-key"
BUCKET, FOLDER = "elsewhere", "/tasktracker/outside"

BACKUP: dict[str, Any] = {
    "repository": "s3",
    "s3": {
        "bucket": BUCKET, "endpoint": SERVER, "port": 7070, "region": "local", "uri_style": "path", "path": FOLDER,
    },
}  # fmt: skip


def new_bucket(stack: Stack, folder: Path) -> tuple[Container, str]:
    """A server with the bucket, in no network yet, and the certificate of the authority that vouches for it.

    It goes with the stack.
    """
    now = datetime.now(UTC)
    authority = new_authority(now)
    server = new_server_certificate(authority, [SERVER, "localhost", "127.0.0.1"], now)
    files = {
        "access-key": ACCESS_KEY, "secret-key": SECRET_KEY, "ca.crt": authority.certificate,
        "server.crt": server.certificate, "server.key": server.key,
    }  # fmt: skip
    folder.chmod(0o755)
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o444)
    container = stack.docker.containers.run(
        local_reference("object_store"),
        name=f"bucket-{stack.name}",
        labels={"stack": stack.name},
        network="none",
        environment={"BUCKET": BUCKET, "REGION": "local"},
        volumes={str(folder): {"bind": "/etc/tasktracker", "mode": "ro"}},
        tmpfs={"/tmp": "", "/var/lib/objects": "uid=10005,gid=10005"},
        read_only=True,
        cap_drop=["ALL"],
        detach=True,
    )
    return container, authority.certificate


def join(stack: Stack, container: Container, network: str) -> None:
    """Puts a container into a network of the stack, once that is there."""
    (found,) = eventually(
        lambda: stack.docker.networks.list(names=[f"tasktracker-{stack.name}-{network}"]), 60, f"the network {network}"
    )
    stack.docker.networks.get("none").disconnect(container)
    found.connect(container, aliases=[SERVER])


@pytest.fixture(scope="module")
def pairs() -> list[tuple[str, str]]:
    """Two certificates for this machine, each with the one of its authority, and their keys."""
    return [
        (chain(name=name, hosts=["localhost"]), key_pem(ec_key(name))) for name in ("first server", "second server")
    ]


@pytest.fixture
def trusted() -> ssl.SSLContext:
    """Trusts the authority above those certificates."""
    return ssl.create_default_context(cadata=Made("root", "root", ()).pem)


def set_pair(stack: Stack, certificate: str, key: str) -> None:
    """Sets nginx's certificate and key."""
    for name, text in (("tls_certificate", certificate), ("tls_key", key)):
        stack.pulumi("config", "set", "--secret", name, stdin=text)


@pytest.fixture(scope="module")
def outside(
    make_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> Iterator[Stack]:
    """The stack, up, after it was refused without its secrets."""
    stack = make_stack()
    stack.config["nginx"]["tls"] = True
    stack.config["backup"] = BACKUP
    stack.config["redis"] = {"max_memory": "1MB"}
    stack.write_config()
    refused = stack.pulumi("preview", check=False)
    assert refused.returncode != 0
    for name in ("tls_certificate", "tls_key", "s3_access_key", "s3_secret_key"):
        assert name in refused.stdout
    server, authority = new_bucket(stack, tmp_path_factory.mktemp("bucket"))
    secrets = {
        "tls_certificate": pairs[0][0], "tls_key": pairs[0][1],
        "s3_access_key": ACCESS_KEY, "s3_secret_key": SECRET_KEY, "s3_ca_certificate": authority,
    }  # fmt: skip
    for name, value in secrets.items():
        stack.pulumi("config", "set", "--secret", name, stdin=value)
    with ThreadPoolExecutor() as pool:
        # It is there before the stack asks for it, as one outside would be.
        joined = pool.submit(join, stack, server, "egress")
        stack.up()
        joined.result()
    yield stack
    remove(stack.docker, stack.name)


def test_https(outside: Stack, trusted: ssl.SSLContext) -> None:
    secure = f"https://localhost:{outside.tls_port}"
    redirect = httpx.get(f"{outside.url}/api/version?x=1")
    assert (redirect.status_code, redirect.headers["location"]) == (301, f"{secure}/api/version?x=1")
    with httpx.Client(base_url=secure, verify=trusted, timeout=5) as client:
        response = client.get("/api/version").raise_for_status()
        # dev's browsers come to localhost with other things too.
        assert "strict-transport-security" not in response.headers
        task = add_task(client, "over TLS")
        eventually(lambda: is_done(client, task), 10, "the task is done")
    trusted.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("localhost", outside.tls_port)) as connection,
        trusted.wrap_socket(connection, server_hostname="localhost") as session,
    ):
        assert (session.selected_alpn_protocol(), session.version()) == ("h2", "TLSv1.3")
    outside.expect_no_changes()


def test_a_changed_certificate_is_served_without_a_failed_request(
    outside: Stack, pairs: list[tuple[str, str]], trusted: ssl.SSLContext
) -> None:
    def served() -> str:
        """The server's certificate that a new connection gets."""
        return ssl.get_server_certificate(("localhost", outside.tls_port)).strip()

    first, second = pairs
    assert first[0].startswith(served())
    before = outside.ids()
    with Load(f"https://localhost:{outside.tls_port}", trusted) as load:
        set_pair(outside, *second)
        outside.up()
        assert second[0].startswith(served())
        outside.config["nginx"]["client_max_body_size"] = "20MB"
        outside.write_config()
        outside.up()
    assert load.failures == []
    assert load.answers > 200
    assert {name for name, each in outside.ids().items() if each != before[name]} == {"nginx-files"}
    set_pair(outside, second[0], first[1])
    refused = outside.up(check=False)
    assert refused.returncode != 0
    assert "tasktracker:tls_key: is not the key of tasktracker:tls_certificate" in refused.stdout
    assert "Traceback" not in refused.stdout
    assert second[0].startswith(served())
    set_pair(outside, *second)
    outside.expect_no_changes()


def test_backups_go_to_the_bucket_and_nowhere_else(outside: Stack) -> None:
    assert not [name for name in outside.ids() if name.startswith("object-store")]
    networks = {
        service: sorted(outside.container(service).attrs["NetworkSettings"]["Networks"])
        for service in ("postgres", "backups")
    }
    data, egress = (f"tasktracker-{outside.name}-{each}" for each in ("data", "egress"))
    assert networks == {"postgres": [data, egress], "backups": [egress]}
    status = json.loads(execute(outside.container("backups"), "sh", "-c", "backup-status && cat /tmp/status.json"))
    assert status["repository"] == {"reachable": True, "error": None}
    assert [each["type"] for each in status["backups"]] == ["full"]
    bucket = outside.docker.containers.get(f"bucket-{outside.name}")
    listed = execute(bucket, "ls", f"/var/lib/objects/buckets/{BUCKET}{FOLDER}/backup/main")
    assert status["last_good"]["label"] in listed


def test_the_app_reaches_its_cache(outside: Stack) -> None:
    assert outside.healthy("redis")
    without_password, with_password, full = json.loads(execute(outside.container("worker"), "python3", "-c", CACHE))
    assert without_password.startswith("-NOAUTH")
    assert with_password == "$5\r\nvalue\r\n"
    # What was used least recently went.
    assert full == ["+OK"]


CACHE = """
import json, os, socket, urllib.parse

url = urllib.parse.urlsplit(open(os.environ["REDIS_URL_FILE"]).read())
connection = socket.create_connection((url.hostname, url.port), 5)


def ask(command):
    connection.sendall(command.encode() + b"\\r\\n")
    return connection.recv(65536).decode()


refused = ask("GET key")
ask(f"AUTH {urllib.parse.unquote(url.password)}")
ask("SET key value")
answer = ask("GET key")
full = {ask(f"SET key{number} " + 10000 * "x").strip() for number in range(300)}
print(json.dumps([refused, answer, sorted(full)]))
"""


def test_no_secret_is_in_clear(outside: Stack, pairs: list[tuple[str, str]]) -> None:
    state = "".join(path.read_text() for path in (outside.folder / "state").rglob("*") if path.is_file())
    seen = state + "".join(str(each.attrs) for each in outside.containers(all=True))
    for _, key in pairs:
        assert key.splitlines()[1] not in seen
    assert SECRET_KEY not in seen
