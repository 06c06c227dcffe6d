"""What a command of a health check asks: the service, by a connection or by how old its heartbeat is, or nothing.

A program that this doesn't know is taken for one that asks: its content is the image's. What every image has (the
shell's own commands, coreutils, procps) asks nothing by itself, and neither does a program that is only to give its
version or to check its own config.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Sequence
from typing import Final

from policies.health import clients, code, comparison
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
    in_subshell,
)
from policies.health.paths import is_constant, operands_of
from policies.health.script import Call
from policies.health.words import UnreadableError

#: The shell's own commands and programs of every image that ask a service nothing. That of `cat`, `grep` and the like
#: depends on what they read.
_ASK_NOTHING: Final = frozenset({
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

_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh"})

#: Commands that run another one, each with the options that take a value and how many words stand before that one.
_WRAPPERS: Final = {
    "env": ("uSC", 0), "timeout": ("sk", 0), "nice": ("n", 0), "ionice": ("cnp", 0), "stdbuf": ("ioe", 0),
    "sudo": ("ugp", 0), "doas": ("uC", 0), "chrt": ("", 0), "time": ("", 0), "exec": ("a", 0), "command": ("", 0),
    "builtin": ("", 0), "nohup": ("", 0), "setsid": ("", 0), "busybox": ("", 0), "toybox": ("", 0), "tini": ("epg", 0),
    "dumb-init": ("r", 0), "catatonit": ("", 0), "gosu": ("", 1), "su-exec": ("", 1), "s6-setuidgid": ("", 1),
    "chpst": ("ubenm", 0), "setpriv": ("", 0), "runuser": ("ugG", 0), "chroot": ("", 1), "flock": ("wE", 1),
    "xargs": ("InPLsdE", 0), "unshare": ("", 0), "strace": ("eos", 0), "chronic": ("", 0), "faketime": ("", 1),
    "fakeroot": ("", 0), "ltrace": ("eos", 0), "coreutils": ("", 0),
    "nsenter": ("t", 0), "taskset": ("", 1), "unbuffer": ("", 0), "ts": ("", 0),
}  # fmt: skip

_ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_DURATION: Final = re.compile(r"[0-9.]+[smhd]?")

#: Words by which a program is asked for its version, its help, or whether its own config is right.
_ABOUT: Final = frozenset(
    {"--version", "-version", "--help", "-help", "-V", "-h", "-v", "-vv", "--info", "version", "help", "list-modules"}
)
_ABOUT_ANYWHERE: Final = frozenset({"--version", "-version", "--help", "-help"})
_OWN_CONFIG: Final = re.compile(
    r"configtest|check-?conf(?:ig)?|validate(?:-?config)?|lint|test-?config|config-?test|syntax(?:-?check)?"
    r"|--?(?:config-?test|test-?config|test-?conf|validate(?:-?config)?|check-?config|syntax-?check|dry-?run|lint"
    r"|print-?config|dump-?config|show-?config|print-?defaults|modules)(?:=.*)?"
)
_TEST_OPTION: Final = re.compile(r"-q?[tT]q?")
_CHECKS_CONFIG: Final = re.compile(r".*-?check-?conf(?:ig)?")
#: The option that does the same in programs that call it otherwise.
_OWN_TEST: Final = {
    "haproxy": {"-c", "-cc"}, "caddy": {"fmt", "adapt"},
    "apachectl": {"-S"}, "apache2ctl": {"-S"}, "httpd": {"-S"},
    "php": {"-l", "-i", "-m", "--ini"}, "perl": {"-c"}, "ruby": {"-c"}, "squid": {"-k"},
    "node": {"-c", "--check"}, "varnishd": {"-C"}, "dovecot": {"-n", "-a"}, "sshd": {"-T"}, "postgres": {"-C"},
    "celery": {"report"}, "mongosh": {"--nodb"}, "mongo": {"--nodb"}, "sh": {"-n"}, "bash": {"-n"}, "dash": {"-n"},
}  # fmt: skip

#: A signal to a process, as nginx calls it.
_SIGNALS: Final = frozenset(("-s", each) for each in ("reload", "reopen", "stop", "quit"))

#: Files that hold no script of the image's own.
_NO_SCRIPT: Final = re.compile(r"/(?:dev|proc)/.*|/etc/profile")

#: A word that is what the shell puts in its place, and nothing else.
_REPLACED: Final = re.compile(r"\$(?:\(\)|\?|\w+|\{[^}]*\})")

_HAS_DEFAULT: Final = re.compile(r"\$\{\w+:?[-=+]")

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


def judge(call: Call) -> Result:
    """How a command can end, and what its output says.

    Raises:
        UnreadableError: it changes what other commands mean, or has a script that can't be read.
    """
    unwrapped = _unwrapped(call)
    if unwrapped is None:
        return Result(EITHER)
    call = unwrapped
    if not call.words:
        return Result(SUCCESS, call.upstream)
    name = posixpath.basename(call.words[0].text)
    words = [each.text for each in call.words[1:]]
    if name in ("trap", "function", "alias", "enable", "coproc") or _is_assigned(call) or _is_any(call.words[0].text):
        raise UnreadableError
    if name in ("export", "declare", "typeset", "readonly", "local"):
        for word in words:
            call.script.check_setting(word)
    if name == "false":
        return Result(FAILURE)
    if _is_about_itself(name, words) or call.words[0].text.startswith("/proc/") or name.startswith("ld-linux"):
        return Result(EITHER)
    if name in _SHELLS or name == "su":
        return _shell(call, words)
    if name in (".", "source") and words[:1] and _NO_SCRIPT.fullmatch(words[0]):
        return Result(EITHER)
    if name == "eval":
        return _nested(call, " ".join(words))
    if name in ("[", "[[", "test", "(("):
        return Result(comparison.ends(call))
    if name in code.INTERPRETERS:
        return code.judge(name, words, call)
    if name in clients.CLIENTS:
        return clients.judge(name, words, call)
    if clients.asks_another_host(name, words, call.script.is_own):
        return Result(EITHER)
    if name in _ASK_NOTHING:
        return _tool(name, words, call)
    return Result(ASKS, TELLS)


def _is_any(word: str) -> bool:
    """Whether a command's name is a parameter of the script, or a pattern for names of files."""
    return re.fullmatch(r"\$[0-9@*]", word) is not None or (re.search(r"[*?]", word) is not None and "$" not in word)


