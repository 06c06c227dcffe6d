"""What programs of every image ask: nothing by themselves, or what they read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from policies.health.outcomes import (
    ASKS,
    CLOCK,
    CONNECTIONS,
    EITHER,
    FAILURE,
    HEART,
    INVERTED,
    LISTS,
    STALE,
    SUCCESS,
    TELLS,
    Result,
)
from policies.health.programs import clients, comparison
from policies.health.programs.paths import is_constant, operands_of
from policies.health.shell.script import Call

#: The shell's own commands and programs of every image that ask a service nothing. That of `cat`, `grep` and the like
#: depends on what they read.
ASK_NOTHING: Final = frozenset({
    "true", ":", "echo", "printf", "sleep", "usleep", "pwd", "date", "hostname", "hostid", "id", "whoami", "who", "w",
    "groups", "users", "logname", "uname", "arch", "nproc", "uptime", "free", "vmstat", "iostat", "df", "du", "ps",
    "pgrep", "pidof", "pstree", "pidstat", "top", "htop", "printenv", "logger", "yes", "sync", "clear", "reset",
    "export", "unset", "umask", "readonly", "local", "declare", "typeset", "let", "expr", "bc", "dc", "shift",
    "wait", "which", "whereis", "type", "hash", "basename", "dirname", "seq", "ulimit", "jobs", "shopt", "history",
    "touch", "mkdir", "mktemp", "rmdir", "rm", "cp", "mv", "ln", "install", "chmod", "chown", "chgrp", "dd",
    "truncate", "fallocate", "mkfifo", "mknod", "split", "csplit", "shred", "ls", "dir", "vdir", "stat", "file",
    "readlink", "realpath", "cd", "pushd", "popd", "find", "locate", "test", "mount", "umount", "mountpoint",
    "findmnt", "lsblk", "blkid", "getent", "host", "nslookup", "dig", "drill", "ping", "ping4", "ping6", "arping",
    "traceroute", "tracepath", "ip", "ifconfig", "route", "arp", "hostnamectl", "systemctl", "service", "rc-service",
    "initctl", "invoke-rc.d", "sv", "locale", "localectl", "tty", "stty", "tput", "ldconfig", "ldd", "nm", "strings",
    "tar", "zip", "unzip", "ar", "dpkg", "dpkg-query", "apt", "apt-get", "apt-cache", "apk", "rpm", "yum", "dnf",
    "pip", "pip3", "gem", "npm", "crontab", "env", "kill", "killall", "pkill", "renice", "cal", "factor", "random",
    "shuf", "md5sum", "sha1sum", "sha256sum", "sha512sum", "cksum", "sum", "gpg", "lsof", "fuser", "openssl",
    "ss", "netstat", "sysctl", "dmesg", "lscpu", "lsmod", "getconf", "getopt", "getopts", "ipcs", "set", "nginx-debug",
    "disown", "fg", "bg", "suspend", "times", "timedatectl", "journalctl", "last", "mesg", "nohup", "cut",
    "tr", "sort", "uniq", "tee", "cat", "tac", "rev", "head", "tail", "wc", "nl", "fold", "fmt", "pr", "column", "comm",
    "join", "paste", "expand", "unexpand", "od", "xxd", "hexdump", "base64", "base32", "gzip", "gunzip", "zcat", "xz",
    "bzip2", "zstd", "jq", "yq", "xmllint", "grep", "egrep", "fgrep", "rg", "zgrep", "sed", "awk", "gawk", "mawk",
    "nawk", "diff", "cmp", "read", "more", "less", "iconv", "dos2unix", "tsort", "look", "ed", "vi", "mapfile",
    "readarray", "sqlite3", "sqlite", "jps", "pg_config", "pg_controldata", "pg_lsclusters", "pwdx", "skill", "tcpdump",
    "iptables", "ip6tables", "nft",
})  # fmt: skip

#: Of those, the ones that never fail.
_CONSTANT: Final = frozenset({
    "true", ":", "echo", "printf", "sleep", "pwd", "date", "hostname", "id", "whoami", "uname", "arch", "nproc",
    "uptime", "free", "df", "ps", "printenv", "logger", "tee", "sort", "uniq", "tr", "cut", "yes", "sync", "clear",
    "export", "unset", "umask", "readonly", "local", "wait", "basename", "dirname", "seq",
    "ulimit", "jobs", "shopt", "set", "touch", "ss", "netstat", "head", "tail", "wc", "rev", "find",
})  # fmt: skip

#: Those whose end depends on what they read.
_MATCH: Final = frozenset({"grep", "egrep", "fgrep", "rg", "zgrep", "diff", "cmp", "read"})

#: Those that pass on what they read.
_FILTERS: Final = _MATCH | {
    "cut", "tr", "sort", "uniq", "tee", "cat", "tac", "rev", "head", "tail", "wc", "nl", "fold", "fmt", "column", "od",
    "xxd", "hexdump", "base64", "gunzip", "zcat", "jq", "yq", "xmllint", "sed", "awk", "gawk", "mawk", "nawk", "comm",
    "iconv", "strings", "paste",
}  # fmt: skip

#: Those that say what their words say.
_SAY_THEIR_WORDS: Final = frozenset({"echo", "printf", "expr", "bc", "basename", "seq"})

_AGE: Final = frozenset({"-mmin", "-mtime", "-cmin", "-ctime", "-newer", "-newermt", "-neweram", "-amin", "-atime"})
_MTIME_FORMAT: Final = re.compile(r"%[XYZWm]")
_PROC_NET: Final = re.compile(r"/proc/(?:self/|[0-9]+/)?net/(?:tcp|udp|unix)6?")

#: A port among the words of `ss`; what a line of one that listens has, and a header doesn't.
_A_PORT: Final = re.compile(r"(?:^|:)\d{2,5}$|:[a-z]+$")
_LISTENS: Final = re.compile(r"\d|LISTEN|\$|:[a-z]")
#: What only one that listens has, in a list of all connections.
_LISTENS_ONLY: Final = re.compile(r"LISTEN|0\.0\.0\.0:\d|:::?\d")
#: Those that search.
_SEARCH: Final = frozenset({"grep", "egrep", "fgrep", "rg", "sed", "awk", "gawk", "mawk", "nawk"})

#: Days and minutes of the oldest heartbeat that is one: a day.
_OLDEST: Final = {"-mmin": 1440, "-cmin": 1440, "-mtime": 1, "-ctime": 1}


def tool(name: str, words: Sequence[str], call: Call) -> Result:
    """A program of every image."""
    paths = operands_of(words)
    said = 0
    for each in call.says[1:]:
        said |= each
    if name in ("touch", "tee", "truncate", "cp", "mv") and not (name == "touch" and _sets_a_time(words)):
        call.script.written.update(paths)
    if name == "find":
        return Result(EITHER if not _all_constant(paths) else SUCCESS, _found_by_age(words, paths, call))
    if name == "stat":
        return Result(EITHER, _written_at(words, paths, call) if any(map(_MTIME_FORMAT.search, words)) else 0)
    if name == "date":
        return Result(SUCCESS, _date(words, call))
    if name in ("ss", "netstat"):
        # All that listens, until it is searched for one port.
        listens = any(re.fullmatch(r"-[A-Za-z]*l[A-Za-z]*|--listen(?:ing)?|listening", word) for word in words)
        found = TELLS if any(map(_A_PORT.search, words)) else LISTS
        return Result(SUCCESS, found if listens else CONNECTIONS)
    if name == "lsof" or name == "fuser":
        asks = any(re.fullmatch(r"(?:-t?i)?(?:tcp)?(?:@[\w.]+)?:\S+|\d+/(?:tcp|udp)", word, re.I) for word in words)
        return Result(ASKS, TELLS) if asks else Result(EITHER)
    if name in ("dig", "drill", "host", "nslookup"):
        servers = [word.lstrip("@") for word in words if word.startswith("@")] or paths[1:2]
        asks = any(call.script.is_own(server) for server in servers)
        return Result(ASKS, TELLS) if asks else Result(EITHER)
    if name == "openssl":
        return clients.judge("openssl s_client", words, call) if "s_client" in words else Result(EITHER)
    if name == "kill":
        if "-0" not in words and paths == [] and words[-1:] == ["1"]:
            # It ends the container, and with it the check.
            return Result(FAILURE)
        # A process that has written its number into a file; process 1 is there for as long as the container is.
        return Result(ASKS if any(each & HEART for each in call.says[1:]) else EITHER)
    if name in ("let", "expr") and (name == "let" or any(word in ("<", ">", "<=", ">=", "=") for word in words)):
        return Result(comparison.compared(call), said)
    if name in _FILTERS:
        return _filter(name, words, call, said)
    output = said if name in _SAY_THEIR_WORDS else 0
    is_constant_path = name in ("ls", "cd", "du", "readlink", "realpath", "file") and all(map(is_constant, paths))
    return Result(SUCCESS if name in _CONSTANT or is_constant_path else EITHER, output)


def _filter(name: str, words: Sequence[str], call: Call, said: int) -> Result:
    """A program that passes on what it reads, or ends by it."""
    paths = operands_of(words)
    if name in ("grep", "egrep", "fgrep", "rg", "zgrep", "sed", "awk", "gawk", "mawk", "nawk", "jq", "yq"):
        paths = paths[1:]
    upstream = _searched(name, words, call.upstream) | (said if name in ("awk", "gawk", "mawk", "nawk") else 0)
    if any(map(_PROC_NET.match, paths)):
        upstream |= TELLS & _searched(name, words, LISTS) if name in _SEARCH else LISTS
    elif paths and not _all_constant(paths):
        # What a service has written there may be the time.
        upstream |= HEART
        call.script.heartbeats.update(paths)
    depends = name in _MATCH or (
        ("-e" in words or any(re.fullmatch(r"-[a-z]*e[a-z]*|--exit-status", word) for word in words))
        if name in ("jq", "yq")
        else name.endswith("awk") and any("exit" in word for word in words)
    )
    output = upstream & ~(STALE | TELLS) if name in _MATCH and not upstream & TELLS else upstream
    if not depends:
        can_fail = name not in _CONSTANT and paths and not all(map(is_constant, paths))
        return Result(EITHER if can_fail else SUCCESS, output)
    if upstream & TELLS or (upstream & HEART and upstream & CLOCK):
        return Result(ASKS, output)
    if upstream & STALE:
        return Result(INVERTED, output)
    constant = name in _MATCH and bool(paths) and _all_constant(paths)
    return Result(SUCCESS if constant else EITHER, output)


def _searched(name: str, words: Sequence[str], upstream: int) -> int:
    """What is upstream of a filter, once it is searched: a list of all that listens has a header in any case."""
    if not upstream & (LISTS | CONNECTIONS) or name not in _SEARCH:
        return upstream
    inverted = name.endswith("grep") and any(
        re.fullmatch(r"-[A-Za-z]*v[A-Za-z]*|--invert-match", each) for each in words
    )
    if upstream & CONNECTIONS:
        found = any(_LISTENS_ONLY.search(each) for each in words) and not inverted
        return (upstream & ~CONNECTIONS) | TELLS if found else upstream
    found = any(_LISTENS.search(each) for each in words if not each.startswith("-")) and not inverted
    return (upstream & ~LISTS) | (TELLS if found else 0)


def _all_constant(paths: Sequence[str]) -> bool:
    """Whether there are paths, all of files that are there and stay as they are; those of `/proc` don't."""
    return bool(paths) and all(is_constant(path) and not path.startswith(("/proc", "/sys")) for path in paths)


