"""A stack in the state backend, with a secrets provider that fits the stack.

`pulumi stack init` writes a fresh `encryptionsalt` into the tracked `Pulumi.<stack>.yaml` when the
file names no secrets provider, and a salt fits one passphrase only. So:

- dev comes with a salt for the passphrase in `toolchain/dev-passphrase`. That passphrase is public:
  it makes a fresh clone work, and what keeps dev's secrets is that `.state/` is its owner's alone,
  as a passphrase that lay beside the state would be.
- Any other stack needs a passphrase of its own or a key management service. `ensure_stack` refuses
  the public one, and the salt that Pulumi writes once is committed by those who run the stack.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from remote.redaction import redacted
from toolchain.process.steps import ROOT, StepError, run
from toolchain.pulumi_engine.engine import environment
from toolchain.pulumi_engine.environment import PUBLIC_STACK
from toolchain.pulumi_engine.stack_files import stack_files, stack_of
from toolchain.python.venv import read_stack_file
from toolchain.stacks.damaged_state import damaged, lost
from toolchain.stacks.passphrase import OVERRIDE, PUBLIC_PASSPHRASE, check_passphrase, check_public_stack


def ensure_stack(stack: str, env: Mapping[str, str] | None = None) -> None:
    """Makes `stack` in its state backend, or that of `env`, unless it is there.

    Raises:
        StepError: the stack has no secrets provider that fits it, its file can't be read, or Pulumi failed.
    """
    config = ROOT / f"Pulumi.{stack}.yaml"
    env = environment(config) if env is None else env
    file = Path(env["PULUMI_CONFIG_PASSPHRASE_FILE"])
    if stack == PUBLIC_STACK:
        check_public_stack()
        if stack not in stacks(env):
            _check_lost(stack, env)
            _make(stack, env, None)
        return
    content = read_stack_file(config) if config.exists() else {}
    kms = _key_management(content)
    there = stack in stacks(env)
    if not there:
        _check_lost(stack, env)
    _check_copied(config, content, env if there else None)
    _check_secrets(config, content)
    if not kms:
        check_passphrase(stack, file, config.name, has_salt=_salt(content) is not None)
    if not there:
        _make(stack, env, kms)


def _make(stack: str, env: Mapping[str, str], kms: str | None) -> None:
    run(
        f"Making the stack {stack} in {redacted(env['PULUMI_BACKEND_URL'])}",
        # Without the option it would have the passphrase, and the config's line would be taken out.
        ["pulumi", "stack", "init", stack, "--no-select", "--non-interactive"]
        + ([f"--secrets-provider={kms}"] if kms else []),
        log="stack-init",
        env=env,
    )


def _check_lost(stack: str, env: Mapping[str, str]) -> None:
    """Refuses to make a stack whose state is gone: Pulumi would write over the copy that it has kept."""
    name = str(read_stack_file(ROOT / "Pulumi.yaml").get("name"))
    if gone := lost(env["PULUMI_BACKEND_URL"], name, stack):
        raise StepError(f"the state of '{stack}' is lost: {gone}")


def _check_copied(config: Path, content: Mapping[str, Any], env: Mapping[str, str] | None) -> None:
    """Refuses a salt that was copied with another stack's file: it fits that one's passphrase alone.

    `env` has the state backend of a stack that is there; it is None for one that is to be made.
    """
    stack, salt = stack_of(config), _salt(content)
    name = None if salt is None else next((name for name, other in _others(stack) if _salt(other) == salt), None)
    if name is None:
        return
    if env is not None:
        _check_copied_over(config, content, name, _salt_in_state(stack, env))
        return
    secure = ""
    if _has_secrets(content.get("config")):
        secure = (
            f"\nIts secrets are those of {name}, which nothing reads without that line: remove each key that has "
            "`secure:` too, and set it again."
        )
    raise StepError(
        f"{config.name} has the encryptionsalt of Pulumi.{name}.yaml, which fits the passphrase of {name} alone. "
        "Remove that line, and the next `make up` writes one for this stack:\n"
        f"    sed -i.bak '/^encryptionsalt:/d' {config.name}{secure}\n"
        f"Or begin again: remove {config.name}, and `./tt stack new {stack} --like {name}` makes it with free subnets "
        "and ports."
    )


def _check_copied_over(config: Path, content: Mapping[str, Any], owner: str, in_state: str | None) -> None:
    """Refuses the salt of `owner` for a stack that is there, by the salt that its state has."""
    stack = stack_of(config)
    if in_state is not None and in_state != _salt(content):
        raise StepError(
            f"{config.name} has the encryptionsalt of Pulumi.{owner}.yaml, and the stack {stack} has another one. "
            f"Write its own in place of that line:\n    encryptionsalt: {in_state}"
        )
    if owner == PUBLIC_STACK:
        raise StepError(
            f"{stack} was made with the encryptionsalt of {owner}: the public passphrase opens its secrets. "
            "Give it a passphrase of its own:\n"
            f"    {OVERRIDE}={PUBLIC_PASSPHRASE.relative_to(ROOT)} ./tt pulumi stack change-secrets-provider passphrase"
            f" --stack {stack}"
        )


def _salt_in_state(stack: str, env: Mapping[str, str]) -> str | None:
    """The salt that the secrets in a stack's state are encrypted with; None where it has none, or can't be read."""
    process = subprocess.run(
        ["pulumi", "stack", "export", "--stack", stack, "--non-interactive"],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        provider = json.loads(process.stdout)["deployment"]["secrets_providers"]
        return str(provider["state"]["salt"]) if provider["type"] == "passphrase" else None
    except (ValueError, KeyError, TypeError):
        return None


def _others(stack: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The other stacks with what their files have, dev first: others may have its salt too."""
    for name, path in sorted(stack_files(ROOT).items(), key=lambda each: each[0] != PUBLIC_STACK):
        # What is wrong in another's file is for its own commands to say.
        with contextlib.suppress(StepError):
            if name != stack:
                yield name, read_stack_file(path)


