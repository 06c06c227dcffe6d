"""What the rules about running containers say."""

from __future__ import annotations

from tests.policies.cases import run
from tests.policies.docker.test_health import times_case
from tests.policies.docker.test_logs import logs_case, rotation_case
from tests.policies.docker.test_restart import restart_case


def test_what_is_wrong_is_said() -> None:
    (found,) = run(times_case("failing", "long", {"interval": "1h"}, "")[0])
    assert found.value == {"interval": "1h", "timeout": "5s", "retries": 3}
    assert found.allowed == "(interval + timeout) * retries of at most 600 seconds"
    (found,) = run(logs_case("failing", "too much", "json-file", {**rotation_case("50m", "3"), "env": "A"}, "=")[0])
    assert (found.value, found.allowed) == (rotation_case("50m", "3"), "max-size * max-file of at most 100m")
    (found,) = run(restart_case("failing", "no"))
    assert found.allowed == "always or on-failure"
