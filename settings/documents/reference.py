"""docs/configuration.md: every key with its kind, default, limits and meaning, written from the models."""

from collections.abc import Iterable, Iterator
from inspect import getdoc
from typing import Final, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from settings.describe import (
    children,
    default_of,
    description,
    field_type,
    holds_keys,
    kind_name,
    kinds,
    limits,
    nested_blocks,
    plain_type,
)
from settings.errors import PROJECT, value_text
from settings.rules import RESERVED_BLOCKS, RULES
from settings.secrets import BUILT_IN
from settings.stack import StackConfig

_INTRODUCTION: Final = f"""\
<!-- Written by `make docs` from settings/; changes made here are lost. -->

# Configuration

`Pulumi.<stack>.yaml` holds the settings of one stack. Only `environment` is required, and outside dev the images. What
is not given has its default. All problems of a file are reported at once, before anything is changed.

```yaml
config:
  {PROJECT}:environment: dev
  {PROJECT}:postgres:
    resources:
      memory: 4GB
    tuning:
      shared_buffers: 1GB
```

On the command line one value is set with `--path`, and a number with a fraction with `--type float` as well, or Pulumi
takes it for text:

```sh
./tt pulumi config set --path postgres.tuning.shared_buffers 1GB --stack dev
./tt pulumi config set --path --type float postgres.resources.cpus 1.5 --stack dev
```

The first line of the file names the JSON Schema `docs/config.schema.json`, with which an editor completes and checks
keys.
"""


def reference() -> str:
    """The whole document."""
    return "\n".join(
        [
            _INTRODUCTION,
            *_settings(),
            *_values(),
            *_secrets(),
            *_rules(),
        ]
    )


def _settings() -> Iterator[str]:
    yield "## Settings\n"
    header = ("Key", "Value", "Default", "Limits", "Meaning")
    single = {key: field for key, field in StackConfig.model_fields.items() if not holds_keys(field.annotation)}
    yield table(header, (_row(key, field) for key, field in single.items()))
    for key, field in StackConfig.model_fields.items():
        if key not in single:
            yield f"### {key}\n\n{description(field)}\n"
            yield table(header, _rows(key, field))


def _rows(key: str, field: FieldInfo) -> Iterator[tuple[str, ...]]:
    """One row for each value in a block."""
    type_ = plain_type(field.annotation)
    if get_origin(type_) is dict:
        inner = children(plain_type(get_args(type_)[1]))
        if not inner:
            yield _row(f"{key}.<name>", field)
        for child, child_field in inner.items():
            yield from _rows(f"{key}.<name>.{child}", child_field)
    elif inner := children(type_):
        for child, child_field in inner.items():
            yield from _rows(f"{key}.{child}", child_field)
    else:
        yield _row(key, field)


def _row(key: str, field: FieldInfo) -> tuple[str, ...]:
    annotation = field_type(field)
    if get_origin(plain_type(annotation)) is dict:
        return (f"`{key}`", kind_name(get_args(plain_type(annotation))[1]), "", "", description(field))
    return (f"`{key}`", kind_name(annotation), _default(key, field), limits(annotation), description(field))


def _default(key: str, field: FieldInfo) -> str:
    if key.startswith("images.") and field.is_required():
        return "in dev the one built here; required elsewhere"
    if field.is_required():
        return "required"
    default = default_of(field)
    if default is None:
        return ""
    return f"`{default if isinstance(default, str) else value_text(default)}`"


def _values() -> Iterator[str]:
    yield "## How values are written\n"
    found = {kind.name: kind.allowed for field in _all_fields(StackConfig) for kind in kinds(field_type(field))}
    yield table(("Value", "What it is"), sorted((name, words.replace("<", "\\<")) for name, words in found.items()))
    yield "A size is in units of 1024: 1GB is 1024MB, 1MB is 1024 * 1024 bytes, as PostgreSQL and Docker have it.\n"


def _all_fields(block: type[BaseModel]) -> Iterator[FieldInfo]:
    for field in block.model_fields.values():
        yield field
        for inner in nested_blocks(field):
            yield from _all_fields(inner)


def _secrets() -> Iterator[str]:
    yield "## Secrets\n"
    yield "Each is set with `./tt pulumi config set --secret NAME --stack STACK`, which encrypts it; in clear it is"
    yield "refused. A value that is longer than a line comes from a file:"
    yield "`./tt pulumi config set --secret tls_key --stack prod < tls.key`.\n"
    rows = ((f"`{key}`", secret.form, secret.meaning) for key, secret in BUILT_IN.items())
    yield table(("Key", "Form", "Meaning"), rows)
    yield "All other secrets of the stack are made on the first `pulumi up` and kept, encrypted, in its state. Secrets"
    yield "of your own app are named under [app_secrets](#app_secrets).\n"


def _rules() -> Iterator[str]:
    yield "## What has to fit together\n"
    for rule in RULES:
        yield f"- {' '.join((getdoc(rule) or '').split())}"
    yield from _LIMITS
    blocks = ", ".join(f"`{block}`" for block in RESERVED_BLOCKS)
    yield f"\nThe names {blocks} are kept for later versions; a block of that name is refused.\n"


_LIMITS: Final = (
    "",
    "## Limits that policies share",
    "",
    "The most memory and CPUs of a container, the addresses and ports that nginx may publish, image tags, names for",
    "administrators and the days of a bucket are limits of the [policies](policies.md) as well. Both read them from",
    "`policies/limits.json`, and what `policies/config.json` says in place of those. So one line changes a limit for",
    "both, such as this for a database of 96 GB on a host that has them:",
    "",
    "```json",
    '{"DKR-MEM": {"maxMb": 98304}, "PACK": {"environmentKey": "tasktracker:environment"}}',
    "```",
)


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    cells = [[*header], *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    cells.insert(1, ["---"] * len(cells[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in cells) + "\n"
