"""What is read of the backups, and what is said where one can't be restored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from ops.tt import times
from ops.tt.backup.backups import Repository, Target, chosen, ranges_text
from ops.tt.backup.database import Database
from ops.tt.errors import FailedError, RefusedError, UnreachableError
from ops.tt.host.docker_host import Host, Result

FULL, DIFF, OTHER = "20261120-020000F", "20261120-020000F_20261121-020000D", "20261122-020000F"

#: A full backup, a differential, and one after a restore: timeline 1 was left at 2500, timeline 2 begins at 3000.
TOLD: dict[str, Any] = {
    "backups": [
        {"label": label, "type": kind, "start": stop - 10, "stop": stop, "size": 3 * 10**7, "repository_size": 10**6,
         "error": error, "timeline": timeline, "database_version": "17"}
        for label, kind, stop, error, timeline in (
            (FULL, "full", 1000, False, 1),
            (DIFF, "diff", 2000, False, 1),
            ("20261121-030000F", "full", 2200, True, 1),
            (OTHER, "full", 3100, False, 2),
        )
    ],
    "ranges": [{"timeline": 1, "from": 1000, "to": 2500}, {"timeline": 2, "from": 3100, "to": 4000}],
    "archived_until": 4000,
}  # fmt: skip

NOW = 5000.0


@pytest.fixture
def repository() -> Repository:
    return Repository.parse(json.dumps(TOLD))


def at(epoch: float) -> Target:
    return Target(time=times.at(epoch))


def answer(told: Mapping[str, Any] = TOLD, **choice: object) -> str:
    """What `backup-choose` prints."""
    return json.dumps({**told, "choice": choice})


def refusal(problem: str) -> str:
    return answer(problem=problem, reason="the program's words")


def test_the_backup_is_the_one_that_the_image_chooses() -> None:
    found = chosen(at(1500), answer(backup=TOLD["backups"][1]), NOW)
    assert (found.label, found.stop, found.database_version) == (DIFF, 2000, "17")


def test_a_time_outside_the_ranges_is_refused_with_them(repository: Repository) -> None:
    with pytest.raises(RefusedError) as refused:
        chosen(at(2501), refusal("outside"), NOW)
    assert str(refused.value).startswith(f"{times.both(times.at(2501))} can't be restored. What can be:\n")
    assert ranges_text(repository) in str(refused.value)
    assert [each["timeline"] for each in refused.value.details["ranges"]] == [1, 2]


@pytest.mark.parametrize("told", [refusal("outside"), answer(backup=TOLD["backups"][0])])
def test_the_future_is_refused(told: str) -> None:
    with pytest.raises(RefusedError, match="still to come"):
        chosen(at(NOW + 60), told, NOW)


def test_a_label_that_is_not_there_names_the_good_ones() -> None:
    with pytest.raises(RefusedError, match="no backup 'x'") as refused:
        chosen(Target(label="x"), refusal("unknown"), NOW)
    assert DIFF in str(refused.value)
    assert "20261121-030000F" not in str(refused.value)


def test_a_backup_with_errors_is_refused() -> None:
    with pytest.raises(RefusedError, match="checksums are wrong"):
        chosen(Target(label="20261121-030000F"), refusal("errors"), NOW)


@pytest.mark.parametrize("target", [at(1500), Target(latest=True), Target(label=FULL), at(NOW + 60)])
def test_an_empty_repository_is_told(target: Target) -> None:
    empty: dict[str, Any] = {"backups": [], "ranges": [], "archived_until": None}
    with pytest.raises(RefusedError, match="the repository is empty"):
        chosen(target, answer(empty, problem="none", reason="there is none"), NOW)
    with pytest.raises(RefusedError, match="all there are have errors"):
        chosen(target, refusal("none"), NOW)


def test_a_backup_of_another_version_says_how_it_is_restored() -> None:
    told = answer(problem="version", reason="", label=FULL, version="16", major="17")
    with pytest.raises(RefusedError, match=rf"backup {FULL} is of PostgreSQL 16, and the stack runs 17\. Restore it"):
        chosen(Target(latest=True), told, NOW)


def test_a_reason_that_only_the_image_knows_is_passed_on() -> None:
    with pytest.raises(RefusedError, match="the program's words"):
        chosen(Target(latest=True), refusal("moved"), NOW)


@pytest.mark.parametrize("text", ["", "{}", json.dumps(TOLD), answer(), answer(backup=3), answer(problem="moved")])
def test_another_answer_of_the_program_is_an_error_in_words(text: str) -> None:
    with pytest.raises(FailedError, match="not understood"):
        chosen(Target(latest=True), text, NOW)


class FakeHost:
    """A host whose backups container ends a command in one way."""

    stack = "prod"

    def __init__(self, result: Result) -> None:
        self.result = result
        self.commands: list[Sequence[str]] = []

    def find(self, _service: str) -> None:
        return None

    def name(self, service: str) -> str:
        return f"tasktracker-prod-{service}"

    def run(self, service: str, command: Sequence[str]) -> Result:
        assert service == "backups"
        self.commands.append(command)
        return self.result


@pytest.mark.parametrize(
    ("target", "live", "words"),
    [
        (Target(latest=True), None, "latest"),
        (Target(label=FULL), None, f"set {FULL}"),
        (at(1500.5), 2, "time 1500.500000 5000.0 2"),
    ],
)
def test_what_the_program_is_asked(target: Target, live: int | None, words: str) -> None:
    host = FakeHost(Result(0, answer(backup=TOLD["backups"][0]), ""))
    assert Database(cast(Host, host)).choose(target, NOW, live).label == FULL
    assert host.commands == [["backup-choose", *words.split()]]


@pytest.mark.parametrize(
    ("result", "raised", "message"),
    [
        (
            Result(127, "", "sh: 1: exec: backup-choose: not found\n"),
            RefusedError,
            r"is older than .* `make up STACK=prod`",
        ),
        (Result(69, "", "backup-choose: no answer\n"), UnreachableError, "^the backups can't be listed: no answer$"),
    ],
)
def test_a_program_that_can_not_answer_leaves_nothing_chosen(
    result: Result, raised: type[Exception], message: str
) -> None:
    with pytest.raises(raised, match=message):
        Database(cast(Host, FakeHost(result))).choose(Target(latest=True), NOW, 1)


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", '{"backups": [3], "ranges": [], "archived_until": 1}'])
def test_another_answer_is_an_error_in_words(text: str) -> None:
    with pytest.raises(FailedError, match="not understood"):
        Repository.parse(text)


def test_programs_get_iso_times(repository: Repository) -> None:
    told = repository.asdict()
    assert told["ranges"][0] == {
        "timeline": 1, "from": "1970-01-01T00:16:41+00:00", "to": "1970-01-01T00:41:40+00:00",
    }  # fmt: skip
    assert told["backups"][0]["stop"] == "1970-01-01T00:16:40+00:00"
    assert told["archived_until"] == "1970-01-01T01:06:40+00:00"


def test_targets_as_the_config_has_them() -> None:
    assert at(1000).config == {"to": "1970-01-01T00:16:40+00:00"}
    assert Target(latest=True).config == {"to": "latest"}
    assert Target(label=FULL).config == {"set": FULL}
