"""Whatever a file holds, the answer is settings or a `SettingsError`."""

from collections.abc import Collection
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from settings import SettingsError, parse
from settings.secrets import BUILT_IN
from settings.stack import StackConfig
from tests.generated import examples
from tests.unit.settings.config import config

KNOWN = sorted(
    {
        *StackConfig.model_fields,
        *BUILT_IN,
        *(key for field in StackConfig.model_fields.values() for key in getattr(field.annotation, "model_fields", ())),
        *("cpus", "memory", "memory_reservation", "shared_buffers", "parameters", "port", "tls_port", "min_bytes"),
        *("tunnel", "[key]"),
    }
)
# Surrogates too: JSON can hold halves of pairs.
TEXTS = st.text(st.characters(codec=None), max_size=8)
KEYS = st.sampled_from(KNOWN) | TEXTS
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from(
        ["dev", "prod", "1GB", "64MB", "30s", "10.0.0.0/16", "127.0.0.1", "app:1", "info", "(", "localhost"]
    )
)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)


@st.composite
def shaped(draw: st.DrawFn, block: Any = StackConfig) -> dict[str, Any]:
    """A tree with the shape of the settings, and something odd here and there."""
    tree: dict[str, Any] = {}
    for key, field in block.model_fields.items():
        inner = field.annotation
        match draw(st.integers(0, 3)):
            case 0:
                continue
            case 1:
                tree[key] = draw(TREES)
            case _ if hasattr(inner, "model_fields"):
                tree[key] = draw(shaped(inner))
            case _:
                tree[key] = draw(LEAVES)
    return tree


def error_of(texts: dict[str, str], secret_keys: Collection[str]) -> SettingsError | None:
    try:
        parse("test", texts, secret_keys)
    except SettingsError as error:
        return error
    return None


def check(keys: dict[str, Any], secret_keys: set[str]) -> None:
    """Nothing but a `SettingsError` may come out, with one line a problem that a terminal can show."""
    error = error_of(config(keys), {f"tasktracker:{key}" for key in secret_keys})
    if error:
        lines = str(error).splitlines()
        told = [line.removeprefix("  ") for line in lines if line.startswith("  tasktracker:")]
        assert sorted(told) == [str(problem) for problem in error.problems] != []
        assert all(line.isprintable() for line in lines)


@settings(max_examples=examples(300), deadline=None)
@given(shaped(), st.sets(KEYS, max_size=3))
def test_settings_with_odd_values(keys: dict[str, Any], secret_keys: set[str]) -> None:
    check(keys, secret_keys)


@settings(max_examples=examples(200), deadline=None)
@given(st.dictionaries(KEYS, TREES, max_size=6), st.sets(KEYS, max_size=6))
def test_anything(keys: dict[str, Any], secret_keys: set[str]) -> None:
    check(keys, secret_keys)


@settings(max_examples=examples(200), deadline=None)
@given(st.dictionaries(TEXTS, TEXTS, max_size=6))
def test_any_text(texts: dict[str, str]) -> None:
    assert all(line.isprintable() for line in str(error_of(texts, texts)).splitlines())
