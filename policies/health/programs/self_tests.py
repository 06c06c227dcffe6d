"""Programs that are asked only of themselves: their version, or whether their own config is right."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Final

from policies.health.programs.tools import ASK_NOTHING

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


def is_about_itself(name: str, words: Sequence[str]) -> bool:
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
        if name not in ASK_NOTHING and _TEST_OPTION.fullmatch(word) and following.startswith("-"):
            return True
    return False
