"""Where the usual clients of a health check connect to: the container itself, another host, or nowhere."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Final

from policies.health.outcomes import ASKS, EITHER, TELLS, Result
from policies.health.shell.script import Call

_HTTP: Final = frozenset({"curl", "wget", "wget2", "http", "https", "xh"})
_NETCAT: Final = frozenset({"nc", "ncat", "netcat", "nc.openbsd", "nc.traditional", "telnet"})
_SOCAT: Final = frozenset({"socat", "openssl s_client"})
#: Clients that take the host of a server as an option, and ask the one here without it.
_SERVERS: Final = frozenset({
    "pg_isready", "psql", "redis-cli", "valkey-cli", "keydb-cli", "mysql", "mysqladmin", "mariadb", "mariadb-admin",
    "mongosh", "mongo", "memcached-tool", "mosquitto_sub", "mosquitto_pub", "clickhouse-client", "cqlsh", "nats",
})  # fmt: skip

CLIENTS: Final = _HTTP | _NETCAT | _SOCAT | _SERVERS

_HOST_OPTION: Final = re.compile(r"--?(?:host|hostname|h)=(.+)|-h(.+)")
_URL: Final = re.compile(r"([a-z][a-z0-9+.-]*):/{0,3}(?:(?<=/)[^\s/@?#]*@)?(\[[^\]]*\]|[^\s/:?#]*)", re.IGNORECASE)
_BARE: Final = re.compile(r"(?:[^\s/@?#]*@)?(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::[0-9]+)?(?:[/?#].*)?")
_ADDRESS: Final = re.compile(
    r"(?:TCP|TCP4|TCP6|SSL|OPENSSL|UNIX-CONNECT|UNIX-CLIENT|UNIX|PROXY)(?:-CONNECT)?:(\[[^\]]*\]|[^:,]*)", re.IGNORECASE
)

#: Options of curl and wget that take a value, which is no URL: letters of short ones, and the long ones.
_SHORT_WITH_VALUE: Final = {"curl": "oHXduAbceFmTwxEKrYyzCDPQtU", "wget": "oaeiBtOTwQPUlADIXR"}
_LONG_WITH_VALUE: Final = frozenset({
    "max-time", "connect-timeout", "retry", "retry-delay", "retry-max-time", "output", "header", "request", "data",
    "data-raw", "data-binary", "data-urlencode", "json", "user", "user-agent", "cookie", "cookie-jar", "cacert",
    "capath", "cert", "key", "unix-socket", "abstract-unix-socket", "resolve", "write-out", "interface", "referer",
    "form", "limit-rate", "ciphers", "timeout", "tries", "wait", "output-document", "method", "body-data", "password",
    "oauth2-bearer", "stderr", "dump-header", "cert-type", "key-type", "noproxy", "dns-timeout", "read-timeout",
    "http-user", "http-password", "ca-certificate", "certificate", "private-key", "output-file", "post-data",
})  # fmt: skip

#: What sends a request elsewhere, whatever its URL says.
_ELSEWHERE: Final = frozenset(
    {"-x", "--proxy", "--connect-to", "--resolve", "--socks5", "--socks5-hostname", "--preproxy"}
)


_PROXY_SETTING: Final = re.compile(r"(?:-e|--execute=)?(?:https?|all)_proxy=", re.IGNORECASE)
#: What asks for the version or the help, whatever stands beside it.
_ABOUT: Final = frozenset({"-V", "-h", "-M", "--manual"})


#: Options with the address of the server, of further programs. Of Kafka's, each has the same.
_ADDRESS_OPTIONS: Final = {
    "grpc_health_probe": ("addr",), "grpc-health-probe": ("addr",), "etcdctl": ("endpoints",), "vault": ("address",),
    "consul": ("http-addr",), "promtool": ("url",), "cloudflared": ("metrics",), "rabbitmqctl": ("n", "node"),
    "rabbitmq-diagnostics": ("n", "node"), "kafka": ("bootstrap-server", "bootstrap-controller", "broker-list"),
}  # fmt: skip

#: A host in PostgreSQL's connection string.
_CONNINFO: Final = re.compile(r"(?:\w+=\S*\s+){0,9}host(?:addr)?=([^\s']+)")


def asks_another_host(name: str, words: Sequence[str], is_own: Callable[[str], bool]) -> bool:
    """Whether an option of one of the usual programs names another host.

    >>> asks_another_host("grpc_health_probe", ["-addr=api:50051"], lambda host: host == "localhost")
    True
    """
    options = _ADDRESS_OPTIONS.get("kafka" if name.startswith("kafka-") else name, ())
    values = [
        following if "=" not in word else word.partition("=")[2]
        for word, following in _pairs([*words, ""])
        if word.startswith("-") and word.lstrip("-").partition("=")[0] in options
    ]
    hosts = [each.partition("://")[2] or each.rpartition("@")[2] for value in values for each in value.split(",")]
    return any(host and not host.startswith(":") and not is_own(_bare_host(host)) for host in hosts)


def judge(name: str, words: Sequence[str], call: Call) -> Result:
    """How a client can end."""
    if name in _HTTP:
        return _http(name, words, call)
    if name in _NETCAT:
        return _netcat(name, words, call)
    if name in _SOCAT:
        hosts = [match[1] for word in words if (match := _ADDRESS.match(word))]
        if name == "openssl s_client":
            hosts = [_bare_host(value) for option, value in _pairs(words) if option in ("-connect", "-unix")]
        return _asks(hosts, call)
    hosts = [value for option, value in _pairs(words) if option in ("-h", "--host", "--hostname")]
    hosts += [match[1] or match[2] for word in words if (match := _HOST_OPTION.fullmatch(word)) and word != "--help"]
    hosts += [match[2] for word in words if (match := _URL.match(word)) and "://" in word]
    hosts += [match[1] for word in words if (match := _CONNINFO.match(word))]
    return _asks(hosts, call) if hosts else Result(ASKS, TELLS)


def _asks(hosts: Sequence[str], call: Call) -> Result:
    """A command that connects to `hosts`; it asks nothing of the service if there are none, or others."""
    own = bool(hosts) and all(host.startswith("/") or call.script.is_own(host) for host in hosts)
    return Result(ASKS, TELLS) if own else Result(EITHER)


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    return list(itertools.pairwise(words))


def _bare_host(address: str) -> str:
    match = _BARE.match(address)
    return match[1] if match else address


def _http(name: str, words: Sequence[str], call: Call) -> Result:
    kind = "wget" if name.startswith("wget") else "curl"
    urls, options = _urls(kind, words)
    if _goes_elsewhere(words, options) or (name in ("curl", "wget") and _ABOUT & set(options)):
        return Result(EITHER)
    if not urls:
        # They come from a file, or from a variable that holds more than one word.
        is_known = not any(word in ("-K", "--config", "-i", "--input-file") for word in options)
        return Result(EITHER) if is_known else Result(ASKS, TELLS)
    schemes = set()
    for url in urls:
        match = _URL.match(url) if "://" in url or url.lower().startswith("file:") else None
        scheme, host = (match[1].lower(), match[2]) if match else ("http", _bare_host(url))
        if scheme in ("file", "data") or not ("$" in url[:2] or call.script.is_own(host)):
            return Result(EITHER)
        schemes.add(scheme)
    if (
        kind == "curl"
        and name == "curl"
        and schemes & {"http", "https"}
        and not (any(map(_fails_on_errors, options)) and "--no-fail" not in options)
    ):
        # It succeeds with any answer: that of an error page, too.
        return Result(EITHER, TELLS)
    return Result(ASKS, TELLS)


def _goes_elsewhere(words: Sequence[str], options: Sequence[str]) -> bool:
    """Whether a request is sent by a proxy, or to an address of another name; wget has a proxy in `-e`."""
    names = [option.partition("=")[0] if option.startswith("--") else option for option in options]
    return any(name in _ELSEWHERE for name in names) or any(map(_PROXY_SETTING.match, words))


def _fails_on_errors(option: str) -> bool:
    """Whether curl fails, with this option, where the server answers with an error."""
    if option.startswith("--"):
        return option in ("--fail", "--fail-with-body")
    if option.startswith("$"):
        return True
    for letter in option[1:]:
        if letter == "f":
            return True
        if letter in _SHORT_WITH_VALUE["curl"]:
            return False
    return False


def _urls(kind: str, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The URLs and the options among the words of curl or wget."""
    urls, options, rest = [], [], list(words)
    while rest:
        word = rest.pop(0)
        if word in ("--url", "-url") and rest:
            urls.append(rest.pop(0))
        elif word.startswith("--url="):
            urls.append(word[6:])
        elif word.startswith("-") and word != "-":
            options.append(word)
            if _takes_next(kind, word) and rest:
                rest.pop(0)
        elif word:
            urls.append(word)
    return urls, options


def _takes_next(kind: str, option: str) -> bool:
    if option.startswith("--"):
        return option[2:] in _LONG_WITH_VALUE or option in _ELSEWHERE
    for index, letter in enumerate(option[1:], 1):
        if letter in _SHORT_WITH_VALUE[kind] or (kind == "wget" and letter == "n"):
            # What stands behind the letter is its value already; wget's -nv is one option.
            return index == len(option) - 1 and letter != "n"
    return False


def _netcat(name: str, words: Sequence[str], call: Call) -> Result:
    operands, options, rest = [], "", list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("-") and len(word) > 1:
            options += "" if word.startswith("--") else word[1:]
            if not word.startswith("--") and word[-1] in "wqGisxXepmTcP" and rest and name != "telnet":
                rest.pop(0)
        else:
            operands.append(word)
    if "U" in options and operands:
        return Result(ASKS, TELLS)
    if "l" in options or not operands or not call.script.is_own(operands[0]):
        return Result(EITHER)
    # Nothing tells whether what is sent by UDP arrives, but an answer.
    return Result(EITHER if "u" in options else ASKS, TELLS)
