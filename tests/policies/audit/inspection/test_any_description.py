"""Any description has a translation."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.audit.inspection.container import container
from policies.audit.inspection.network import network
from policies.audit.inspection.service import service
from policies.audit.inspection.volume import volume
from tests.policies.audit.inspection.samples import (
    INSPECTED_NETWORK,
    INSPECTED_SERVICE,
    INSPECTED_VOLUME,
    RUNNING,
    inspected,
)

TRANSLATIONS = (container, volume, network, service)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)


def _paths(value: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += _paths(item, (*path, key))
    return found


SAMPLES = (
    (container, RUNNING),
    (volume, INSPECTED_VOLUME),
    (network, INSPECTED_NETWORK),
    (service, INSPECTED_SERVICE),
)


@pytest.mark.parametrize("translate", TRANSLATIONS)
@given(value=JSON)
def test_any_json_has_a_translation(translate: Callable[[object], dict[str, Any]], value: object) -> None:
    assert isinstance(translate(value), dict)


@pytest.mark.parametrize(("translate", "sample"), SAMPLES)
@given(data=st.data(), value=JSON)
def test_anything_anywhere_has_a_translation(
    translate: Callable[[object], dict[str, Any]], sample: dict[str, Any], data: st.DataObject, value: object
) -> None:
    path = data.draw(st.sampled_from(_paths(sample)))
    assert isinstance(translate(inspected({".".join(path): value}, sample)), dict)


@pytest.mark.parametrize(("translate", "sample"), SAMPLES)
def test_an_engine_that_lacks_a_field_is_tolerated(
    translate: Callable[[object], dict[str, Any]], sample: dict[str, Any]
) -> None:
    for *folders, last in _paths(sample):
        changed = copy.deepcopy(sample)
        place = changed
        for folder in folders:
            place = place[folder]
        del place[last]
        assert isinstance(translate(changed), dict)
