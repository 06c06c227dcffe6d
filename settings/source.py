"""The settings of the stack that the running Pulumi program belongs to.

The one module of the package that imports Pulumi.
"""

import pulumi
from pulumi.runtime import config as runtime

from images.catalog import CatalogError
from settings.errors import SettingsError
from settings.models import Settings
from settings.reader import parse


def load() -> Settings:
    """Read and check the stack's whole config; raises `pulumi.RunError`, which the engine shows without a traceback."""
    # A language host hands the config over in the environment, the Automation API in the process. The SDK has no
    # public call for all keys at once, which it takes to find unknown ones.
    config = {**runtime.get_config_env(), **runtime.CONFIG.get()}
    from_environment = runtime.get_config_secret_keys_env()
    secret_keys = {key for key in config if key in from_environment or runtime.is_config_secret(key)}
    try:
        return parse(pulumi.get_stack(), config, secret_keys)
    except (CatalogError, SettingsError) as error:
        raise pulumi.RunError(str(error)) from None
