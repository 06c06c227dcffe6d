"""Which release gets the requests: changed in the running nginx, kept over a restart, counted."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from components.edge.nginx import HEALTH_PORT, HTTP_PORT, server_config
from components.runtime.files import MANIFEST, manifest
from settings.blocks.nginx import NginxSettings
from tests.images.conftest import Bench, Container, wait_for

pytestmark = pytest.mark.docker

SLOTS = {"blue": "127.0.0.1:9001", "green": "127.0.0.1:9002"}
URL = f"http://127.0.0.1:{HTTP_PORT}"

#: Each slot says its name; 500 where that is asked for.
UPSTREAMS = "".join(
    f"server {{ listen {address}; access_log off; location / {{ return 200 {slot}; }} "
    "location /api/broken { return 500; } }\n"
    for slot, address in SLOTS.items()
)
CONFIG = server_config(
    NginxSettings(), domain="tasks.example.com", hosts=["127.0.0.1"], api=SLOTS, dashboard=SLOTS
).replace("  # For the container itself.", UPSTREAMS + "  # For the container itself.")

#: nginx's first process, and those that serve.
PROCESSES = "nginx=$(cat /tmp/nginx.pid); echo $nginx; cat /proc/$nginx/task/*/children"

NAMES = {"blue": "1.4.0", "green": "1.5.0"}


class Front:
    """A running nginx in front of two slots."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        folder.chmod(0o755)
        for name, text in (("nginx.conf", CONFIG), (MANIFEST, manifest("a1", {"nginx.conf": CONFIG}))):
            (folder / name).write_text(text)
            (folder / name).chmod(0o444)
        self.container: Container = bench.run(
            "nginx",
            config=folder,
            env={"HEALTH_PORT": str(HEALTH_PORT)},
            mounts={"/var/lib/nginx": bench.volume()},
        )
        self.await_health()

    def await_health(self) -> None:
        wait_for(lambda: self.container.exec("healthcheck").returncode == 0, f"nginx is healthy: {self.container.logs}")

    def set(self, **document: Any) -> None:
        result = self.container.exec("release", "set", json.dumps({"releases": NAMES, **document}))
        assert result.returncode == 0, result.stderr

    def show(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.container.sh("release show"))
        return found

    def get(self, path: str = "/", *options: str) -> str:
        """Head and body of an answer."""
        return self.container.exec("curl", "-sS", "-i", *options, f"{URL}{path}").stdout

    def body(self, path: str = "/", *options: str) -> str:
        return self.get(path, *options).rpartition("\n\n")[2]


@pytest.fixture(scope="module")
def module_front(shared_bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Front:
    return Front(shared_bench, tmp_path_factory.mktemp("nginx"))


@pytest.fixture
def front(module_front: Front) -> Front:
    module_front.set(serving="blue")
    return module_front


def test_a_switch_needs_no_reload(front: Front) -> None:
    processes = front.container.sh(PROCESSES)
    for slot in ("green", "blue", "green"):
        front.set(serving=slot)
        for path in ("/", "/api/tasks"):
            answer = front.get(path)
            assert answer.endswith(slot)
            assert f"X-Release: {NAMES[slot]}\n" in answer
            assert "Set-Cookie" not in answer
    assert front.container.sh(PROCESSES) == processes


def test_all_processes_of_nginx_switch_at_once(front: Front) -> None:
    """Each of many connections is another process' by chance."""
    urls = " ".join([f"{URL}/"] * 40)
    for slot in ("green", "blue"):
        front.set(serving=slot)
        assert front.container.sh(f"curl -sS --parallel {urls}") == slot * 40


def test_what_was_set_outlives_a_restart(front: Front) -> None:
    front.set(serving="green")
    front.container.stop()
    front.container.start()
    front.await_health()
    assert front.body() == "green"
    assert front.show()["release"] == {"releases": NAMES, "serving": "green"}


def test_a_damaged_file_is_said_and_blue_serves(front: Front) -> None:
    front.set(serving="green")
    front.container.sh("printf '%s' '{' > /var/lib/nginx/release.json")
    front.container.stop()
    front.container.start()
    front.await_health()
    assert front.body() == "blue"
    assert "/var/lib/nginx/release.json is damaged" in front.container.logs


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("nonsense", "it is no JSON"),
        ("null", "it is no object"),
        ({"serving": "red"}, "serving is blue or green"),
        ({"serving": "green", "releases": None}, "releases has the names"),
        (
            {"serving": "green", "canary": {"slot": "green", "percent": 5}},
            "canary.slot is the slot that does not serve",
        ),
        ({"serving": "green", "canary": {"slot": "blue", "percent": 100}}, "canary.percent is a number between"),
        ({"serving": "green", "maintenance": 0}, "maintenance is a number of seconds"),
    ],
)
def test_a_wrong_document_changes_nothing(front: Front, document: Any, said: str) -> None:
    before = front.show()["release"], front.container.sh("cat /var/lib/nginx/release.json")
    text = document if isinstance(document, str) else json.dumps({"releases": NAMES, **document})
    result = front.container.exec("release", "set", text)
    assert (result.returncode, result.stdout) == (65, "")
    assert said in result.stderr
    assert (front.show()["release"], front.container.sh("cat /var/lib/nginx/release.json")) == before


