"""No secrets where `docker inspect` and an image's history show them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain

from policies.containers import CONTAINER, SERVICE, Entry, Field
from policies.encoding import base64_text
from policies.resource import NETWORK, VOLUME, WORKLOADS, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.secrets import NAMED, known_secret_in, secret_in, secret_in_words, secret_under
from policies.values import UNKNOWN, Unknown, entries, is_unset, text

REMOTE_IMAGE = "docker:index/remoteImage:RemoteImage"
REGISTRY_IMAGE = "docker:index/registryImage:RegistryImage"
IMAGE = "docker:index/image:Image"
SERVICE_CONFIG = "docker:index/serviceConfig:ServiceConfig"

#: What shows in `docker inspect` of a container, a service, a config, a volume or a network, and in `docker history`.
SHOWN = {
    CONTAINER: ("envs", "labels", "entrypoints", "command", "healthcheck.tests", "logOpts"),
    SERVICE: (
        "labels",
        "taskSpec.containerSpec.env",
        "taskSpec.containerSpec.labels",
        "taskSpec.containerSpec.commands",
        "taskSpec.containerSpec.args",
        "taskSpec.containerSpec.healthcheck.tests",
        "taskSpec.logDriver.options",
    ),
    SERVICE_CONFIG: ("data", "dataRaw"),
    VOLUME: ("labels", "driverOpts"),
    NETWORK: ("labels", "options"),
    REMOTE_IMAGE: ("build.buildArgs", "build.label", "build.labels"),
    REGISTRY_IMAGE: ("build.buildArgs", "build.label", "build.labels"),
    IMAGE: ("build.args",),
}

#: Properties that map names to values, beside the environment and the labels of what runs.
MAPS = {
    CONTAINER: ("logOpts",),
    SERVICE: ("taskSpec.logDriver.options",),
    VOLUME: ("driverOpts",),
    NETWORK: ("options",),
    REMOTE_IMAGE: SHOWN[REMOTE_IMAGE],
    REGISTRY_IMAGE: SHOWN[REGISTRY_IMAGE],
    IMAGE: SHOWN[IMAGE],
}

ALLOWED = "no secret; what needs one reads it from a file"

#: The last words of names whose value is a digest or a commit: random, and public.
_OF_A_DIGEST = re.compile(
    r"(?:^|[^A-Za-z]|(?<=[a-z])(?=[A-Z]))"
    r"(?i:revision|rev|ref|commit|sha|sha1|sha256|digest|checksum|release|version|etag|hash|build)$"
)
_DIGEST = re.compile(r"[0-9a-f]{40}(?:-dirty)?|[0-9a-f]{64}")

# What stands for an unknown word in a command: a variable, which is nobody's secret.
_UNKNOWN_WORD = "$UNKNOWN"


class SecretOptions(Options):
    """What DKR-SECRET takes for a secret.

    `allow`: names of variables and labels whose values may have a high entropy; known tokens, secrets'
    names and secret marks stay findings. `names`: patterns, as in a shell and in any case, of more names
    that only secrets have.
    """

    allow: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def _secrets(resource: Resource, scope: Scope[SecretOptions]) -> Iterator[Finding]:
    # The engine marks a list as a whole where one of its items is secret: one finding says it all.
    for path in SHOWN[resource.type] if resource.secret_paths else ():
        if _is_marked(resource, path) and not is_unset(resource.get(path)):
            yield Finding(path, "a value that the program marks as secret", ALLOWED)
    container = resource.container
    for entry in chain(container.env, container.labels, _map_entries(resource)):
        if not _is_marked(resource, entry.path) and (finding := _entry(entry, scope.options)):
            yield finding
    if resource.type == SERVICE_CONFIG:
        raw = text(resource.get("dataRaw")) or ""
        for path, content in (("data", base64_text(resource.get("data"))), ("dataRaw", raw)):
            if not _is_marked(resource, path) and (kind := known_secret_in(content)):
                yield Finding(path, kind, ALLOWED)
    if resource.type in WORKLOADS:
        tests = container.field("healthcheck.tests").path
        words = container.words
        # The words of the entrypoint and of the command are one command line; those of the health check come last.
        first = next((index for index, word in enumerate(words) if str(word.path).startswith(f"{tests}[")), len(words))
        for word, kind in chain(_words(words[:first]), _words(words[first:])):
            path = str(word.path)
            if not _is_marked(resource, path):
                yield Finding(path, kind, ALLOWED)


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
    is_of_a_digest = _DIGEST.fullmatch(value) and _OF_A_DIGEST.search(name)
    judge = known_secret_in if name in options.allow or is_of_a_digest else secret_in
    if kind := judge(value) or secret_under(name, value):
        return kind
    if value.strip() and any(fnmatchcase(name.lower(), pattern.lower()) for pattern in options.names):
        return NAMED
    return None


def _words(words: Sequence[Field]) -> Iterator[tuple[Field, str]]:
    """Words that are secrets, by themselves or because of the word before."""
    if not words:
        return
    texts = [_UNKNOWN_WORD if word.value is UNKNOWN else text(word.value) or "" for word in words]
    kinds = {index: kind for index, each in enumerate(texts) if (kind := secret_in(each))}
    for index, kind in secret_in_words(texts):
        kinds.setdefault(index, kind)
    yield from ((words[index], kind) for index, kind in kinds.items())


RULES = (
    Rule(
        id="DKR-SECRET",
        title="No secrets in environment variables, labels and commands",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("CIS Docker 1.6, 4.10", "OWASP Docker #12", "KICS: Passwords And Secrets", "detect-secrets"),
        reads=SHOWN,
        why="Environment, labels, command and health check show in `docker inspect`, in crash reports and in every"
        " child process; build arguments stay in the image's history, and"
        " a service's config shows on every manager.",
        fix="Put the secret into a file that the container mounts, and give the file's path, as in"
        " POSTGRES_PASSWORD_FILE=/etc/tasktracker/postgres-password; then replace the secret, as it has been shown.",
        check=_secrets,
        options=SecretOptions,
    ),
)
