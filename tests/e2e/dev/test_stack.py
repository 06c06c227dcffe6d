"""The running stack, as its users meet it."""

from __future__ import annotations

import json
import re
import uuid
from functools import partial

import httpx
import pytest
from websockets.sync.client import connect

from ops.tt.errors import Exit
from tests.e2e.support.stack import Stack, add_task, eventually, execute, is_done
from tests.services import SERVICES

pytestmark = [pytest.mark.engine, pytest.mark.docker]

#: Seconds: the promise of the README.
DONE_WITHIN = 5


def test_a_task_goes_in_and_comes_out_done(stack: Stack) -> None:
    with stack.client() as client:
        task = add_task(client, "hello")
        eventually(lambda: is_done(client, task), DONE_WITHIN, "the task is done")


def test_similar_tasks_are_found(stack: Stack) -> None:
    with stack.client() as client:
        titles = ("buy milk and bread", "repair the roof", "buy milk", "buy bread and milk")
        ids = {title: add_task(client, title) for title in titles}
        for task in ids.values():
            eventually(partial(is_done, client, task), DONE_WITHIN, "the task is done")
        similar = client.get(f"/api/tasks/{ids['buy milk and bread']}/similar").raise_for_status().json()["items"]
        assert [each["id"] for each in similar[:2]] == [ids["buy bread and milk"], ids["buy milk"]]


def test_changes_are_pushed(stack: Stack) -> None:
    with connect(f"ws://127.0.0.1:{stack.port}/ws") as socket, stack.client() as client:
        task = add_task(client, "watch me")
        seen = ""
        while f'"{task}"' not in seen or '"done"' not in seen:
            seen = str(socket.recv(timeout=DONE_WITHIN))


def test_version_names_version_and_commit(stack: Stack) -> None:
    with stack.client() as client:
        version = client.get("/api/version").raise_for_status().json()
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", version["version"])
    assert version["commit"]


@pytest.mark.parametrize("title", ["", " ", 501 * "x"])
def test_bad_titles_are_refused(stack: Stack, title: str) -> None:
    with stack.client() as client:
        response = client.post("/api/tasks", json={"title": title})
    assert response.status_code == 422
    assert response.headers["content-type"].startswith("application/problem+json")


def test_too_large_a_body_is_refused(stack: Stack) -> None:
    with stack.client() as client:
        assert client.post("/api/tasks", content=b"x" * (10 * 2**20 + 1)).status_code == 413


def test_the_site_is_closed_for_maintenance_and_opened(stack: Stack) -> None:
    started = stack.container("nginx").attrs["State"]["StartedAt"]
    assert stack.tt("maintenance", "on", "--retry-after", "5m") == (0, {"maintenance": True, "retry_after": 300})
    try:
        with stack.client() as client:
            for path in ("/", "/api/tasks", "/api/health"):
                answer = client.get(path)
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "300")
        code, told = stack.tt("status")
        assert code == Exit.RED
        assert f"`./tt maintenance off --stack {stack.name}` opens the site" in " ".join(told["problems"])
        # It outlives a restart.
        assert "maintenance" in execute(stack.container("nginx"), "cat", "/var/lib/nginx/release.json")
    finally:
        closed = stack.tt("maintenance", "off")
    assert closed == (0, {"maintenance": False, "was_closed": True})
    with stack.client() as client:
        assert client.get("/").status_code == client.get("/api/health").status_code == 200
    assert stack.container("nginx").attrs["State"]["StartedAt"] == started


def test_a_second_preview_finds_nothing_to_do(stack: Stack) -> None:
    stack.expect_no_changes()


@pytest.mark.parametrize("service", SERVICES)
def test_processes_are_not_root_and_have_no_capabilities(stack: Stack, service: str) -> None:
    status = execute(stack.container(service), "cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in fields["Uid"].split()
    assert "0" not in fields["Gid"].split()
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[capabilities], 16) == 0
    assert fields["NoNewPrivs"].strip() == "1"


@pytest.mark.parametrize("service", SERVICES)
def test_root_file_systems_are_read_only(stack: Stack, service: str) -> None:
    code, output = stack.container(service).exec_run(["touch", "/etc/x"])
    assert code != 0
    assert b"Read-only file system" in output


@pytest.mark.parametrize(("service", "port"), [("postgres", 5432), ("nats", 4222), ("nats", 8222)])
def test_the_front_reaches_no_store(stack: Stack, service: str, port: int) -> None:
    networks = stack.container(service).attrs["NetworkSettings"]["Networks"]
    for address in (service, *(network["IPAddress"] for network in networks.values())):
        code, _ = stack.container("dashboard").exec_run(
            ["curl", "--silent", "--max-time", "2", f"telnet://{address}:{port}"]
        )
        # 6: no such name; 7: no route or refused; 28: no answer.
        assert code in (6, 7, 28), (address, code)


def test_only_nginx_is_published(stack: Stack) -> None:
    published = {
        str(container.name): sorted(bindings)
        for container in stack.containers()
        if (bindings := [
            f"{host['HostIp']}:{host['HostPort']}"
            for hosts in container.attrs["NetworkSettings"]["Ports"].values()
            for host in hosts or []
        ])
    }  # fmt: skip
    assert published == {f"tasktracker-{stack.name}-nginx": [f"127.0.0.1:{stack.port}"]}


