"""Reads a health check's shell script: enough of POSIX's grammar to know how it can end, and what it asked by then."""

from __future__ import annotations

from typing import Final

from policies.health.outcomes import (
    ASKS,
    BAD,
    BROKEN_OUT,
    FAIL,
    GOOD,
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
    negated,
    then,
)
from policies.health.shell.script import Script
from policies.health.shell.simple_commands import SimpleCommands
from policies.health.shell.words import UnreadableError, tokens, word

#: Levels of nesting that are read; a health check needs far fewer.
MAX_DEPTH: Final = 12

#: Words that end a list of commands, where a command could begin.
_CLOSERS: Final = frozenset({"}", "then", "elif", "else", "fi", "do", "done", "esac"})


def read(script: Script, text: str, depth: int, upstream: int, options: tuple[bool, bool]) -> Result:
    """How the script in `text` can end; see `Reader`.

    Raises:
        UnreadableError: it can't be read.
    """
    if depth > MAX_DEPTH:
        raise UnreadableError
    parser = _Parser(script, tokens(text), depth, upstream)
    parser.options = options
    result = parser.commands()
    if parser.tokens:
        raise UnreadableError
    return Result(result.ends, result.output)


class _Parser(SimpleCommands):
    """Commands, from lists of them down to simple ones."""

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


def _out_of_loop(ends: Endings) -> Endings:
    """The endings of a loop; `break` goes on after it."""
    return frozenset(each & ~(BROKEN_OUT | LEFT) if each & BROKEN_OUT else each for each in ends)
