"""The settings of the stack that the running Pulumi program belongs to.

The one module of the package that imports Pulumi.
"""

import os

import pulumi
from pulumi.runtime import config as runtime

from images.catalog import CatalogError
from images.revision import commit, version
from remote.redaction import redacted
from settings.errors import SettingsError
from settings.limits import PROBLEM
from settings.reading.reader import parse
from settings.stack import Settings


def load() -> Settings:
    """Read and check the stack's whole config; raises `pulumi.RunError`, which the engine shows without a traceback."""
    # A language host hands the config over in the environment, the Automation API in the process. The SDK has no
    # public call for all keys at once, which it takes to find unknown ones.
    if PROBLEM is not None:
        raise pulumi.RunError(PROBLEM)
    config = {**runtime.get_config_env(), **runtime.CONFIG.get()}
    from_environment = runtime.get_config_secret_keys_env()
    secret_keys = {key for key in config if key in from_environment or runtime.is_config_secret(key)}
    try:
        settings = parse(pulumi.get_stack(), config, secret_keys)
    except (CatalogError, SettingsError) as error:
        raise pulumi.RunError(str(error)) from None
    _check_backend(settings)
    return settings


def _check_backend(settings: Settings) -> None:
    """Refuses an update whose state would go elsewhere than to the stack's backend.

    Whoever has only logged in to a backend has no such variable, and a preview may be against an empty state.
    """
    named, used = settings.state_backend, os.environ.get("PULUMI_BACKEND_URL")
    if named and used and named != used and not pulumi.runtime.is_dry_run():
        stack = pulumi.get_stack()
        raise pulumi.RunError(
            f"tasktracker:state_backend: the state of '{stack}' is in {redacted(named)}, and this command uses "
            f"{redacted(used)}: "
            f"run `STACK={stack} . .tools/env` and try again"
        )


def revision() -> dict[str, str | None]:
    """The version and the commit of the running program; raises `pulumi.RunError` for a bad version."""
    try:
        return {"version": version(), "commit": commit()}
    except CatalogError as error:
        raise pulumi.RunError(str(error)) from None
