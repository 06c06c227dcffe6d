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

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from remote.redaction import redacted
from toolchain.engine import environment
from toolchain.environment import PUBLIC_STACK
from toolchain.passphrase import FILE, PUBLIC_PASSPHRASE, check_passphrase, check_public_stack
from toolchain.steps import ROOT, StepError, run


def ensure_stack(stack: str, env: Mapping[str, str] | None = None) -> None:
    """Makes `stack` in its state backend, or that of `env`, unless it is there.

    Raises:
        StepError: the stack has no secrets provider that fits it, or Pulumi failed.
    """
    config = ROOT / f"Pulumi.{stack}.yaml"
    env = environment(config) if env is None else env
    file = Path(env["PULUMI_CONFIG_PASSPHRASE_FILE"])
    if stack == PUBLIC_STACK:
        check_public_stack()
        if stack not in stacks(env):
            _make(stack, env, None)
        return
    kms = _key_management(config)
    there = stack in stacks(env)
    _check_copied(config, stack, env if there else None)
    _check_secrets(config)
    if not kms:
        check_passphrase(stack, file, config.name, has_salt=_salt(config) is not None)
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


def _check_copied(config: Path, stack: str, env: Mapping[str, str] | None) -> None:
    """Refuses a salt that was copied with another stack's file: it fits that one's passphrase alone.

    `env` has the state backend of a stack that is there; it is None for one that is to be made.
    """
    salt = _salt(config)
    owner = next((each for each in _other_configs(config) if salt is not None and _salt(each) == salt), None)
    if owner is None:
        return
    name = owner.name.removeprefix("Pulumi.").removesuffix(".yaml")
    if env is not None:
        _check_copied_over(config, stack, name, _salt_in_state(stack, env))
        return
    secure = ""
    if _has_secrets(config):
        secure = (
            f"\nIts secrets are those of {name}, which nothing reads without that line: remove each key that has "
            "`secure:` too, and set it again."
        )
    raise StepError(
        f"{config.name} has the encryptionsalt of {owner.name}, which fits the passphrase of {name} alone. "
        "Remove that line, and the next `make up` writes one for this stack:\n"
        f"    sed -i.bak '/^encryptionsalt:/d' {config.name}{secure}\n"
        f"Or begin again: remove {config.name}, and `./tt stack new {stack} --like {name}` makes it with free subnets "
        "and ports."
    )


def _check_copied_over(config: Path, stack: str, owner: str, in_state: str | None) -> None:
    """Refuses the salt of `owner` for a stack that is there, by the salt that its state has."""
    if in_state is not None and in_state != _salt(config):
        raise StepError(
            f"{config.name} has the encryptionsalt of Pulumi.{owner}.yaml, and the stack {stack} has another one. "
            f"Write its own in place of that line:\n    encryptionsalt: {in_state}"
        )
    if owner == PUBLIC_STACK:
        raise StepError(
            f"{stack} was made with the encryptionsalt of {owner}: the public passphrase opens its secrets. "
            "Give it a passphrase of its own:\n"
            f"    {FILE}={PUBLIC_PASSPHRASE.relative_to(ROOT)} pulumi stack change-secrets-provider passphrase"
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


def _other_configs(config: Path) -> list[Path]:
    """The other stacks' files, with dev's first: others may have its salt too."""
    others = [each for each in sorted(ROOT.glob("Pulumi.?*.yaml")) if each.name != config.name]
    return sorted(others, key=lambda each: each.name != f"Pulumi.{PUBLIC_STACK}.yaml")


def _check_secrets(config: Path) -> None:
    """Refuses secrets that nothing can read: Pulumi would write a new salt beside them."""
    if _has_secrets(config) and not re.search(r"^(encryptionsalt|encryptedkey):", _text(config), re.MULTILINE):
        raise StepError(
            f"{config.name} has secrets, and neither encryptionsalt nor encryptedkey to read them with any more: "
            f"bring that line back from an earlier commit (`git log -p {config.name}`); or, if the file is a copy of "
            "another stack's, remove each key that has `secure:` and set it again"
        )


def _text(config: Path) -> str:
    return config.read_text(encoding="utf-8", errors="replace") if config.exists() else ""


def _salt(config: Path) -> str | None:
    found = re.search(r"""^encryptionsalt:\s*["']?([^\s"']+)""", _text(config), re.MULTILINE)
    return found[1] if found else None


def _has_secrets(config: Path) -> bool:
    return re.search(r"(?:^\s+|[{,]\s*)secure:", _text(config), re.MULTILINE) is not None


def _key_management(config: Path) -> str | None:
    """The key management service that a stack's config file names, if it names one."""
    found = re.search(
        r"""^secretsprovider:\s*["']?((?!passphrase|default)[^\s"']+)""",
        _text(config),
        re.MULTILINE,
    )
    return found[1] if found else None


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
        reason = redacted(process.stderr.strip().removeprefix("error: "))
        raise StepError(f"cannot list the stacks in {redacted(env['PULUMI_BACKEND_URL'])}: {reason}")
    return {str(stack["name"]).rpartition("/")[2] for stack in json.loads(process.stdout)}
