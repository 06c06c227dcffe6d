"""Which releases the host has, which of them can serve, and which one `tt rollback` goes back to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ops.tt.errors import RefusedError, UsageError
from ops.tt.release.on_host import Release, chosen, found

BLUE = Release("blue", "3f9ac0417d22", "1.4.0")
GREEN = Release("green", "91be5c22a07f", "1.5.0")
HEALTHY = {"Status": "running", "Health": {"Status": "healthy"}}


def container(service: str, release: Release, state: dict[str, Any] = HEALTHY) -> tuple[dict[str, str], dict[str, Any]]:
    labels = {"service": service, "slot": release.slot, "release-id": release.id, "release": release.name}
    return labels, {"State": state}


def slot(release: Release, **states: dict[str, Any]) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """A slot's containers, and the carrier of the api's files; `states` by service."""
    carrier = {"service": "api", "slot": release.slot}
    services = ("api", "dashboard", "worker")
    return [(carrier, {}), *(container(each, release, states.get(each, HEALTHY)) for each in services)]


def test_both_slots() -> None:
    nginx = ({"service": "nginx", "release": "1.5.0"}, {"State": HEALTHY})
    assert found([nginx, *slot(GREEN), *slot(BLUE)]) == [BLUE, GREEN]
    assert [each.problem for each in found([*slot(GREEN), *slot(BLUE)])] == ["", ""]


def test_a_worker_that_is_stopped_is_no_problem() -> None:
    (release,) = found(slot(BLUE, worker={"Status": "exited"}))
    assert release.problem == ""


@pytest.mark.parametrize(
    ("containers", "problem"),
    [
        (slot(BLUE, api={"Status": "exited"}), "api-blue is exited"),
        (slot(BLUE, dashboard={"Status": "running", "Health": {"Status": "unhealthy"}}), "dashboard-blue is unhealthy"),
        ([container("api", BLUE)], "dashboard-blue is not there"),
        (
            [container("api", BLUE), container("dashboard", Release("blue", "0123456789ab", "1.3.0"))],
            "blue has containers of different releases: an update of it was cut off",
        ),
    ],
)
def test_what_keeps_a_release_from_serving(containers: Sequence[Any], problem: str) -> None:
    (release,) = found(containers)
    assert release.problem == problem
    with pytest.raises(RefusedError, match=problem):
        chosen([release, GREEN], "green", None)


@pytest.mark.parametrize("wanted", [None, "3f9ac0417d22", "1.4.0"])
def test_the_one_before_is_chosen(wanted: str | None) -> None:
    assert chosen([BLUE, GREEN], "green", wanted) == BLUE


def test_one_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"release '1.3.0': the host has 1.4.0 \(3f9ac0417d22, blue\) and 1.5.0 "):
        chosen([BLUE, GREEN], "green", "1.3.0")
    with pytest.raises(UsageError, match="the host has none"):
        chosen([], "blue", "1.3.0")


def test_a_name_that_two_have_takes_the_id() -> None:
    same = Release("green", "91be5c22a07f", "1.4.0")
    with pytest.raises(UsageError, match=r"that is 1.4.0 \(3f9ac0417d22, blue\) and 1.4.0 .*: name the id"):
        chosen([BLUE, same], "green", "1.4.0")
    assert chosen([BLUE, same], "green", "91be5c22a07f") == same


def test_without_another_one_there_is_no_way_back() -> None:
    with pytest.raises(RefusedError, match="no other release on the host"):
        chosen([BLUE], "blue", None)