def _sets_a_time(words: Sequence[str]) -> bool:
    return any(word.startswith(("-d", "-t", "-r", "--date", "--reference")) for word in words)


def _written_at(words: Sequence[str], paths: Sequence[str], call: Call) -> int:
    """What says when a file was written, if the service can have written it."""
    files = [path for path in paths if not path.startswith("%") and not path.startswith("+")]
    if not files or any(map(is_constant, files)):
        return 0
    call.script.heartbeats.update(files)
    return HEART


def _date(words: Sequence[str], call: Call) -> int:
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word == "-r":
            return _written_at(words, [following], call)
        if word.startswith("--reference="):
            return _written_at(words, [word.partition("=")[2]], call)
    said = 0
    for each in call.says[1:]:
        said |= each
    # A time that is given, such as that of a file, in another form.
    return said if said & HEART else CLOCK


def _found_by_age(words: Sequence[str], paths: Sequence[str], call: Call) -> int:
    """What a list of files says that are younger than some age, or older."""
    roots = []
    for word in words:
        if word.startswith(("-", "(", "!")):
            break
        roots.append(word)
    if not roots or any(map(is_constant, roots)) or {"-o", "-or"} & set(words):
        return 0
    for word, value in zip(words, [*words[1:], ""], strict=False):
        if word not in _AGE:
            continue
        if word in _OLDEST:
            amount = value.lstrip("+-")
            if not amount.replace(".", "").isdigit() or float(amount) > _OLDEST[word]:
                return 0
        elif is_constant(value):
            return 0
        call.script.heartbeats.update(roots)
        return STALE if value.startswith("+") or "!" in words or "-not" in words else TELLS
    return 0
