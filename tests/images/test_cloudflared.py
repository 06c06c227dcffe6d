"""The tunnel's image: it takes its token from a file, says what is wrong, and stops in time.

Cloudflare is not in reach here: its servers are named by the hidden flag `--edge`, and nobody answers there.
"""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest

from components.edge.cloudflared import METRICS, run_command
from tests.images.conftest import Bench, Container, wait_for

pytestmark = pytest.mark.docker

TUNNEL_ID = "f70ff985-a4ef-4643-bbbc-4a0ed4fc8415"
SECRET = base64.b64encode(bytes(range(32))).decode()
TOKEN = base64.b64encode(json.dumps({"a": 32 * "a", "t": TUNNEL_ID, "s": SECRET}).encode()).decode()

#: Where nobody answers.
NOWHERE = {"TUNNEL_EDGE": "127.0.0.1:9"}

READY = ("cloudflared", "tunnel", "--metrics", METRICS, "ready")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A folder with a token as the stack has it."""
    tmp_path.chmod(0o755)
    write(tmp_path, TOKEN)
    return tmp_path


def write(config: Path, token: str) -> None:
    file = config / "token"
    file.write_text(token)
    file.chmod(0o444)


def run(bench: Bench, config: Path, *options: str) -> Container:
    """A container that runs cloudflared as the stack does."""
    return bench.run("cloudflared", *run_command(), config=config, env=NOWHERE, options=["--network=none", *options])


@pytest.fixture
def server(bench: Bench, config: Path) -> Container:
    """A container that has begun to look for Cloudflare."""
    server = run(bench, config)
    wait_for(lambda: "Starting metrics server" in server.logs, f"start: {server.logs}")
    return server


def test_it_starts_with_the_token_of_its_file(server: Container) -> None:
    wait_for(lambda: "ERR" in server.logs, "a failed connection")
    assert f"tunnelID={TUNNEL_ID}" in server.logs
    assert "127.0.0.1:9" in server.logs
    assert "connection refused" in server.logs
    assert server.inspect("{{.State.Running}}") == "true"


def test_it_is_not_ready_without_a_connection(server: Container) -> None:
    result = server.exec(*READY)
    assert result.returncode != 0
    assert "503" in result.stderr
    assert '"readyConnections":0' in result.stderr


def test_its_token_shows_nowhere(server: Container) -> None:
    assert TOKEN not in server.logs
    assert SECRET not in server.logs
    assert TOKEN not in server.inspect("{{json .}}")
    assert TOKEN not in server.sh("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ")


def test_it_stops_at_once_when_nothing_is_in_flight(server: Container) -> None:
    start = time.monotonic()
    server.stop()
    assert time.monotonic() - start < 10
    assert server.inspect("{{.State.ExitCode}}") != "137", "it was killed"


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (None, "Failed to read token file: open /etc/tasktracker/token: no such file or directory"),
        ("no token", "Provided Tunnel token is not valid."),
        (TOKEN[:-8], "Provided Tunnel token is not valid."),
    ],
)
def test_a_token_that_is_wrong_is_named(token: str | None, message: str, bench: Bench, config: Path) -> None:
    (config / "token").unlink()
    if token is not None:
        write(config, token)
    server = run(bench, config)
    assert server.exit_code() != 0
    assert message in server.logs


def test_it_never_replaces_itself(server: Container) -> None:
    assert "no-autoupdate:true" in server.logs
    assert "Autoupdate frequency is set" not in server.logs


def test_it_knows_the_authorities_of_the_world(server: Container) -> None:
    assert int(server.sh("grep -c BEGIN /etc/ssl/certs/ca-certificates.crt")) > 100
