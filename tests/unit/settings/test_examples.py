"""What a message shows as an example is valid for the key that it is about; a wrong form tells the range too."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from settings import expressions
from settings.describe import allowed, field_type, is_amount, kinds, limits, nested_blocks, plain_type
from settings.errors import Path
from settings.stack import StackConfig
from tests.unit.settings.config import nested, problem, problems

WRONG = ["", "x y", "Nonsense!", -1, 1.5, 10**12, True, [{}], {"a": 1}, "999999999TB", "999999999h"]


def keys(block: type[BaseModel] = StackConfig, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every key with its type; a name of the user's own is `name`, an item of a list is the list's."""
    for key, field in block.model_fields.items():
        type_ = plain_type(field.annotation)
        free = (*path, key, "name") if get_origin(type_) is dict else (*path, key)
        inner = list(nested_blocks(field))
        for each in inner:
            yield from keys(each, free)
        if not inner and get_origin(type_) is dict:
            yield free, get_args(type_)[1]
        elif not inner:
            yield free, field_type(field)


KEYS = {".".join(path): type_ for path, type_ in keys()}

#: Words in place of an example: a form, or a program's own name.
EXAMPLE = re.compile(r"such as (.+?)(?= from \S+ to |; |, (?:with|before|outside|in quotes|of letters)|$)")


def examples(text: str) -> list[str]:
    """The examples in a sentence."""
    return [each for found in EXAMPLE.findall(text) for each in re.split(r", | or ", found)]


def is_valid(type_: Any, text: str) -> bool:
    adapter: TypeAdapter[Any] = TypeAdapter(type_)
    if get_origin(plain_type(type_)) is list:
        return is_valid(get_args(plain_type(type_))[0], text)
    try:
        adapter.validate_python(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("path", KEYS)
def test_what_is_allowed_is_shown_by_valid_examples(path: str) -> None:
    type_ = KEYS[path]
    found = examples(allowed(type_))
    assert all(is_valid(type_, each) for each in found), (path, found)
    if is_amount(type_):
        assert found


@pytest.mark.parametrize("path", KEYS)
def test_each_refusal_has_the_examples_and_the_range_of_its_key(path: str) -> None:
    type_ = KEYS[path]
    for wrong in WRONG:
        for line in problems(nested(path, wrong)):
            if not line.startswith(f"tasktracker:{path} ") and not line.startswith(f"tasktracker:{path}:"):
                continue
            _, _, message = line.partition(": must be ")
            if not message or "text: remove" in message:
                continue
            shown = examples(message)
            assert all(is_valid(type_, each) for each in shown), line
            if limits(type_) and not path.endswith(("hostnames", "emails")):
                assert limits(type_) in message, line


def test_the_keys_with_amounts_are_there() -> None:
    # So that the two tests above look at something.
    assert sum(is_amount(type_) for type_ in KEYS.values()) > 50
    assert sum(bool(examples(allowed(type_))) for type_ in KEYS.values()) > 80


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("worker.stop_timeout", "24h", "must be a duration in whole seconds such as 30s or 5m from 1s to 1h"),
        ("worker.stop_timeout", "fast", "must be a duration in whole seconds such as 30s or 5m from 1s to 1h"),
        ("nats.max_payload", "512MB", "must be a size such as 64MB, 8MB or 1MB from 1MB to 64MB"),
        ("nats.max_payload", 8, "must be a size such as 64MB, 8MB or 1MB from 1MB to 64MB; the unit is missing"),
    ],
)
def test_messages_that_refused_their_own_example(path: str, value: object, words: str) -> None:
    assert problem(nested(path, value)).endswith(f": {words}")


# Expressions

SLOW = [r"(x+)+y", r"(x*)*y", r"(x|x)*y", r"(x|xx)+y", r"(?:x+x+)+y", r"(.*)*y", r"x*x*x*x*x*x*x*x*y", r"(?=(x+)+y)x"]


