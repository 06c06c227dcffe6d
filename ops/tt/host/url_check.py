"""Whether the stack's URL answers: asked from this machine, as a user asks, or else on the stack's own host."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from docker.models.containers import Container

from ops.tt.errors import TtError
from ops.tt.host.docker_host import Host
from remote import reason

#: The reverse proxy's service, and the ports that it serves on in its container.
NGINX = "nginx"
HTTP, HTTPS = 8080, 8443

#: What a user needs first: a page, and the api with what that needs.
PAGE, HEALTH = "/", "/api/health"

#: Seconds for one answer; nginx gives an upstream 3 s for a connection.
TIMEOUT = 5

#: Seconds until a stack that was just updated has to answer, and between two questions.
WAIT, POLL = 60, 1.0

#: What nginx's answers say while the site is closed (images/nginx/share/release.js; a test compares them).
CLOSED = "Closed for maintenance"

#: An answer with such a status says that something behind it is down.
FIRST_OF_ERRORS = 500

LOOPBACK = ("127.", "::1", "localhost")

_PSQL = "docker exec tasktracker-{stack}-postgres psql -h /run/postgresql -U postgres"
_BEFORE = "`./tt restore --to TIME --stack {stack}` goes back to a time before that"
_SESSIONS = f"`{_PSQL} -c 'TABLE pg_stat_activity'` shows what does"
_TABLES = f"`{_PSQL} -d tasktracker -c '\\d tasks' -c '\\d outbox'` shows it; the api's log has the error"

_HANGS = f"`{_PSQL} -c 'SHOW synchronous_standby_names' -c 'TABLE pg_stat_activity'` shows what it waits for"

#: What helps, by what the reference app reports (`REASONS` in app/tasktracker/store/database.py; a test compares them).
CURES = {
    "the database is read-only": (
        f"`{_PSQL} -c 'SET default_transaction_read_only = off' -c 'ALTER SYSTEM RESET default_transaction_read_only' "
        "-c 'ALTER DATABASE tasktracker RESET default_transaction_read_only' -c 'SELECT pg_reload_conf()'` takes the "
        "setting back, unless a role has it"
    ),
    "the database refuses the password": (
        "`docker restart tasktracker-{stack}-postgres` sets the passwords of the config and the state again"
    ),
    "a right is missing": f"the api's log names it: GRANT it to the role of the app, or {_BEFORE}",
    "the tables are out of sight": (
        f"`{_PSQL} -d tasktracker -c '\\dn+' -c '\\drds'` shows the rights of the role of the app on its schema, "
        "and the search_path"
    ),
    "row security refuses tasks": (
        f"`{_PSQL} -d tasktracker -c 'ALTER TABLE tasks DISABLE ROW LEVEL SECURITY' "
        "-c 'ALTER TABLE outbox DISABLE ROW LEVEL SECURITY'` turns it off"
    ),
    "a column is missing": _BEFORE,
    "a table is missing": _BEFORE,
    "a rule refuses new tasks": _TABLES,
    "a column does not take what tasks have": _TABLES,
    "a constraint refuses new tasks": _TABLES,
    "a trigger refuses new tasks": _TABLES,
    "a trigger drops tasks or changes of them": _TABLES,
    "a sequence is used up": (
        f"`{_PSQL} -d tasktracker -c 'TABLE pg_sequences'` shows it, and ALTER SEQUENCE raises its MAXVALUE"
    ),
    "a table or an index is damaged": (
        f"`{_PSQL} -d tasktracker -c 'REINDEX DATABASE tasktracker'` makes the indexes again; for a table {_BEFORE}"
    ),
    "the database refuses the login": f"`{_PSQL} -c '\\du'` shows whether the role of the app may log in",
    "the database has no connection free": (f"{_SESSIONS}, and `{_PSQL} -c '\\du' -c 'TABLE pg_database'` the limits"),
    "the database is missing": f"`{_PSQL} -c '\\l'` shows those that there are; {_BEFORE}",
    "the database accepts no connections": (
        f"`{_PSQL} -c 'ALTER DATABASE tasktracker ALLOW_CONNECTIONS true'` lets them in"
    ),
    "the database cancels statements": (
        f"`{_PSQL} -d tasktracker -c '\\drds' -c 'SHOW statement_timeout'` shows the time limits that are set"
    ),
    "a table is locked": _SESSIONS,
}


@dataclass(frozen=True)
class Answer:
    """What came of asking.

    Attributes:
        problem: Why a user can't work, and what helps; None where no reason was found.
        unverified: What could not be asked from this machine, and why; None if the URL itself has answered.
        health: What the api says of itself, where it answered.
    """

    problem: str | None = None
    unverified: str | None = None
    health: Mapping[str, Any] | None = None


def ask(host: Host, url: str) -> Answer:
    """Asks for a page and for the api's health, once."""
    nginx = host.find(NGINX)
    if nginx is None:
        return Answer(f"{url} can't answer: there is no container {host.name(NGINX)}")
    parts = urlsplit(url)
    published = _published(nginx, parts.scheme)
    if published is None:
        return _through_tunnel(host, parts)
    address, port = published
    if host.is_local:
        return _ask_port(host, nginx, parts, _on_this_machine(address), port)
    if address.startswith(LOOPBACK):
        why = f"its port {port} is published on {address} of the Docker host, which this machine can't reach"
        return _inside(host, url, why)
    there = host.server or address
    answer = _ask_port(host, nginx, parts, there, port)
    if answer.health is None and answer.problem and "does not answer" in answer.problem:
        return _inside(host, url, f"this machine does not reach {there}:{port}")
    return answer