def test_postgres_is_tuned(stack: Stack) -> None:
    query = "SELECT name || '=' || current_setting(name) FROM pg_settings WHERE name = ANY('{max_connections,"
    query += "shared_buffers,work_mem,data_checksums,shared_preload_libraries,password_encryption}')"
    output = execute(stack.container("postgres"), "psql", "-U", "postgres", "-Atc", query)
    assert set(output.split()) == {
        "max_connections=200",
        "shared_buffers=256MB",
        "work_mem=4MB",
        "data_checksums=on",
        "shared_preload_libraries=pg_stat_statements",
        "password_encryption=scram-sha-256",
    }


def test_the_apps_role_is_no_superuser(stack: Stack) -> None:
    query = "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = 'tasktracker'"
    assert stack.container("postgres").exec_run(["psql", "-U", "postgres", "-Atc", query]).output == b"f\n"


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_answers_are_compressed(stack: Stack, encoding: str) -> None:
    script = re.search(r'src="([^"]+\.js)"', httpx.get(f"{stack.url}/").text)
    assert script is not None
    with httpx.stream("GET", f"{stack.url}/{script[1].lstrip('/')}", headers={"accept-encoding": encoding}) as response:
        assert response.headers["content-encoding"] == encoding


@pytest.mark.parametrize("path", ["/", "/api/version", "/nothing-here", "/api/nothing-here"])
def test_every_answer_has_the_security_headers(stack: Stack, path: str) -> None:
    headers = httpx.get(f"{stack.url}{path}").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers.get_list("x-request-id") == [headers["x-request-id"]]
    assert len(headers.get_list("cache-control")) == 1
    assert "nginx/" not in headers["server"]


def test_what_is_not_there_has_a_page_of_the_system_s_own(stack: Stack) -> None:
    missing = httpx.get(f"{stack.url}/nothing-here")
    assert missing.status_code == 404
    assert "Go to the tasks" in missing.text
    assert "nginx" not in missing.text
    # Some browsers ask for it without being told to.
    icon = httpx.get(f"{stack.url}/favicon.ico")
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")


def test_a_missing_dashboard_has_a_page_that_says_so(stack: Stack) -> None:
    stack.container("dashboard").stop()
    try:
        answer = httpx.get(f"{stack.url}/", timeout=10)
    finally:
        stack.container("dashboard").start()
    assert answer.status_code == 503
    assert "try again in a few seconds" in answer.text
    assert "nginx" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    eventually(lambda: httpx.get(f"{stack.url}/").status_code == 200, 30, "the dashboard is back")


def test_a_request_id_goes_through_to_the_logs(stack: Stack) -> None:
    request_id = f"test-{uuid.uuid4()}"
    response = httpx.post(f"{stack.url}/api/tasks", json={"title": "trace"}, headers={"x-request-id": request_id})
    assert response.headers["x-request-id"] == request_id

    def logged(service: str) -> bool:
        lines = stack.container(service).logs(tail=50).decode().splitlines()
        return any(request_id in line and json.loads(line) for line in lines)

    for service in ("nginx", "api", "worker"):
        eventually(partial(logged, service), DONE_WITHIN, f"{service} logs the request's id")


def test_the_api_comes_back_without_touching_nginx(stack: Stack) -> None:
    nginx = stack.container("nginx").attrs["State"]["StartedAt"]
    stack.container("api").restart()
    with stack.client() as client:
        eventually(lambda: client.get("/api/health").status_code == 200, 30, "the api answers through nginx")
    assert stack.container("nginx").attrs["State"]["StartedAt"] == nginx


def test_a_missing_api_is_a_problem_document(stack: Stack) -> None:
    stack.container("api").stop()
    try:
        response = httpx.get(f"{stack.url}/api/tasks", timeout=10)
        assert response.status_code == 503
        assert response.headers["content-type"].startswith("application/problem+json")
        assert httpx.get(f"{stack.url}/").status_code == 200
    finally:
        stack.container("api").start()
    eventually(lambda: stack.healthy("api"), 30, "the api is healthy again")


def test_no_secret_is_in_clear_anywhere(stack: Stack) -> None:
    """Not in any container's description, not in the state, not in a log."""
    files = {
        "api": ("database-url", "nats-url", "encryption-key"),
        "postgres": ("postgres-password", "app-password"),
    }
    secrets = set()
    for service, names in files.items():
        for name in names:
            content = execute(stack.container(service), "cat", f"/etc/tasktracker/{name}").strip()
            found = re.fullmatch(r"\w+://\w+:([^@]+)@.*", content)
            secrets.add(found[1] if found else content)
    assert len(secrets) == 4
    assert all(len(secret) >= 43 for secret in secrets)

    places = {str(each.name): json.dumps(each.attrs) for each in stack.containers(all=True)}
    places |= {f"log of {each.name}": each.logs().decode() for each in stack.containers(all=True)}
    places |= {str(path): path.read_text() for path in (stack.folder / "state").rglob("*") if path.is_file()}
    places["output of up"] = stack.up().stdout
    places["outputs"] = stack.pulumi("stack", "output", "--json").stdout
    places["preview"] = stack.pulumi("preview", "--diff").stdout
    for place, text in places.items():
        for secret in secrets:
            assert secret not in text, place


def test_outputs(stack: Stack) -> None:
    outputs = json.loads(stack.pulumi("stack", "output", "--json").stdout)
    assert outputs["url"] == f"http://localhost:{stack.port}"
    assert outputs["containers"]["api"] == f"tasktracker-{stack.name}-api-{stack.slot()}"
    # Backups and drills are taken by PostgreSQL's image.
    assert set(outputs["versions"]) == {*SERVICES} - {"backups", "drills"}
    assert outputs["networks"]["data"] == f"tasktracker-{stack.name}-data"
