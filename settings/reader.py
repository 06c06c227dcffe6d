"""From the config that Pulumi hands over to `Settings`, or to the list of everything that is wrong with it."""

import contextlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from images.catalog import local_reference
from settings import expressions
from settings.blocks.app import AppSecret
from settings.blocks.docker_host import RegistrySettings
from settings.commands import command_for
from settings.describe import (
    allowed,
    children,
    example,
    holds_keys,
    is_amount,
    is_list,
    nearest,
    plain_type,
    policy_limit,
    refused,
    type_at,
)
from settings.errors import PROJECT, PULUMI, THIS_STACK, Path, Problem, SettingsError, value_text
from settings.expressions import TooSlowError
from settings.limits import raising
from settings.provider_keys import PROVIDER_HOST, provider_problems
from settings.rules import RESERVED_BLOCKS, SET_SECRET, Conflict, conflicts
from settings.secrets import BUILT_IN, check_app_secret
from settings.services import WITH_IMAGES
from settings.stack import Settings, StackConfig
from settings.tls import CERTIFICATE, KEY, check_pair
from settings.units import SIZE

TOO_SLOW: Final = (
    "takes more than {limit} s to match the secret: must repeat nothing that is repeated already, as (x+)+ does;"
    " write it so that each character of the secret can match in one way only"
)

Tree = dict[str, Any]
"""The project's settings as nested dictionaries, by key without the namespace."""


def parse(stack: str, config: Mapping[str, str], secret_keys: Collection[str] = ()) -> Settings:
    """Check the whole config of a stack; raises `SettingsError` with every problem at once.

    Its arguments are those of `examine`.
    """
    settings, problems = examine(stack, config, secret_keys)
    if problems:
        raise SettingsError(stack, problems)
    return settings


def examine(
    stack: str, config: Mapping[str, str], secret_keys: Collection[str] = ()
) -> tuple[Settings, Sequence[Problem]]:
    """The settings of a stack, with defaults and examples for what was refused or is missing, and every problem.

    `config` is as Pulumi gives it: keys with their namespace (`tasktracker:domain`; one without is the project's),
    plain text or JSON as values, secrets decrypted. `secret_keys` are the keys that came encrypted. Other namespaces
    are left alone, but for the keys of Docker's provider that decide which host is reached, and how.
    """
    given = _Given.of(config, secret_keys)
    problems = _Problems()
    problems.add(_misspelt_namespaces(config))
    problems.add(_misplaced(given))
    problems.add(_repeated(given))

    tree = given.tree()
    declared = [*_declared_secrets(given, tree), *_registry_secrets(tree)]
    problems.add(_unknown(given, declared))
    problems.add(_two_hosts(config, given))
    problems.add(provider_problems(config, secret_keys))
    if _needs_local_images(tree):
        tree = _with_local_images(tree)
    problems.add(_remove_invalid(tree))

    # What is left is valid, and what is missing now has a problem already.
    tree = _with_local_images({"environment": "dev", **tree})
    _fill_in(tree)
    secrets = given.values.keys() & {*BUILT_IN, *declared}
    settings = Settings.model_validate({**tree, "secrets": frozenset(secrets)})
    problems.add(_malformed_secrets(given, settings))
    problems.add_conflicts(conflicts(settings), tree, settings)
    problems.add_conflicts(_unfit_certificate(given, settings), tree, settings)
    return settings, [_with_command(problem, stack) for problem in problems]


@dataclass(frozen=True)
class _Given:
    """The project's own part of a stack's config, by key without the namespace."""

    values: Mapping[str, str]
    encrypted: frozenset[str]

    @classmethod
    def of(cls, config: Mapping[str, str], secret_keys: Collection[str]) -> "_Given":
        own = {key: name for key in config if (name := _own_name(key)) is not None}
        return cls(
            values={name: config[key] for key, name in own.items()},
            encrypted=frozenset(name for key, name in own.items() if key in secret_keys),
        )

    def tree(self) -> Tree:
        """The settings, blocks decoded from JSON; without secrets, and without settings that came as secrets."""
        return {
            name: _decoded(text) if holds_keys(StackConfig.model_fields[name].annotation) else text
            for name, text in self.values.items()
            if name in StackConfig.model_fields and name not in self.encrypted
        }


