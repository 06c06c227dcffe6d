"""A stack gets made once, with secrets that are as safe as it needs."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.unit.toolchain.conftest import Machine
from toolchain.engine import ensure_engine
from toolchain.stack import ensure_stack
from toolchain.steps import StepError

SALT = "encryptionsalt: v1:abc:v1:def:ghi\n"


@pytest.fixture
def ready(machine: Machine) -> Machine:
    """A machine whose engine knows one stack, `there`."""
    machine.user_has_pulumi()
    ensure_engine()
    machine.program("pulumi", """[ "$2" != ls ] || echo '[{"name": "there"}, {"name": "organization/x/qualified"}]'""")
    return machine


def _inits(machine: Machine) -> list[str]:
    return [call for call in machine.calls("pulumi") if "stack init" in call]


def test_makes_dev(ready: Machine) -> None:
    ensure_stack("dev")
    assert _inits(ready) == ["pulumi stack init dev --no-select --non-interactive"]


@pytest.mark.parametrize("stack", ["there", "qualified"])
def test_leaves_what_is_there(ready: Machine, monkeypatch: pytest.MonkeyPatch, stack: str) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "own")
    ensure_stack(stack)
    assert _inits(ready) == []


def test_dev_has_a_passphrase_already(ready: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    with pytest.raises(StepError, match=r"PULUMI_CONFIG_PASSPHRASE is set.*unset it"):
        ensure_stack("dev")


@pytest.mark.parametrize("settings", ["", SALT, "secretsprovider: passphrase\n", "secretsprovider: default\n"])
def test_others_may_not_use_the_public_passphrase(ready: Machine, settings: str) -> None:
    (ready.root / "Pulumi.staging.yaml").write_text(settings)
    with pytest.raises(StepError) as error:
        ensure_stack("staging")
    assert "export TASKTRACKER_PASSPHRASE_FILE=" in str(error.value)
    assert "Pulumi.staging.yaml" in str(error.value)
    assert _inits(ready) == []


def test_generates_a_passphrase_once(ready: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passphrase = tmp_path / "kept" / "staging"
    monkeypatch.setenv("TASKTRACKER_PASSPHRASE_FILE", str(passphrase))
    ensure_stack("staging")
    text = passphrase.read_text()
    assert len(text.strip()) >= 43
    assert stat.S_IMODE(passphrase.stat().st_mode) == 0o600
    ensure_stack("staging")
    assert passphrase.read_text() == text


def test_lost_passphrase_is_not_replaced(ready: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passphrase = tmp_path / "lost"
    monkeypatch.setenv("TASKTRACKER_PASSPHRASE_FILE", str(passphrase))
    (ready.root / "Pulumi.staging.yaml").write_text(SALT)
    with pytest.raises(StepError, match="no such file"):
        ensure_stack("staging")
    assert not passphrase.exists()


def test_key_management_needs_no_passphrase(ready: Machine) -> None:
    (ready.root / "Pulumi.prod.yaml").write_text("secretsprovider: awskms://alias/x?region=eu-west-1\n")
    ensure_stack("prod")
    # Without the option Pulumi would take the passphrase of the moment, and the line out of the file.
    assert _inits(ready) == [
        "pulumi stack init prod --no-select --non-interactive --secrets-provider=awskms://alias/x?region=eu-west-1"
    ]


def test_says_why_the_backend_fails(ready: Machine) -> None:
    ready.program("pulumi", "echo 'error: no such bucket' >&2; exit 255")
    with pytest.raises(StepError, match=r"cannot list the stacks in file://.*: no such bucket"):
        ensure_stack("dev")


def test_a_stack_is_made_where_its_config_says(ready: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "own")
    (ready.root / "Pulumi.prod.yaml").write_text("config:\n  tasktracker:state_backend: s3://states\n")
    ready.program("pulumi", "echo $PULUMI_BACKEND_URL >&2; [ $2 != ls ] || exit 1")
    with pytest.raises(StepError, match=r"cannot list the stacks in s3://states: s3://states"):
        ensure_stack("prod")


def test_a_lost_salt_is_not_made_anew(ready: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "own")
    config = ready.root / "Pulumi.prod.yaml"
    secret = "config:\n  tasktracker:tls_key:\n    secure: v1:abc:def\n"
    config.write_text(secret)
    with pytest.raises(StepError, match=r"Pulumi\.prod\.yaml has secrets, and neither encryptionsalt nor encryptedkey"):
        ensure_stack("prod")
    assert _inits(ready) == []
    for line in (SALT, "secretsprovider: awskms://alias/x\nencryptedkey: abc\n"):
        config.write_text(secret + line)
        ensure_stack("prod")
