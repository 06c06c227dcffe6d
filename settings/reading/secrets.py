"""Secrets of a config: their names, their forms, and nginx's certificate."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from settings import expressions
from settings.blocks.app import AppSecret
from settings.blocks.docker_host import RegistrySettings
from settings.errors import THIS_STACK, Problem, value_text
from settings.reading.given import Given, Tree
from settings.reading.tls import CERTIFICATE, KEY, check_pair
from settings.rules import SET_SECRET, Conflict
from settings.secrets import BUILT_IN, check_app_secret
from settings.stack import Settings, StackConfig

TOO_SLOW: Final = (
    "takes more than {limit} s to match the secret: must repeat nothing that is repeated already, as (x+)+ does;"
    " write it so that each character of the secret can match in one way only"
)


def declared_secrets(given: Given, tree: Tree) -> list[str]:
    """The names under app_secrets that are not the program's own, valid or not."""
    declared = tree.get("app_secrets") if "app_secrets" in given.values else {}
    # Where app_secrets can't be read, any secret may be one of those it meant to name.
    names = declared if isinstance(declared, dict) else given.encrypted
    return [name for name in names if name not in (*StackConfig.model_fields, *BUILT_IN)]


def registry_secrets(tree: Tree) -> list[str]:
    """The names of the secrets that hold passwords of registries, valid or not."""
    registries = tree.get("registries")
    blocks = [block for block in registries.values() if isinstance(block, dict)] if isinstance(registries, dict) else []
    names = [block.get("password", RegistrySettings.model_fields["password"].default) for block in blocks]
    return [name for name in names if isinstance(name, str) and name not in (*StackConfig.model_fields, *BUILT_IN)]


def malformed_secrets(given: Given, settings: Settings) -> Iterator[Problem]:
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
            except expressions.TooSlowError:
                shown = value_text(settings.app_secrets[name].pattern)
                yield Problem(("app_secrets", name, "pattern"), TOO_SLOW.format(limit=expressions.TIME_LIMIT), shown)
                continue
        if message:
            yield Problem((name,), message)


def unfit_certificate(given: Given, settings: Settings) -> Iterator[Conflict]:
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
