"""What the code in a health check's command asks: that behind `python3 -c`, `node -e`, `perl -e` and the like.

Python's is parsed. Of other languages enough is looked at to know whether a connection is made, and whether its failure
is the check's. A file of code, and a function of the image's own, are the image's: they are taken for a check.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from policies.health.outcomes import ASKS, DEPENDS, EITHER, SUCCESS, TELLS, Result
from policies.health.programs.python_code import python_asks
from policies.health.shell.script import Call

_PYTHON: Final = re.compile(r"(?:python|pypy)[0-9.]*")
_OTHERS: Final = {
    "node": ("-e", "-p", "--eval", "--print", "-pe"), "nodejs": ("-e", "-p", "--eval", "--print", "-pe"),
    "bun": ("-e", "--eval", "-p"), "deno": ("eval",), "perl": ("-e", "-E"), "ruby": ("-e",),
    "php": ("-r", "--run"), "lua": ("-e",), "tclsh": (), "elixir": ("-e", "--eval"), "Rscript": ("-e",),
    "php8": ("-r",), "php83": ("-r",), "guile": ("-c",), "lua5.4": ("-e",), "lua5.3": ("-e",), "luajit": ("-e",),
}  # fmt: skip


class _Interpreters:
    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in _OTHERS or bool(_PYTHON.fullmatch(name)))


INTERPRETERS: Final = _Interpreters()

#: Options of interpreters that take a value.
_WITH_VALUE: Final = frozenset({"-I", "-r", "--require", "--import", "-d"})
_PYTHON_WITH_VALUE: Final = frozenset({"-W", "-X"})

#: A connection in other languages, and where one is made.
_OPENS: Final = re.compile(
    r"\bfetch\s*\(|\.(?:get|request|connect|createConnection|head|post|ping)\s*\(|\b(?:net|tls)\.connect"
    r"|->\s*(?:get|request|head|new|connect)\b|\bIO::Socket\S*\s*(?:->|\()|\bfsockopen\s*\(|\bcurl_exec\s*\("
    r"|\bstream_socket_client\s*\(|\bfile_get_contents\s*\(\s*[\"']https?:|\bTCPSocket\.(?:new|open)|\bNet::HTTP\b"
    r"|\bopen-uri\b|\bsocket_connect\s*\(|\bget\s*\(\s*[\"']https?:|\bURI\.open|\bUNIXSocket\.(?:new|open)"
    r"|\bconnect\s*\(|\bnew\s+(?:PDO|Redis|mysqli|WebSocket)\b|\bmysqli_connect\s*\(|\bpg_connect\s*\("
    r"|\bDeno\.connect\s*\(|\bhttp\.request\s*\(|\bmtimeMs?\b|\bfilemtime\s*\(|-M\s*[\"'(]|\(\s*stat\b[^)]{0,100}\)\s*\[\s*9\s*\]|\.mtime\b|\blast_modified\b"
)
_NETWORK: Final = re.compile(
    r"https?:|\bfetch\s*\(|[\"'](?:node:)?(?:https?2?|net|tls|dgram|ws|undici)[\"']|Socket|LWP|Net::|HTTP::|fsockopen"
    r"|curl_|stream_socket|PDO|Redis|mysqli|pg_connect|socket|connect|mtime|-M\s|\bstat\b|last_modified|open-uri",
)
#: A module of the image's own.
_OWN_CODE: Final = re.compile(
    r"(?:require|import|include|include_once|require_once|require_relative|load|dofile|do)\b[\s(]*[\"'](?:[./]|@/)"
)
_SWALLOWED: Final = re.compile(
    r"catch\s*\(\s*(?:(?:async\s*)?\(?\s*\w*\s*\)?\s*=>|function\s*\(\s*\w*\s*\))\s*"
    r"(?:\{\s*\}|\(?(?:0|1|null|undefined|true|false|\[\]|\{\})\)?\s*\)|\{?\s*(?:return|void\s+0|null|process\.exit\(0?\))"
    r"|\(?\s*process\.exit\(\s*0?\s*\))"
    r"|catch\s*(?:\(\s*[\\$]?[\w\s|\\$]*\))?\s*\{\s*\}|\brescue\b\s*(?:nil|0|true|=>|;|$)"
    r"|on\s*\(\s*[\"']error[\"']\s*,\s*(?:\(\s*\w*\s*\)|\w+)\s*=>\s*(?:\{\s*\}|process\.exit\(\s*0?\s*\))"
    r"|\|\|\s*true\b|\bor\s+exit\s*\(?\s*0"
)
_ENDS_WELL: Final = re.compile(r"^[^{=>]{0,400}?\b(?:process\.)?(?:exit|die|quit)\s*\(?\s*0?\s*\)?\s*[;\n]")
#: In PHP and Perl a connection that fails is a value, and no error.
_FAILS: Final = re.compile(r"\b(?:exit|quit)\b\s*+\(?+\s*+(?!0?\s*\)?\s*(?:;|$))|\bdie\b|\bthrow\b|\bcroak\b")
_FALSE: Final = re.compile(r"\b(?:if|while)\s*\(\s*(?:0|false|!1|null)\s*\)|\b0\s*&&|\bfalse\s*&&|\bif\s+(?:false|0)\b")
_COMMENT: Final = re.compile(r"/\*.*?\*/|(?<![:\"'\w])//[^\n]*|(?:^|(?<=\s))#[^\n]*", re.DOTALL)
_QUOTED: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)
_KEPT: Final = re.compile(
    r"[\"'`](?:https?:[^\"'`]*|error|(?:node:)?(?:https?2?|net|tls|dgram|ws|undici)|[./]\S*|@/\S*)[\"'`]"
)
_HOSTS: Final = re.compile(
    r"\b(?:https?|tcp|ssl|tls|unix|rediss?|postgres(?:ql)?|amqps?|mysql|mongodb|nats)://(?:[^\s/@\"']*@)?"
    r"(\[[^\]]*\]|[^\s/:\"'?#,)]+)",
    re.IGNORECASE,
)
#: The same in an argument of that name, or in a connection string.
_HOST_SETTING: Final = re.compile(
    r"\bhost\s*=\s*[\"']([A-Za-z0-9][\w.-]*)[\"']|[\"'](?:\w+=\S*\s+){0,9}host=([A-Za-z0-9][\w.-]*)"
)
#: A URL that is read from this machine's disk, or from itself.
_NO_HOST: Final = re.compile(r"[\"'](?:file|data):", re.IGNORECASE)

#: A request by Node's own clients, and what looks at the status of its answer.
_NODE: Final = frozenset({"node", "nodejs", "bun", "deno"})
_NODE_REQUEST: Final = re.compile(r"\bfetch\s*\(|[\"'](?:node:)?https?[\"']\s*\)\s*\.(?:get|request)\s*\(")
_NODE_STATUS: Final = re.compile(r"\bstatusCode\b|\.ok\b|\.status\b|\bok\b\s*[,}]|\bstatus\b\s*[,}]")
#: Code with which Node ends with 0 in every case.
_NODE_SWALLOWS: Final = re.compile(
    r"\bfinally\s*\(\s*(?:\(\s*\)\s*=>|function\s*\(\s*\))[^)]{0,40}\bexit\(\s*0?\s*\)"
    r"|[\"'](?:uncaughtException|unhandledRejection)[\"'][^;]{0,80}\bexit\(\s*0?\s*\)|\?\s*0\s*:\s*0\b"
    r"|\bthen\s*\([^;]{0,200},\s*\(\s*\w*\s*\)\s*=>\s*\{\s*\}"
)


def judge(name: str, words: Sequence[str], call: Call) -> Result:
    """How an interpreter can end: by code that is given, a module, or a file."""
    is_python = bool(_PYTHON.fullmatch(name))
    index = 0
    while index < len(words):
        word = words[index]
        code = words[index + 1] if index + 1 < len(words) else ""
        if is_python and re.fullmatch(r"-[A-Za-z]*c", word):
            return _judged(python_asks(code), code, call)
        if is_python and re.fullmatch(r"-[A-Za-z]*m", word):
            return Result(EITHER) if code.split(".")[0] in sys.stdlib_module_names else Result(ASKS, TELLS)
        if not is_python and _takes_code(name, word):
            needs_exit = name.startswith(("php", "perl"))
            asks = _code_asks(code) and not (needs_exit and not _FAILS.search(code))
            return _judged(asks and not (name in _NODE and _passes_anyway(code)), code, call)
        if not word.startswith("-") and word != "eval":
            # A file; what is in it, isn't known.
            return Result(EITHER) if word.startswith(("/dev/", "/proc/")) else Result(ASKS, TELLS)
        index += 2 if word in (_PYTHON_WITH_VALUE if is_python else _WITH_VALUE) else 1
    # It reads code from its input, which is empty.
    return Result(SUCCESS)


def _passes_anyway(code: str) -> bool:
    """Whether Node's code takes an error page for an answer, or ends well without one."""
    is_unchecked = _NODE_REQUEST.search(code) is not None and _NODE_STATUS.search(code) is None
    return is_unchecked or _NODE_SWALLOWS.search(code) is not None