def _is_assigned(call: Call) -> bool:
    """Whether the command's name is a variable that the script itself sets, or gives a default."""
    word = call.words[0]
    names = [part.text for part in word.parts if part.kind == "variable"]
    return _HAS_DEFAULT.match(word.text) is not None or any(name in call.script.variables for name in names)


def _unwrapped(call: Call) -> Call | None:
    """The command that wrappers run; None where they may run none."""
    words, says, upstream = list(call.words), list(call.says), call.upstream
    while words and (name := posixpath.basename(words[0].text)) in _WRAPPERS:
        rest = [each.text for each in words[1:]]
        if name == "command" and rest[:1] in (["-v"], ["-V"]):
            return None
        if name == "setsid" and not any(re.fullmatch(r"-[a-z]*w[a-z]*|--wait", word) for word in rest):
            # Where it has to start a process, it doesn't wait for how that ends.
            return None
        if name == "env":
            for word in rest:
                call.script.check_setting(word)
        with_value, before = _WRAPPERS[name]
        skipped = 1 + _skipped(rest, with_value, before)
        if name == "xargs" and {"-r", "--no-run-if-empty"} & set(rest):
            return None
        if name == "xargs" and upstream:
            says = [each | upstream for each in says]
        words, says = words[skipped:], says[skipped:]
    return Call(words, says, upstream, call.depth, call.script)


def _skipped(words: Sequence[str], with_value: str, before: int) -> int:
    """How many words of a wrapper stand before the command that it runs: options, settings, a duration."""
    index = 0
    while index < len(words):
        word = words[index]
        if word == "--":
            return index + 1
        if word == "-":
            # `env -` runs a command with no variables.
            index += 1
        elif word.startswith("-"):
            index += 2 if len(word) == 2 and word[1] in with_value else 1
        elif _ASSIGNMENT.match(word) or _DURATION.fullmatch(word):
            index += 1
        elif before:
            before -= 1
            index += 1
        else:
            break
    return index


def _is_about_itself(name: str, words: Sequence[str]) -> bool:
    """Whether a program is only asked for its version or help, or to check its own config."""
    if any(word in _ABOUT_ANYWHERE for word in words) or (words and all(word in _ABOUT for word in words)):
        return True
    if "-V" in words and all(word.startswith("-") for word in words):
        return True
    if _CHECKS_CONFIG.fullmatch(name) or any(word in _OWN_TEST.get(name, ()) for word in words):
        return True
    if words[1:] == ["check"] and words[0].endswith("manage.py"):
        return True
    if words[:2] in (["config", "check"], ["config", "validate"], ["config", "test"], ["check", "config"]):
        return True
    if any(pair in _SIGNALS for pair in itertools.pairwise(words)):
        return True
    for word, following in zip(words, [*words[1:], "-"], strict=False):
        if _OWN_CONFIG.fullmatch(word):
            return True
        if name not in _ASK_NOTHING and _TEST_OPTION.fullmatch(word) and following.startswith("-"):
            return True
    return False


def _nested(call: Call, text: str, **options: bool) -> Result:
    found = call.script.run(text, call.depth + 1, call.upstream, **options)
    return Result(in_subshell(found.ends), found.output)


def _shell(call: Call, words: list[str]) -> Result:
    """How `sh` with those words can end: a script that is given is read, a file isn't."""
    exits_on_error = pipe_fails = takes_script = False
    rest = list(words)
    is_su = posixpath.basename(call.words[0].text) == "su"
    while rest and (rest[0][:1] in ("-", "+") or (is_su and not takes_script)) and rest[0] != "--":
        option = rest.pop(0)
        if option.startswith("--") or option[:1] not in ("-", "+"):
            takes_script |= option == "--command"
            continue
        takes_script |= "c" in option
        exits_on_error |= option[0] == "-" and "e" in option and not is_su
        if (option.endswith(("o", "O")) or (is_su and option == "-s")) and rest:
            pipe_fails |= rest.pop(0) == "pipefail"
    if rest[:1] == ["--"]:
        rest = rest[1:]
    if not rest:
        # It reads a script from its input, which is empty.
        return Result(SUCCESS)
    if not takes_script or _REPLACED.fullmatch(rest[0]):
        # A file, or a script that a variable holds; what is in it, isn't known.
        return Result(EITHER) if _NO_SCRIPT.fullmatch(rest[0]) else Result(ASKS, TELLS)
    return _nested(call, rest[0], exits_on_error=exits_on_error, pipe_fails=pipe_fails)


def _tool(name: str, words: Sequence[str], call: Call) -> Result:
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
