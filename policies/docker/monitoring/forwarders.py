"""The destinations in the command line of a program that passes on what it receives."""

from __future__ import annotations

import re
from typing import Final

from policies.docker.network.known_ports import SERVICE_NAMES
from policies.proxies.destinations import plain
from policies.workloads.roles import is_forwarder

#: What a shell gives a variable in the command line itself.
_ASSIGNED: Final = re.compile(r"(?:^|[\s;&|(])(\w{1,100})=([\w.:/-]{1,200})(?=$|[\s;&|)])", re.ASCII)

#: A destination in a command that passes on, of which a variable, an arithmetic or another command is a part.
_UNSPELLED: Final = re.compile(
    r"\b(?:TCP[46]?|TCP[46]?-CONNECT|UDP[46]?|OPENSSL|SSL):[^\s,;]{0,300}?(?:\$[({\w]|`)"
    r"|(?:^|\s)-[-\w]{1,40}[= ]?[\w.:/\[\]-]{0,300}:(?:\$[({\w]|`)"
    r"|\b(?:nc|ncat|netcat)(?:\s+-\w+){0,9}\s+[\"']?\$[({\w]",
    re.IGNORECASE,
)

#: Commands of proxies that go wherever a request says.
_OPEN_PROXY: Final = re.compile(
    r"(?:^|[\s/;&|\"'(])(?:(?:microsocks|tinyproxy|privoxy|3proxy|sockd|danted|squid|glider|dumbproxy|srelay|ss-?server)\b"
    r"|(?:auto)?ssh\b[^;&|]{0,300}?\s-\w*D"
    r"|mitm(?:proxy|dump|web)\b(?![^;&|]{0,300}?\breverse:)"
    r"|(?:gost\b[^;&|]{0,300}?)?-L[= ]?(?:(?:http|socks5?|auto|ss)\w*://)?[\w.@:]*:\d{1,5}(?=$|\s))"
)

_SHELL_VARIABLE: Final = re.compile(r"\$\{?(\w{1,100})\}?", re.ASCII)

#: Schemes of clients of data stores, which a gateway may be as well.
CLIENT: Final = re.compile(
    r"(?:postgres(?:ql)?|mysql|redis|rediss|mongodb|nats|amqp|kafka)(?:\+\w+)?://", re.IGNORECASE
)

_CLIENT_URL: Final = re.compile(rf"{CLIENT.pattern}[^\s\"',]*", re.IGNORECASE)

#: What a shell takes out of the middle of a word.
_QUOTE_INSIDE: Final = re.compile(r"(?<=[\w:])[\"'\\]{1,9}(?=\w)")

#: A port where a number stands for one: alone, decimal, hexadecimal or octal, and not a container's own.
_TOKEN: Final = re.compile(r"(?<![\w.])(?:(0x[0-9a-fA-F]{2,4})|(0[0-7]{3,6})|(\d{2,5}))(?![\w]|\.\d)")
_OWN: Final = re.compile(
    r"(?:0\.0\.0\.0|127(?:\.\d{1,3}){3}|localhost|\[::1?\]|\*|(?<![\w\])}.-])(?<!\w[\"'])):\d{2,5}(?!\w)"
    r"|(?:TCP[46]?|UDP[46]?|SCTP[46]?|OPENSSL|SSL)-?L(?:ISTEN)?:(?:0x[0-9a-f]+|\d+)|-?-(?:listen|bind)[= ]:?\d+"
    r"|\blisten\s+(?:\S{1,40}:)?\d+",
    re.IGNORECASE,
)
_SERVICE: Final = re.compile(
    rf":({'|'.join(sorted(map(re.escape, SERVICE_NAMES), key=len, reverse=True))})(?=$|[\s,;\"'/)])", re.IGNORECASE
)


def port_tokens(line: str) -> set[int]:
    """The ports that the numbers and names of a forwarder's command line may stand for, but those it listens on."""
    rest = _OWN.sub(" ", _CLIENT_URL.sub(" ", plain(_QUOTE_INSIDE.sub("", line))))
    found = {SERVICE_NAMES[match[1].lower()] for match in _SERVICE.finditer(rest)}
    for match in _TOKEN.finditer(rest):
        if match[1]:
            found.add(int(match[1], 16))
        elif match[2]:
            found |= {int(match[2], 8), int(match[2])}
        else:
            found.add(int(match[3]))
    return found


def is_unspelled(line: str, environment: dict[str, str], *, is_entry: bool) -> bool:
    """Whether a forwarder's command doesn't say where it leads: a shell computes it, or an entry's requests do."""
    is_computed = ("$" in line or "`" in line) and is_forwarder(line)
    if is_computed and _UNSPELLED.search(filled(line, environment | assigned(line))):
        return True
    return is_entry and _OPEN_PROXY.search(line) is not None


def assigned(line: str) -> dict[str, str]:
    """The variables that a command line sets itself."""
    return {match[1]: match[2] for match in _ASSIGNED.finditer(line)}


def filled(line: str, environment: dict[str, str]) -> str:
    """A command line with the variables that a shell fills in, where their values are known."""
    return _SHELL_VARIABLE.sub(lambda match: environment.get(match[1], match[0]), line) if "$" in line else line
