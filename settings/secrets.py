"""Config secrets: which there are, and what form each has to have.

A check returns a phrase that starts with "must" and never contains any of the value.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from settings.blocks.app import AppSecret
from settings.expressions import matches

Check = Callable[[str], str | None]

# AES-256 takes 32 bytes.
MIN_KEY_BYTES: Final = 32


@dataclass(frozen=True)
class BuiltIn:
    """A config secret that the program itself knows: what it is for, its form, and the check of that form."""

    meaning: str
    form: str
    check: Check


def check_app_secret(value: str, wanted: AppSecret) -> str | None:
    """What is wrong with an app secret, if anything.

    Raises:
        TooSlowError: its pattern takes too long to match.
    """
    if message := _too_short(value, wanted.min_bytes):
        return message
    if wanted.pattern is not None and not matches(wanted.pattern, value):
        return f"must match {wanted.pattern}"
    return None


def _too_short(value: str, least: int) -> str | None:
    """Bytes are counted as the app sees them: without trailing line breaks."""
    size = len(value.rstrip("\r\n").encode(errors="replace"))
    unit = "byte" if least == 1 else "bytes"
    return None if size >= least else f"must have at least {least} {unit}; it has {size}"


def _check_encryption_key(value: str) -> str | None:
    return _too_short(value, MIN_KEY_BYTES)


_DATABASE_URL: Final = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"


def _check_database_url(value: str) -> str | None:
    wrong = f"must have the form {_DATABASE_URL}, with special characters of the password as %XX"
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        return wrong
    if (
        re.search(r"\s", value)
        or url.scheme != "postgresql"
        or not (url.username and url.password and url.hostname and port)
        or not re.fullmatch(r"/[^/]+", url.path)
        or url.query
        or url.fragment
    ):
        return wrong
    if _is_own_host(url.hostname):
        return "must name a host that containers reach; inside one, localhost is the container"
    return None


def _is_own_host(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_api_token(value: str) -> str | None:
    if re.fullmatch(r"[0-9a-f]{37}", value):
        return "must be an API token; this has the form of the global API key, which may do everything"
    return _not_one_line(value)


def _check_certificate(value: str) -> str | None:
    return None if _holds_pem(value, "CERTIFICATE") else "must be certificates in PEM form"


def _check_key(value: str) -> str | None:
    if "ENCRYPTED" in value:
        return "must be a private key without a pass phrase, since nginx starts with nobody to ask"
    return None if _holds_pem(value, "([A-Z]+ )?PRIVATE KEY") else "must be a private key in PEM form"


def _check_passphrase(value: str) -> str | None:
    return _not_one_line(value) or _too_short(value, MIN_KEY_BYTES)


def _not_one_line(value: str) -> str | None:
    """pgbackrest.conf ends a value at a line's end and drops blanks around it, and a header of HTTP takes neither."""
    return None if re.fullmatch(r"[!-~]+", value) else "must be one line of visible ASCII characters with no blanks"


def _holds_pem(value: str, label: str) -> bool:
    """Whether a PEM block of that label is in `value`, with a body that is Base64."""
    block = re.search(
        rf"^-----BEGIN (?P<label>{label})-----$(?P<body>[A-Za-z0-9+/=\s]+)^-----END (?P=label)-----$",
        value.replace("\r\n", "\n"),
        re.MULTILINE,
    )
    if not block:
        return False
    try:
        return bool(b64decode("".join(block["body"].split()), validate=True))
    except ValueError:
        return False


BUILT_IN: Final[Mapping[str, BuiltIn]] = {
    "encryption_key": BuiltIn(
        "The app's encryption key. Without it the stack makes one and keeps it.",
        f"at least {MIN_KEY_BYTES} bytes",
        _check_encryption_key,
    ),
    "database_url": BuiltIn(
        "A PostgreSQL with pgvector outside the stack, in place of the stack's own.",
        f"`{_DATABASE_URL}`",
        _check_database_url,
    ),
    "tls_certificate": BuiltIn(
        "nginx's certificate, followed by those between it and the root; for the stack's domain, and valid. Required"
        " with nginx.tls. A new one is taken up without dropping a request.",
        "PEM",
        _check_certificate,
    ),
    "tls_key": BuiltIn(
        "The key of nginx's certificate. Required with nginx.tls.",
        "PEM, without a pass phrase",
        _check_key,
    ),
    "tls_ca_certificate": BuiltIn(
        "The certificate of the private authority that nginx's certificate is from, which a tunnel checks it with. Not"
        " for Cloudflare's Origin CA, nor for one that everybody knows.",
        "PEM",
        _check_certificate,
    ),
    "cloudflare_api_token": BuiltIn(
        "A token of Cloudflare's API that may edit the account's Cloudflare Tunnels and the zone's DNS, and with"
        " tunnel.administrators the account's Access applications and policies. Required with a tunnel.",
        "visible ASCII characters",
        _check_api_token,
    ),
    "backup_passphrase": BuiltIn(
        "What backups are encrypted with, to go on with a repository that another stack has made. Without it the stack"
        " makes one and keeps it.",
        f"at least {MIN_KEY_BYTES} visible ASCII characters",
        _check_passphrase,
    ),
    "s3_access_key": BuiltIn(
        "The id of the key for backup.s3. Required with it.",
        "visible ASCII characters",
        _not_one_line,
    ),
    "s3_secret_key": BuiltIn(
        "The key for backup.s3. Required with it.",
        "visible ASCII characters",
        _not_one_line,
    ),
    "s3_reader_access_key": BuiltIn(
        "The id of a key for backup.s3 that may list and read, for restores and drills. Without it they have the other"
        " one.",
        "visible ASCII characters",
        _not_one_line,
    ),
    "s3_reader_secret_key": BuiltIn(
        "The key that s3_reader_access_key is the id of. Required with it.",
        "visible ASCII characters",
        _not_one_line,
    ),
    "s3_ca_certificate": BuiltIn(
        "The certificate of the private authority that backup.s3 has its certificate from. Not for one that everybody"
        " knows.",
        "PEM",
        _check_certificate,
    ),
}
"""The config secrets that any stack may set."""
