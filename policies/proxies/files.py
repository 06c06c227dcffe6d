"""Which files make something a proxy, in whatever format, and the ports that such a file names.

nginx's files are read word by word elsewhere. Of all others it is enough to know that they pass on what comes in: then
every other host's port in them is a destination.
"""

from __future__ import annotations

import re
from typing import Final

#: What config files of proxies and tunnels have, and files of others do not, in lower case: Caddy, Traefik, HAProxy,
#: Envoy, lighttpd, frp, chisel, gost, Kong, Tyk, KrakenD, NGINX Unit, cloudflared, ngrok; and programs that take
#: connections.
_HINTS: Final = (
    "reverse_proxy", "layer4", "dynamic_upstreams", '"upstreams"', "loadbalancer", "load_balancer", "entrypoints",
    "entry_points", "static_resources", "socket_address", "socketaddress", "ingressroute", "proxy.server",
    "fastcgi.server", "scgi.server", "[proxies", "[visitors", "localport", "local_port", "remoteport", "remote_port",
    '"remotes"', "forwarder:", 'forwarder"', "_format_version", "target_url", "listen_path", "url_pattern", '"proxy":',
    "ingress:", 'ingress"', "tunnel:", "tunnels:", "bastionmode",
    "basehttprequesthandler", "serve_forever", "createserver", "create_server", "start_server", "httpserver",
    "socketserver", "tcpserver", "listenandserve", "net.listen", "reverseproxy", "http-proxy", ".listen(", ".accept(",
    "io::socket", "stream_socket_server", "http-to", "http-socket-to",
    "proxy.reverse.url", "forward_port", "forwardport", "roundrobin", "upstreams:", "upstreams =", "[client.services",
    "originipordomain", "rack::proxy", "createproxymiddleware",
)  # fmt: skip

#: The same by how a line begins: HAProxy, Apache, Squid, Varnish, nghttpx, Pound, sniproxy, xinetd, stunnel, SSH,
#: Caddy, rinetd.
_LINE: Final = re.compile(
    r"^[ \t]*(?:(?:frontend|backend|listen|defaults)[ \t]+\S+[ \t]*$|dispatch[ \t]|proxy(?:pass|remote|match)"
    r"|cache_peer[ \t]|vcl[ \t]+\d|backend[ \t]+\w+[ \t]*\{|\.host[ \t]*=|backend=|back-?end\b"
    r"|(?:table|listener)\b[^\n]*\{|(?:redirect|connect)[ \t]*=|(?:local|remote|dynamic)forward\b"
    r"|(?:proxy|forward)[ \t]+\S"
    # Pomerium, Traffic Server, fabio, and Netlify's redirects.
    r"|to:[ \t]*[\"']?(?:https?|tcp|tls)://|(?:regex_|reverse_)?map[ \t]+[^\s:]{1,20}://\S{1,200}[ \t]+[^\s:]{1,20}://"
    r"|route[ \t]+add[ \t]"
    r"|/\S*[ \t]+https?://\S+[ \t]+200"
    r"|(?:\d{1,3}(?:\.\d{1,3}){3}|\[?[\da-f]*::[\da-f:]*\]?)[ \t]+\d{1,5}(?:/tcp)?[ \t]+[\w.-]+[ \t]+\d)",
    re.MULTILINE,
)

#: Skipper's routes, and the proxies of bundlers and frameworks, wherever they are in a line.
_ANYWHERE: Final = re.compile(
    r"->[ \t]{0,9}\"https?://|\b(?:proxy[\"']?[ \t]{0,9}:[ \t]{0,9}[\[{]"
    r"|destination[\"']?[ \t]{0,9}:[ \t]{0,9}[\"']https?://)"
)

