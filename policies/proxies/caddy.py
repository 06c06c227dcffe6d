"""Where a config of Caddy leads, in its own language or in JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

#: Caddy's destinations, in its own language and in JSON, and the values that its `map` gives a placeholder.
_DESTINATION: Final = re.compile(
    r"(?:^|[{;])[ \t]*(?:reverse_proxy|to|php_fastcgi|forward_auth|dynamic)[ \t]+([^\n#]{1,2000}?)"
    r"(?:[ \t]+[{}])?[ \t]*$"
    r"|\"dial\":[ \t]*(\"[^\"\n]{1,512}\")",
    re.MULTILINE,
)
CADDY_HINTS: Final = ("reverse_proxy", "php_fastcgi", "forward_auth", '"dial"')
_PLACEHOLDER: Final = re.compile(r"\{(\$?)([^{}\s:]{1,100})(?::([^{}\s]{0,200}))?\}")
_MAP: Final = re.compile(
    r"^[ \t]*map[ \t]+\S+[ \t]+([^\n{]*(?:\{\w+\}[^\n{]*)+)\{\n([^}]*(?:\{[^}\n]*\}[^}]*)*)\}", re.M
)

#: A part of the request, in a value that Caddy's `map` takes from a pattern.
_CAPTURE: Final = re.compile(r"\$\{?\w")


def caddy_destinations(config: str, environment: Mapping[str, str]) -> tuple[set[str], bool]:
    """The destinations in a config, and whether one is open: a request or an unknown variable chooses it."""
    mapped = {name: found[2].split() for found in _MAP.finditer(config) for name in re.findall(r"\{(\w+)\}", found[1])}
    found, is_open = set[str](), False
    for match in _DESTINATION.finditer(config):
        for word in (match[1] or match[2]).split():
            texts = {word}
            for placeholder in _PLACEHOLDER.finditer(word):
                texts = {
                    text.replace(placeholder[0], value)
                    for text in texts
                    for value in _values(placeholder, mapped, environment)
                }
            found |= texts
            is_open |= any(("{" in text and len(text) > 1) or _CAPTURE.search(text) for text in texts)
    return found, is_open


def _values(
    placeholder: re.Match[str], mapped: Mapping[str, Sequence[str]], environment: Mapping[str, str]
) -> Sequence[str]:
    """What a placeholder may stand for; itself where that isn't known."""
    name = placeholder[2].removeprefix("env.")
    if placeholder[1] or placeholder[2].startswith("env."):
        known = [environment[name]] if name in environment else []
        return known or [placeholder[0]]
    return mapped.get(placeholder[2]) or [placeholder[0]]
