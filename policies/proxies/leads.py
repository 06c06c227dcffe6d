"""Where proxies' config files lead to: nginx's, HAProxy's, Caddy's, Apache's, Traefik's, Envoy's and cloudflared's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from policies.proxies import nginx
from policies.proxies.caddy import CADDY_HINTS, caddy_destinations
from policies.proxies.destinations import internal_host, may_name_internal_hosts, plain
from policies.proxies.files import is_proxy_file, is_templated, named_ports, without_own_sockets
from policies.proxies.nginx import LONGEST

#: The forms of others, a line each: HAProxy's `server NAME HOST:PORT`, Caddy's, Apache's and cloudflared's.
_LINE: Final = re.compile(
    r"^[ \t]*(?:-[ \t]+)?(?:(?:server|server-template[ \t]+\S+)[ \t]+\S+|(?:php_fastcgi|reverse_proxy|forward_auth|to"
    r"|upstream)|ProxyPass(?:Match)?|RewriteRule|BalancerMember|[\"']?service[\"']?:|(?:default-)?forward[ \t]+\S+"
    r"|http-request[ \t]+set-dst(?:-port)?|tcp-request[ \t]+\S+[ \t]+set-dst(?:-port)?|connect[ \t]*=|proxyTo:)"
    r"[ \t]+(\S[^\n]*)",
    re.MULTILINE | re.IGNORECASE,
)

#: Envoy's and Caddy's fields, Apache's handler, and Traefik's list of servers.
_FIELDS: Final = re.compile(
    r"port_?value[\"']?:[ \t]*[\"']?(?P<port>[0-9]{1,9})|\"dial\":[ \t]*\"(?P<dial>[^\"\n]{1,512})"
    r"|SetHandler[ \t]+[\"']?proxy:(?P<handler>[^\s\"'|]{1,512})"
    r"|\bservers[\"']?\]*[:=]?[\s\[]{0,99}"
    r"(?P<servers>(?:[\s{-]{1,99}[\"']?(?:url|address)[\"']?[ \t]*[:=][ \t]*[^\s,}]{1,512}[ \t,}\r]{0,9}){1,99})",
    re.IGNORECASE,
)

#: Settings with which a proxy goes wherever the request says, each a form of one proxy's.
_OPEN: Final = re.compile(
    # Apache's forward proxy, its destinations from variables and captures, and from the environment.
    r"^[ \t]*(?:ProxyRequests[ \t]+On\b|ProxyPassInterpolateEnv[ \t]+On\b"
    r"|(?:ProxyPass(?:Match)?|BalancerMember)\b[^\n]*?[a-z]://[^\s/\"']{0,200}[$%]"
    r"|RewriteRule\b(?=[^\n]*\[(?:[^\]\n]*,)?(?:P|proxy)[\],])[^\n]*?[a-z]://[^\s/\"']{0,200}[$%]"
    # HAProxy's: the address or the port from a part of the request.
    r"|(?:http-request|tcp-request[ \t]+\w+)[ \t]+set-dst(?:-port)?[ \t]+(?!(?:int|str|ipv4|ipv6)\()"
    r"|(?:http-request|tcp-request[ \t]+\w+)[ \t]+do-resolve\([^)\n]*\)[ \t]+(?!str\()"
    r"|option[ \t]+http_proxy\b"
    # cloudflared's.
    r"|(?:-[ \t]+)?[\"']?service[\"']?:[ \t]*[\"']?(?:bastion|socks-proxy)\b"
    r"|(?:-[ \t]+)?[\"']?bastionMode[\"']?:[ \t]*true|(?:-[ \t]+)?[\"']?proxyType[\"']?:[ \t]*[\"']?socks"
    # Squid and tinyproxy.
    r"|http_port[ \t]+\d+[ \t]*(?:$|accel[ \t]+allow-direct)|forward_proxy\b)"
    # Envoy's.
    r"|dynamic_forward_proxy|use_http_header[\"']?:[ \t]*[\"']?true|ORIGINAL_DST",
    re.MULTILINE | re.IGNORECASE,
)

#: What a file that `_OPEN` or `_FIELDS` matches has somewhere, in lower case: most files have nothing of it.
_OPEN_HINTS: Final = (
    "proxyrequests", "interpolateenv", "proxypass", "rewriterule", "balancermember", "set-dst", "do-resolve",
    "http_proxy", "bastion", "socks", "http_port", "forward_proxy", "use_http_header", "original_dst",
)  # fmt: skip
_FIELD_HINTS: Final = ("port_value", "portvalue", "dial", "sethandler", "servers")

#: What a file has somewhere, in lower case, that passes requests on to a host by its name.
_HOST_HINTS: Final = ("_pass", "_server", "upstream", "proxypass", "balancermember", "servers", "dial", "server ")
_OTHER_HOST_HINTS: Final = ("proxypass", "balancermember", "backend ", "servers", "dial")

#: Code in nginx that makes connections of its own, in njs and Lua, and the calls that name one by a plain text.
_CODE_HINTS: Final = (
    "ngx.fetch", "resty.http", "resty.redis", "resty.mysql", "resty.memcached", "resty.websocket.client", "ngx.socket",
    "set_current_peer", "tcpsock", "pgmoon",
)  # fmt: skip
_CALL: Final = re.compile(r"(?:ngx\.fetch|:connect|set_current_peer|:request(?:_uri)?|:send_request)[ \t]*[({]")
_PLAIN_CALL: Final = re.compile(
    r"(?:ngx\.fetch|:connect|set_current_peer|:request(?:_uri)?|:send_request)[ \t]*\(\s{0,99}"
    r"(?:\"[^\"\n]*\"|'[^'\n]*'|`[^`$\n]*`)\s{0,99}(?:,\s{0,99}\d{1,5}\s{0,99})?[,)]"
)

_TARGET: Final = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(?:[^\s/@]*@)?(?:\[[0-9a-f:.%]*\]|[^\s/:\[\]]*):0*(\d{1,5})(?=[/?#,;$\s\"'{]|$)",
    re.IGNORECASE,
)

_NUMBER: Final = re.compile(r"(?<![\w.])0*(\d{2,5})(?![\w]|\.\d)")

#: A pass to what variables say may spell a port in pieces.
_PASS_TO_VARIABLE: Final = re.compile(r"_(?:pass|server)\b[^;$]{0,2000}\$")
_SERVER_OF_VARIABLE: Final = re.compile(r"server[ \t]+[^;\n$]{0,500}\$")


@dataclass(frozen=True)
class Leads:
    """Where a file leads: to which of the ports that were asked for, to which hosts that are data stores or monitoring
    tools by name alone, and whether a request or a variable of unknown value chooses a host or a port."""

    ports: frozenset[int] = frozenset()
    hosts: frozenset[str] = frozenset()
    is_open: bool = False


def port_of(target: str) -> int | None:
    """The port in `scheme://host:port/path` or `host:port`.

    >>> [port_of(each) for each in ("http://nats:8222/varz", "[::1]:08222", "http://api", "unix:/run/x", "a:b")]
    [8222, 8222, None, None, None]
    """
    match = _TARGET.match(target.strip().strip("\"'"), 0, LONGEST)
    return int(match[1]) if match else None


@lru_cache(maxsize=64)
def _mentions(ports: frozenset[int]) -> re.Pattern[str]:
    """What every text matches that names one of `ports`; most files do not, and need no parsing."""
    return re.compile(f"(?::|[vV]alue[^0-9]{{1,9}})0*(?:{'|'.join(map(str, sorted(ports)))})(?![0-9])")


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
    text = plain(text)
    return {int(match[1]) for match in _hosts(ports).finditer(text)} if _mentions(ports).search(text) else set()


def numbers(text: str) -> set[int]:
    """The whole numbers of two to five digits that stand alone in `text`."""
    return {int(match[1]) for match in _NUMBER.finditer(text)}


def leads(
    config: str, ports: frozenset[int], beside: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Leads:
    """Where a proxy's config file leads.

    `beside` are files that it may include, `environment` the variables that a template of it is filled with.

    >>> leads("location ~ ^/(.*) { proxy_pass http://nats:$1; }", frozenset({8222})).is_open
    True
    >>> sorted(leads("location / { set $n nats; proxy_pass http://$n:8222; }", frozenset({8222})).ports)
    [8222]
    >>> sorted(leads('http: "0.0.0.0:8222"', frozenset({8222})).ports)
    []
    """
    beside = [other for other in beside if other is not config]
    config = plain(config)
    lowered = config.lower()
    is_open = any(hint in lowered for hint in _OPEN_HINTS) and _OPEN.search(config) is not None
    foreign = without_own_sockets(config) if "value" in lowered else config
    targets, found = set[str](), set[int]()
    names_one = _mentions(ports).search(config) is not None
    reads_nginx = names_one or (
        "$" in config and (_PASS_TO_VARIABLE.search(config) or _SERVER_OF_VARIABLE.search(config))
    )
    # nginx's destinations are all looked at where any is; a look for names is for what else there may be.
    hints = _OTHER_HOST_HINTS if reads_nginx else _HOST_HINTS
    names_host = any(hint in lowered for hint in hints) and may_name_internal_hosts(lowered)
    if reads_nginx or names_host:
        of_nginx, nginx_is_open = _nginx(config, beside, environment or {})
        targets |= of_nginx
        is_open |= nginx_is_open
    if any(hint in config for hint in CADDY_HINTS):
        of_caddy, caddy_is_open = caddy_destinations(config, environment or {})
        targets |= of_caddy
        is_open |= caddy_is_open
    if any(hint in config for hint in _CODE_HINTS):
        found |= numbers(config)
        is_open |= len(_CALL.findall(config)) > len(_PLAIN_CALL.findall(config))
    if names_one or names_host or "set-dst" in lowered:
        targets |= set(_in_lines(config))
    if (names_one or names_host) and any(hint in lowered for hint in _FIELD_HINTS):
        targets |= set(_in_fields(foreign))
    found |= {port for target in targets if (port := port_of(target)) in ports}
    others = named_ports(foreign, ports) - found
    templated = "{{" in config and is_templated(config)
    if (others or templated) and is_proxy_file(config):
        found |= others
        is_open |= templated
    hosts = {host for target in targets if port_of(target) not in ports and (host := internal_host(target))}
    return Leads(frozenset(port for port in found if port in ports), frozenset(hosts), is_open)


def _nginx(config: str, beside: Sequence[str], environment: Mapping[str, str]) -> tuple[set[str], bool]:
    reading = nginx.read(config)
    others = [nginx.read(plain(other)) for other in beside] if "$" in config else []
    values = nginx.merged(reading, others, environment)
    destinations = {each for target in reading.destinations for each in nginx.expanded(target, values)}
    candidates = {each for target in reading.candidates for each in nginx.expanded(target, values)}
    # A value that is only perhaps a destination is one where it has a port.
    return destinations | {each for each in candidates if ":" in each}, any(map(nginx.is_open, destinations))


def _in_lines(config: str) -> Iterator[str]:
    for line in _LINE.finditer(config):
        yield from (word for word in line[1].split() if ":" in word)
        if "set-dst" in line[0]:
            yield from (f":{number}" for number in numbers(line[0].replace("int(", " ").replace(")", " ")))


def _in_fields(config: str) -> Iterator[str]:
    for match in _FIELDS.finditer(config):
        if match["port"]:
            yield f":{match['port']}"
        elif match["servers"]:
            yield from (word for word in re.split(r"[\s,{}=]+", match["servers"]) if ":" in word)
        else:
            yield match["dial"] or match["handler"]