@pytest.mark.parametrize("pattern", SLOW)
def test_an_expression_that_takes_too_long_is_refused_in_time(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each takes the whole of it.
    monkeypatch.setattr(expressions, "TIME_LIMIT", 0.2)
    begin = time.monotonic()
    line = problem({"app_secrets": {"token": {"pattern": pattern}}}, {"token": 5000 * "x"})
    assert time.monotonic() - begin < 5
    assert line.startswith("tasktracker:app_secrets.token.pattern = ")
    assert "takes more than 0.2 s to match the secret: must repeat nothing that is repeated already" in line
    assert "xxxxx" not in line


def test_the_time_that_an_expression_may_take() -> None:
    assert expressions.TIME_LIMIT == 2


@pytest.mark.parametrize("pattern", [r"[a-z]+(-[a-z]+)*", r"(?=.*[0-9])(?=.*[a-z]).{8,}", r"(?i)XOXB-\w+", r"(\w)\1.*"])
def test_other_expressions_are_python_s(pattern: str) -> None:
    value = {r"(\w)\1.*": "aab"}.get(pattern, "xoxb-abc" if "[0-9]" not in pattern else "abcdefg1")
    assert not problems({"app_secrets": {"token": {"pattern": pattern}}}, {"token": value})
    assert problem({"app_secrets": {"token": {"pattern": pattern}}}, {"token": "\u00e4 ?"}).endswith(
        f"must match {pattern}"
    )


PIECES = ["a", "a.", "a-", "-", "a/", "a_", "_", "0", "1,", "* ", "0 ", "a@", ":", "a:", "%", "\t", "\n", "A", "://a"]


def texts() -> Iterator[str]:
    """Long texts that are nearly right, for expressions that try again and again."""
    for piece in PIECES:
        for end in ("", "!", "@", "\u00e4"):
            yield piece * (20_000 // len(piece)) + end
            yield f"s3://{piece * 5_000}{end}"


def test_each_kind_of_value_is_judged_in_proportion_to_its_length() -> None:
    found = {kind.name: kind for type_ in KEYS.values() for kind in kinds(type_)}
    assert len(found) > 25
    # Python's own compiler takes a while for each character, and no longer for many.
    del found["regular expression"]
    for name, kind in found.items():
        begin = time.perf_counter()
        for text in texts():
            try:
                kind.parse(text)
            except ValueError:
                continue
        assert time.perf_counter() - begin < 3, name


# Credentials


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("docker_host.address", "ssh://root:hunter2@h"),
        ("docker_host.address", "ssh://root:hunter2 and more@h"),
        ("docker_host.address", "root:hunter2@h"),
        ("docker_host.key_file", "ssh://root:hunter2@h"),
        ("domain", "https://root:hunter2@tasks.example.com"),
        ("images.api", "root:hunter2@registry.example.com/app:1"),
        ("state_backend", "s3://AKIA:hunter2@bucket"),
        ("state_backend", "azblob://c?sig=hunter2 x"),
        ("backup.s3.endpoint", "https://root:hunter2@s3.example.com"),
        ("tunnel.hostnames", ["https://root:hunter2@tasks.example.com"]),
        ("nginx.publish.address", "tcp://root:hunter2@127.0.0.1"),
        ("nginx.publish.port", "tcp://root:hunter2@127.0.0.1"),
        ("postgres.resources.cpus", "tcp://root:hunter2@127.0.0.1"),
        ("postgres.tuning.parameters.primary_conninfo", "postgresql://u:hunter2@h/d'"),
    ],
)
def test_no_message_has_a_password_of_a_url(path: str, value: object) -> None:
    lines = problems(nested(path, value))
    assert any(line.startswith(f"tasktracker:{path}") for line in lines), lines
    assert "hunter2" not in " ".join(lines)


@pytest.mark.parametrize("key", ["registries", "app_secrets", "postgres"])
def test_no_name_in_a_message_has_a_password(key: str) -> None:
    wrong: list[dict[str, object]] = [
        {"root:hunter2@registry.example.com": {}},
        {"https://root:hunter2@registry.example.com": 5},
    ]
    for names in wrong:
        assert "hunter2" not in " ".join(problems({key: names}))