class _Problems:
    """What was found, at most one problem a key: the first."""

    def __init__(self) -> None:
        self._found: dict[Path, Problem] = {}

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found.values())

    def add(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self._found.setdefault(problem.path, problem)

    def add_conflicts(self, found: Iterable[Conflict], tree: Tree, settings: Settings) -> None:
        """Add the conflicts that don't rest on a default which stands in for a refused or misspelt key."""
        replaced = [path for problem in self for path in (problem.path, problem.meant) if path]
        self.add(
            _missing(conflict)
            if conflict.missing
            else Problem(conflict.path, conflict.message, _shown(conflict.path, tree, settings))
            for conflict in found
            if not any(_touch(path, other) for path in (conflict.path, *conflict.also) for other in replaced)
        )


def _missing(conflict: Conflict) -> Problem:
    """The problem of a setting or a secret that others require."""
    is_setting = conflict.path[0] in StackConfig.model_fields
    form = f"; must be {allowed(_type_at(conflict.path))}" if is_setting else ""
    return Problem(conflict.path, f"{conflict.message}{form}", missing=True)


def _touch(path: Path, other: Path) -> bool:
    """Whether the two keys are the same, or one contains the other."""
    common = min(len(path), len(other))
    return path[:common] == other[:common]


# Keys of the config


def _own_name(key: str) -> str | None:
    """The key without the project's namespace; None if it is of another namespace."""
    namespace, colon, name = key.partition(":")
    if not colon:
        return key
    return name if namespace == PROJECT else None


def _misspelt_namespaces(config: Mapping[str, str]) -> Iterator[Problem]:
    """Keys that would go unnoticed, since other namespaces are none of the project's business."""
    for key in config:
        namespace, colon, name = key.partition(":")
        if colon and namespace != PROJECT and get_close_matches(namespace, [PROJECT], cutoff=0.8):
            yield Problem((name,), f"is written {key} in the file; correct its namespace")


def _misplaced(given: _Given) -> Iterator[Problem]:
    """Blocks of later versions, and settings that came as secrets."""
    for name in given.values:
        if name in RESERVED_BLOCKS:
            yield Problem((name,), "is not available in this version; remove it")
        elif name in StackConfig.model_fields and name in given.encrypted:
            # What the stack makes of a setting is there for all to see: labels, files, `pulumi stack export`.
            yield Problem((name,), "must not be a secret; set it again without --secret")


def _repeated(given: _Given) -> Iterator[Problem]:
    """Blocks in JSON, as `pulumi config set` takes them, with a key of which one value would go unnoticed."""
    for name in given.tree():
        twice: list[str] = []

        def pairs(items: list[tuple[str, object]], twice: list[str] = twice) -> dict[str, object]:
            keys = [key for key, _ in items]
            twice.extend(key for key in keys if keys.count(key) > 1)
            return dict(items)

        with contextlib.suppress(ValueError, RecursionError):
            json.loads(given.values[name], object_pairs_hook=pairs)
        if twice:
            yield Problem((name,), f"has the key {value_text(twice[0])} twice; remove one")


def _two_hosts(config: Mapping[str, str], given: _Given) -> Iterator[Problem]:
    """The block and the provider's own key, which would be two answers to one question."""
    if PROVIDER_HOST in config and "docker_host" in given.values:
        yield Problem(("docker_host",), f"is there beside {PROVIDER_HOST}; remove one of the two")


def _unknown(given: _Given, declared: Collection[str]) -> Iterator[Problem]:
    """Keys that mean nothing."""
    secrets = [*BUILT_IN, *declared]
    known = [*StackConfig.model_fields, *secrets]
    for name in given.values.keys() - {*known, *RESERVED_BLOCKS}:
        if name in given.encrypted:
            yield _unknown_key((name,), secrets, "unknown secret")
        else:
            yield _unknown_key((name,), known, "unknown key")


def _unknown_key(path: Path, known: Sequence[str], what: str) -> Problem:
    near = nearest(path[-1], known)
    guess = f"{what}; did you mean {near}?" if near else f"{what}."
    meant = (*path[:-1], near) if near else None
    return Problem(path, f"{guess} Allowed here: {', '.join(known)}", meant=meant)


# Settings


def _decoded(text: str) -> object:
    """The JSON in `text`, or `text` itself, which no block can be, if there is none."""
    try:
        value: object = json.loads(text)
        # Escapes can make half a surrogate pair, which nothing further on can write.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return text
    return value


def _with_local_images(tree: Tree) -> Tree:
    """`tree` with the images built on this machine where it names none."""
    images = tree.get("images", {})
    local = {
        key: local_reference(service.folder)
        for key, service in WITH_IMAGES.items()
        # The image of a service that a stack may do without is missed by a rule.
        if key not in images
        and service.local
        and (not service.optional or (_may_be_dev(tree) and service.block[0] in tree))
    }
    return {**tree, "images": {**local, **images}}


def _needs_local_images(tree: Tree) -> bool:
    """In dev, and where the environment is not known: that one problem should not bring six more."""
    return _may_be_dev(tree) and isinstance(tree.get("images", {}), dict)


def _may_be_dev(tree: Tree) -> bool:
    return tree.get("environment") not in ("staging", "prod")


def _remove_invalid(tree: Tree) -> list[Problem]:
    """Take out of `tree` what is not valid by itself, so that rules can look at the rest."""
    try:
        StackConfig.model_validate(tree)
    except ValidationError as invalid:
        problems = [_problem(error) for error in invalid.errors(include_url=False)]
    else:
        problems = []
    for problem in problems:
        _remove(tree, problem.path)
    return problems


def _fill_in(tree: Tree) -> None:
    """Put examples into `tree` where required values are missing or were refused.

    So rules see that a block is there, and ask for what it needs elsewhere. What they find about an example is dropped,
    as it has a problem already.
    """
    try:
        StackConfig.model_validate(tree)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False):
            path = tuple(str(key) for key in error["loc"])
            block = tree
            for key in path[:-1]:
                block = block[key]
            block[path[-1]] = example(_type_at(path))


