"""Reading the config of the running program."""

import json
from contextvars import copy_context

import pulumi
import pytest
from pulumi.runtime import set_all_config

from images.catalog import CatalogError
from settings import Settings
from settings.reading import source
from tests.unit.settings.config import config


@pytest.fixture(autouse=True)
def no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)
    monkeypatch.delenv("PULUMI_CONFIG_SECRET_KEYS", raising=False)
    monkeypatch.setattr(pulumi, "get_stack", lambda: "dev")


def load_with(values: dict[str, str], secret_keys: list[str]) -> Settings:
    """`load` in a process whose config was set by the Automation API."""

    def run() -> Settings:
        set_all_config(values, secret_keys)
        return source.load()

    return copy_context().run(run)


def test_reads_the_config_that_the_automation_api_sets() -> None:
    values = config({"environment": "dev", "encryption_key": "k" * 32})
    assert load_with(values, ["tasktracker:encryption_key"]).secrets == {"encryption_key"}


def test_reads_the_config_that_a_language_host_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    values = config({"environment": "dev", "encryption_key": "k" * 32})
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(values))
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", '["tasktracker:encryption_key"]')
    assert load_with({}, []).secrets == {"encryption_key"}


def test_a_bad_config_ends_the_program_with_its_problems_alone() -> None:
    with pytest.raises(pulumi.RunError) as caught:
        load_with(config({"environment": "test"}), [])
    assert str(caught.value) == (
        'Pulumi.dev.yaml has 1 problem:\n  tasktracker:environment = "test": must be dev, staging or prod'
    )
    assert caught.value.__suppress_context__


def test_limits_that_can_t_be_read_end_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PROBLEM", "policies/config.json: Expecting value")
    with pytest.raises(pulumi.RunError, match=r"^policies/config\.json: Expecting value$"):
        load_with(config({"environment": "dev"}), [])


def test_no_password_of_a_backend_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://key:hunter2@states")
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    with pytest.raises(pulumi.RunError, match=r"s3://\[hidden\]@states") as caught:
        load_with(config({"environment": "dev", "state_backend": "s3://other"}), [])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("named", "used", "preview", "refused"),
    [
        ("s3://states", "file:///here/.state", False, True),
        ("s3://states", "file:///here/.state", True, False),
        ("s3://states", "s3://states", False, False),
        ("s3://states", None, False, False),
        (None, "s3://states", False, False),
    ],
)
def test_no_update_goes_to_another_state_than_the_stack_s(
    monkeypatch: pytest.MonkeyPatch, named: str | None, used: str | None, preview: bool, refused: bool
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    if used:
        monkeypatch.setenv("PULUMI_BACKEND_URL", used)
    values = config({"environment": "dev", **({"state_backend": named} if named else {})})
    if not refused:
        assert load_with(values, []).state_backend == named
        return
    with pytest.raises(pulumi.RunError) as caught:
        load_with(values, [])
    assert str(caught.value) == (
        f"tasktracker:state_backend: the state of 'dev' is in {named}, and this command uses {used}: "
        "run `STACK=dev . .tools/env` and try again"
    )


def test_a_bad_version_ends_the_program_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def bad() -> str:
        raise CatalogError("VERSION: 'soon' is no semantic version")

    assert source.revision()["version"]
    monkeypatch.setattr(source, "version", bad)
    with pytest.raises(pulumi.RunError, match="VERSION: 'soon' is no semantic version"):
        source.revision()
