"""A health check's shell script, and a command in it as it is run: what is known of their words and variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from policies.health.outcomes import CLOCK, STATUS, Endings, Result, known
from policies.health.shell.words import UnreadableError, Word, names_in, word

ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=")
_SUBSTITUTED: Final = re.compile(r"\$\((?:[^(]|$)|\$\(\(")

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

    `read` reads a text's grammar, `judge` says how a command can end, `is_own` whether a host is the container itself.
    `written` are files that the script itself writes, `heartbeats` those whose age it looks at.
    """

    read: Reader
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
        return self.read(self, text, depth, upstream, (exits_on_error, pipe_fails))

    def check_setting(self, text: str) -> None:
        """Checks that a variable's value, as in `NAME=value`, leads to no other host and replaces no program.

        Raises:
            UnreadableError: it does.
        """
        match = ASSIGNMENT.match(text)
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


#: How a script can end: given the script that it is in, its text, how deep it is nested, what its input says, and the
#: shell's options (`-e`, `pipefail`).
Reader = Callable[[Script, str, int, int, tuple[bool, bool]], Result]
