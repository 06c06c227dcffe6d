"""References to images are taken apart as Docker does it, and put together as they were."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settings.values import images
from settings.values.image_ref import ImageRef

DIGEST = "sha256:" + 64 * "a"

#: Put together from parts: a strategy for the whole pattern, with its look-ahead, takes a minute.
REGISTRIES = st.from_regex(r"((a1|B-2)\.(example|c)(:[0-9]{1,5})?|reg:[0-9]{1,5}|localhost)/", fullmatch=True)
COMPONENTS = st.from_regex(r"[a-z0-9]{1,3}((\.|_|__|-|--)[a-z0-9]{1,3}){0,2}", fullmatch=True)
TAGS = st.from_regex(r":(?!latest)[A-Za-z0-9_][A-Za-z0-9_.-]{0,5}", fullmatch=True)
DIGESTS = st.from_regex(r"@sha256:[0-9a-f]{64}", fullmatch=True)
TEXTS = st.builds(
    "{}{}{}".format,
    REGISTRIES | st.just(""),
    st.lists(COMPONENTS, min_size=1, max_size=3).map("/".join),
    TAGS | DIGESTS | st.builds("{}{}".format, TAGS, DIGESTS),
).filter(lambda text: re.fullmatch(images.IMAGE.schema["pattern"], text))


@given(TEXTS)
def test_any_reference_comes_back_as_it_was(text: str) -> None:
    assert str(ImageRef.parse(text)) == text


@given(TEXTS)
def test_in_full_it_names_a_registry_and_is_the_same_image(text: str) -> None:
    image = ImageRef.parse(text)
    full = image.in_full
    assert full.registry
    assert "/" in full.repository or image.registry
    assert (full.tag, full.digest) == (image.tag, image.digest)
    assert full.in_full == full == ImageRef.parse(str(full))


@pytest.mark.parametrize(
    ("text", "registry", "repository"),
    [
        ("nginx:1", "", "nginx"),
        ("acme/api:1", "", "acme/api"),
        ("localhost/api:1", "localhost", "api"),
        ("localhost:5000/a/b:1", "localhost:5000", "a/b"),
        ("registry.example.com/a:1", "registry.example.com", "a"),
        ("registry:5000/a:1", "registry:5000", "a"),
    ],
)
def test_where_the_registry_ends(text: str, registry: str, repository: str) -> None:
    image = ImageRef.parse(text)
    assert (image.registry, image.repository, image.tag) == (registry, repository, "1")


@pytest.mark.parametrize(
    ("text", "tag", "expected"),
    [
        (f"a/b:1@{DIGEST}", None, "a/b:1"),
        (f"a/b:1@{DIGEST}", "2", "a/b:2"),
        (f"a/b@{DIGEST}", "2", "a/b:2"),
        (f"a/b@{DIGEST}", None, "a/b"),
    ],
)
def test_by_a_tag_alone(text: str, tag: str | None, expected: str) -> None:
    assert str(ImageRef.parse(text).with_tag(tag)) == expected


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("tasktracker/api:1.2.3", "1.2.3"),
        (f"registry.example.com:5000/tasktracker/api:1.2.3@{DIGEST}", "1.2.3"),
        (f"registry.example.com:5000/tasktracker/api@{DIGEST}", 12 * "a"),
    ],
)
def test_what_tells_a_release_from_another(text: str, release: str) -> None:
    assert ImageRef.parse(text).release == release
