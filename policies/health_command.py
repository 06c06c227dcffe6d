"""Whether a health check's command can tell a service that works from one that doesn't.

It is enough of a POSIX shell's grammar to know which exit codes a script can end with: a script
that can't fail proves nothing, in whatever way it is written. A script that this can't read is taken
for one that proves nothing: a check that people can read is part of what is asked for.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Sequence
from typing import Final

#: How a command can end. The last two are of a script that ends there, with `exit`.
SUCCESS, FAILURE, LEFT_SUCCESS, LEFT_FAILURE = 1, 2, 4, 8
EITHER: Final = SUCCESS | FAILURE
LEFT: Final = LEFT_SUCCESS | LEFT_FAILURE

#: Characters and levels of nesting that are read; a health check needs far fewer.
MAX_LENGTH: Final = 4096
MAX_DEPTH: Final = 12

#: Stands for a word that isn't known yet: no command's name, and no constant.
UNKNOWN_WORD: Final = "$?"

TOKEN: Final = re.compile(
    r"""
    (?:[ \t\r]|\\\n)+ | \#[^\n]*
    | (?P<redirect>[0-9]*(?:<<-?|>>|<>|>\||<|>)&?)
    | (?P<operator>&&|\|\||;;|[;&|()\n])
    | (?P<word>(?:[^ \t\r\n;&|()<>"'`\\$]+ | \\. | "(?:[^"\\]|\\.)*" | '[^']*' | `[^`]*`
        | \$\((?:[^()]|\([^()]*\))*\) | \$\{[^}]*\} | \$)+)
    """,
    re.DOTALL | re.VERBOSE,
)

QUOTED: Final = re.compile(r"""  "((?:[^"\\]|\\.)*)" | '([^']*)' | \\(.)  """, re.DOTALL | re.VERBOSE)

SUBSTITUTION: Final = re.compile(r"""\$\((.*)\)"?|`([^`]*)`"?""", re.DOTALL)

ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")

DURATION: Final = re.compile(r"[0-9.]+[smhd]?")

#: Paths that are there in every container, whatever its service does.
CONSTANT_PATH: Final = re.compile(
    r"/+(?:(?:bin|sbin|lib|lib64|usr|etc|proc|sys|dev(?!/shm))(?:/.*)?|tmp|var|run|home|root|opt|srv)?|\.\.?", re.DOTALL
)

#: Commands that succeed whatever happens around them.
CONSTANT: Final = frozenset({
    "true", ":", "echo", "printf", "sleep", "pwd", "date", "hostname", "id", "whoami", "uname", "arch", "nproc",
    "uptime", "free", "df", "ps", "printenv", "logger", "tee", "sort", "uniq", "tr", "cut", "yes", "sync",
    "clear", "export", "unset", "umask", "readonly", "local", "wait", "which", "type", "hash", "basename", "dirname",
    "seq", "ulimit", "jobs", "shopt",
})  # fmt: skip

#: Commands that fail only where the files that they name aren't there.
READERS: Final = frozenset({"cat", "ls", "stat", "head", "tail", "wc", "cd", "file", "du", "readlink", "realpath"})

#: Commands that run another one, each with the options that take a value.
WRAPPERS: Final = {
    "env": "uSC", "timeout": "sk", "nice": "n", "ionice": "cnp", "stdbuf": "ioe", "sudo": "ugp", "chrt": "", "time": "",
    "exec": "a", "command": "", "builtin": "", "nohup": "", "setsid": "", "busybox": "", "toybox": "",
    "tini": "", "dumb-init": "", "catatonit": "",
}  # fmt: skip

SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh"})

#: Commands that look for a text in files; what a file of the image says never changes.
SEARCHERS: Final = frozenset({"grep", "egrep", "fgrep", "sed", "awk"})

FILE_OPERATORS: Final = frozenset({
    "-e", "-f", "-d", "-r", "-w", "-x", "-s", "-h", "-L", "-p", "-S", "-b", "-c", "-g", "-k", "-u", "-O", "-G",
    "-N", "-nt", "-ot", "-ef",
})  # fmt: skip

#: Programs asked for no more than their version or help.
ABOUT: Final = frozenset(("--version", "--help", "-V", "-h", "-v", "version", "help"))

#: Words that end a list of commands, where a command could begin.
CLOSERS: Final = frozenset({"}", "then", "elif", "else", "fi", "do", "done", "esac"})


class _UnreadableError(Exception):
    pass


