"""The generated documents are current, and the schema and the models agree."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from pydantic import BaseModel

from settings import parse
from settings.describe import nested_blocks
from settings.documents import schema
from settings.stack import StackConfig
from tests.unit.settings.config import DIGEST, IMAGES, PROD, config, filled_file, nested, problems, stack_file
from tests.unit.settings.values.test_values import BAD, GOOD

ROOT = Path(__file__).resolve().parents[4]
VALIDATOR = Draft7Validator(schema.config_schema())
STACK_FILES = sorted(ROOT.glob("Pulumi.*.yaml"))


def fits(keys: dict[str, Any]) -> bool:
    return VALIDATOR.is_valid({"config": {f"tasktracker:{key}": value for key, value in keys.items()}})


@pytest.mark.parametrize("path", schema.documents(), ids=lambda path: path.name)
def test_generated_documents_are_current(path: Path) -> None:
    assert path.read_text() == schema.documents()[path], "run `make docs`"


def test_check_fails_for_a_document_that_is_not_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schema, "DOCS", tmp_path)
    assert schema.main(["--check"]) == 1
    assert "config.schema.json is not what settings/ says; run `make docs`" in capsys.readouterr().err
    assert schema.main([]) == 0
    assert schema.main(["--check"]) == 0


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(schema.config_schema())


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.name)
def test_stack_files_fit_the_schema_and_name_it(path: Path) -> None:
    assert path.read_text().startswith("# yaml-language-server: $schema=docs/config.schema.json\n")
    stack = path.suffixes[0].removeprefix(".")
    # What only a person knows is not in a file that everybody has.
    keys = stack_file(stack) if stack == "dev" else filled_file(stack)
    file = {**yaml.safe_load(path.read_text()), "config": {f"tasktracker:{key}": keys[key] for key in keys}}
    assert [error.message for error in VALIDATOR.iter_errors(file)] == []


def test_the_dev_stack_is_valid_and_publishes_on_this_machine_alone() -> None:
    keys = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    settings = parse("dev", config({key.removeprefix("tasktracker:"): value for key, value in keys.items()}))
    assert settings.environment == "dev"
    assert str(settings.nginx.publish.address) == "127.0.0.1"
    assert (settings.postgres.debug_port, settings.nats.debug_port, settings.nats.debug_monitor_port) == (
        15432,
        14222,
        18222,
    )


def test_the_project_has_the_namespace_of_the_settings() -> None:
    assert yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["name"] == "tasktracker"


@pytest.mark.parametrize(("path", "value"), GOOD)
def test_the_schema_takes_what_the_models_take(path: str, value: object) -> None:
    assert fits({"environment": "dev", **nested(path, value)})


# What no pattern can say: numbers in text, and what Python alone knows.
BEYOND_THE_SCHEMA = {
    "1.2.3",
    "1.2.3.400",
    "8.8.8.0/24",
    "169.254.0.0/24",
    "10.0.0.300/24",
    "172.20.0.1/24",
    "1MB",
    "2h",
    "60 2 * * 0",
    "0 24 * * 0",
    "0 2 0 * 0",
    "0 2 * 13 0",
    "0 2 * * 7",
    "0 5-2 * * 0",
    "*/0 2 * * 0",
    "*/60 2 * * 0",
    "0,,1 2 * * 0",
    "0 2 31 2 *",
    "0 2 30-31 2 *",
    "0 2 31 2,4,6,9,11 *",
    "0 2 31/2 4-4 *",
    "3.9GB",
    "96GB",
    "512MB",
}


@pytest.mark.parametrize(("path", "value", "_words"), BAD)
def test_the_schema_refuses_what_the_models_refuse(path: str, value: object, _words: str) -> None:
    if not (
        (isinstance(value, str) and value in BEYOND_THE_SCHEMA)
        or value in ({"token": {"pattern": "("}}, {"jit": 2**63}, {"volume": 2, "to": "2026-13-20T14:05:00Z"})
        or "nan" in repr(value)
    ):
        assert not fits({"environment": "dev", **nested(path, value)})


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.1", "10.0.0.0", "192.168.255.250", "1.20.99.100", "255.0.0.0"])
def test_the_schema_takes_each_address_of_a_host(address: str) -> None:
    keys = {"environment": "dev", "nginx": {"publish": {"address": address}}}
    assert fits(keys)
    assert not problems(keys)


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.01", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.1.1.300", "::"])
def test_the_schema_refuses_each_address_that_the_models_refuse(address: str) -> None:
    keys = {"environment": "dev", "nginx": {"publish": {"address": address}}}
    assert not fits(keys)
    assert problems(keys)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"environment": "dev", "domian": "x"},
        {"environment": "dev", "api": {"cpus": 1}},
        {"environment": "dev", "api": None},
        {"environment": "dev", "tunnel": {}},
        {"environment": "dev", "tunnel": {"secure": "v1:x"}},
        {"environment": "dev", "encryption_key": "k" * 32},
        {"environment": "dev", "domain": {"secure": "v1:x"}},
        {"environment": "prod", "domain": "example.com"},
        {"environment": "staging", "images": {"api": f"app{DIGEST}"}},
    ],
)
def test_both_refuse(keys: dict[str, Any]) -> None:
    assert not fits(keys)
    assert problems(keys if keys else {"environment": ""})


@pytest.mark.parametrize("keys", [PROD, {"environment": "staging", "images": IMAGES}, {"environment": "dev"}])
def test_both_take(keys: dict[str, Any]) -> None:
    assert fits(keys)
    assert not problems(keys)


def test_the_schema_leaves_the_rest_of_a_stack_file_alone() -> None:
    stack = {
        "secretsprovider": "awskms://alias/example",
        "encryptedkey": "x",
        "encryptionsalt": "v1:x",
        "config": {
            "tasktracker:environment": "dev",
            "tasktracker:encryption_key": {"secure": "v1:x"},
            "tasktracker:slack_token": {"secure": "v1:x"},
            "docker:host": "unix:///run/docker.sock",
            "pulumi:tags": {"a": "b"},
        },
    }
    assert VALIDATOR.is_valid(stack)


def blocks(block: type[BaseModel]) -> set[type[BaseModel]]:
    found = {block}
    for field in block.model_fields.values():
        for inner in nested_blocks(field):
            found |= blocks(inner)
    return found


@pytest.mark.parametrize("block", sorted(blocks(StackConfig), key=str))
def test_every_block_and_field_is_described(block: type[BaseModel]) -> None:
    assert block.__doc__
    for name, field in block.model_fields.items():
        assert re.search(r"\w.*\.$", field.description or ""), f"{block.__name__}.{name} has no description"


def test_the_reference_has_every_key() -> None:
    text = (ROOT / "docs/configuration.md").read_text()
    definitions = schema.config_schema()["definitions"]
    assert [key for name in definitions for key in definitions[name]["properties"] if key not in text] == ["secure"]
