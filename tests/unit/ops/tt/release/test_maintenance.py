"""The site is closed and opened in nginx, and what is said of it is what nginx answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from ops.tt.errors import BrokenError, FailedError, UsageError
from ops.tt.host.docker_host import Result
from ops.tt.release import maintenance

SERVING = {"serving": "green", "releases": {"green": "1.5.0"}}


class FakeHost:
    """A Docker host whose nginx has `document`; `refuses` is how its command ends, if not well."""

    stack = "dev"

    def __init__(
        self, document: dict[str, Any] | None = None, *, refuses: Result | None = None, deaf: bool = False
    ) -> None:
        self.document, self.refuses, self.deaf = document or SERVING, refuses, deaf
        self.sets = 0

    def name(self, service: str) -> str:
        return f"tasktracker-dev-{service}"

    def run(self, service: str, command: Sequence[str]) -> Result:
        assert service == "nginx"
        if command[0] == "curl":
            status = 503 if "maintenance" in self.document and not self.deaf else 200
            return Result(0, f"\n{status}", "")
        if self.refuses is not None:
            return self.refuses
        if command[:2] == ["release", "set"]:
            self.document, self.sets = json.loads(command[2]), self.sets + 1
        return Result(0, json.dumps({"release": self.document, "requests": {}}), "")


def close(host: FakeHost, seconds: int = 120) -> None:
    maintenance.close(host, seconds)  # type: ignore[arg-type]


def reopen(host: FakeHost) -> bool:
    return maintenance.reopen(host)  # type: ignore[arg-type]


def test_what_serves_stays_as_it_is() -> None:
    host = FakeHost()
    close(host, 300)
    assert host.document == {**SERVING, "maintenance": 300}
    assert reopen(host) is True
    assert host.document == SERVING
    assert reopen(host) is False
    assert host.sets == 2


def test_success_is_said_of_what_nginx_answers() -> None:
    with pytest.raises(BrokenError, match="nginx was told to close the site, and answers 200 for /"):
        close(FakeHost(deaf=True))


def test_an_nginx_of_an_older_version_is_told() -> None:
    with pytest.raises(FailedError, match=r"has no command `release`: `make up STACK=dev` with the image of this"):
        close(FakeHost(refuses=Result(127, "", "exec failed")))
    with pytest.raises(FailedError, match="tasktracker-dev-nginx: nginx answers 500"):
        close(FakeHost(refuses=Result(69, "", "nginx answers 500\n")))


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("24h", 86_400)])
def test_times_are_as_in_the_config(text: str, seconds: int) -> None:
    assert maintenance.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "25h", "120", "soon", "-5m"])
def test_wrong_times_name_what_is_allowed(text: str) -> None:
    with pytest.raises(UsageError, match=r"--retry-after .*must be (a duration|between 1s and 24h)"):
        maintenance.seconds(text)