def _check_secrets(config: Path, content: Mapping[str, Any]) -> None:
    """Refuses secrets that nothing can read: Pulumi would write a new salt beside them."""
    if _has_secrets(content.get("config")) and not {"encryptionsalt", "encryptedkey"} & content.keys():
        raise StepError(
            f"{config.name} has secrets, and neither encryptionsalt nor encryptedkey to read them with any more: "
            f"bring that line back from an earlier commit (`git log -p {config.name}`); or, if the file is a copy of "
            "another stack's, remove each key that has `secure:` and set it again"
        )


def _salt(content: Mapping[str, Any]) -> str | None:
    salt = content.get("encryptionsalt")
    return str(salt) if salt else None


def _has_secrets(value: object) -> bool:
    """Whether a value of the config is encrypted, or one in it."""
    if isinstance(value, list):
        return any(_has_secrets(each) for each in value)
    return isinstance(value, dict) and ("secure" in value or any(_has_secrets(each) for each in value.values()))


def _key_management(content: Mapping[str, Any]) -> str | None:
    """The key management service that a stack's file names, if it names one."""
    provider = str(content.get("secretsprovider") or "")
    return provider if provider and not provider.startswith(("passphrase", "default")) else None


def stacks(env: Mapping[str, str]) -> set[str]:
    """The names of this project's stacks in the backend."""
    process = subprocess.run(
        ["pulumi", "stack", "ls", "--json", "--non-interactive"],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode != 0:
        reason = damaged(env["PULUMI_BACKEND_URL"]) or redacted(process.stderr.strip().removeprefix("error: "))
        raise StepError(f"cannot list the stacks in {redacted(env['PULUMI_BACKEND_URL'])}: {reason}")
    return {str(stack["name"]).rpartition("/")[2] for stack in json.loads(process.stdout)}
