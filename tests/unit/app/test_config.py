"""Settings from the environment: what is refused, and how it's said."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tasktracker.config import ConfigError, ServiceSettings, Settings, load

SECRET = "s3cr3t-that-must-not-show"

Files = Callable[..., dict[str, str]]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Makes an environment of valid files, but for what is given by variable name."""

    def make(**contents: str) -> dict[str, str]:
        valid = {
            "DATABASE_URL_FILE": f"postgresql://app:{SECRET}@postgres:5432/tasks\n",
            "NATS_URL_FILE": f"nats://app:{SECRET}@nats:4222\n",
            "ENCRYPTION_KEY_FILE": "k" * 32 + "\n",
        }
        environ = {}
        for name, text in (valid | contents).items():
            path = tmp_path / name.lower()
            path.write_text(text)
            environ[name] = str(path)
        return environ

    return make


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(ServiceSettings, environ)
    assert all(SECRET not in line and "\n" not in line for line in caught.value.problems)
    return caught.value.problems


def test_valid_files_make_settings(files: Files) -> None:
    settings = load(ServiceSettings, files())
    assert settings.database_url.get_secret_value() == f"postgresql://app:{SECRET}@postgres:5432/tasks"
    assert settings.encryption_key.get_secret_value() == "k" * 32
    assert (settings.log_level, settings.slot, settings.commit) == ("info", None, "unknown")
    assert SECRET not in repr(settings)
    assert SECRET not in repr(settings.nats)


def test_migrations_need_the_database_only(files: Files) -> None:
    environ = files()
    assert load(Settings, {"DATABASE_URL_FILE": environ["DATABASE_URL_FILE"]})


def test_nats_credentials_are_decoded(files: Files) -> None:
    nats = load(ServiceSettings, files(NATS_URL_FILE="nats://a%40b:p%2Fw%3A@[::1]")).nats
    assert (nats.server, nats.user, nats.password) == ("nats://[::1]:4222", "a@b", "p/w:")


def test_all_that_is_missing_is_reported_at_once() -> None:
    assert [line.split(":")[0] for line in problems({})] == [
        "DATABASE_URL_FILE",
        "NATS_URL_FILE",
        "ENCRYPTION_KEY_FILE",
    ]
    assert problems({})[0] == (
        "DATABASE_URL_FILE: isn't set; allowed: a file with postgresql://USER:PASSWORD@HOST:PORT/DATABASE[?sslmode=MODE]"
    )


def test_an_empty_variable_is_not_set(files: Files) -> None:
    assert load(ServiceSettings, files() | {"TASKTRACKER_SLOT": ""}).slot is None


@pytest.mark.parametrize(
    ("variable", "content", "reason"),
    [
        ("DATABASE_URL_FILE", "", "the file is empty"),
        ("DATABASE_URL_FILE", f"mysql://app:{SECRET}@h/db", "another scheme than postgresql"),
        ("DATABASE_URL_FILE", f"postgresql://app:{SECRET}@/db", "has no host"),
        ("DATABASE_URL_FILE", "postgresql://host/db", "no user or no password"),
        ("DATABASE_URL_FILE", f"postgresql://app:{SECRET}@host", "names no database"),
        ("DATABASE_URL_FILE", f"postgresql://app:{SECRET}@host:{SECRET}/db", "doesn't hold a well-formed URL"),
        (
            "DATABASE_URL_FILE",
            f"postgresql://app:{SECRET}@host/db?sslmode=on",
            "another parameter than sslmode=disable|",
        ),
        ("DATABASE_URL_FILE", f"postgresql://app:{SECRET}@host/db?options=x", "another parameter than sslmode="),
        ("NATS_URL_FILE", f"http://app:{SECRET}@nats", "another scheme than nats or tls"),
        ("NATS_URL_FILE", "nats://app@nats:4222", "a user without a password"),
        ("ENCRYPTION_KEY_FILE", "k" * 31, "the key in the file has 31 bytes"),
        ("ENCRYPTION_KEY_FILE", "k" * 70_000, "larger than 65536 bytes"),
    ],
)
def test_bad_file_contents(files: Files, variable: str, content: str, reason: str) -> None:
    environ = files(**{variable: content})
    (line,) = problems(environ)
    assert line.startswith(f"{variable}={environ[variable]!r}: ")
    assert reason in line
    assert "; allowed: a file with " in line


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("TASKTRACKER_LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("TASKTRACKER_SLOT", "Blue!", "lower-case letters, digits and dashes"),
        ("TASKTRACKER_BIND", "8000", "HOST:PORT to listen on"),
        ("TASKTRACKER_BIND", "0.0.0.0:70000", "HOST:PORT to listen on"),
    ],
)
def test_bad_values(files: Files, variable: str, value: str, allowed: str) -> None:
    (line,) = problems(files() | {variable: value})
    assert line.startswith(f"{variable}={value!r}: ")
    assert allowed in line


def test_unreadable_and_binary_files(files: Files, tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe" * 20)
    assert "no such file" in problems(files() | {"NATS_URL_FILE": "/nonexistent"})[0]
    assert "is a directory" in problems(files() | {"NATS_URL_FILE": str(tmp_path)})[0]
    assert "isn't UTF-8 text" in problems(files() | {"ENCRYPTION_KEY_FILE": str(binary)})[0]


def test_log_level_in_any_case(files: Files) -> None:
    assert load(ServiceSettings, files() | {"TASKTRACKER_LOG_LEVEL": "DEBUG"}).log_level == "debug"
