"""What a name says of its value: a secret, a secret's file, a setting about secrets, or the name of a thing."""

from __future__ import annotations

import re
from typing import Final

from policies.secret_scanning.harmless import REFERENCE, is_harmless
from policies.secret_scanning.name_kinds import AUTH, NO_WORD, SECRET_WORD, WORD, kind_of_name
from policies.secret_scanning.shapes import random_runs, run_is_random

_ENDS_IN_SECRET_WORD: Final = re.compile(rf"(?:{SECRET_WORD.pattern}|{AUTH.pattern})s?(?:_?\d+)?$")

# Words of names of things, whose values are names: an S3 bucket's may be random.
_THINGS: Final = frozenset({
    "bucket", "repository", "repo", "registry", "name", "hostname", "domain", "zone", "account", "tenant", "project",
    "cluster", "stack", "queue", "topic", "prefix", "id",
})  # fmt: skip
#: Characters of a UUID in base64, as Kafka's clusters have them.
_UUID_IN_BASE64: Final = 22
_THINGS_NAME: Final = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")

# A key's file beside the file that names it: `ssl_certificate_key tls.key`.
_KEY_NAME: Final = re.compile(r"key$", re.IGNORECASE)
_KEY_FILE: Final = re.compile(r"(?:[\w@+-]{1,128}/)*[\w.@+-]{1,128}\.(?:key|pem|der|p12|pfx|jks|ppk)", re.ASCII)

NAMED: Final = "a value that is named as a secret"


def secret_under(name: str, value: str) -> str | None:
    """What kind of secret `value` is because of its name; None where that says nothing, or the value is harmless.

    >>> [secret_under(*pair) for pair in (("DB_PASSWORD", "x"), ("DB_PASSWORD_FILE", "/run/secrets/x"), ("TZ", "UTC"))]
    ['a value that is named as a secret', None, None]
    """
    kind = kind_of_name(name)
    if kind in (None, "public") or REFERENCE.fullmatch(value.strip()) or is_harmless(value, kind):
        return None
    is_file = _KEY_NAME.search(name) and _KEY_FILE.fullmatch(value.strip())
    return None if is_file else NAMED


def names_a_thing(name: str, value: str) -> bool:
    """Whether `value`, however random, is a name by the name that it has: of a bucket, a zone, or a public key.

    >>> [names_a_thing(name, "tt-0f1e2d3c4b5a69788796a5b4c3d2e1f0") for name in ("S3_BUCKET", "BUCKET_URL", "LOG")]
    [True, True, False]
    """
    kind = kind_of_name(name)
    if kind is not None:
        return kind == "public"
    words = [word.lower() for word in WORD.findall(name)]
    if words[-2:] == ["cluster", "id"] and len(value) == _UUID_IN_BASE64:
        return True
    # What has a place for the names of several things has one for a bucket's, too.
    if not {*words[-1:], *(word for word in words if word in ("bucket", "repository"))} & _THINGS or "session" in words:
        return False
    pieces = (piece for run in random_runs(value) for piece in run.split("/") if run_is_random(piece))
    return all(map(_THINGS_NAME.fullmatch, pieces))


def is_only_a_secrets(name: str) -> bool:
    """Whether a name ends in a secret's own word, so that nothing but a secret is under it.

    >>> [is_only_a_secrets(name) for name in ("DB_PASSWORD", "LOGIN_WITH_PASSWORD", "TOKEN_BUCKET_RATE", "SORT_KEY")]
    [True, False, False, False]
    """
    if kind_of_name(name) not in ("value", "plural", "link", "auth"):
        return False
    joined = "_".join(word.lower() for word in WORD.findall(name) if not word.isdigit())
    return joined == "key" or any(map(_ENDS_IN_SECRET_WORD.search, (joined, NO_WORD.sub("_", name.lower()).strip("_"))))


def is_given(name: str, value: str) -> bool:
    """Whether a line of a file gives a secret to `name`: `value` is neither harmless nor a reference.

    >>> [is_given(*pair) for pair in (("requirepass", "hunter2"), ("auth_pass", "$pw"), ("proxy_pass", "http://x"))]
    [True, False, False]
    """
    return not value.startswith("$") and secret_under(name, value) is not None