def proves_nothing(test: Sequence[str]) -> bool:
    """Whether a health check (`CMD` and words, or `CMD-SHELL` and a script) says healthy whatever happens.

    >>> [proves_nothing(test) for test in (["CMD", "/bin/true"], ["CMD-SHELL", "curl -f http://localhost || true"])]
    [True, True]
    >>> [proves_nothing(test) for test in (["CMD", "pg_isready"], ["CMD-SHELL", "curl -f http://localhost || exit 1"])]
    [False, False]
    """
    return _proves_nothing(tuple(test))


# The same few checks are judged over and over, and reading one takes far longer than looking it up.
@functools.lru_cache(maxsize=1024)
def _proves_nothing(test: tuple[str, ...]) -> bool:
    kind, *words = test or ("",)
    if not words or not words[0] or kind not in ("CMD", "CMD-SHELL"):
        return True
    try:
        outcome = _script(words[0], 0) if kind == "CMD-SHELL" else _command(words, SUCCESS, 0)
    except _UnreadableError:
        return True
    return not outcome & (FAILURE | LEFT_FAILURE)


def _script(script: str, depth: int, *, exits_on_error: bool = False, pipe_fails: bool = False) -> int:
    if len(script) > MAX_LENGTH or depth > MAX_DEPTH:
        raise _UnreadableError
    parser = _Parser(_tokens(script), depth)
    parser.options = (exits_on_error, pipe_fails)
    outcome = parser.commands()
    if parser.tokens:
        raise _UnreadableError
    return outcome


def _tokens(script: str) -> list[tuple[str, str]]:
    """Kinds and texts of the tokens, the last one first."""
    found, position = [], 0
    while position < len(script):
        match = TOKEN.match(script, position)
        if match is None:
            raise _UnreadableError
        position = match.end()
        if match.lastgroup:
            # A new line separates as a semicolon does.
            found.append((match.lastgroup, ";" if match[0] == "\n" else match[0]))
    return found[::-1]