def _takes_code(name: str, word: str) -> bool:
    if word in _OTHERS[name]:
        return True
    # Perl's and Ruby's go together with others: -MIO::Socket -wne.
    return name in ("perl", "ruby") and bool(re.fullmatch(r"-[a-zA-Z0-9]*[eE]", word)) and not word.startswith("-M")


def _judged(asks: bool | None, code: str, call: Call) -> Result:
    """How code ends; `asks` is None where it isn't known which host it asks."""
    if not code or code.startswith("$"):
        return Result(ASKS, TELLS) if code else Result(SUCCESS)
    if _NO_HOST.search(code):
        return Result(EITHER)
    hosts = _HOSTS.findall(code) + [first or second for first, second in _HOST_SETTING.findall(code)]
    if any(not call.script.is_own(host) for host in hosts):
        return Result(EITHER)
    if asks:
        return Result(ASKS, TELLS)
    # It may end by what it reads, as a filter.
    reads = call.upstream & TELLS and re.search(r"stdin|input|\$_|<>|STDIN|ARGF|gets|0\)", code)
    return Result(DEPENDS if reads else EITHER, call.upstream if reads else 0)


@lru_cache(maxsize=256)
def _code_asks(code: str) -> bool:
    """Whether code in a language other than Python connects to something, and fails where it can't."""
    plain = _COMMENT.sub(" ", code)
    if _OWN_CODE.search(plain):
        return True
    plain = _QUOTED.sub(lambda match: match[0] if _KEPT.fullmatch(match[0]) else match[0][0] * 2, plain)
    opened = _OPENS.search(plain)
    if not opened or not _NETWORK.search(plain) or _SWALLOWED.search(plain) or _FALSE.search(plain):
        return False
    return not _ENDS_WELL.match(plain[: opened.start()])