def await_answer(host: Host, url: str, seconds: float = WAIT) -> Answer:
    """Asks until there is an answer without a problem, or the time is over."""
    end = time.monotonic() + seconds
    # A person has closed the site: no waiting opens it.
    while (answer := ask(host, url)).problem and CLOSED not in answer.problem and time.monotonic() < end:
        time.sleep(POLL)
    return answer


def _published(nginx: Container, scheme: str) -> tuple[str, int] | None:
    """Address and port of the Docker host that lead to nginx; None where a tunnel does."""
    bindings = nginx.attrs["HostConfig"]["PortBindings"] or {}
    for each in bindings.get(f"{HTTPS if scheme == 'https' else HTTP}/tcp") or ():
        return str(each["HostIp"]), int(each["HostPort"])
    return None


def _on_this_machine(address: str) -> str:
    """An address to connect to, for one to listen on."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - compared


def _ask_port(host: Host, nginx: Container, url: SplitResult, address: str, port: int) -> Answer:
    """Asks a published port, under the name that the URL has."""
    body = b""
    for path in (PAGE, HEALTH):
        shown = f"{url.geturl()}{path}"
        try:
            status, body = _get(url, address, port, path)
        except (OSError, http.client.HTTPException) as error:
            return Answer(f"{shown} does not answer at {address}:{port} ({reason(error)}){_cure(host, nginx, error)}")
        if status >= FIRST_OF_ERRORS:
            return Answer(f"{shown} answers {status}{_detail(host, body)}")
    return Answer(health=_object(body))


def _cure(host: Host, nginx: Container, error: Exception) -> str:
    """Why the port is dead though nginx is healthy, and what helps; nothing where nginx is not."""
    state = nginx.attrs["State"]
    if state["Status"] != "running" or (state.get("Health") or {}).get("Status") != "healthy":
        return ""
    if not any((nginx.attrs["NetworkSettings"].get("Ports") or {}).values()):
        return ": nginx is not on the network that its port is published on"
    if isinstance(error, TimeoutError) and _answers_itself(host):
        return ": what is behind nginx hangs"
    return (
        ", though nginx is healthy: Docker does not forward the port, or nginx hangs. "
        f"`docker restart {nginx.name}` restores it"
    )


def _answers_itself(host: Host) -> bool:
    """Whether nginx answers its own health check just now; Docker notices a hang after three checks."""
    try:
        return host.run(NGINX, ["healthcheck"]).code == 0
    except TtError:
        return False


def _get(url: SplitResult, address: str, port: int, path: str) -> tuple[int, bytes]:
    connection: http.client.HTTPConnection
    if url.scheme == "https":
        # Whether nginx answers: behind Cloudflare its certificate is one that only Cloudflare trusts.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(address, port, timeout=TIMEOUT, context=context)
    else:
        connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT)
    try:
        connection.request("GET", path, headers={"Host": url.netloc})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _through_tunnel(host: Host, url: SplitResult) -> Answer:
    """Asks the public name, where this machine finds it; and nginx in any case."""
    inside = _inside(host, url.geturl(), "")
    if inside.problem:
        return inside
    try:
        with urllib.request.urlopen(f"{url.geturl()}{PAGE}", timeout=TIMEOUT):  # noqa: S310 - it is https
            return Answer(health=inside.health)
    except urllib.error.HTTPError as error:
        if error.code >= FIRST_OF_ERRORS:
            return Answer(
                f"{url.geturl()} answers {error.code}: Cloudflare does not reach the tunnel", None, inside.health
            )
        return Answer(health=inside.health)
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = f"this machine got no answer from it ({reason(error)}); nginx answers on the Docker host"
        return Answer(unverified=why, health=inside.health)


def _inside(host: Host, url: str, why: str) -> Answer:
    """Has nginx's own container ask nginx. `why` the URL itself is not asked."""
    body = b""
    for path in (PAGE, HEALTH):
        try:
            status, body = answer_inside(host, path)
        except TtError as error:
            return Answer(f"{url} can't answer: {error}")
        if status >= FIRST_OF_ERRORS or not status:
            said = f"answers {status}" if status else "does not answer"
            return Answer(f"nginx {said} for {path} in its container, so {url} can't{_detail(host, body)}")
    return Answer(unverified=f"{why}; nginx answers on the Docker host", health=_object(body))


