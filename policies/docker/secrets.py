"""No secrets where `docker inspect` and an image's history show them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain
from typing import Annotated

from pydantic import AfterValidator

from policies.containers import Entry, Field
from policies.docker.visible import ASIDE, MAPS, READS, SHOWN
from policies.resource import WORKLOADS, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.secret_scanning.files import secret_in_file
from policies.secret_scanning.names import NAMED, is_only_a_secrets, names_a_thing, secret_under
from policies.secret_scanning.texts import RANDOM, known_secret_in, secret_in, secret_in_words
from policies.values import UNKNOWN, Unknown, entries, is_unset, text
from policies.workloads.uploads import SERVICE_CONFIG, contents

ALLOWED = "no secret; what needs one reads it from a file"

#: The last words of names whose value is a digest or a commit: random, and public.
_OF_A_DIGEST = re.compile(
    r"(?:^|[^A-Za-z]|(?<=[a-z])(?=[A-Z]))"
    r"(?i:revision|rev|ref|commit|sha|sha1|sha256|digest|checksum|release|version|etag|hash|build|(?:gpg|pgp)[_-]?keys?|fingerprint|files)$"
)
_DIGEST = re.compile(r"[0-9a-f]{40}(?:-dirty)?|[0-9A-F]{40}|[0-9a-f]{64}")

ALLOWED_IN_FILES = "no secret in plain text; give it as a `content` that is marked as secret"

#: How an option names what follows it: `--bucket x`, `--bucket=x`.
_NAMES_NEXT = re.compile(r"--?([A-Za-z][\w-]*)(?:=(.*))?", re.DOTALL)

# What stands for an unknown word in a command: a variable, which is nobody's secret.
_UNKNOWN_WORD = "$UNKNOWN"


def _a_pattern(pattern: str) -> str:
    if not pattern.strip():
        raise ValueError("should be a pattern of names, such as *_SEED")
    return pattern


class SecretOptions(Options):
    """What DKR-SECRET takes for a secret.

    `allow`: names of variables and labels that only sound like a secret's, or whose values may have a high
    entropy. Known tokens, passwords in URLs and secret marks stay findings under them, and so does any value of a
    name that ends in a secret's own word, such as DB_PASSWORD: that takes a waiver. `names`: patterns, as in a
    shell and in any case, of more names that only secrets have.
    """

    allow: tuple[str, ...] = ()
    names: tuple[Annotated[str, AfterValidator(_a_pattern)], ...] = ()


def _secrets(resource: Resource, scope: Scope[SecretOptions]) -> Iterator[Finding]:
    # The engine marks a list as a whole where one of its items is secret: one finding says it all.
    for path in SHOWN[resource.type] if resource.secret_paths else ():
        if _is_marked(resource, path) and not is_unset(resource.get(path)):
            yield Finding(path, "a value that the program marks as secret", ALLOWED)
    container = resource.container
    for entry in chain(container.env, container.labels, _map_entries(resource)):
        if not _is_marked(resource, entry.path) and (finding := _entry(entry, scope.options)):
            yield finding
    yield from _in_files(resource)
    yield from _aside(resource)
    if resource.type in WORKLOADS:
        tests = container.field("healthcheck.tests").path
        words = container.words
        # The words of the entrypoint and of the command are one command line; those of the health check come last.
        first = next((index for index, word in enumerate(words) if str(word.path).startswith(f"{tests}[")), len(words))
        for word, kind in chain(_words(words[:first]), _words(words[first:])):
            path = str(word.path)
            if not _is_marked(resource, path):
                yield Finding(path, kind, ALLOWED)


def _in_files(resource: Resource) -> Iterator[Finding]:
    """Secrets in files: a content may be marked as secret; a config of Swarm's shows in any case."""
    for content in contents(resource):
        is_plain = content.text and not _is_marked(resource, content.path)
        if not is_plain or not (kind := secret_in_file(content.file, content.text)):
            continue
        if resource.type == SERVICE_CONFIG:
            yield Finding(content.path, kind, ALLOWED)
        else:
            yield Finding(content.path, f"a file that holds {kind}", ALLOWED_IN_FILES)


def _aside(resource: Resource) -> Iterator[Finding]:
    """Secrets in what is hardly ever written for one, by their shape or the name that a map gives them."""
    for path in ASIDE.get(resource.type, ()):
        value = resource.get(path)
        for at, name, content in _texts(value, path, "") if value else ():
            kind = known_secret_in(content) or (name and secret_under(name, content))
            if kind and not _is_marked(resource, at):
                yield Finding(at, kind, ALLOWED)


