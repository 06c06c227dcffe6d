"""Simple commands of a shell script: words, redirections, assignments, and how each command can end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from policies.health.outcomes import (
    ASKS,
    BAD,
    BROKEN_OUT,
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
    in_subshell,
    then,
)
from policies.health.shell.script import ASSIGNMENT, Call, Script
from policies.health.shell.words import Token, UnreadableError, Word, word

#: The last of the files that each command has open.
_STDERR: Final = 2

#: What bash opens as a connection; one of UDP is open whether anything listens or not.
_CONNECTION: Final = re.compile(r"/dev/tcp/(\[[^\]]*\]|[^/]*)/")


class SimpleCommands:
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
        while start < len(raw) and (match := ASSIGNMENT.match(raw[start])):
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
