"""Programs that run another one, such as `timeout` and `env`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import Final

from policies.health.shell.script import ASSIGNMENT, Call

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

_DURATION: Final = re.compile(r"[0-9.]+[smhd]?")


def unwrap(call: Call) -> Call | None:
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
        elif ASSIGNMENT.match(word) or _DURATION.fullmatch(word):
            index += 1
        elif before:
            before -= 1
            index += 1
        else:
            break
    return index