def answer_inside(host: Host, path: str) -> tuple[int, bytes]:
    """Status and body of nginx's answer in its own container; the status is 0 where it gives none."""
    for origin in (f"http://127.0.0.1:{HTTP}", f"https://127.0.0.1:{HTTPS}"):
        result = host.run(
            NGINX,
            [
                "curl",
                "--silent",
                "--insecure",
                "--max-time",
                str(TIMEOUT),
                "--write-out",
                r"\n%{http_code}",
                origin + path,
            ],
        )
        body, _, code = result.output.rpartition("\n")
        status = int(code) if code.isdigit() else 0
        # With TLS the other port only sends there.
        if status != http.client.MOVED_PERMANENTLY:
            break
    return status, body.encode()


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _detail(host: Host, body: bytes) -> str:
    """What an answer says is wrong (RFC 9457), and what helps where that is known."""
    if CLOSED.encode() in body:
        return f": {CLOSED}; `./tt maintenance off --stack {host.stack}` opens the site"
    detail = str((_object(body) or {}).get("detail") or "").rstrip(".")
    cure = _HANGS.replace("{stack}", host.stack) if "database (no answer" in detail else _cure_of(detail, host.stack)
    return f": {'. '.join(filter(None, (detail, cure)))}" if detail else ""


def with_cures(problems: Sequence[str], stack: str) -> list[str]:
    """The problems, with what helps behind the first that names a reason, unless one has that already."""
    found: list[str] = []
    for problem in problems:
        cure = _cure_of(problem, stack)
        is_there = cure is None or any(cure in each for each in (*problems, *found))
        found.append(problem if is_there else f"{problem.rstrip('.')}. {cure}")
    return found


def _cure_of(text: str, stack: str) -> str | None:
    """What helps against a reason that the app reports, if `text` has one."""
    cure = next((cure for reason, cure in CURES.items() if f"({reason})" in text), None)
    return cure.replace("{stack}", stack) if cure else None
