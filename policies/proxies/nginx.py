"""nginx's config files: where they pass requests on to, and which variables decide it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

#: Directives whose first argument is where requests go: `proxy_pass`, `grpc_pass`, and those of any other module.
_PASS: Final = re.compile(r"[a-z0-9_]+_pass")

#: Blocks that give a variable its value; the last word before the block is its name.
_MAPS: Final = frozenset({"map", "geo", "split_clients"})

#: Directives beside `set` that give a variable a value when a request comes; the second argument names it for `keyval`.
_SETTERS: Final = re.compile(r"[a-z0-9_]*set[a-z0-9_]*|keyval")

#: nginx's own tokens: comments, what ends or groups statements, quoted and plain words (`${x}` is part of one).
_TOKEN: Final = re.compile(
    r"""\#[^\n]*|(?P<mark>[;{}])|"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)'"""
    r"""|(?P<plain>(?:\\.|\$\{[^}\s]{0,100}\}|[^\s;{}])+)""",
    re.DOTALL,
)

_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))", re.ASCII)
_CAPTURE: Final = re.compile(r"\(\?P?[<'](\w{1,64})[>']", re.ASCII)
#: What Lua and njs give a variable.
_ASSIGNED: Final = re.compile(
    r"(?:ngx\.var|\.variables)(?:\.(\w{1,64})|\[[\"'](\w{1,64})[\"']\])\s{0,99}=(?!=)", re.ASCII
)

#: Lua between braces has its own quotes and comments, which would hide what stands behind it.
_LUA_BLOCK: Final = "_by_lua_block"
_RAW_PASS: Final = re.compile(r"\b[a-z0-9_]{1,32}_pass[ \t\n]+([^;\s]{1,2000})")

#: What may stand behind a host and its port: these begin with a slash or a question mark, whatever the request.
_PATH: Final = re.compile(r"[/?#]|\$\{?(?:request_uri|uri|document_uri|is_args)\b", re.IGNORECASE)
_SCHEME: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*|\$\{?scheme\}?)://", re.IGNORECASE)
#: A scheme that a variable completes, together with the host: `http:/$uri`.
_HALF_SCHEME: Final = re.compile(r"(?:(?:http|grpc)s?|\$\{?scheme\}?):/?(?=\$)", re.IGNORECASE)

#: What a variable is whose value the file doesn't spell out.
UNKNOWN_VALUE: Final = "$unknown"

#: Texts that one destination with variables may stand for, at the most; a file with more can't be judged.
_EXPANSIONS: Final = 256

#: Characters of a destination; more is nonsense.
LONGEST: Final = 2000


@dataclass(frozen=True)
class Reading:
    """What a file says, as it is written: destinations, what may become one, and the values that variables may have."""

    destinations: Sequence[str] = ()
    candidates: Sequence[str] = ()
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)


def _statements(config: str) -> Iterator[tuple[list[str], list[str]]]:
    """The words that opened the block that a statement is in, and its own."""
    blocks: list[list[str]] = [[]]
    words: list[str] = []
    for match in _TOKEN.finditer(config):
        mark = match["mark"]
        if mark is None:
            words += [word for word in match.group("double", "single", "plain") if word is not None]
            continue
        if words:
            yield blocks[-1], words
        if mark == "{":
            blocks.append(words)
        elif mark == "}" and len(blocks) > 1:
            blocks.pop()
        words = []
    if words:
        # A snippet that a template ends, or a command line.
        yield blocks[-1], words


@lru_cache(maxsize=64)
def read(config: str) -> Reading:
    """Reads a config file, or any part of one; once, though each file of a folder may include each other one."""
    destinations: list[str] = []
    candidates: list[str] = []
    values: dict[str, list[str]] = {}

    def assign(name: str, value: str) -> None:
        values.setdefault(name.lstrip("$").strip("{}").lower(), []).append(value)

    for block, words in _statements(config):
        directive = words[0]
        if block and block[0] in _MAPS:
            assign(block[-1], UNKNOWN_VALUE if directive == "include" else words[-1])
        elif directive == "set" and len(words) > 2:
            assign(words[1], words[2])
            candidates.append(words[2])
        elif _SETTERS.fullmatch(directive) and len(words) > 2:
            for word in words[1:3]:
                if word.startswith("$"):
                    assign(word, UNKNOWN_VALUE)
        elif len(words) > 1 and (_PASS.fullmatch(directive) or _is_upstream(block, directive)):
            destinations.append(words[1])
        elif len(words) > 1 and directive == "server":
            candidates.append(words[1])
    for match in _CAPTURE.finditer(config):
        assign(match[1], UNKNOWN_VALUE)
    if "ngx.var" in config or ".variables" in config:
        for match in _ASSIGNED.finditer(config):
            assign(match[1] or match[2], UNKNOWN_VALUE)
    if _LUA_BLOCK in config:
        destinations += _RAW_PASS.findall(config)
    return Reading(destinations, candidates, values)


def _is_upstream(block: Sequence[str], directive: str) -> bool:
    """Whether a directive names a server of an upstream: `server`, or another module's, as `postgres_server`."""
    return bool(block) and block[0] == "upstream" and (directive == "server" or directive.endswith("_server"))


def merged(own: Reading, others: Iterable[Reading], environment: Mapping[str, str]) -> dict[str, list[str]]:
    """The values of variables from a file, from files that it may include, and from the environment of templates."""
    values = {name: list(found) for name, found in own.values.items()}
    for other in others:
        for name, more in other.values.items():
            values.setdefault(name, []).extend(more)
    for name, value in environment.items():
        values.setdefault(name.lower(), []).append(value)
    return values


def expanded(destination: str, values: Mapping[str, Sequence[str]]) -> set[str]:
    """What a destination with variables may be; a variable of unknown value stays, as `$name`."""
    pending, done = [destination], set[str]()
    for _ in range(_EXPANSIONS):
        if not pending:
            return done
        each = pending.pop()
        match = next((match for match in _VARIABLE.finditer(each) if _name(match) in values), None)
        if match is None or len(each) > LONGEST:
            done.add(each)
            continue
        pending += [each[: match.start()] + value + each[match.end() :] for value in set(values[_name(match)])]
    return done | {UNKNOWN_VALUE}


def _name(match: re.Match[str]) -> str:
    return (match[1] or match[2]).lower()


def is_open(destination: str) -> bool:
    """Whether something that isn't known is part of a destination's host or port, so that a request may choose them.

    >>> [is_open(each) for each in ("http://api$request_uri", "http://api/$1", "http://nats:$1", "$host:80", "api:80")]
    [False, False, True, True, False]
    """
    if "$" not in destination:
        return False
    if _HALF_SCHEME.match(destination):
        return True
    scheme = _SCHEME.match(destination)
    rest = destination[scheme.end() :] if scheme else destination
    if rest.startswith("unix:"):
        return "$" in rest.partition(":/")[0] or "$" in rest.split(":")[1]
    path = _PATH.search(rest)
    return "$" in (rest[: path.start()] if path else rest)
