"""A stack gets made once, with secrets that are as safe as it needs."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from tests.unit.toolchain.conftest import Machine
from toolchain.process.steps import StepError
from toolchain.pulumi_engine.engine import ensure_engine
from toolchain.stacks.passphrase import PUBLIC_PASSPHRASE
from toolchain.stacks.stack import ensure_stack

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


def test_a_stack_with_a_salt_wants_the_passphrase_that_it_was_made_with(ready: Machine) -> None:
    (ready.root / "Pulumi.staging.yaml").write_text(SALT)
    with pytest.raises(StepError) as error:
        ensure_stack("staging")
    assert str(error.value) == (
        "the passphrase of staging is not here. Put the one that staging was made with into "
        "~/.config/tasktracker/staging-passphrase (the salt in Pulumi.staging.yaml fits no other), or name the file "
        "that has it:\n    export TASKTRACKER_PASSPHRASE_FILE=FILE"
    )


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


@pytest.fixture
def dev(ready: Machine) -> str:
    """dev's file, as it is in the project; its text."""
    text = "config:\n  tasktracker:environment: dev\n# Fits the public passphrase\nencryptionsalt: v1:pub:v1:lic:x\n"
    (ready.root / "Pulumi.dev.yaml").write_text(text)
    return text


def refused(stack: str) -> str:
    with pytest.raises(StepError) as error:
        ensure_stack(stack)
    return str(error.value)


@pytest.mark.parametrize("passphrase", ["none", "variable", "file"])
def test_a_copy_of_dev_is_told_what_to_remove(
    ready: Machine, dev: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passphrase: str
) -> None:
    copy = ready.root / "Pulumi.demo.yaml"
    copy.write_text(dev)
    if passphrase == "variable":
        monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "own")
    if passphrase == "file":
        monkeypatch.setenv("TASKTRACKER_PASSPHRASE_FILE", str(tmp_path / "new"))
    message = refused("demo")
    assert message.startswith("Pulumi.demo.yaml has the encryptionsalt of Pulumi.dev.yaml")
    assert "`./tt stack new demo --like dev`" in message
    assert _inits(ready) == []
    assert not (tmp_path / "new").exists()
    # The command that it shows mends the file, and the next attempt makes the stack.
    [command] = [line.strip() for line in message.splitlines() if line.startswith("    sed ")]
    subprocess.run(command, shell=True, cwd=ready.root, check=True)
    assert copy.read_text() == dev.replace("encryptionsalt: v1:pub:v1:lic:x\n", "")
    monkeypatch.setenv("TASKTRACKER_PASSPHRASE_FILE", str(tmp_path / "new"))
    ensure_stack("demo")
    assert len(_inits(ready)) == 1


def test_a_copy_with_secrets_is_told_of_them(ready: Machine, dev: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "own")
    prod = dev.replace("v1:pub", "v1:prod").replace("\n#", "\n  a:token:\n    secure: v1:x:y\n#")
    (ready.root / "Pulumi.prod.yaml").write_text(prod)
    copy = ready.root / "Pulumi.demo.yaml"
    copy.write_text(prod)
    message = refused("demo")
    assert "has the encryptionsalt of Pulumi.prod.yaml, which fits the passphrase of prod alone" in message
    assert "Its secrets are those of prod" in message
    copy.write_text(prod.replace("encryptionsalt", "# "))
    assert "if the file is a copy of another stack's, remove each key that has `secure:`" in refused("demo")
    copy.write_text(dev.replace("encryptionsalt", "# "))
    ensure_stack("demo")
    assert len(_inits(ready)) == 1


def test_a_stack_that_was_made_with_the_public_passphrase_gets_its_own(
    ready: Machine, dev: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "own")
    (ready.root / "Pulumi.there.yaml").write_text(dev)
    message = refused("there")
    assert "the public passphrase opens its secrets" in message
    assert "pulumi stack change-secrets-provider passphrase --stack there" in message


def test_a_salt_that_was_copied_over_the_stack_s_own_is_told_with_that(
    ready: Machine, dev: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "own")
    (ready.root / "Pulumi.there.yaml").write_text(dev)
    state = '{"deployment": {"secrets_providers": {"type": "passphrase", "state": {"salt": "v1:own:v1:a:b"}}}}'
    ready.program("pulumi", f"""[ $2 != ls ] || echo '[{{"name": "there"}}]'; [ $2 != export ] || echo '{state}'""")
    assert refused("there").endswith("Write its own in place of that line:\n    encryptionsalt: v1:own:v1:a:b")


@pytest.mark.parametrize(
    ("passphrase", "why"),
    [("", "is set and empty"), ("PUBLIC", "has the public passphrase")],
)
def test_a_variable_that_guards_nothing(
    ready: Machine, monkeypatch: pytest.MonkeyPatch, passphrase: str, why: str
) -> None:
    public = PUBLIC_PASSPHRASE.read_text().strip()
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", public if passphrase else "")
    assert f"PULUMI_CONFIG_PASSPHRASE {why}" in refused("staging")
    assert _inits(ready) == []


@pytest.mark.parametrize(("text", "why"), [("\n", "the file is empty"), ("PUBLIC", "has the public passphrase")])
def test_a_file_that_guards_nothing(
    ready: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    file = tmp_path / "passphrase"
    file.write_text(text.replace("PUBLIC", PUBLIC_PASSPHRASE.read_text()))
    monkeypatch.setenv("TASKTRACKER_PASSPHRASE_FILE", str(file))
    assert why in refused("staging")
    file.unlink()
    file.mkdir()
    assert "can't be read: Is a directory" in refused("staging")
    assert _inits(ready) == []


def test_what_a_file_has_is_read_however_it_is_written(ready: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "own")
    dev, demo = ready.root / "Pulumi.dev.yaml", ready.root / "Pulumi.demo.yaml"
    dev.write_text('{config: {}, encryptionsalt: "v1:pub:v1:lic:x"}\n')
    demo.write_text("config: {}\nencryptionsalt:\n  v1:pub:v1:lic:x\n")
    assert "Pulumi.demo.yaml has the encryptionsalt of Pulumi.dev.yaml" in refused("demo")
    demo.write_text('{"config": {"tasktracker:tls_key": {"secure": "v1:abc:def"}}}')
    assert "Pulumi.demo.yaml has secrets, and neither encryptionsalt nor encryptedkey" in refused("demo")
    # Neither of a comment nor of a text.
    demo.write_text("config:\n  tasktracker:domain: |\n    secure: yes\n# encryptionsalt: v1:pub:v1:lic:x\n")
    ensure_stack("demo")
    demo.write_text("{secretsprovider: 'awskms://alias/x?region=eu-west-1', config: {}}\n")
    ensure_stack("demo")
    assert _inits(ready)[-1].endswith("--secrets-provider=awskms://alias/x?region=eu-west-1")


def test_a_file_that_can_t_be_read_is_told_and_another_s_is_passed_over(ready: Machine, dev: str) -> None:
    (ready.root / "Pulumi.bad.yaml").write_text("config: {\n")
    (ready.root / "Pulumi.gone.yaml").symlink_to(ready.root / "nowhere")
    assert refused("bad").startswith("Pulumi.bad.yaml:2:1: ")
    (ready.root / "Pulumi.demo.yaml").write_text(dev)
    assert "Pulumi.demo.yaml has the encryptionsalt of Pulumi.dev.yaml" in refused("demo")
