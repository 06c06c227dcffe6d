"""Where proxies' config files lead to: nginx's, and the plain forms of HAProxy, Caddy, Apache, Envoy and others."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

#: nginx directives whose first argument is where requests go.
PASSES: Final = frozenset({"proxy_pass", "grpc_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "memcached_pass"})

#: nginx blocks that give a variable its value.
_MAPS: Final = frozenset({"map", "geo", "split_clients"})

#: nginx's own tokens: comments, what ends or groups statements, quoted and plain words (`${x}` is part of one).
_TOKEN: Final = re.compile(
    r"""\#[^\n]*|(?P<mark>[;{}])|"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)'"""
    r"""|(?P<plain>(?:\\.|\$\{[^}\s]{0,100}\}|[^\s;{}])+)""",
    re.DOTALL,
)

_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))", re.ASCII)

#: The forms of others, a line each: HAProxy's `server NAME HOST:PORT`, Caddy's, Apache's and cloudflared's.
_LINE: Final = re.compile(
    r"^[ \t]*(?:-[ \t]+)?(?:(?:server|server-template[ \t]+\S+)[ \t]+\S+|reverse_proxy|to|ProxyPass(?:Match)?"
    r"|RewriteRule|BalancerMember|[\"']?service[\"']?:)[ \t]+(\S[^\n]*)",
    re.MULTILINE | re.IGNORECASE,
)

#: Envoy's and Caddy's fields, Apache's handler, and Traefik's list of servers.
_FIELDS: Final = re.compile(
    r"port_value[\"']?:[ \t]*(?P<port>[0-9]{1,9})|\"dial\":[ \t]*\"(?P<dial>[^\"\n]{1,512})"
    r"|SetHandler[ \t]+[\"']?proxy:(?P<handler>[^\s\"'|]{1,512})"
    r"|\bservers[\"']?:[\s\[]{0,99}"
    r"(?P<servers>(?:[\s{-]{1,99}[\"']?(?:url|address)[\"']?:[ \t]*[^\s,}]{1,512}[ \t,}\r]{0,9}){1,99})",
    re.IGNORECASE,
)

