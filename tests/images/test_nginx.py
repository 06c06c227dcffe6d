"""How nginx takes up changed files while it runs, and what it does with those that it can't use."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.edge.nginx import HEALTH_PORT, HTTP_PORT, server_config
from components.runtime.files import MANIFEST, manifest
from settings.blocks.nginx import NginxSettings
from tests.images.conftest import Bench, Container, wait_for

pytestmark = pytest.mark.docker

#: The api is nginx's own health server: an upstream that is there.
HOSTS = ("tasks.example.com", "127.0.0.1", "[::1]")
CONFIG = server_config(
    NginxSettings(),
    domain="tasks.example.com",
    hosts=HOSTS,
    api={"blue": f"127.0.0.1:{HEALTH_PORT}"},
    dashboard={"blue": f"127.0.0.1:{HEALTH_PORT}"},
)
URL = f"http://127.0.0.1:{HTTP_PORT}"


class Front:
    """A running nginx and its files."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        folder.chmod(0o755)
        self.folder = folder
        self.offer("a1", CONFIG)
        self.container: Container = bench.run("nginx", config=folder, env={"HEALTH_PORT": str(HEALTH_PORT)})
        wait_for(lambda: self.is_healthy, f"nginx is healthy: {self.container.logs}")

    def put(self, name: str, text: str) -> None:
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o444)

    def offer(self, digest: str, config: str) -> None:
        """Brings files, as the provider does: one by one."""
        self.put(MANIFEST, manifest(digest, {"nginx.conf": config}))
        self.put("nginx.conf", config)

    def await_files(self, digest: str) -> str:
        """What `await-files` has against the files; nothing if they are in use."""
        result = self.container.exec("await-files", digest)
        assert (result.returncode == 0) == (result.stderr == "")
        return result.stderr

    @property
    def is_healthy(self) -> bool:
        return self.container.exec("healthcheck").returncode == 0

    def get(self, path: str = "/healthz", *headers: str) -> str:
        """The head of an answer to a request with these headers."""
        options = [option for header in headers for option in ("-H", header)]
        return self.container.exec("curl", "-sS", "-o", "/dev/null", "-D", "-", *options, f"{URL}{path}").stdout

    @property
    def started(self) -> str:
        return self.container.inspect("{{.State.StartedAt}} {{.RestartCount}}")


def with_mark(mark: str) -> str:
    """The configuration with a header that tells it from others."""
    return CONFIG.replace(
        "add_header X-Content-Type-Options", f"add_header X-Mark {mark} always;\n    add_header X-Type"
    )


@pytest.fixture
def front(bench: Bench, tmp_path: Path) -> Front:
    return Front(bench, tmp_path)


def test_changed_files_are_taken_up_by_the_running_nginx(front: Front) -> None:
    started = front.started
    front.offer("b2", with_mark("second"))
    assert front.await_files("b2") == ""
    assert "X-Mark: second" in front.get()
    assert front.is_healthy
    assert front.started == started
    assert front.container.sh("ls /tmp/files") == "b2\ncurrent\n"


def test_files_that_nginx_refuses_leave_those_before_in_use(front: Front) -> None:
    front.offer("c3", CONFIG.replace("tcp_nopush    on;", "tcp_nopush    perhaps;"))
    assert 'invalid value "perhaps" in "tcp_nopush" directive' in front.await_files("c3")
    assert not front.is_healthy
    assert "the files c3 are refused, and those before stay in use" in front.container.logs
    assert "200 OK" in front.get()
    # It is said once, not each second.
    assert front.container.logs.count("are refused") == 1
    front.offer("d4", with_mark("better"))
    assert front.await_files("d4") == ""
    assert "X-Mark: better" in front.get()
    assert front.is_healthy


def test_the_files_before_are_right_again(front: Front) -> None:
    front.offer("c3", "nonsense")
    assert front.await_files("c3") != ""
    front.offer("a1", CONFIG)
    wait_for(lambda: front.is_healthy, "nginx is healthy")
    assert front.await_files("a1") == ""


def test_files_are_taken_up_when_all_are_there(front: Front) -> None:
    config = with_mark("late")
    front.put(MANIFEST, manifest("e5", {"nginx.conf": config}))
    front.put("nginx.conf", config[:-5])
    front.container.sh("sleep 2.5")
    assert "X-Mark" not in front.get()
    assert front.is_healthy
    front.put("nginx.conf", config)
    assert front.await_files("e5") == ""
    assert "X-Mark: late" in front.get()