#: Commands of scripts that start something which takes connections.
_COMMAND: Final = re.compile(
    r"(?:^|[\s/;&|])(?:(?:socat|ncat|haproxy|rinetd|redir|stunnel4?|iptables|ip6tables|nft|ipvsadm|ngrok|chisel|gost"
    r"|frpc|cloudflared|autossh|tailscale|caddy|traefik|envoy|websockify)[ \t]"
    r"|(?:nc|netcat)[ \t](?:[^\n]{0,200}\s)?-[a-zA-Z]{0,9}l[a-zA-Z]{0,9}\s"
    r"|ssh[ \t](?:[^\n]{0,200}\s)?-[a-zA-Z]{0,9}[LRDW])"
)

_COMMENT: Final = re.compile(r"^[ \t]*(?:#|//|;|--)[^\n]*", re.MULTILINE)

#: A number that may be a port, and the end of a range of them.
_NUMBER: Final = re.compile(r"[0-9]{2,20}(?:-[0-9]{2,5})?")

#: What is before a port: a host and a colon, a field's name, or a host's name with a blank or a comma.
_BEFORE: Final = re.compile(
    r"(?P<host>[\w\])}.$:\[-]{1,80}):$|port(?:_?value)?[\"']?(?:[ \t]*[:=>]{1,2}|[ \t]+)[ \t]*[\"']?$"
    r"|[A-Za-z0-9_.\]-][\"']?(?:[ \t]*,[ \t]*|[ \t]+(?:parent[ \t]+)?)[\"']?$",
    re.IGNORECASE,
)

#: A host's own addresses, and those of Envoy's sockets, where something listens.
_OWN: Final = re.compile(
    r"0\.0\.0\.0|127(?:\.\d{1,3}){3}|localhost|\[::1?\]|(?:TCP[46]?|UDP[46]?|OPENSSL|SSL)-L(?:ISTEN)?", re.IGNORECASE
)
_OWN_SOCKET: Final = re.compile(
    r"address[\"']?:\s{0,9}[\"']?(?:127(?:\.\d{1,3}){3}|0\.0\.0\.0|::1?|localhost)[\"']?\s{0,99},?\s{0,99}"
    r"[\"']?port_?value[\"']?:\s{0,9}\d{1,5}",
    re.IGNORECASE,
)
_TEMPLATED: Final = re.compile(r"(?:url|address)[\"']?[ \t]*[:=][ \t]*[\"']?[^\s\"']{0,200}\{\{", re.IGNORECASE)

#: Characters before a number that can say what it is.
_CONTEXT: Final = 80


def is_proxy_file(text: str) -> bool:
    """Whether a file passes on what comes in: a proxy's or a tunnel's config, or a program that does."""
    rest = _COMMENT.sub("", text)
    lowered = rest.lower()
    return (
        any(hint in lowered for hint in _HINTS)
        or _LINE.search(lowered) is not None
        or _ANYWHERE.search(lowered) is not None
        or _COMMAND.search(rest) is not None
    )


def without_own_sockets(text: str) -> str:
    """A text without Envoy's sockets on addresses of its own host, where it listens."""
    return _OWN_SOCKET.sub(" ", text)


def named_ports(text: str, ports: frozenset[int]) -> set[int]:
    """Those of `ports` that a text names as another host's, in the notation of any proxy.

    >>> sorted(named_ports("[db]\\naccept = 0.0.0.0:9090\\nconnect = nats:8222", frozenset({8222, 9090})))
    [8222]
    """
    found: set[int] = set()
    for match in _NUMBER.finditer(text):
        # Most numbers are one, and no port of these.
        if match[0].isdigit() and int(match[0]) not in ports:
            continue
        first, _, last = match[0].partition("-")
        low, high = int(first), int(last or first)
        named = {low} & ports if low >= high else {port for port in ports if low <= port <= high}
        if named and not named <= found and _is_of_another_host(text, match.start()):
            found |= named
    return found


def _is_of_another_host(text: str, start: int) -> bool:
    before = text[max(0, start - _CONTEXT) : start]
    if _COMMENT.match(before[before.rfind("\n") + 1 :]):
        return False
    found = _BEFORE.search(before)
    return found is not None and not (found["host"] and _OWN.fullmatch(found["host"]))


def is_templated(text: str) -> bool:
    """Whether a template fills in a destination, with what nobody knows."""
    return _TEMPLATED.search(text) is not None
