"""From the config that Pulumi hands over to `Settings`, or to the list of everything that is wrong with it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from images.catalog import local_reference
from settings.describe import example, type_at
from settings.errors import Path, Problem, SettingsError
from settings.reading.found import Problems
from settings.reading.given import Given, Tree
from settings.reading.keys import misplaced, misspelt_namespaces, repeated, two_hosts, unknown
from settings.reading.provider_keys import provider_problems
from settings.reading.secrets import declared_secrets, malformed_secrets, registry_secrets, unfit_certificate
from settings.reading.wording import problem_of, with_command
from settings.rules import conflicts
from settings.secrets import BUILT_IN
from settings.services import WITH_IMAGES
from settings.stack import Settings, StackConfig


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
    given = Given.of(config, secret_keys)
    problems = Problems()
    problems.add(misspelt_namespaces(config))
    problems.add(misplaced(given))
    problems.add(repeated(given))

    tree = given.tree()
    declared = [*declared_secrets(given, tree), *registry_secrets(tree)]
    problems.add(unknown(given, declared))
    problems.add(two_hosts(config, given))
    problems.add(provider_problems(config, secret_keys))
    if _needs_local_images(tree):
        tree = _with_local_images(tree)
    problems.add(_remove_invalid(tree))

    # What is left is valid, and what is missing now has a problem already.
    tree = _with_local_images({"environment": "dev", **tree})
    _fill_in(tree)
    secrets = given.values.keys() & {*BUILT_IN, *declared}
    settings = Settings.model_validate({**tree, "secrets": frozenset(secrets)})
    problems.add(malformed_secrets(given, settings))
    problems.add_conflicts(conflicts(settings), tree, settings)
    problems.add_conflicts(unfit_certificate(given, settings), tree, settings)
    return settings, [with_command(problem, stack) for problem in problems]


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
        problems = [problem_of(error) for error in invalid.errors(include_url=False)]
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
            # An item of a list has its number there.
            *blocks, last = error["loc"]
            block: Any = tree
            for key in blocks:
                block = block[key]
            block[last] = example(type_at(StackConfig, tuple(str(key) for key in error["loc"])))


def _remove(tree: Tree, path: Path) -> None:
    *blocks, last = path
    for key in blocks:
        if key not in tree:
            return
        tree = tree[key]
    tree.pop(last, None)
