"""Base64 in properties and commands, as those who decode it read it."""

from __future__ import annotations

import base64
import contextlib
import re
import zlib
from collections.abc import Iterator
from typing import Final

#: A text that may be encoded; a shorter one can't hold a host and a port.
_RUN: Final = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")

#: How a compressed content begins, and how many bytes of it are looked at.
_GZIP: Final = b"\x1f\x8b"
_LONGEST: Final = 65_536


def base64_text(value: object) -> str:
    """The text behind base64 of either alphabet; what isn't base64 in it is passed over.

    >>> base64_text("cHJveHlfcGFzcw=="), base64_text("cHJv\\neHlfcGFzcw"), base64_text(None)
    ('proxy_pass', 'proxy_pass', '')
    """
    return decoded(_bytes(value)) if isinstance(value, str) else ""


def decoded(content: bytes) -> str:
    """Bytes as text: UTF-16 with its mark, else UTF-8, in which the ASCII part of other encodings stays as it is.

    >>> decoded(b"proxy_pass"), decoded("proxy_pass".encode("utf-16"))
    ('proxy_pass', 'proxy_pass')
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")


def _bytes(value: str) -> bytes:
    digits = re.sub(r"[^A-Za-z0-9+/]", "", value.replace("-", "+").replace("_", "/"))
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return base64.b64decode(digits + "=" * (-len(digits) % 4))


def encoded_texts(text: str) -> Iterator[str]:
    """The printable texts that are in base64, compressed or not, somewhere in `text`.

    >>> list(encoded_texts("echo c29jYXQgVENQOm5hdHM6ODIyMg== | base64 -d | sh"))
    ['socat TCP:nats:8222']
    """
    for match in _RUN.finditer(text):
        content = _bytes(match[0])
        if content.startswith(_GZIP):
            with contextlib.suppress(zlib.error):
                content = zlib.decompressobj(wbits=31).decompress(content, _LONGEST)
        found = content.decode("utf-8", "replace")
        if found.isprintable() or (found.isascii() and "\n" in found):
            yield found