def _texts(value: object, path: str, name: str) -> Iterator[tuple[str, str, str]]:
    """The texts in `value` with their paths, and their names where they are in a map of options."""
    if isinstance(value, str):
        yield path, name, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]", "")
    elif isinstance(value, dict) and isinstance(label := value.get("label"), str):
        # A volume that a mount makes has labels of its own.
        yield from _texts(value.get("value"), f"{path}.value", label)
    elif isinstance(value, dict):
        is_map = path.endswith(("Options", "Opts", "sysctls", "sysctl")) and not path.endswith(
            ("volumeOptions", "bindOptions", "tmpfsOptions")
        )
        for key, item in value.items():
            # A path must not show a key that is a secret.
            at = path if secret_in(key) else f"{path}.{key}"
            yield from _texts(item, at, key if is_map else "")
            if is_map and known_secret_in(key):
                yield path, "", key


def _is_marked(resource: Resource, path: str) -> bool:
    if not resource.secret_paths:
        return False
    if resource.is_secret(path):
        return True
    # A block that occurs once may come as a list of one, and is read without its index.
    plain = frozenset(secret.replace("[0].", ".") for secret in resource.secret_paths)
    return replace(resource, secret_paths=plain).is_secret(path)


def _map_entries(resource: Resource) -> Iterator[Entry]:
    for path in MAPS.get(resource.type, ()):
        for name, value in entries(resource.get(path)).items():
            yield Entry(f"{path}.{name}", name, value if value is UNKNOWN else text(value) or "")


def _entry(entry: Entry, options: SecretOptions) -> Finding | None:
    if isinstance(entry.name, Unknown):
        return None
    if kind := secret_in(entry.name):
        # A path can end in the name, which must not be shown then.
        return Finding(entry.path.removesuffix(f".{entry.name}"), f"{kind}, as a name", ALLOWED)
    if isinstance(entry.value, Unknown):
        return None
    kind = _kind(entry.name, entry.value, options)
    return Finding(entry.path, f"{entry.name}, which holds {kind}", ALLOWED) if kind else None


def _kind(name: str, value: str, options: SecretOptions) -> str | None:
    is_allowed = name in options.allow
    is_of_a_digest = _DIGEST.fullmatch(value) and _OF_A_DIGEST.search(name)
    judge = known_secret_in if is_allowed or is_of_a_digest else secret_in
    if (kind := judge(value)) and (kind != RANDOM or not names_a_thing(name, value)):
        return kind
    if (kind := secret_under(name, value)) and not (is_allowed and not is_only_a_secrets(name)):
        return kind
    if value.strip() and any(fnmatchcase(name.lower(), pattern.lower()) for pattern in options.names):
        return NAMED
    return None


def _words(words: Sequence[Field]) -> Iterator[tuple[Field, str]]:
    """Words that are secrets, by themselves or because of the word before."""
    if not words:
        return
    texts = [_UNKNOWN_WORD if word.value is UNKNOWN else text(word.value) or "" for word in words]
    kinds = {}
    for index, each in enumerate(texts):
        if (kind := secret_in(each)) and not (kind == RANDOM and _is_a_name(texts[index - 1] if index else "", each)):
            kinds[index] = kind
    for index, kind in secret_in_words(texts):
        kinds.setdefault(index, kind)
    yield from ((words[index], kind) for index, kind in kinds.items())


def _is_a_name(before: str, word: str) -> bool:
    """Whether an option says that a word is the name of something: `--bucket x`, `--bucket=x`."""
    if (option := _NAMES_NEXT.fullmatch(word)) and option[2]:
        return names_a_thing(option[1], option[2])
    option = _NAMES_NEXT.fullmatch(before)
    return bool(option and option[2] is None and names_a_thing(option[1], word))


RULES = (
    Rule(
        id="DKR-SECRET",
        title="No secrets in environment variables, labels and commands, and none in plain text in files",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("CIS Docker 1.6, 4.10", "OWASP Docker #12", "KICS: Passwords And Secrets", "detect-secrets"),
        reads=READS,
        why="Environment, labels, command and health check show in `docker inspect`, in crash reports and in every"
        " child process; build arguments stay in the image's history, and"
        " a service's config shows on every manager. A file's content that is not marked as secret is in plain text in"
        " the state and in previews.",
        fix="Put the secret into a file that the container mounts, and give the file's path, as in"
        " POSTGRES_PASSWORD_FILE=/etc/tasktracker/postgres-password. Mark the content of the file as secret, as in"
        " `content=pulumi.Output.secret(...)` or `config.require_secret(...)`. Then replace the secret, as it has been"
        " shown.",
        check=_secrets,
        options=SecretOptions,
    ),
)
