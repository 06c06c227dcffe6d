"""Text without the credentials that URLs in it may have: for messages, logs and whatever else people read."""

from __future__ import annotations

import re

HIDDEN = "[hidden]"

#: `user:password@host` without a scheme. `name:tag@sha256:...` is an image.
_BARE = re.compile(r"(?<![\w/:@])[^\s:/@\"'\[\]{}(),=]{1,100}:(?!//)[^\s\"']{1,500}@(?!sha256:)(?=[A-Za-z0-9\[])")

#: A parameter of a URL by whose name its value is a secret: an access key, a shared access signature.
_PARAMETER = re.compile(
    r"(?P<name>[?&][^=&?\s]{0,60}(?:key|secret|token|passw|passphrase|sig|credential|auth)[^=&?\s]{0,60}=)[^&\s\"']+",
    re.IGNORECASE,
)


def redacted(text: str) -> str:
    """`text` with `[hidden]` in place of passwords and tokens in URLs; the user of `ssh://user@host` stays.

    >>> redacted("ssh://root:pw@h, https://token@host/x, s3://b?secret_key=x&region=eu")
    'ssh://root:[hidden]@h, https://[hidden]@host/x, s3://b?secret_key=[hidden]&region=eu'
    >>> redacted("ssh://deploy@host app:1.2@sha256:00 jo@example.com")
    'ssh://deploy@host app:1.2@sha256:00 jo@example.com'
    """
    return re.sub(r"\S+", lambda word: _redacted_word(word[0]), text)


def redacted_value(value: object) -> object:
    """A setting's value, and all values and names in it, as `redacted` does; a password in it may have blanks too."""
    if isinstance(value, str):
        return _redacted_word(value) if "://" in value else redacted(value)
    if isinstance(value, dict):
        return {redacted_value(key): redacted_value(inner) for key, inner in value.items()}
    return [redacted_value(inner) for inner in value] if isinstance(value, list) else value


def _redacted_word(word: str) -> str:
    """One URL, whose password may have any character, an `@` included: what hides it reaches to the last `@`."""
    scheme, separator, rest = word.partition("://")
    info, at, host = rest.rpartition("@")
    if not separator or not at or rest.startswith("/"):
        return _without_parameters(_BARE.sub(f"{HIDDEN}@", word))
    user, colon, _ = info.partition(":")
    # Elsewhere than in SSH a user alone is mostly a token.
    if not scheme.lower().endswith("ssh") or not re.fullmatch(r"[\w.-]*", user):
        user = HIDDEN
    elif colon:
        user = f"{user}:{HIDDEN}"
    return f"{scheme}{separator}{user}@{_without_parameters(host)}"


def _without_parameters(text: str) -> str:
    return _PARAMETER.sub(rf"\g<name>{HIDDEN}", text)
