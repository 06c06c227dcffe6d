"""The command: exit codes, messages, and a light probe."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tasktracker.cli import EXIT_USAGE, main

APP = Path(__file__).parents[3] / "app"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.end_headers()
        self.wfile.write(b'{"detail":\n"nats is down"}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as instance:
        threading.Thread(target=instance.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{instance.server_port}"
        instance.shutdown()


def test_probe_accepts_2xx_only(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", f"{server}/200"]) == 0
    assert main(["probe", f"{server}/302"]) == 1
    assert main(["probe", f"{server}/503"]) == 1
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 2
    assert error[1].endswith('/503: 503 Service Unavailable: {"detail": "nats is down"}')


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "https://x/", "nonsense", "http://[::1", "http://h:x/", "http://ü/", "http://h/a b"]
)
def test_probe_says_why_in_one_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", url]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tasktracker probe: {url}: ")


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1\r\n\r\n"])
def test_probe_does_not_take_what_is_no_http(answer: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert main(["probe", url]) == 1
        thread.join()
    assert capsys.readouterr().err == f"tasktracker probe: {url}: the answer is not HTTP\n"


def test_probe_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tasktracker.cli import main; main(['probe', 'http://127.0.0.1:1/']);"
        "print({'pydantic', 'fastapi', 'sqlalchemy', 'nats', 'asyncio', 'http.client', 'ssl'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=APP, capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


@pytest.mark.parametrize("name", ["api", "worker", "migrate"])
def test_bad_configuration_is_a_line_each(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in ("DATABASE_URL_FILE", "NATS_URL_FILE", "ENCRYPTION_KEY_FILE"):
        monkeypatch.delenv(variable, raising=False)
    assert main([name]) == EXIT_USAGE
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == (1 if name == "migrate" else 3)
    assert lines[0].startswith("tasktracker: DATABASE_URL_FILE: isn't set; allowed: ")


@pytest.mark.parametrize("words", [[], ["serve"], ["probe"], ["api", "x"]])
def test_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == EXIT_USAGE
    assert capsys.readouterr().err.startswith("usage: tasktracker")


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "probe URL" in capsys.readouterr().out
