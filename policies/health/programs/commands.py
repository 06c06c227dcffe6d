"""What a command of a health check asks: the service, by a connection or by how old its heartbeat is, or nothing.

A program that this doesn't know is taken for one that asks: its content is the image's. What every image has (the
shell's own commands, coreutils, procps) asks nothing by itself, and neither does a program that is only to give its
version or to check its own config.
"""

from __future__ import annotations

import posixpath
import re
from typing import Final

from policies.health.outcomes import ASKS, EITHER, FAILURE, SUCCESS, TELLS, Result, in_subshell
from policies.health.programs import clients, code, comparison
from policies.health.programs.self_tests import is_about_itself
from policies.health.programs.tools import ASK_NOTHING, tool
from policies.health.programs.wrappers import unwrap
from policies.health.shell.script import Call
from policies.health.shell.words import UnreadableError

_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh"})

#: Files that hold no script of the image's own.
_NO_SCRIPT: Final = re.compile(r"/(?:dev|proc)/.*|/etc/profile")

#: A word that is what the shell puts in its place, and nothing else.
_REPLACED: Final = re.compile(r"\$(?:\(\)|\?|\w+|\{[^}]*\})")

_HAS_DEFAULT: Final = re.compile(r"\$\{\w+:?[-=+]")


def judge(call: Call) -> Result:
    """How a command can end, and what its output says.

    Raises:
        UnreadableError: it changes what other commands mean, or has a script that can't be read.
    """
    unwrapped = unwrap(call)
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
    if is_about_itself(name, words) or call.words[0].text.startswith("/proc/") or name.startswith("ld-linux"):
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
    if name in ASK_NOTHING:
        return tool(name, words, call)
    return Result(ASKS, TELLS)


def _is_any(word: str) -> bool:
    """Whether a command's name is a parameter of the script, or a pattern for names of files."""
    return re.fullmatch(r"\$[0-9@*]", word) is not None or (re.search(r"[*?]", word) is not None and "$" not in word)


def _is_assigned(call: Call) -> bool:
    """Whether the command's name is a variable that the script itself sets, or gives a default."""
    word = call.words[0]
    names = [part.text for part in word.parts if part.kind == "variable"]
    return _HAS_DEFAULT.match(word.text) is not None or any(name in call.script.variables for name in names)


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
