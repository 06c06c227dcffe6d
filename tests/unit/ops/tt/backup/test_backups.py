"""Which backup a restore begins with, and what can't be restored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.tt import times
from ops.tt.backup.backups import Repository, Target, choose, ranges_text
from ops.tt.errors import FailedError, RefusedError

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


@pytest.mark.parametrize(
    ("target", "label"),
    [
        (at(1500), FULL),
        (at(2100), DIFF),
        (at(2500), DIFF),  # the later full one has errors
        (at(2500.9), DIFF),  # within the second of the last WAL
        (at(3500), OTHER),
        (Target(latest=True), OTHER),
        (Target(label=DIFF), DIFF),
    ],
)
def test_the_newest_good_backup_before_it_is_taken(repository: Repository, target: Target, label: str) -> None:
    assert choose(target, repository, NOW).label == label


def test_both_ends_of_the_ranges_that_are_shown_can_be_restored(repository: Repository) -> None:
    for each in repository.ranges:
        assert choose(at(each.start), repository, NOW)
        assert choose(at(each.end), repository, NOW)


@pytest.mark.parametrize("epoch", [999, 1000, 2501, 3100, 4001])
def test_a_time_outside_the_ranges_is_refused_with_them(repository: Repository, epoch: float) -> None:
    with pytest.raises(RefusedError) as refused:
        choose(at(epoch), repository, NOW)
    assert ranges_text(repository) in str(refused.value)
    assert [each["timeline"] for each in refused.value.details["ranges"]] == [1, 2]


def test_what_is_not_archived_yet_counts_for_the_timeline_that_is_live(repository: Repository) -> None:
    assert choose(at(4500), repository.until(NOW, 2), NOW).label == OTHER
    # After `tt volumes use`, the first timeline is the live one again.
    assert choose(at(4500), repository.until(NOW, 1), NOW).label == DIFF


def test_the_future_is_refused(repository: Repository) -> None:
    with pytest.raises(RefusedError, match="still to come"):
        choose(at(NOW + 60), repository.until(NOW, 2), NOW)


def test_a_label_that_is_not_there_names_the_good_ones(repository: Repository) -> None:
    with pytest.raises(RefusedError, match="no backup 'x'") as refused:
        choose(Target(label="x"), repository, NOW)
    assert DIFF in str(refused.value)
    assert "20261121-030000F" not in str(refused.value)


def test_a_backup_with_errors_is_refused(repository: Repository) -> None:
    with pytest.raises(RefusedError, match="checksums are wrong"):
        choose(Target(label="20261121-030000F"), repository, NOW)


@pytest.mark.parametrize("target", [at(1500), Target(latest=True), Target(label=FULL)])
def test_an_empty_repository_is_told(target: Target) -> None:
    empty = Repository.parse('{"backups": [], "ranges": [], "archived_until": null}')
    with pytest.raises(RefusedError, match="the repository is empty"):
        choose(target, empty, NOW)


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