def _remove(tree: Tree, path: Path) -> None:
    *blocks, last = path
    for key in blocks:
        if key not in tree:
            return
        tree = tree[key]
    tree.pop(last, None)


def _problem(error: ErrorDetails) -> Problem:
    """pydantic's finding in the words of the field that it is about."""
    path = tuple(str(key) for key in error["loc"])
    if is_list(_type_at(path[:-1])):
        # A list is taken or refused as a whole.
        item = f"item {int(path[-1]) + 1}, {value_text(error['input'])}, must be {allowed(_type_at(path))}"
        return Problem(path[:-1], f"{item}{_type_hint(error, _type_at(path))}")
    if error["type"] == "extra_forbidden":
        return _unknown_key(path, [*children(plain_type(_type_at(path[:-1])))], "unknown key")
    if path[-1] == "[key]" and error["type"] == "value_error":
        # The name of an entry, not its value.
        return Problem(path[:-1], f"the name {error['ctx']['error']}")
    type_ = _type_at(path)
    if error["type"] == "missing":
        return Problem(path, f"is required; must be {allowed(type_)}", missing=True)
    if error["type"] == "value_error":
        message = refused(type_, str(error["ctx"]["error"]))
        return Problem(path, f"{message}{_type_hint(error, type_)}", value_text(error["input"]))
    if holds_keys(type_) and error["input"] is not None:
        # What stands in the place of a block may be anything, such as a secret that was put under app_secrets.
        return Problem(path, f"must be {allowed(type_)}")
    hint = _type_hint(error, type_) or _limit_hint(error, type_)
    return Problem(path, f"must be {allowed(type_)}{hint}", value_text(error["input"]))


