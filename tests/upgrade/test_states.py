"""Today's program, previewed over the states of each released version, loses none of their data, keys and buckets."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ops.ci.preview import Preview
from settings.releases import SLOTS, SWITCH
from tests.e2e.support.stack import Stack
from tests.services import SLOTTED
from tests.upgrade.losses import CONTAINER, STASH, is_kept, losses, recreated
from tests.upgrade.mutations import PLANNED, REFUSED, Mutation, mutated
from tests.upgrade.releases import Release, releases
from tests.upgrade.shapes import SHAPES, Shape, fakes
from tests.upgrade.states import kept, preview, restored, volumes
from toolchain.process.steps import ROOT

pytestmark = pytest.mark.engine

STATES = [(release, SHAPES[name]) for release in releases() for name in release.shapes]

#: The changes of the program are tried on stacks of the latest release.
LATEST = releases()[-1]


def state_id(value: object) -> str:
    return value.version if isinstance(value, Release) else getattr(value, "name", str(value))


@pytest.fixture(scope="module")
def stack_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Release, Shape], Stack]]:
    """Makes the stack of a kept state; each is made once."""
    made: dict[tuple[str, str], Stack] = {}
    contexts = ExitStack()

    def make(release: Release, shape: Shape) -> Stack:
        key = release.version, shape.name
        if key not in made:
            env = contexts.enter_context(fakes(shape, lambda: volumes(release, shape)))
            made[key] = restored(release, shape, tmp_path_factory.mktemp("state") / "stack", env)
        made[key].run_program(ROOT)
        return made[key]

    with contexts:
        yield make


@pytest.fixture(scope="module")
def plan_of(stack_of: Callable[..., Stack]) -> Callable[[Release, Shape], Preview]:
    """Previews an update of a kept stack to today's program, with the policies; each is made once."""
    return functools.cache(lambda release, shape: preview(stack_of(release, shape)))


def found_losses(release: Release, shape: Shape, plan: Preview) -> list[str]:
    return losses(kept(release, shape)["deployment"]["resources"], plan)


@pytest.mark.parametrize(("release", "shape"), STATES, ids=state_id)
def test_an_update_loses_nothing(plan_of: Callable[..., Preview], release: Release, shape: Shape) -> None:
    plan = plan_of(release, shape)
    assert found_losses(release, shape, plan) == []
    # The stack's config is valid, and the policies were there.
    assert plan.packs


@pytest.mark.parametrize(("release", "shape"), STATES, ids=state_id)
def test_what_a_slot_takes_the_place_of_goes_after_the_switch(
    plan_of: Callable[..., Preview], release: Release, shape: Shape
) -> None:
    steps = plan_of(release, shape).steps
    order = [(each.op, each.types[-1], each.name) for each in steps]
    switched = order.index(("create", STASH, SWITCH))
    for service in SLOTTED:
        made = order.index(("create", CONTAINER, f"{service}-{SLOTS[0]}"))
        gone = order.index(("delete", CONTAINER, service))
        assert made < switched < gone, service


@pytest.mark.nightly
@pytest.mark.parametrize("shape", [SHAPES[name] for name in PLANNED], ids=state_id)
def test_a_loss_that_is_planned_is_reported(stack_of: Callable[..., Stack], shape: Shape, tmp_path: Path) -> None:
    stack = stack_of(LATEST, shape)
    stack.run_program(mutated(PLANNED[shape.name], tmp_path / "program"))
    found = found_losses(LATEST, shape, preview(stack, policies=False))
    unreported = [
        each.what for each in PLANNED[shape.name] if not any(re.search(each.reported, text) for text in found)
    ]
    assert unreported == [], found


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("shape", "mutation"),
    [(SHAPES[name], mutation) for name, mutations in REFUSED.items() for mutation in mutations],
    ids=lambda each: each.what if isinstance(each, Mutation) else each.name,
)
def test_a_loss_that_the_engine_refuses_is_reported(
    stack_of: Callable[..., Stack], shape: Shape, mutation: Mutation, tmp_path: Path
) -> None:
    stack = stack_of(LATEST, shape)
    stack.run_program(mutated([mutation], tmp_path / "program"))
    found = found_losses(LATEST, shape, preview(stack, policies=False))
    assert any(re.search(mutation.reported, text, re.DOTALL) for text in found), found


def test_a_program_that_fails_or_declares_nothing_is_reported(stack_of: Callable[..., Stack], tmp_path: Path) -> None:
    shape = SHAPES["dev"]
    stack = stack_of(LATEST, shape)
    for number, (code, reason) in enumerate(
        [("raise ValueError('broken')", "ValueError: broken"), ("", "Volume::uploads.* cannot be deleted")]
    ):
        program = mutated([], tmp_path / str(number))
        (program / "__main__.py").write_text(code)
        stack.run_program(program)
        found = found_losses(LATEST, shape, preview(stack, policies=False))
        assert any(re.search(reason, text) for text in found), found


@pytest.mark.parametrize(("release", "shape"), STATES, ids=state_id)
def test_a_kept_state_has_what_must_stay(release: Release, shape: Shape) -> None:
    resources = kept(release, shape)["deployment"]["resources"]
    found = Counter(each["type"] for each in resources if is_kept(each))
    assert shape.kept <= {*found}
    assert found["docker:index/volume:Volume"] >= 3
    assert found["pulumi:index:Stash"] >= 5
    # Not everything: containers may be recreated.
    assert len(resources) > 2 * found.total()


def test_an_update_recreates_the_containers_that_the_changelog_names(plan_of: Callable[..., Preview]) -> None:
    """By the plan of prod, whose images stay the same. In dev an update also brings new images."""
    section = (ROOT / "CHANGELOG.md").read_text().partition("### Upgrading\n")[2].partition("\n#")[0]
    claim = r"^- With the same images, an update from (\S+) recreates (.+?)\.$"
    named = re.search(claim, section, re.MULTILINE | re.DOTALL)
    assert named, claim
    assert named[1] == LATEST.version
    assert {*re.findall("`([^`]+)`", named[2])} == recreated(plan_of(LATEST, SHAPES["prod"]))
