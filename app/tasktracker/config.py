"""Settings, read from the environment once at start.

A variable that ends in `_FILE` names a file that holds the value, so that no secret is ever in the
environment. Whatever is wrong is reported together, one line a variable, and never with a secret in
it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from tasktracker import __version__

MIN_KEY_BYTES = 32
"""AES-256 takes 32 bytes; a shorter secret couldn't fill the key that is derived from it."""

MAX_SECRET_BYTES = 65_536
"""More than any URL or key; a wrong path (a log, a device) fails at once."""

SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
"""libpq's names (PostgreSQL's manual, 34.19), but for `allow`, which nobody needs."""

API_BIND = "0.0.0.0:8000"
WORKER_BIND = "0.0.0.0:8001"
MAX_PORT = 65_535


class ConfigError(Exception):
    """The environment doesn't make valid settings; `problems` has one line a variable."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class NatsAddress:
    """Where NATS is; the password stays out of `repr` and so out of logs."""

    server: str
    user: str | None
    password: str | None = field(repr=False)


def read_secret_file(path: object) -> SecretStr:
    """The text of the file at `path`, without trailing line ends.

    Raises:
        ValueError: no such file, not readable, too big, empty or not UTF-8.
    """
    file = Path(str(path))
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise ValueError((error.strerror or "can't be read").lower()) from None
    if len(content) > MAX_SECRET_BYTES:
        raise ValueError(f"the file is larger than {MAX_SECRET_BYTES} bytes")
    try:
        text = content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("the file isn't UTF-8 text") from None
    if not text:
        raise ValueError("the file is empty")
    return SecretStr(text)


def _split(url: SecretStr, schemes: tuple[str, ...]) -> SplitResult:
    try:
        parts = urlsplit(url.get_secret_value())
        _ = parts.port  # parsed on access
    except ValueError:
        # The parser's own message may quote the part with the password.
        raise ValueError("the file doesn't hold a well-formed URL") from None
    if parts.scheme not in schemes:
        raise ValueError("the URL in the file has another scheme than " + " or ".join(schemes))
    if not parts.hostname:
        raise ValueError("the URL in the file has no host")
    return parts


def _check_database_url(url: SecretStr) -> SecretStr:
    parts = _split(url, ("postgresql",))
    if not parts.username or not parts.password:
        raise ValueError("the URL in the file has no user or no password")
    if not parts.path.strip("/") or "/" in parts.path.strip("/"):
        raise ValueError("the URL in the file names no database")
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key != "sslmode" or value not in SSL_MODES:
            raise ValueError(f"the URL in the file has another parameter than sslmode={'|'.join(SSL_MODES)}")
    return url


def _check_nats_url(url: SecretStr) -> SecretStr:
    parts = _split(url, ("nats", "tls"))
    if bool(parts.username) != bool(parts.password):
        raise ValueError("the URL in the file has a user without a password, or the reverse")
    return url


def _check_key(key: SecretStr) -> SecretStr:
    size = len(key.get_secret_value().encode())
    if size < MIN_KEY_BYTES:
        raise ValueError(f"the key in the file has {size} bytes")
    return key


def _check_bind(bind: str) -> str:
    host, _, port = bind.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= MAX_PORT:
        raise ValueError("not of the form HOST:PORT")
    return bind


class Settings(BaseModel):
    """What every subcommand needs. Descriptions say what is allowed, for error messages."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: Annotated[
        SecretStr,
        BeforeValidator(read_secret_file),
        AfterValidator(_check_database_url),
        Field(
            alias="DATABASE_URL_FILE",
            description="a file with postgresql://USER:PASSWORD@HOST:PORT/DATABASE[?sslmode=MODE]",
        ),
    ]
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(lambda value: str(value).lower()),
        Field(alias="TASKTRACKER_LOG_LEVEL", description="debug, info, warning or error"),
    ] = "info"
    slot: Annotated[
        str | None,
        Field(
            alias="TASKTRACKER_SLOT",
            description="1 to 32 lower-case letters, digits and dashes",
            pattern=r"\A[a-z0-9-]{1,32}\z",
        ),
    ] = None


class ServiceSettings(Settings):
    """What the api and the worker need on top."""

    nats_url: Annotated[
        SecretStr,
        BeforeValidator(read_secret_file),
        AfterValidator(_check_nats_url),
        Field(alias="NATS_URL_FILE", description="a file with nats://USER:PASSWORD@HOST:PORT"),
    ]
    encryption_key: Annotated[
        SecretStr,
        BeforeValidator(read_secret_file),
        AfterValidator(_check_key),
        Field(
            alias="ENCRYPTION_KEY_FILE",
            description=f"a file with at least {MIN_KEY_BYTES} bytes of text",
        ),
    ]
    version: Annotated[
        str,
        Field(alias="TASKTRACKER_VERSION", description="1 to 64 characters", max_length=64),
    ] = __version__
    commit: Annotated[
        str,
        Field(alias="TASKTRACKER_COMMIT", description="1 to 64 characters", max_length=64),
    ] = "unknown"
    bind: Annotated[
        str | None,
        AfterValidator(_check_bind),
        Field(alias="TASKTRACKER_BIND", description="HOST:PORT to listen on"),
    ] = None

    @property
    def nats(self) -> NatsAddress:
        """The NATS URL in parts, user and password decoded."""
        parts = urlsplit(self.nats_url.get_secret_value())
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return NatsAddress(
            server=f"{parts.scheme}://{host}:{parts.port or 4222}",
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


S = TypeVar("S", bound=Settings)


def load(model: type[S], environ: Mapping[str, str]) -> S:
    """Build `model` from environment variables; an empty variable counts as not set.

    Raises:
        ConfigError: with one line for each variable that is missing or wrong.
    """
    allowed = {info.alias: info.description for info in model.model_fields.values()}
    given = {name: environ[name] for name in allowed if name and environ.get(name)}
    try:
        return model.model_validate(given)
    except ValidationError as errors:
        problems = []
        for error in errors.errors(include_url=False, include_context=False, include_input=False):
            name = str(error["loc"][0])
            # The variable's own text is a path or a plain value; never what was read from a file.
            shown = f"{name}={given[name]!r}" if name in given else name
            reason = "isn't set" if error["type"] == "missing" else _reason(error["msg"])
            problems.append(f"{shown}: {reason}; allowed: {allowed[name]}")
        raise ConfigError(problems) from None


def _reason(message: str) -> str:
    """Pydantic's message without the prefix it puts before our own."""
    return message.removeprefix("Value error, ")
