"""The JSON Schema of `Pulumi.<stack>.yaml`, for editors, and the command that writes the generated documents.

    python -m settings.documents.schema [--check]

writes docs/config.schema.json, docs/configuration.md and docs/environments.md, or with `--check` fails if they are not
what it would write.
The schema knows every key and the form of every value; what ties values together is checked by `settings.rules` alone.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from settings.blocks.images import ImageSettings
from settings.describe import allowed, default_of, description, field_type, nested_blocks
from settings.documents.environments import environments
from settings.documents.reference import reference
from settings.errors import PROJECT
from settings.rules import RESERVED_BLOCKS
from settings.secrets import BUILT_IN
from settings.stack import StackConfig

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"

Schema = dict[str, Any]

_REF: Final = "#/definitions/{model}"
_SECRET: Final[Schema] = {"$ref": "#/definitions/Secret"}


def config_schema() -> Schema:
    """The schema of a whole stack file.

    Draft 7, which every editor's YAML support understands.
    """
    root = StackConfig.model_json_schema(ref_template=_REF)
    definitions: dict[str, Schema] = {**root.pop("$defs"), StackConfig.__name__: root}
    for block in _blocks(StackConfig):
        _polish(definitions[block.__name__], block)
    settings: Schema = definitions.pop(StackConfig.__name__)["properties"]
    definitions[ImageSettings.__name__].pop("required")  # in dev each has a default
    definitions["Secret"] = {
        "description": "An encrypted value, as pulumi config set --secret writes it.",
        "type": "object",
        "properties": {"secure": {"type": "string"}},
        "required": ["secure"],
        "additionalProperties": False,
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings of a Task Tracker stack (Pulumi.<stack>.yaml)",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": _config(settings),
            "encryptionsalt": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "secretsprovider": {"type": "string"},
            "environment": {"description": "Pulumi ESC environments to import."},
        },
        "additionalProperties": False,
        "definitions": dict(sorted(definitions.items())),
    }


def _config(settings: Mapping[str, Schema]) -> Schema:
    secrets = {name: {**_SECRET, "description": secret.meaning} for name, secret in BUILT_IN.items()}
    known = {**settings, **secrets}
    taken = "|".join([*known, *RESERVED_BLOCKS])
    images = f"{PROJECT}:images"
    required = [service for service, field in ImageSettings.model_fields.items() if field.is_required()]
    return {
        "type": "object",
        "required": [f"{PROJECT}:environment"],
        "properties": {f"{PROJECT}:{name}": schema for name, schema in known.items()},
        "patternProperties": {
            # A secret of the app, under any name that means nothing else.
            f"^{PROJECT}:(?!({taken})$)[a-z][a-z0-9]*(_[a-z0-9]+)*$": _SECRET,
            # Other namespaces are those of providers and of Pulumi itself.
            f"^(?!{PROJECT}:)[^:]+:.": True,
        },
        "additionalProperties": False,
        "if": {"properties": {f"{PROJECT}:environment": {"enum": ["staging", "prod"]}}},
        "then": {"required": [images], "properties": {images: {"required": required}}},
    }


def _blocks(block: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """`block` and all blocks inside it."""
    yield block
    for field in block.model_fields.values():
        for inner in nested_blocks(field):
            yield from _blocks(inner)


def _polish(schema: Schema, block: type[BaseModel]) -> None:
    """Say in `schema` what a person wants to know: what is allowed, and defaults as the file would have them."""
    schema.pop("title")
    schema["description"] = " ".join(schema["description"].split())
    for key, field in block.model_fields.items():
        annotation = field_type(field)
        value = schema["properties"][key]
        value.pop("title", None)
        value.pop("default", None)
        if "$ref" in value:
            # Draft 7 looks at nothing beside a reference.
            schema["properties"][key] = {"$ref": value["$ref"]}
            continue
        value["description"] = f"{description(field)} Must be {allowed(annotation)}."
        if "patternProperties" in value:
            value["additionalProperties"] = False
        elif not field.is_required() and field.default is not None:
            value["default"] = default_of(field)


def documents() -> Mapping[Path, str]:
    """The generated files with their contents."""
    return {
        DOCS / "config.schema.json": json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n",
        DOCS / "configuration.md": reference(),
        DOCS / "environments.md": environments(),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the documents, or check them; 1 if `--check` finds one that is not current."""
    parser = argparse.ArgumentParser(
        prog="python -m settings.documents.schema", description="Write the documents on settings."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not current")
    check = parser.parse_args(arguments).check
    stale = {path: text for path, text in documents().items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        if check:
            sys.stderr.write(f"{path} is not what settings/ says; run `make docs`\n")
        else:
            path.write_text(text)
            sys.stdout.write(f"wrote {path}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
