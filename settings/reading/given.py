"""The project's own part of a stack's config, as Pulumi hands it over."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from settings.describe import holds_keys
from settings.errors import PROJECT
from settings.stack import StackConfig

Tree = dict[str, Any]
"""The project's settings as nested dictionaries, by key without the namespace."""


@dataclass(frozen=True)
class Given:
    """The project's own part of a stack's config, by key without the namespace."""

    values: Mapping[str, str]
    encrypted: frozenset[str]

    @classmethod
    def of(cls, config: Mapping[str, str], secret_keys: Collection[str]) -> "Given":
        """That of a config as Pulumi hands it over; see `settings.reading.reader.examine`."""
        own = {key: name for key in config if (name := _own_name(key)) is not None}
        return cls(
            values={name: config[key] for key, name in own.items()},
            encrypted=frozenset(name for key, name in own.items() if key in secret_keys),
        )

    def tree(self) -> Tree:
        """The settings, blocks decoded from JSON; without secrets, and without settings that came as secrets."""
        return {
            name: decoded(text) if holds_keys(StackConfig.model_fields[name].annotation) else text
            for name, text in self.values.items()
            if name in StackConfig.model_fields and name not in self.encrypted
        }


def _own_name(key: str) -> str | None:
    """The key without the project's namespace; None if it is of another namespace."""
    namespace, colon, name = key.partition(":")
    if not colon:
        return key
    return name if namespace == PROJECT else None


def decoded(text: str) -> object:
    """The JSON in `text`, or `text` itself, which no block can be, if there is none."""
    try:
        value: object = json.loads(text)
        # Escapes can make half a surrogate pair, which nothing further on can write.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return text
    return value