class _Parser:
    """Reads tokens from the end of a list, and says how what it read can end."""

    def __init__(self, tokens: list[tuple[str, str]], depth: int) -> None:
        self.tokens = tokens
        self.depth = depth
        self.status = SUCCESS
        #: Whether an error ends the script (`set -e`), and whether it fails a whole pipeline (`pipefail`).
        self.options = (False, False)

    def peek(self, kind: str = "operator") -> str:
        """The next token's text if it is of that kind, else nothing."""
        return self.tokens[-1][1] if self.tokens and self.tokens[-1][0] == kind else ""

    def take(self, *expected: str, kind: str = "operator") -> str:
        """The next token, taken away, if it is one of those; else nothing."""
        if (token := self.peek(kind)) in expected and token:
            self.tokens.pop()
            return token
        return ""

    def expect(self, token: str, kind: str = "word") -> None:
        """Takes a token that has to be there."""
        if not self.take(token, kind=kind):
            raise _UnreadableError

    def commands(self) -> int:
        """Commands one after the other, up to the end or what closes a group."""
        outcome = SUCCESS
        separated = True
        while self.tokens:
            if self.take(";"):
                separated = True
                continue
            if self.peek() in (")", ";;") or self.peek("word") in CLOSERS:
                break
            if not separated:
                raise _UnreadableError
            self.status = outcome & EITHER
            found = self.and_or()
            separated = bool(self.take("&"))
            if separated:
                # What runs in the background has succeeded once it is started.
                found = SUCCESS
            elif self.options[0] and found & FAILURE:
                found = found & ~FAILURE | LEFT_FAILURE
            outcome = outcome & LEFT | (found if outcome & EITHER else 0)
        return outcome

    def and_or(self) -> int:
        """Pipelines with `&&` and `||` between them."""
        outcome = self.pipeline()
        options = self.options
        while operator := self.take("&&", "||"):
            goes_on, stops = (SUCCESS, FAILURE) if operator == "&&" else (FAILURE, SUCCESS)
            self.status = goes_on
            found = self.pipeline()
            outcome = outcome & (LEFT | stops) | (found if outcome & goes_on else 0)
            # It may not have run.
            self.options = options
        return outcome

    def pipeline(self) -> int:
        """Commands with `|` between them; the last one's end counts."""
        negated = False
        while self.take("!", kind="word"):
            negated = not negated
        outcome = self.command()
        options = self.options
        while self.take("|"):
            before = _from_subshell(outcome)
            self.take("&")
            outcome = _from_subshell(self.command())
            if options[1]:
                outcome |= before & FAILURE
            self.options = options
        if negated:
            outcome = outcome & LEFT | (FAILURE if outcome & SUCCESS else 0) | (SUCCESS if outcome & FAILURE else 0)
        return outcome

    def command(self) -> int:
        """A group, a block or a simple command."""
        while self.take(";"):
            # A line may end after an operator.
            pass
        options = self.options
        if self.take("("):
            outcome = _from_subshell(self.group())
            self.expect(")", "operator")
        elif self.take("{", kind="word"):
            outcome = self.group()
            options = self.options
            self.expect("}")
        elif self.take("if", kind="word"):
            outcome = self.condition()
            self.expect("fi")
        elif loop := self.take("while", "until", "for", kind="word"):
            outcome = self.loop(loop)
        elif self.take("case", kind="word"):
            outcome = self.case()
        else:
            return self.simple()
        self.options = options
        return outcome | (FAILURE if self.redirects([]) else 0)

    def group(self) -> int:
        """What is in a group."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _UnreadableError
        outcome = self.commands()
        self.depth -= 1
        return outcome

    def condition(self) -> int:
        """What follows `if`, up to `fi`."""
        outcome = self.group()
        self.expect("then")
        then, otherwise = self.group(), SUCCESS
        if self.take("elif", kind="word"):
            self.depth += 1
            otherwise = self.condition()
            self.depth -= 1
        elif self.take("else", kind="word"):
            otherwise = self.group()
        return outcome & LEFT | (then if outcome & SUCCESS else 0) | (otherwise if outcome & FAILURE else 0)

    def loop(self, kind: str) -> int:
        """A loop. One that waits for something may wait until the check's time is up, which is a failure."""
        if kind == "for":
            self.redirects([])
            self.take(";")
            outcome = SUCCESS
        else:
            found = self.group()
            outcome = found & LEFT | (found & EITHER if found & EITHER == EITHER else SUCCESS)
        self.expect("do")
        outcome |= self.group()
        self.expect("done")
        return outcome

    def case(self) -> int:
        """A `case`, up to `esac`: it can end as any of its commands."""
        outcome = SUCCESS
        while self.tokens:
            if self.take("esac", kind="word"):
                return outcome
            if not self.peek("word"):
                self.tokens.pop()
                continue
            self.status = EITHER
            outcome |= self.simple()
        raise _UnreadableError

    def redirects(self, words: list[str]) -> bool:
        """Takes words and redirections up to an operator; whether a redirection can fail."""
        fails = False
        while self.tokens and self.tokens[-1][0] != "operator":
            kind, token = self.tokens.pop()
            if kind == "word":
                words.append(token)
                continue
            target = _unquoted(self.peek("word"))
            if not target:
                raise _UnreadableError
            self.tokens.pop()
            # Opening `/dev/tcp/...` is how bash tries a port; reading a file fails where there is none.
            fails |= target.startswith(("/dev/tcp/", "/dev/udp/")) or (
                token.lstrip("0123456789") in ("<", "<>") and not _is_constant_path(target)
            )
        return fails

    def simple(self) -> int:
        """A command and its words."""
        raw: list[str] = []
        fails = self.redirects(raw)
        if self.peek() == "(":
            # A function takes any command's name.
            raise _UnreadableError
        start = 0
        while start < len(raw) and ASSIGNMENT.match(raw[start]):
            start += 1
        outcome = self.run(raw, start)
        return outcome | FAILURE if fails else outcome

    def run(self, raw: Sequence[str], start: int) -> int:
        """How a command can end whose name is the word at `start`, behind assignments."""
        if start == len(raw) or (start == len(raw) - 1 and raw[start].startswith(("$(", "`", '"$(', '"`'))):
            # Where nothing else decides, the last command that was substituted does.
            found = SUBSTITUTION.search(raw[-1]) if raw else None
            return _from_subshell(_script(found[1] or found[2] or "", self.depth + 1)) if found else SUCCESS
        words = [_unquoted(word) for word in raw[start:]]
        if words[0] == "set":
            self.set_options(words[1:])
        return _command(words, self.status, self.depth)

    def set_options(self, options: Sequence[str]) -> None:
        """Takes note of the shell's options that matter for how a script ends."""
        for option in options:
            if option == "pipefail":
                self.options = (self.options[0], True)
            elif option[:1] in ("-", "+") and "e" in option:
                self.options = (option[0] == "-", self.options[1])


def _from_subshell(outcome: int) -> int:
    """An `exit` in a subshell ends no more than that."""
    return outcome & EITHER | (outcome & LEFT) >> 2


def _unquoted(word: str) -> str:
    """A word without its quotes, and without dollars that the shell doesn't expand: those left stand for something."""
    return QUOTED.sub(_content, word)


