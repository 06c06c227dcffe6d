"""What people read has no password of a URL in it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remote import redacted, redacted_value

HIDES = {
    "ssh://root:pw@h": "ssh://root:[hidden]@h",
    "SSH://root:pw@h": "SSH://root:[hidden]@h",
    "ssh://:pw@h": "ssh://:[hidden]@h",
    "ssh://root:p@w/x@h:22": "ssh://root:[hidden]@h:22",
    "ssh://root:pw@": "ssh://root:[hidden]@",
    "tcp://u:pw@h:2376": "tcp://[hidden]@h:2376",
    "https://ghp_pw@h/x": "https://[hidden]@h/x",
    "postgresql://u:pw@h:5432/d": "postgresql://[hidden]@h:5432/d",
    "redis://:pw@redis:6379/0": "redis://[hidden]@redis:6379/0",
    "s3://AKIA:pw@bucket?region=eu": "s3://[hidden]@bucket?region=eu",
    "s3://bucket?secret_access_key=pw&region=eu": "s3://bucket?secret_access_key=[hidden]&region=eu",
    "azblob://c?sv=1&sig=pw": "azblob://c?sv=1&sig=[hidden]",
    "root:pw@h": "[hidden]@h",
    "u:pw@registry.example.com/app:1": "[hidden]@registry.example.com/app:1",
}

KEEPS = [
    *(
        "ssh://deploy@h",
        "ssh://deploy@h:22/run/docker.sock",
        "tcp://h:2375",
        "unix:///home/a@b/docker.sock",
        "file:///a@b",
    ),
    *(
        "app:1.2@sha256:00",
        "registry.example.com:5000/app:1.2@sha256:00",
        "localhost:5000/x",
        "jo@example.com",
        "512MB",
    ),
    *("0 2 * * 1-6", "s3://bucket/folder?region=eu-central-1", "a: b", "", "@", "://", ":@"),
]


@pytest.mark.parametrize(("text", "shown"), HIDES.items())
def test_hides_credentials(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert redacted_value(text) == shown
    assert redacted(f"cannot reach {text} now") == f"cannot reach {shown} now"


@pytest.mark.parametrize("text", KEEPS)
def test_keeps_all_else(text: str) -> None:
    assert redacted(text) == text
    assert redacted_value(text) == text


def test_a_value_s_password_may_have_blanks_and_quotes() -> None:
    assert redacted_value("ssh://root:p w\"'@h") == "ssh://root:[hidden]@h"
    assert redacted_value({"a": ["ssh://u:p w@h"], "u:p@h": 1, "b": None}) == {
        **{"a": ["ssh://u:[hidden]@h"], "[hidden]@h": 1, "b": None}
    }


PASSWORDS = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=12, max_size=30)


@given(st.sampled_from(["ssh", "tcp", "https", "postgresql", "s3", "http+unix"]), PASSWORDS)
def test_no_password_gets_through(scheme: str, password: str) -> None:
    assert password not in redacted(f"error: {scheme}://user:{password}@host.example.com: refused")
    assert password not in str(redacted_value(f"{scheme}://user:{password}@host.example.com"))


@pytest.mark.parametrize(
    "piece", ["a:", "://", "?key", "a@", "x", "a://", ":@", "&", "?auth", "?sigkey", "a:b@", "&tokenx="]
)
def test_takes_time_in_proportion_to_the_text(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    begin = time.perf_counter()
    redacted(text)
    redacted_value(text)
    assert time.perf_counter() - begin < 2
