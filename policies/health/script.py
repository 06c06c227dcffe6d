"""Reads a health check's shell script: enough of POSIX's grammar to know how it can end, and what it asked by then."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from policies.health.outcomes import (
    ASKS,
    BAD,
    BROKEN_OUT,
    CLOCK,
    EITHER,
    FAIL,
    GOOD,
    HEART,
    LEFT,
    STATUS,
    SUCCESS,
    TELLS,
    Endings,
    Result,
    choose,
    exits_on_error,
    going_on,
    in_subshell,
    known,
    negated,
    then,
)
from policies.health.words import Token, UnreadableError, Word, names_in, tokens, word

#: Levels of nesting that are read; a health check needs far fewer.
MAX_DEPTH: Final = 12

_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=")
_SUBSTITUTED: Final = re.compile(r"\$\((?:[^(]|$)|\$\(\(")

#: Words that end a list of commands, where a command could begin.
_CLOSERS: Final = frozenset({"}", "then", "elif", "else", "fi", "do", "done", "esac"})

#: The last of the files that each command has open.
_STDERR: Final = 2

#: What bash opens as a connection; one of UDP is open whether anything listens or not.
_CONNECTION: Final = re.compile(r"/dev/tcp/(\[[^\]]*\]|[^/]*)/")


#: Variables that send a client to another host, and those that change what every program does.
_HOST_VARIABLE: Final = re.compile(
    r"PGHOST|PGHOSTADDR|REDISCLI_HOST|MYSQL_HOST|VAULT_ADDR|ETCDCTL_ENDPOINTS|CONSUL_HTTP_ADDR|NATS_URL"
    r"|(?:https?|all)_proxy",
    re.IGNORECASE,
)
_LOADER_VARIABLE: Final = re.compile(r"LD_PRELOAD|BASH_ENV|CURL_HOME")
_HOST: Final = re.compile(r"(?:[a-z0-9+]+://)?(?:[^/@]*@)?(\[[^\]]*\]|[^:/,]*)", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """A command as it is run: its words, what those say, and what its input says (see `Result.output`)."""

    words: Sequence[Word]
    says: Sequence[int]
    upstream: int
    depth: int
    script: Script


@dataclass
class Script:
    """What is known throughout a script and the scripts in it.

    `judge` says how a command can end, `is_own` whether a host is the container itself. `written` are files that the
    script itself writes, `heartbeats` those whose age it looks at.
    """

    judge: Callable[[Call], Result]
    is_own: Callable[[str], bool]
    variables: dict[str, int] = field(default_factory=lambda: {"EPOCHSECONDS": CLOCK})
    written: set[str] = field(default_factory=set)
    heartbeats: set[str] = field(default_factory=set)
    connected: bool = False

    def run(
        self, text: str, depth: int, upstream: int = 0, *, exits_on_error: bool = False, pipe_fails: bool = False
    ) -> Result:
        """How the script in `text` can end.

        Raises:
            UnreadableError: it can't be read.
        """
        if depth > MAX_DEPTH:
            raise UnreadableError
        parser = _Parser(self, tokens(text), depth, upstream)
        parser.options = (exits_on_error, pipe_fails)
        result = parser.commands()
        if parser.tokens:
            raise UnreadableError
        return Result(result.ends, result.output)

    def check_setting(self, text: str) -> None:
        """Checks that a variable's value, as in `NAME=value`, leads to no other host and replaces no program.

        Raises:
            UnreadableError: it does.
        """
        match = _ASSIGNMENT.match(text)
        value = text[match.end() :] if match else ""
        if not match or not value:
            return
        host = _HOST.match(value)
        is_elsewhere = host is not None and not value.startswith("/") and not self.is_own(host[1])
        if _LOADER_VARIABLE.fullmatch(match[1]) or (_HOST_VARIABLE.fullmatch(match[1]) and is_elsewhere):
            raise UnreadableError

    def says(self, each: Word, depth: int, last: Endings) -> int:
        """What the text that the shell puts into a word says; `last` is how the command before ended."""
        found = 0
        for part in each.parts:
            if part.kind == "script":
                found |= self.run(part.text, depth + 1).output
            elif part.kind == "variable":
                found |= STATUS if part.text == "?" and known(last) else self.variables.get(part.text, 0)
            else:
                for name in names_in(part.text):
                    found |= self.variables.get(name, 0)
                if _SUBSTITUTED.search(part.text) or "`" in part.text or "$" in part.text:
                    found |= self.says(word(f'"{part.text}"'), depth + 1, last)
        return found


class _Parser:
    """Reads tokens from the end of a list."""

    def __init__(self, script: Script, found: list[Token], depth: int, upstream: int) -> None:
        self.script = script
        self.tokens = found[::-1]
        self.depth = depth
        self.upstream = upstream
        #: How what ran last can have ended.
        self.last: Endings = SUCCESS
        #: Whether an error ends the script (`set -e`), and whether it fails a whole pipeline (`pipefail`).
        self.options = (False, False)

    def peek(self, kind: str = "operator") -> str:
        """The next token's text if it is of that kind, else nothing."""
        return self.tokens[-1].text if self.tokens and self.tokens[-1].kind == kind else ""

    def take(self, *expected: str, kind: str = "operator") -> str:
        """The next token, taken away, if it is one of those; else nothing."""
        found = self.peek(kind)
        if found and found in expected:
            self.tokens.pop()
            return found
        return ""

    def expect(self, text: str, kind: str = "word") -> None:
        """Takes a token that has to be there."""
        if not self.take(text, kind=kind):
            raise UnreadableError

    def commands(self) -> Result:
        """Commands one after the other, up to the end or what closes a group."""
        ends, output, separated = SUCCESS, 0, True
        while self.tokens:
            if self.take(";"):
                separated = True
                continue
            if self.peek() in (")", ";;") or self.peek("word") in _CLOSERS:
                break
            if not separated:
                raise UnreadableError
            found = self.and_or()
            separated = bool(self.take("&"))
            # What runs in the background has succeeded once it is started.
            latest = SUCCESS if separated else found.ends
            if self.options[0] and not separated:
                latest = exits_on_error(latest)
            ends, output = then(ends, latest), output | found.output
            self.last = frozenset(each for each in latest if not each & LEFT) or latest
        return Result(ends, output)

    def and_or(self) -> Result:
        """Pipelines with `&&` and `||` between them."""
        found = self.pipeline()
        ends, output, options = found.ends, found.output, self.options
        while operator := self.take("&&", "||"):
            self.last = going_on(ends, success=operator == "&&") or ends
            found = self.pipeline()
            ends = choose(ends, **{"on_success" if operator == "&&" else "on_failure": found.ends})
            output |= found.output
            # It may not have run.
            self.options = options
        return Result(ends, output)

    def pipeline(self) -> Result:
        """Commands with `|` between them; the last one's end counts."""
        is_negated = False
        while self.take("!", kind="word"):
            is_negated = not is_negated
        upstream = self.upstream
        found = self.command()
        options = self.options
        while self.take("|", "|&"):
            before = in_subshell(found.ends)
            self.upstream = found.output
            found = self.command()
            ends = in_subshell(found.ends)
            if options[1]:
                ends = choose(before, on_success=ends)
            found = Result(ends, found.output)
            self.options = options
        self.upstream = upstream
        return Result(negated(found.ends), found.output) if is_negated else found

    def command(self) -> Result:
        """A group, a block or a simple command."""
        while self.take(";"):
            # A line may end after an operator.
            pass
        options = self.options
        if self.take("("):
            inner = self.group()
            found = Result(in_subshell(inner.ends), inner.output)
            self.expect(")", "operator")
        elif self.take("{", kind="word"):
            found = self.group()
            options = self.options
            self.expect("}")
        elif self.take("if", kind="word"):
            found = self.condition()
            self.expect("fi")
        elif loop := self.take("while", "until", "for", kind="word"):
            found = self.loop(loop)
        elif self.take("case", kind="word"):
            found = self.case()
        else:
            return self.simple()
        self.options = options
        opened, _ = self.redirects([])
        if opened == ASKS:
            # Without the connection the group doesn't run.
            return Result(choose(ASKS, on_success=found.ends), found.output)
        return Result(found.ends | (opened - SUCCESS), found.output)

    def group(self) -> Result:
        """What is in a group."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UnreadableError
        found = self.commands()
        self.depth -= 1
        return found

    def condition(self) -> Result:
        """What follows `if`, up to `fi`."""
        asked = self.group()
        self.expect("then")
        self.last = going_on(asked.ends, success=True)
        met, otherwise = self.group(), Result(SUCCESS)
        self.last = going_on(asked.ends, success=False)
        if self.take("elif", kind="word"):
            self.depth += 1
            otherwise = self.condition()
            self.depth -= 1
        elif self.take("else", kind="word"):
            otherwise = self.group()
        ends = set(choose(asked.ends, on_success=met.ends, on_failure=otherwise.ends))
        return Result(frozenset(ends), asked.output | met.output | otherwise.output)

    def loop(self, kind: str) -> Result:
        """A loop. One that waits for something may wait until the check's time is up, which is a failure."""
        if kind == "for":
            words: list[str] = []
            self.redirects(words)
            self.take(";")
            asked = Result(SUCCESS if len(words) > 2 else frozenset({FAIL}))
        else:
            asked = self.group()
        self.expect("do")
        body = self.group()
        self.expect("done")
        output = asked.output | body.output
        if kind == "for":
            once = choose(asked.ends, on_success=body.ends, on_failure=SUCCESS)
            return Result(_out_of_loop(once | then(once, body.ends)), output)
        goes_on = going_on(asked.ends, success=kind == "while")
        ends = frozenset(each & ~FAIL for each in going_on(asked.ends, success=kind != "while"))
        ends |= frozenset(each for each in asked.ends if each & LEFT)
        again = then(goes_on, body.ends)
        # What goes on and on is ended by the check's timeout.
        ends |= frozenset(each if each & LEFT else each | FAIL for each in again)
        return Result(_out_of_loop(ends), output)

    def case(self) -> Result:
        """A `case`, up to `esac`."""
        subject = self.script.says(word(self.tokens.pop().text if self.peek("word") else ""), self.depth, self.last)
        self.expect("in")
        ends: Endings = frozenset()
        output, is_caught = 0, False
        while not self.take("esac", kind="word"):
            if not self.tokens:
                raise UnreadableError
            if self.take(";", ";;", "("):
                continue
            patterns = [self.tokens.pop().text]
            while self.take("|") and self.tokens:
                patterns.append(self.tokens.pop().text)
            self.expect(")", "operator")
            found = self.group()
            catches_all = "*" in patterns
            is_caught |= catches_all
            evidence = (BAD if catches_all else GOOD) if subject & (TELLS | STATUS) else 0
            ends |= then(frozenset({evidence}), found.ends)
            output |= found.output
        return Result(ends if is_caught else ends | {BAD if subject else 0}, output)

    def redirects(self, words: list[str]) -> tuple[Endings, int]:
        """Takes words and redirections up to an operator; how the redirections can end, and what the input says."""
        ends, says = SUCCESS, 0
        while self.tokens and self.tokens[-1].kind != "operator":
            token = self.tokens.pop()
            if token.kind == "word":
                words.append(token.text)
                continue
            if not self.peek("word"):
                raise UnreadableError
            target = word(self.tokens.pop().text)
            opened, read = self.opened(token.text, target)
            says |= read
            ends = then(ends, opened) if ASKS in (ends, opened) else ends | opened
        return ends, says

    def opened(self, operator: str, target: Word) -> tuple[Endings, int]:
        """How opening the target of a redirection can end, and what is read from it says."""
        if operator == "<<<":
            return SUCCESS, self.script.says(target, self.depth, self.last)
        if match := _CONNECTION.match(target.text):
            if not self.script.is_own(match[1]):
                return EITHER, 0
            self.script.connected = True
            return ASKS, TELLS
        if operator in ("<", "<>"):
            return EITHER, HEART if "/dev/udp/" not in target.text else 0
        if operator in ("<&", ">&") and self.script.connected and target.text.isdigit() and int(target.text) > _STDERR:
            # What `exec` could not connect isn't open: bash goes on after that.
            return ASKS, TELLS
        if operator == "<&":
            return SUCCESS, TELLS if self.script.connected else 0
        if operator != ">&" or not target.text.isdigit():
            self.script.written.add(target.text)
        return SUCCESS, 0

    def simple(self) -> Result:
        """A command and its words."""
        if self.peek("word") == "[[":
            raw, opened, upstream = self.double_brackets(), SUCCESS, 0
        else:
            raw = []
            opened, upstream = self.redirects(raw)
        if self.peek() == "(":
            # A function takes any command's name.
            raise UnreadableError
        start = 0
        while start < len(raw) and (match := _ASSIGNMENT.match(raw[start])):
            self.script.check_setting(word(raw[start]).text)
            self.assign(match[1], raw[start][match.end() :])
            start += 1
        found = self.run([word(each) for each in raw[start:]], raw, upstream)
        if opened == ASKS:
            return Result(choose(ASKS, on_success=found.ends), found.output)
        return Result(found.ends | (opened - SUCCESS), found.output)

    def double_brackets(self) -> list[str]:
        """The words of `[[ ... ]]`, in which operators are words."""
        raw: list[str] = []
        while self.tokens:
            token = self.tokens.pop()
            raw.append({"&&": "-a", "||": "-o"}.get(token.text, token.text))
            if token.text == "]]":
                return raw
        raise UnreadableError

    def assign(self, name: str, raw: str) -> None:
        """Takes note of what a variable's new value says."""
        self.script.variables[name] = self.script.says(word(raw), self.depth, self.last)

    def run(self, words: list[Word], raw: Sequence[str], upstream: int) -> Result:
        """How a command can end, or an assignment by itself: as the last command that was substituted."""
        substituted = [part for each in raw[-1:] for part in word(each).parts if part.kind == "script"]
        if not words:
            if not substituted:
                # A redirection by itself, as in `$(< file)`, gives what it reads.
                return Result(SUCCESS, upstream)
            return Result(in_subshell(self.script.run(substituted[-1].text, self.depth + 1).ends))
        if len(words) == 1 and words[0].text == "$()" and substituted:
            return Result(in_subshell(self.script.run(substituted[-1].text, self.depth + 1).ends))
        name = words[0].text
        if name == "set":
            self.set_options([each.text for each in words[1:]])
        if name in ("exit", "return"):
            return Result(self.left(words[1:]))
        if name in ("break", "continue"):
            return Result(frozenset({LEFT | BROKEN_OUT}))
        says = [self.script.says(each, self.depth, self.last) for each in words]
        call = Call(words, says, upstream or self.upstream, self.depth, self.script)
        found = self.script.judge(call)
        if name == "exec" and len(words) > 1:
            # Nothing that follows runs.
            return Result(frozenset(each | LEFT for each in found.ends), found.output)
        return found

    def left(self, operands: Sequence[Word]) -> Endings:
        """How a script ends with `exit`."""
        code = operands[0].text if operands else "$?"
        if code == "$?":
            return frozenset(each | LEFT for each in self.last)
        if code.isascii() and code.isdigit():
            # Only the lowest eight bits count.
            return frozenset({LEFT | FAIL if int(code) % 256 else LEFT})
        if self.script.says(operands[0], self.depth, self.last) & STATUS:
            return frozenset({LEFT | GOOD, LEFT | FAIL | BAD})
        return frozenset({LEFT, LEFT | FAIL})

    def set_options(self, options: Sequence[str]) -> None:
        """Takes note of the shell's options that matter for how a script ends."""
        for option in options:
            if option == "pipefail":
                self.options = (self.options[0], True)
            elif option[:1] in ("-", "+") and "e" in option:
                self.options = (option[0] == "-", self.options[1])


def _out_of_loop(ends: Endings) -> Endings:
    """The endings of a loop; `break` goes on after it."""
    return frozenset(each & ~(BROKEN_OUT | LEFT) if each & BROKEN_OUT else each for each in ends)
