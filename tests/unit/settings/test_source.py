"""Reading the config of the running program."""

import json
from contextvars import copy_context

import pulumi
import pytest
from pulumi.runtime import set_all_config

from settings import Settings, source
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
