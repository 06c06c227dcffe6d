"""Which backup a restore begins with: the image's program decides it, for `restore` and for `tt`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.tt.backup.backups import Range, Repository, Target, chosen
from ops.tt.errors import RefusedError
from tests.images.conftest import Bench, Container
from tests.unit.ops.tt.backup.test_backups import DIFF, FULL, NOW, OTHER, TOLD, at

pytestmark = pytest.mark.docker

#: Around each of the list's moments.
MOMENTS = [
    moment + offset for moment in (1000, 2000, 2200, 2500, 3100, 4000) for offset in (-1, -0.1, 0, 0.1, 0.9, 1, 1.1)
]


@pytest.fixture(scope="module")
def image(shared_bench: Bench) -> Container:
    """The image's programs, with nothing that runs."""
    return shared_bench.run("postgres", "sleep", "600", options=["--network=none"])


def asked(image: Container, target: Target, later: str = "", told: object = TOLD) -> str:
    """The answer for `target` with the list `told`. `later`: until when the WAL of which timeline will be archived."""
    more = f"archive_later /tmp {later};" if later else ""
    kind, value = (*target.words, "")[:2]
    lines = image.sh(
        f". /usr/local/share/tasktracker/repository.sh; echo '{json.dumps(told)}' >/tmp/list; {more}"
        f" choose_backup /tmp {kind} '{value}'; jq -c . /tmp/list /tmp/choice; rm /tmp/list /tmp/choice"
    ).splitlines()
    found, choice = map(json.loads, lines)
    return json.dumps({**found, "choice": choice})


def label(image: Container, target: Target, later: str = "") -> str:
    return chosen(target, asked(image, target, later), NOW).label


@pytest.mark.parametrize(
    ("target", "expected"),
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
def test_the_newest_good_backup_before_it_is_taken(image: Container, target: Target, expected: str) -> None:
    assert label(image, target) == expected


def expected_label(moment: float) -> str | None:
    """The newest good backup before `moment` on a timeline that reaches it; a range's end is known to the second."""
    ends = {1: 2500, 2: 4000}
    reaching = [
        (each["stop"], each["label"])
        for each in TOLD["backups"]
        if not each["error"] and each["stop"] < moment < ends[each["timeline"]] + 1
    ]
    return max(reaching)[1] if reaching else None


def test_it_is_so_around_each_moment_of_the_list(image: Container) -> None:
    def found(moment: float) -> str | None:
        backup: dict[str, Any] = json.loads(asked(image, at(moment)))["choice"].get("backup", {})
        return backup.get("label")

    labels = [found(moment) for moment in MOMENTS]
    assert labels == [expected_label(moment) for moment in MOMENTS]
    assert None in labels


@pytest.mark.parametrize("each", Repository.parse(json.dumps(TOLD)).ranges, ids=str)
def test_both_ends_of_the_ranges_that_are_shown_can_be_restored(image: Container, each: Range) -> None:
    assert label(image, at(each.start))
    assert label(image, at(each.end))


@pytest.mark.parametrize("epoch", [999, 1000, 2501, 3100, 4001])
def test_a_time_outside_the_ranges_is_refused(image: Container, epoch: float) -> None:
    with pytest.raises(RefusedError, match=r"can't be restored\. What can be:"):
        label(image, at(epoch))


def test_what_is_not_archived_yet_counts_for_the_timeline_that_is_live(image: Container) -> None:
    assert label(image, at(4500), f"{NOW} 2") == OTHER
    # After `tt volumes use`, the first timeline is the live one again.
    assert label(image, at(4500), f"{NOW} 1") == DIFF


def test_the_future_is_refused(image: Container) -> None:
    with pytest.raises(RefusedError, match="still to come"):
        label(image, at(NOW + 60), f"{NOW} 2")


@pytest.mark.parametrize("name", ["x", ""])
def test_a_label_that_is_not_there_is_refused(image: Container, name: str) -> None:
    with pytest.raises(RefusedError, match=f"there is no backup '{name}'"):
        label(image, Target(label=name))


def test_a_backup_with_errors_is_refused(image: Container) -> None:
    with pytest.raises(RefusedError, match="checksums are wrong"):
        label(image, Target(label="20261121-030000F"))


@pytest.mark.parametrize("target", [at(1500), Target(latest=True), Target(label=FULL)])
def test_an_empty_repository_is_told(image: Container, target: Target) -> None:
    empty: dict[str, Any] = {"backups": [], "ranges": [], "archived_until": None}
    with pytest.raises(RefusedError, match="the repository is empty"):
        chosen(target, asked(image, target, told=empty), NOW)
