"""What `tt status` calls wrong, and how it shows the rest."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops.tt.backup import drill
from ops.tt.backup.backups import Repository
from ops.tt.errors import Exit, UnreachableError
from ops.tt.host import service
from ops.tt.host.service import Service
from ops.tt.project import DataVolumes, Project
from ops.tt.restore import volumes
from ops.tt.state.locks import Lock
from ops.tt.status import status
from ops.tt.status import text as status_text
from ops.tt.status.status import Status
from tests.unit.ops.tt.backup.test_backups import TOLD
from toolchain.process.steps import ROOT


def container(**changes: Any) -> Any:
    """A container as the Docker client has it."""
    state = {
        "Status": "running", "ExitCode": 0, "StartedAt": "2026-11-20T12:05:00.123456789Z",
        "FinishedAt": "0001-01-01T00:00:00Z", "Health": {"Status": "healthy"}, **changes.pop("state", {}),
    }  # fmt: skip
    restarts, log = changes.pop("restarts", 0), changes.pop("log", b"")
    host = {"Memory": 1 << 30, "PortBindings": None, "RestartPolicy": {"Name": "always"}, **changes}
    return SimpleNamespace(
        name="tasktracker-dev-api-blue",
        labels={"release": "1.4.0", "service": "api"},
        attrs={"State": state, "HostConfig": host, "RestartCount": restarts},
        logs=lambda **_: log,
        stats=lambda **_: {"memory_stats": {"usage": 3 << 20, "stats": {"inactive_file": 1 << 20}}},
    )


def test_a_healthy_service_has_no_problem() -> None:
    found = service.service(container(restarts=2), "dev")
    assert (found.name, found.restarts, found.memory, found.release) == ("api-blue", 2, 2 << 20, "1.4.0")
    assert found.problem is None
    assert found.asdict()["since"] == "2026-11-20T12:05:00.123456+00:00"


NAME = "tasktracker-dev-api-blue"
UNHEALTHY = (
    f"api-blue is unhealthy, and Docker does not restart it for that: `docker restart {NAME}` helps where it hangs"
)
REPORTS = "api-blue is unhealthy: it does not hang, and reports what it needs"
ANSWERED = "http://127.0.0.1:8000/api/health: 503 Service Unavailable: {}"
FAILED_CHECK = {"Status": "unhealthy", "Log": [{"ExitCode": 1, "Output": "curl: (28) timed out\n"}]}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"state": {"Health": {"Status": "unhealthy"}}},
         UNHEALTHY),
        # One that answers does not hang.
        ({"state": {"Health": {"Status": "unhealthy", "Log": [{"ExitCode": 1, "Output": ANSWERED}]}}},
         f"{REPORTS}. The end of its health check: {ANSWERED}"),
        # As Docker has it of one that was just unpaused.
        ({"state": {"Health": {"Status": "unhealthy", "Log": [{"ExitCode": 0, "Output": ""}]}}},
         "api-blue is starting"),
        ({"state": {"Health": {"Status": "starting"}}}, "api-blue is starting"),
        # A service that is in a loop is mostly seen while it starts.
        ({"state": {"Health": {"Status": "starting"}}, "restarts": 7},
         "api-blue ends soon after each start: Docker has restarted it 7 times"),
        ({"state": {"Status": "restarting", "ExitCode": 1}, "restarts": 3},
         "api-blue ends soon after each start: Docker has restarted it 3 times, the last exit code was 1"),
        ({"state": {"Status": "exited", "ExitCode": 137}},
         f"api-blue is exited (exit code 137): `docker start {NAME}`"),
        ({"state": {"Status": "paused"}}, f"api-blue is paused: `docker unpause {NAME}`"),
        ({"state": {"Status": "exited", "ExitCode": 0}, "RestartPolicy": {"Name": "no"}}, None),
        ({"state": {"Status": "exited", "ExitCode": 1}, "RestartPolicy": {"Name": ""}},
         "api-blue has failed with exit code 1"),
        # A service that was given the restart policy of a job.
        ({"state": {"Health": FAILED_CHECK}, "RestartPolicy": {"Name": "no"}},
         f"{UNHEALTHY}. The end of its health check: curl: (28) timed out"),
        ({"state": {"Status": "paused"}, "RestartPolicy": {"Name": "no"}},
         f"api-blue is paused: `docker unpause {NAME}`"),
        ({"state": {"Health": FAILED_CHECK}, "log": b'{"level": "error", "message": "no room"}\n{"level": "info"}\n'},
         f"{UNHEALTHY}. The end of its health check: curl: (28) timed out; its log: no room"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_service_is_told(changes: dict[str, Any], problem: str | None) -> None:
    assert service.service(container(**changes), "dev").problem == problem


def test_nginx_that_has_refused_its_files_is_not_to_be_restarted() -> None:
    """It would not start."""
    written = "changed files are refused, and those before stay in use: they do not fit their manifest\n"
    assert f'echo "{service.REFUSED}' in (ROOT / "images" / "nginx" / "bin" / "healthcheck").read_text()
    health = {"Status": "unhealthy", "Log": [{"ExitCode": 1, "Output": written}]}
    problem = str(service.service(container(state={"Health": health}), "dev").problem)
    assert "docker restart" not in problem
    assert "Do not restart it" in problem
    assert "they do not fit their manifest" in problem


@pytest.mark.parametrize(
    ("ill", "expected"),
    [
        ([], UNHEALTHY),
        (["postgres"], UNHEALTHY.replace(f"`docker restart {NAME}` helps where it hangs", "it may wait for postgres")),
        (["postgres", "nats"], UNHEALTHY.partition(": ")[0] + ": it may wait for postgres and nats"),
        # Of the store itself it is the cure.
        (["api-blue"], UNHEALTHY),
    ],
)
def test_a_service_behind_a_store_that_is_not_well_is_not_to_be_restarted(ill: list[str], expected: str) -> None:
    unhealthy = service.service(container(state={"Health": {"Status": "unhealthy"}}), "dev")
    assert unhealthy.problem_behind(ill) == expected
    assert service.service(container(), "dev").problem_behind(ill) is None


def test_a_container_that_never_ran_has_no_age() -> None:
    created = {"state": {"Status": "created"}}
    assert service.service(container(**created), "dev").since is None


def made(**changes: Any) -> Status:
    now = time.time()
    backup = {"label": "20261120-020000F", "stop": now - 3600}
    api = Service("api", "running", "healthy", now - 60, 0, 2 << 20, 1 << 30, "", "1.4.0", 0, False)
    values: dict[str, Any] = {
        "url": "http://localhost:8080",
        "services": [api],
        "backups": {"last_good": backup, "last_good_full": backup, "running_since": None, "archive": {"waiting": 0}},
        "repository": Repository.parse(json.dumps(TOLD)),
        "volumes": {"in_use": 2, "kept": [1]},
        **changes,
    }
    return Status("dev", "dev", **values)


def text(status_: Status) -> str:
    return "\n".join(status_text.show(status_))


def test_all_is_well() -> None:
    shown = text(made(drill={"ok": True, "time": time.time() - 7200, "rpo_seconds": 12.3, "rto_seconds": 61}))
    for part in (
        "dev (dev): healthy, at http://localhost:8080", "api      running", "2 MB of 1 GB", "1 h ago", "all archived",
        "green, 2 h ago, RPO 12 s, RTO 1 min 1 s", "2 (tasktracker-dev-postgres-data-2); kept: 1", "(timeline 2)",
    ):  # fmt: skip
        assert part in shown
    assert "wrong" not in shown
    assert made().code == Exit.DONE


def test_what_is_wrong_is_told_and_the_exit_code() -> None:
    ill = made(problems=["api is unhealthy"])
    assert "dev (dev): NOT HEALTHY" in text(ill)
    assert "What is wrong:\n  - api is unhealthy" in text(ill)
    assert ill.code == Exit.RED
    assert ill.asdict()["healthy"] is False
    assert json.loads(json.dumps(ill.asdict()))["problems"] == ["api is unhealthy"]


def test_wal_that_waits_and_missing_backups_show() -> None:
    archive = {"waiting": 3, "waiting_since": time.time() - 120}
    shown = text(made(backups={"last_good": None, "running_since": time.time() - 61, "archive": archive}))
    assert "3 files wait, the first since 2 min" in shown
    assert "none that is good" in shown
    assert "a backup, since 1 min 1 s" in shown


def test_a_red_drill_shows_its_reason() -> None:
    done = {
        "ok": False, "reason": "the WAL of the canary was not archived", "rpo_seconds": None, "rto_seconds": None,
        "checks": {
            "canary": {"ok": False, "note": "not there"}, "rows": {"ok": True, "note": "7 tables"},
            "vectors": {"ok": None, "note": "no column"},
        },
    }  # fmt: skip
    assert drill.rows(done) == [
        ("result", "RED: the WAL of the canary was not archived"),
        ("check canary", "FAILED: not there"),
        ("check rows", "ok: 7 tables"),
        ("check vectors", "nothing to check: no column"),
    ]
    assert "RED" in text(made(drill=done))


def test_the_program_of_the_last_update_shows() -> None:
    revision = {"version": "1.4.0", "commit": "abc-dirty"}
    assert "program        1.4.0, commit abc-dirty" in text(made(program=revision))
    assert made(program=revision).asdict()["program"] == revision
    assert "commit" not in text(made(program={"version": "1.4.0", "commit": None}))
    assert "program" not in text(made())


def test_volumes_that_are_gone_are_missing() -> None:
    found = volumes.find(
        Project(ROOT, "dev"),
        DataVolumes(2, (1, 3), {"volume": 4, "to": "latest"}),
        {"tasktracker-dev-postgres-data": 100, "tasktracker-dev-postgres-data-2": None},
    )
    assert [(each.number, each.state, each.size) for each in found] == [
        (1, "kept", 100), (2, "in use", None), (3, "missing", None), (4, "missing", None),
    ]  # fmt: skip


def test_what_can_t_be_asked_is_a_problem_and_no_end() -> None:
    ill = made()

    def ask() -> None:
        raise UnreachableError("the repository can't be reached")

    assert status._or_problem(ill, ask) is None
    assert ill.problems == ["the repository can't be reached"]


def test_the_queue_a_lock_and_what_was_not_asked_show() -> None:
    lock = Lock("jo", "elsewhere", 1, None)
    queue = {"waiting": 3, "oldest_seconds": 12.4, "not_in_nats": 0}
    shown = text(made(queue=queue, locks=[lock], unverified="this machine got no answer"))
    assert "queue          3 tasks, the oldest for 12 s" in shown
    assert "lock           an update is under way: process 1 of jo on elsewhere" in shown
    assert "URL            not verified: this machine got no answer" in shown
    assert "queue          no task waits" in text(made(queue={"waiting": 0, "oldest_seconds": 0.0}))
    document = made(queue=queue, locks=[lock], unverified="no answer").asdict()
    assert (document["queue"], document["url_unverified"], document["locks"][0]["user"]) == (queue, "no answer", "jo")


@pytest.mark.parametrize("compared", [True, False])
def test_the_state_is_compared_once_no_change_of_volumes_is_in_between(
    monkeypatch: pytest.MonkeyPatch, compared: bool
) -> None:
    """Its commands would be others than the one that comes first."""
    monkeypatch.setattr("ops.tt.state.engine.Engine", lambda _: SimpleNamespace(resources=list))
    monkeypatch.setattr(status, "state_problems", lambda *_: ["`make up STACK=dev` puts that right"])
    found = made()
    status._of_state(Project(ROOT, "dev"), cast(Any, None), found, compared=compared)
    assert found.problems == ["`make up STACK=dev` puts that right"] * compared