def test_requests_for_other_hosts_are_refused(front: Front) -> None:
    for host in ("tasks.example.com", "TASKS.example.com:8080", "127.0.0.1:1", "[::1]:8080"):
        assert "200 OK" in front.get("/healthz", f"Host: {host}"), host
    for host in ("evil.example.com", "tasks.example.com.evil.com", "127.0.0.2", "xtasks.example.com", "localhost"):
        head = front.get("/healthz", f"Host: {host}")
        assert "HTTP/1.1 421" in head, host
        assert "application/problem+json" in head
        assert "X-Request-ID" in head
    # A name of its own in the request line does not help.
    assert "HTTP/1.1 421" in front.get("/healthz", "Host: evil.example.com", "X-Forwarded-Host: tasks.example.com")


def test_pages_of_other_sites_open_no_websocket(front: Front) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket")
    # The upstream of this test has no /ws.
    for origin in (
        "",
        "https://tasks.example.com",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "HTTP://TASKS.example.com",
    ):
        assert "HTTP/1.1 404" in front.get("/ws", *upgrade, *([f"Origin: {origin}"] if origin else [])), origin
    for origin in (
        "https://evil.example.com", "null", "https://tasks.example.com.evil.com", "https://tasks.example.com@evil.com",
        "file://", "https://evil.com:443#tasks.example.com", "ftp://tasks.example.com", "another",
    ):  # fmt: skip
        assert "HTTP/1.1 403" in front.get("/ws", *upgrade, f"Origin: {origin}"), origin


def test_any_host_by_setting(front: Front) -> None:
    settings = NginxSettings(any_host=True)
    app = {"blue": f"127.0.0.1:{HEALTH_PORT}"}
    front.offer("f6", server_config(settings, domain="tasks.example.com", hosts=HOSTS, api=app, dashboard=app))
    assert front.await_files("f6") == ""
    assert "200 OK" in front.get("/healthz", "Host: any.example.com")
    assert "HTTP/1.1 404" in front.get("/ws", "Origin: https://any.example.com")


def test_connections_end_before_changed_files_are_taken_up(front: Front) -> None:
    """An idle connection that nginx closes may have a request on its way."""
    assert "Connection: keep-alive" in front.get()
    front.container.sh(": > /tmp/files/draining")
    assert "200 OK" in front.get()
    assert "Connection: close" in front.get()


def test_the_way_that_ends_connections_is_not_for_clients(front: Front) -> None:
    assert "404 Not Found" in front.get("/.draining/healthz")


def test_it_does_not_start_with_files_that_it_refuses(bench: Bench, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for name, text in {MANIFEST: manifest("a1", {"nginx.conf": "nonsense"}), "nginx.conf": "nonsense"}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o444)
    container = bench.run("nginx", config=tmp_path, env={"HEALTH_PORT": str(HEALTH_PORT)})
    assert container.exit_code() == 78
    assert "nginx refuses the files in /etc/tasktracker" in container.logs


def test_a_stop_lets_nginx_end_in_order(front: Front) -> None:
    front.container.stop()
    assert front.container.exit_code() == 0


#: An api that answers one request on each connection and prints for how many seconds nginx keeps it then.
UPSTREAM = """
import asyncio, time

async def serve(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
    await writer.drain()
    answered = time.monotonic()
    while await reader.read(1000):
        pass
    print(f"kept for {time.monotonic() - answered}", flush=True)

async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", 8000) as server:
        await server.serve_forever()

asyncio.run(main())
"""


def test_nginx_ends_an_idle_connection_before_the_api_does(bench: Bench, tmp_path: Path) -> None:
    """A request that nginx sends as the other side closes is lost: uvicorn's and Node's default is 5 s."""
    api = bench.run("app", "-c", UPSTREAM, options=("--entrypoint=/opt/tasktracker/bin/python",))
    config = server_config(
        NginxSettings(),
        domain="localhost",
        hosts=HOSTS,
        api={"blue": "127.0.0.1:8000"},
        dashboard={"blue": f"127.0.0.1:{HEALTH_PORT}"},
    )
    tmp_path.chmod(0o755)
    for name, text in (("nginx.conf", config), (MANIFEST, manifest("a1", {"nginx.conf": config}))):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o444)
    nginx = bench.run(
        "nginx", config=tmp_path, env={"HEALTH_PORT": str(HEALTH_PORT)}, options=(f"--network=container:{api.name}",)
    )
    wait_for(lambda: nginx.exec("healthcheck").returncode == 0, f"nginx is healthy: {nginx.logs}")
    assert nginx.exec("curl", "-fsS", f"{URL}/api/tasks").returncode == 0
    wait_for(lambda: "kept for" in api.logs, "nginx ends the connection")
    assert 3 < float(api.logs.split()[-1]) < 5
