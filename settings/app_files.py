"""The files that the program itself gives api and worker, beside the secrets of the app's own."""

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Final

from settings.errors import Path
from settings.services import SERVICES
from settings.stack import Settings

ALWAYS: Final[Path] = ()


def _generated_files() -> Mapping[Path, tuple[str, ...]]:
    files: dict[Path, tuple[str, ...]] = {}
    for service in SERVICES.values():
        if service.app_files:
            setting = service.app_files_with or (service.block if service.optional else ALWAYS)
            files[setting] = (*files.get(setting, ()), *service.app_files)
    return files


GENERATED_FILES: Final = _generated_files()
"""Names of files under /etc/tasktracker, by the setting that a stack has them with; `()` for every stack."""


APP_VARIABLES: Final = frozenset({"TASKTRACKER_LOG_LEVEL", "TASKTRACKER_SLOT"})
"""Variables that the app's own settings give it."""


def file_variable(file: str) -> str:
    """The variable that says where api and worker find a file.

    >>> file_variable("database-url")
    'DATABASE_URL_FILE'
    """
    return f"{file.upper().replace('-', '_')}_FILE"


def file_name(secret: str) -> str:
    """The file that api and worker find a secret in.

    >>> file_name("slack_token")
    'slack-token'
    """
    return secret.replace("_", "-")


def secret_name(file: str) -> str:
    """The secret that a file would be of, if the config set it: the inverse of `file_name`."""
    return file.replace("-", "_")


def generated_secrets(settings: Settings) -> Iterator[tuple[str, Path]]:
    """The names that no secret of the app can have in this stack, each with the setting that takes it."""
    for block, files in GENERATED_FILES.items():
        if block == ALWAYS or attrgetter(".".join(block))(settings) is not None:
            yield from ((secret_name(file), block) for file in files)