_TARGET: Final = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(?:[^\s/@]*@)?(?:\[[0-9a-f:.%]*\]|[^\s/:\[\]]*):0*(\d{1,5})(?=[/?#,;$\s\"'{]|$)",
    re.IGNORECASE,
)

#: A pass to what variables say may spell a port in pieces.
_PASS_TO_VARIABLE: Final = re.compile(r"_pass\b[^;]{0,500}\$")

#: Texts that one target with variables may stand for, at the most.
_EXPANSIONS: Final = 64

#: Characters of a target; more is nonsense.
_LONGEST_TARGET: Final = 2000


def base64_text(value: object) -> str:
    """The text behind base64 of either alphabet; what isn't base64 in it is passed over.

    >>> base64_text("cHJveHlfcGFzcw=="), base64_text("cHJv\\neHlfcGFzcw"), base64_text(None)
    ('proxy_pass', 'proxy_pass', '')
    """
    if not isinstance(value, str):
        return ""
    digits = re.sub(r"[^A-Za-z0-9+/]", "", value.replace("-", "+").replace("_", "/"))
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return base64.b64decode(digits + "=" * (-len(digits) % 4)).decode("utf-8", "replace")


def port_of(target: str) -> int | None:
    """The port in `scheme://host:port/path` or `host:port`.

    >>> [port_of(each) for each in ("http://nats:8222/varz", "[::1]:08222", "http://api", "unix:/run/x", "a:b")]
    [8222, 8222, None, None, None]
    """
    match = _TARGET.match(target.strip().strip("\"'"), 0, _LONGEST_TARGET)
    return int(match[1]) if match else None


def _statements(config: str) -> Iterator[tuple[list[str], list[str]]]:
    """nginx's statements: the words that opened the block that one is in, and its own."""
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


def _read(config: str) -> tuple[list[str], dict[str, list[str]]]:
    """Where an nginx config passes requests to, and the values that its variables may have."""
    targets: list[str] = []
    values: dict[str, list[str]] = {}
    for block, words in _statements(config):
        if block and block[0] in _MAPS:
            values.setdefault(block[-1].lstrip("$"), []).append(words[-1])
        elif words[0] == "set" and len(words) > 2:
            values.setdefault(words[1].lstrip("$"), []).append(words[2])
            targets.append(words[2])
        elif (words[0] in PASSES or words[0] == "server") and len(words) > 1:
            targets.append(words[1])
    return targets, values


def _expanded(target: str, values: dict[str, list[str]]) -> set[str]:
    """What a target with variables may be; a variable of unknown value stays."""
    pending, done = [target], set()
    for _ in range(_EXPANSIONS):
        if not pending:
            break
        each = pending.pop()
        match = next((match for match in _VARIABLE.finditer(each) if (match[1] or match[2]) in values), None)
        if match is None or len(each) > _LONGEST_TARGET:
            done.add(each)
            continue
        known = values[match[1] or match[2]]
        pending += [each[: match.start()] + value + each[match.end() :] for value in known[:_EXPANSIONS]]
    return done


@lru_cache(maxsize=64)
def _mentions(ports: frozenset[int]) -> re.Pattern[str]:
    """What every text matches that names one of `ports`; most files do not, and need no parsing."""
    return re.compile(f"(?::|port_value[^0-9]{{1,9}})0*(?:{'|'.join(map(str, sorted(ports)))})(?![0-9])")


@lru_cache(maxsize=64)
def _hosts(ports: frozenset[int]) -> re.Pattern[str]:
    """What one of `ports` looks like behind the name or address of another host."""
    return re.compile(
        r"(?<![\w.-])(?!(?:0\.0\.0\.0|127(?:\.\d{1,3}){3}|localhost):)(?:[\w.-]{1,255}|\[[0-9A-Fa-f:.]{3,64}\])"
        f":0*({'|'.join(map(str, sorted(ports)))})(?![0-9])"
    )


def mentioned_ports(text: str, ports: frozenset[int]) -> set[int]:
    """Those of `ports` that `text` names behind another host, in whatever notation.

    >>> [sorted(mentioned_ports(text, frozenset({8222}))) for text in ("TCP:nats:8222", "127.0.0.1:8222", ":8222")]
    [[8222], [], []]
    """
    return {int(match[1]) for match in _hosts(ports).finditer(text)} if _mentions(ports).search(text) else set()


def proxied_ports(config: str, ports: frozenset[int], beside: Sequence[str] = ()) -> set[int]:
    """Those of `ports` to which a proxy's config file passes requests on; `beside` are files that it may include.

    >>> sorted(proxied_ports("location / { set $n nats; proxy_pass http://$n:8222; }", frozenset({8222})))
    [8222]
    >>> sorted(proxied_ports('http: "0.0.0.0:8222"', frozenset({8222})))
    []
    """
    if not _mentions(ports).search(config) and not _PASS_TO_VARIABLE.search(config):
        return set()
    targets, values = _read(config)
    if any("$" in target for target in targets):
        for other in beside:
            for name, more in _read(other)[1].items():
                values.setdefault(name, []).extend(more)
    found = {
        port_of(each) for target in targets for each in (_expanded(target, values) if "$" in target else (target,))
    }
    found.update(port_of(word) for line in _LINE.finditer(config) for word in line[1].split())
    for match in _FIELDS.finditer(config):
        if match["port"]:
            found.add(int(match["port"]))
        elif match["servers"]:
            found.update(port_of(word) for word in re.split(r"[\s,{}]+", match["servers"]))
        else:
            found.add(port_of(match["dial"] or match["handler"]))
    return {port for port in found if port in ports}