def _with_command(problem: Problem, stack: str) -> Problem:
    """The problem with what sets the value, where that is missing."""
    return replace(problem, command=command_for(stack, problem.path)) if problem.missing else problem


def _limit_hint(error: ErrorDetails, type_: object) -> str:
    """How to raise the limit of a policy that a value is above."""
    limit = policy_limit(type_)
    if error["type"] != "less_than_equal" or limit is None:
        return ""
    value = error["input"]
    amount = SIZE.parse(value) if isinstance(value, str) else value
    return f"; {raising(limit.rule, limit.option, amount)}"


def _type_hint(error: ErrorDetails, type_: object) -> str:
    """How to give a number, or true and false, that came as text."""
    option = {"int_type": "int", "float_type": "float", "bool_type": "bool"}.get(error["type"])
    if error["type"] == "value_error" and plain_type(type_) is int and not is_amount(type_):
        option = "int"
    if option and isinstance(error["input"], str) and isinstance(_decoded(error["input"]), int | float):
        return f"; this is text: remove the quotes, or add --type {option} to {PULUMI} config set"
    return ""


def _type_at(path: Path) -> object:
    return type_at(StackConfig, path)


def _shown(path: Path, tree: Tree, settings: Settings) -> str | None:
    """The value at `path` as the file has it, or the default; None for blocks and secrets."""
    for source, note in ((tree, ""), (settings.model_dump(mode="json"), " (default)")):
        value: object = source
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and not isinstance(value, dict):
            return value_text(value) + note
    return None


# Secrets


def _declared_secrets(given: _Given, tree: Tree) -> list[str]:
    """The names under app_secrets that are not the program's own, valid or not."""
    declared = tree.get("app_secrets") if "app_secrets" in given.values else {}
    # Where app_secrets can't be read, any secret may be one of those it meant to name.
    names = declared if isinstance(declared, dict) else given.encrypted
    return [name for name in names if name not in (*StackConfig.model_fields, *BUILT_IN)]


def _registry_secrets(tree: Tree) -> list[str]:
    """The names of the secrets that hold passwords of registries, valid or not."""
    registries = tree.get("registries")
    blocks = [block for block in registries.values() if isinstance(block, dict)] if isinstance(registries, dict) else []
    names = [block.get("password", RegistrySettings.model_fields["password"].default) for block in blocks]
    return [name for name in names if isinstance(name, str) and name not in (*StackConfig.model_fields, *BUILT_IN)]


def _malformed_secrets(given: _Given, settings: Settings) -> Iterator[Problem]:
    """Secrets that are in clear or don't have their form. Values are never shown."""
    for name in settings.secrets:
        if name not in given.encrypted:
            yield Problem((name,), f"must be encrypted; {SET_SECRET} {name} {THIS_STACK}")
            continue
        value = given.values[name]
        if name in BUILT_IN:
            message = BUILT_IN[name].check(value)
        elif name in settings.registry_secrets:
            message = None if value.strip() else "must not be empty"
        else:
            try:
                message = check_app_secret(value, settings.app_secrets.get(name, AppSecret()))
            except TooSlowError:
                shown = value_text(settings.app_secrets[name].pattern)
                yield Problem(("app_secrets", name, "pattern"), TOO_SLOW.format(limit=expressions.TIME_LIMIT), shown)
                continue
        if message:
            yield Problem((name,), message)


def _unfit_certificate(given: _Given, settings: Settings) -> Iterator[Conflict]:
    """What doesn't fit between nginx's certificate, its key, the domain and the day. Values are never shown."""
    pair = (CERTIFICATE, KEY)
    if not settings.nginx.tls or any(
        name not in settings.secrets or name not in given.encrypted or BUILT_IN[name].check(given.values[name])
        for name in pair
    ):
        return
    certificate, key = (given.values[name] for name in pair)
    for finding in check_pair(certificate, key, settings.domain, datetime.now(UTC)):
        yield Conflict(
            (finding.secret,), finding.message, (("nginx", "tls"), *((("domain",),) if finding.about_domain else ()))
        )