@pytest.mark.parametrize("arguments", [[], ["set"], ["get"], ["set", "{}", "{}"]])
def test_wrong_usage(front: Front, arguments: list[str]) -> None:
    assert front.container.exec("release", *arguments).returncode == 64


def test_a_share_of_the_clients_tries_the_canary_and_stays_with_it(front: Front) -> None:
    front.set(serving="blue", canary={"slot": "green", "percent": 25})
    urls = " ".join([f"{URL}/"] * 400)
    found = Counter(re.findall("blue|green", front.container.sh(f"curl -sS --parallel {urls}")))
    # Four standard deviations of a draw of 400.
    assert abs(found["green"] - 100) < 35, found
    assert found.total() == 400
    for slot in ("blue", "green"):
        head = next(head for head in iter(front.get, None) if head.endswith(slot))
        assert re.search(rf"Set-Cookie: release-slot={slot}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax\n", head)
        answer = front.container.sh(f"for i in $(seq 20); do curl -sSi -b 'a=b; release-slot={slot}' {URL}/; done")
        assert answer.count(f"X-Release: {NAMES[slot]}") == 20
        assert "Set-Cookie" not in answer
    # What a client makes up chooses nothing.
    for cookie in ("release-slot=red", "xrelease-slot=green", "release-slot=greenish"):
        answers = front.container.sh(f"for i in $(seq 20); do curl -sSi -b '{cookie}' {URL}/; done")
        assert answers.count("Set-Cookie: release-slot=") == 20
    front.set(serving="blue")
    assert front.body("/", "-b", "release-slot=green") == "blue"


def test_nobody_gets_a_slot_during_maintenance(front: Front) -> None:
    front.set(serving="blue", maintenance=120)
    for path, kind in (("/", "text/html"), ("/api/tasks", "application/problem+json"), ("/ws", "text/html")):
        answer = front.get(path)
        assert answer.startswith("HTTP/1.1 503 "), answer
        for header in ("Retry-After: 120", f"Content-Type: {kind}", "X-Frame-Options: DENY"):
            assert f"{header}\n" in answer
    assert json.loads(front.body("/api/tasks"))["status"] == 503
    front.set(serving="blue")
    assert front.body() == "blue"


def test_requests_are_counted_by_slot(front: Front) -> None:
    def counts() -> dict[str, Counter[str]]:
        return {slot: Counter(its) for slot, its in front.show()["requests"].items()}

    before = counts()
    front.get("/api/tasks")
    front.get("/api/broken")
    # nginx' own answer.
    front.get("/", "-H", "Host: evil.example.com")
    front.set(serving="green")
    front.get("/")
    after = counts()
    assert {slot: dict(after[slot] - before[slot]) for slot in after} == {
        "blue": {"all": 2, "failed": 1},
        "green": {"all": 1},
    }
    assert '"release":"1.5.0"' in front.container.logs