def _content(match: re.Match[str]) -> str:
    if match[1] is not None:
        return match[1]
    return (match[2] or match[3] or "").replace("$", "").replace("`", "").replace("\n", "")


def _is_dynamic(word: str) -> bool:
    return "$" in word or "`" in word


def _is_constant_path(path: str) -> bool:
    return not _is_dynamic(path) and bool(CONSTANT_PATH.fullmatch(posixpath.normpath(path) if path else "."))


def _reads_the_image(paths: Sequence[str]) -> bool:
    """Whether there are paths, all of files that are there and stay as they are; those of `/proc` don't."""
    return bool(paths) and all(_is_constant_path(path) and not path.startswith(("/proc", "/sys")) for path in paths)


def _operands(words: Sequence[str]) -> list[str]:
    return [word for word in words if not word.startswith("-") and not word.isdigit()]


def _command(words: Sequence[str], status: int, depth: int) -> int:
    """How a command with its words, free of quotes, can end where the one before ended with `status`."""
    words = list(words)
    while words and (name := posixpath.basename(words[0])) in WRAPPERS:
        if name == "command" and words[1:2] in (["-v"], ["-V"]):
            # It asks where a program is, and runs none.
            return SUCCESS
        words = _wrapped(words[1:], WRAPPERS[name])
    if not words:
        return SUCCESS
    name, operands = posixpath.basename(words[0]), words[1:]
    if name in ("exit", "return"):
        return _exit(operands, status)
    if name in ("trap", "function", "alias"):
        # They change what other commands mean.
        raise _UnreadableError
    if name in SHELLS:
        return _shell(operands, depth)
    if name == "eval":
        return _script(" ".join(operands), depth + 1)
    if name == "false":
        return FAILURE
    if name == "[" or name == "[[" or name == "test":
        return _test([word for word in operands if word not in ("]", "]]")])
    constant = (
        name in CONSTANT
        or name == "set"
        or (name in READERS and all(_is_constant_path(word) for word in _operands(operands)))
        or (name in SEARCHERS and _reads_the_image(_operands(operands)[1:]))
        # Process 1 is there for as long as the container is.
        or (name == "kill" and operands[-1:] in (["1"], ["0"], ["$$"]))
        or (len(operands) == 1 and operands[0] in ABOUT)
    )
    return SUCCESS if constant else EITHER


def _wrapped(words: list[str], with_value: str) -> list[str]:
    """What a wrapper runs: its words after options, settings and a duration."""
    while words:
        word = words[0]
        if word == "--":
            return words[1:]
        if word.startswith("-") and len(word) > 1:
            takes_next = len(word) == 2 and word[1] in with_value
            words = words[2 if takes_next else 1 :]
        elif ASSIGNMENT.match(word) or DURATION.fullmatch(word):
            words = words[1:]
        else:
            break
    return words


def _exit(operands: Sequence[str], status: int) -> int:
    code = operands[0] if operands else "$?"
    if code == "$?":
        return (status & EITHER) << 2
    if code.isascii() and code.isdigit() and len(code) < MAX_LENGTH:
        # Only the lowest eight bits count.
        return LEFT_FAILURE if int(code) % 256 else LEFT_SUCCESS
    return LEFT


def _shell(operands: Sequence[str], depth: int) -> int:
    """How `sh` with those words can end: a script that is given is read, a file isn't."""
    exits_on_error = pipe_fails = takes_script = False
    rest = list(operands)
    while rest and rest[0][:1] in ("-", "+") and rest[0] != "--":
        option = rest.pop(0)
        if not option.startswith("--"):
            takes_script |= "c" in option
            exits_on_error |= option[0] == "-" and "e" in option
            if option.endswith(("o", "O")) and rest:
                pipe_fails |= rest.pop(0) == "pipefail"
    if rest[:1] == ["--"]:
        rest = rest[1:]
    if not rest:
        # It reads a script from its input, which is empty.
        return SUCCESS
    if not takes_script or rest[0] == UNKNOWN_WORD:
        return EITHER
    return _from_subshell(_script(rest[0], depth + 1, exits_on_error=exits_on_error, pipe_fails=pipe_fails))


def _test(operands: Sequence[str]) -> int:
    if any(map(_is_dynamic, operands)):
        return EITHER
    if any(word in FILE_OPERATORS for word in operands):
        paths = [word for word in operands if word not in FILE_OPERATORS and word not in ("!", "-a", "-o", "&&", "||")]
        return SUCCESS if all(_is_constant_path(path) for path in paths) else EITHER
    return SUCCESS
