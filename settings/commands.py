"""The commands that set a stack's values, as a message shows them."""

import shlex
from typing import Final

from settings.describe import example, is_list, type_at
from settings.errors import PULUMI, Path, key_text
from settings.secrets import BUILT_IN
from settings.stack import StackConfig

# A registry knows the digests; nobody types them.
_PIN: Final = "make pin STACK={stack} REPOSITORY=registry.example.com/tasktracker TAG=1.2.3"


def removal_of(stack: str, path: Path) -> str:
    """The command of a shell that takes the setting at `path` out of the config."""
    return f"{PULUMI} config rm --path {shlex.quote(key_text(path))} --stack {shlex.quote(stack)}"


def command_for(stack: str, path: Path, value: object = None) -> str:
    """The command of a shell that sets the setting or the secret at `path`.

    Without a `value` it has an example for that of a setting. It asks for a secret, which so is in no shell's history,
    or takes it from a file if it has several lines.
    """
    if path[0] == "images":
        return _PIN.format(stack=shlex.quote(stack))
    key, of_stack = key_text(path), f"--stack {shlex.quote(stack)}"
    if path[0] not in StackConfig.model_fields:
        from_file = f" < {path[0]}.pem" if path[0] in BUILT_IN and BUILT_IN[path[0]].form.startswith("PEM") else ""
        return f"{PULUMI} config set --secret {key} {of_stack}{from_file}"
    type_ = type_at(StackConfig, path)
    value = example(type_) if value is None else value
    if isinstance(value, list):
        key, (value,) = f"{key}[0]", value
    nested = "--path " if len(path) > 1 or is_list(type_) else ""
    return f"{PULUMI} config set {nested}{shlex.quote(key)} {shlex.quote(str(value))} {of_stack}"
