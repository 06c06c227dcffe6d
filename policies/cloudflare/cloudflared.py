"""Containers that run cloudflared, and the words of their commands."""

from __future__ import annotations

import itertools
import posixpath
import re
from typing import Final

from policies.containers import Container, Field
from policies.values import items

IMAGE: Final = re.compile(r"(?:^|[/._-])cloudflared(?=$|[:@])", re.IGNORECASE)
#: What a shell takes for the end of a word.
WORD_END: Final = re.compile(r"[\s;|&()<>`\"'$]+")

SUBCOMMANDS: Final = ("tunnel", "run")

#: Environment variables that tell a cloudflared whose image has another name.
TELLING_ENV: Final = frozenset(
    {
        "TUNNEL_TOKEN", "TUNNEL_TOKEN_FILE", "TUNNEL_CRED_FILE", "TUNNEL_CRED_CONTENTS", "TUNNEL_URL",
        "TUNNEL_HELLO_WORLD", "TUNNEL_UNIX_SOCKET",
    }
)  # fmt: skip


def command_line_words(container: Container) -> list[Field]:
    """The words of entrypoint and command, as far as they are texts or unknown."""
    found = []
    for field in (container.field("entrypoints"), container.field("command")):
        found += [Field(f"{field.path}[{index}]", item) for index, item in items(field.value)]
    return found


def shell_words(word: object) -> list[str]:
    """What a shell would make of a word, roughly: its parts at spaces, quotes and operators."""
    return [part for part in WORD_END.split(word) if part] if isinstance(word, str) else []


def is_program(word: object) -> bool:
    """Whether a word is cloudflared's own name or path."""
    return isinstance(word, str) and posixpath.basename(word) == "cloudflared"


def runs_cloudflared(container: Container) -> bool:
    """Whether it runs cloudflared, by its image, its environment or its command."""
    image = container.field("image").value
    if isinstance(image, str) and IMAGE.search(image):
        return True
    if any(entry.name in TELLING_ENV for entry in container.env):
        return True
    words = [item for name in ("entrypoints", "command") for _, item in items(container.field(name).value)]
    # Most containers are done with here, for each rule.
    if not any(isinstance(word, str) and ("cloudflared" in word or "tunnel" in word) for word in words):
        return False
    parts = [part for word in words for part in shell_words(word)]
    return any(is_program(part) for part in parts) or SUBCOMMANDS in itertools.pairwise(parts)


def flag_name(word: str) -> str | None:
    """The name of a flag; Go takes one dash or two."""
    if not word.startswith("-") or word in ("-", "--"):
        return None
    return word.lstrip("-").partition("=")[0]


#: Where a container, and a service, say what they run.
COMMAND = ("image", "entrypoints", "command", "envs")
SERVICE_COMMAND = tuple(f"taskSpec.containerSpec.{name}" for name in ("image", "commands", "args", "env"))
