"""Which addresses of a Docker engine are safe: the one list that the settings and the policy pack check against.

A user of Docker's API is root on its host, so nothing on the way there may read or take over a connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

#: What is safe, in words.
SAFE: Final = (
    "ssh://USER@HOST, with :PORT where it is not 22, or unix:///PATH of a socket on this machine, or tcp://HOST:PORT"
    " with TLS that checks both sides"
)

#: What ssh must be given, and what it must not, in words.
SAFE_OPTIONS: Final = "options of ssh that leave the check of the host's key, and the command that is run, as they are"

_SOCKET: Final = re.compile(r"(?:unix:///[A-Za-z0-9._@+/-]+|npipe:////\./pipe/[\w.-]+)", re.ASCII)
_SSH: Final = re.compile(
    r"ssh://(?:[A-Za-z_][\w.-]{0,63}@)?(?P<host>[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:]{2,45}\])(?::[0-9]{1,5})?"
    r"(?:/[A-Za-z0-9._@+/-]*)?",
    re.ASCII,
)
_TCP: Final = re.compile(r"tcp://(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:]{2,45}\]):[0-9]{1,5}/?", re.ASCII)

#: Options with which ssh trusts any host, and those that run a command or read options from elsewhere.
_CHECKS: Final = {"stricthostkeychecking": ("yes", "true"), "checkhostip": ("yes", "no"), "verifyhostkeydns": ("no",)}
_KNOWN_HOSTS: Final = frozenset({"userknownhostsfile", "globalknownhostsfile"})
_COMMANDS: Final = frozenset(
    {
        "proxycommand", "knownhostscommand", "localcommand", "permitlocalcommand", "remotecommand", "include",
        "proxyusefdpass", "pkcs11provider", "securitykeyprovider", "hostkeyalias", "hostname",
        "nohostauthenticationforlocalhost",
        "dynamicforward", "localforward", "remoteforward", "gatewayports", "forwardagent", "stdinnull", "tunnel",
    }
)  # fmt: skip

#: Flags of ssh that take a value, and those that are refused.
_WITH_VALUE: Final = frozenset("BbcDEeFIiJLlmOopQRSWw")
_REFUSED_FLAGS: Final = frozenset("ADFILORQWwg")


def is_safe(address: str, *, over_tls: bool) -> bool:
    """Whether nobody in between reads or takes over a connection to `address`, given whether TLS checks both sides.

    >>> [is_safe(each, over_tls=False) for each in ("ssh://deploy@host", "unix:///run/docker.sock", "tcp://host:2375")]
    [True, True, False]
    """
    if _SOCKET.fullmatch(address):
        return True
    if not (_SSH.fullmatch(address) or (over_tls and _TCP.fullmatch(address))):
        return False
    try:
        # A number above 65535 is none.
        return urlsplit(address).port != 0
    except ValueError:
        return False


def without_user(address: str) -> str:
    """An address for a message: what is before an `@` may be a password.

    >>> without_user("ssh://deploy:secret@host")
    'ssh://host'
    """
    return re.sub(r"//[^/]*@", "//", address)


def unsafe_options(options: Iterable[str]) -> Iterator[str]:
    """The names of options of `ssh`, as words of its command line, that are not safe.

    >>> list(unsafe_options(["-o", "StrictHostKeyChecking=no", "-p", "2222", "-oUserKnownHostsFile=/dev/null"]))
    ['StrictHostKeyChecking', 'UserKnownHostsFile']
    """
    known_hosts: dict[str, str] = {}
    words = iter(options)
    for word in words:
        if not word.startswith("-") or word == "-":
            yield "a word that is no option"
            continue
        flags = word[1:]
        while flags:
            flag, flags = flags[0], flags[1:]
            value = ""
            if flag in _WITH_VALUE:
                value, flags = flags or next(words, ""), ""
            if flag == "o":
                name, found = _option(value)
                if name.lower() in _KNOWN_HOSTS:
                    known_hosts.setdefault(name.lower(), found)
                    if name.lower() == "userknownhostsfile" and not _is_file(found):
                        yield name
                elif name.lower() in _COMMANDS or not _is_checked(name, found):
                    yield name
            elif flag in _REFUSED_FLAGS or not flag.isalnum():
                yield f"-{flag}"


def _option(text: str) -> tuple[str, str]:
    """Name and value, which ssh takes with `=`, blanks or both between them, and in quotes."""
    name, value, *_ = [*re.split(r"\s*=\s*|\s+", text.strip(), maxsplit=1), ""]
    return name.strip("\"'"), value.strip().strip("\"'").lower()


def _is_checked(name: str, value: str) -> bool:
    allowed = _CHECKS.get(name.lower())
    return allowed is None or value in allowed


def _is_file(value: str) -> bool:
    return bool(value) and value != "none" and not value.startswith("/dev/")
