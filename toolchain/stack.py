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
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path

from remote.redaction import redacted
from toolchain.engine import TOOLCHAIN, environment
from toolchain.steps import ROOT, StepError, run, say

#: The passphrase that everybody knows.
PUBLIC_PASSPHRASE = TOOLCHAIN / "dev-passphrase"

PUBLIC_STACK = "dev"

#: Bytes of randomness in a generated passphrase.
PASSPHRASE_BYTES = 32


def ensure_stack(stack: str, env: Mapping[str, str] | None = None) -> None:
    """Makes `stack` in its state backend, or that of `env`, unless it is there.

    Raises:
        StepError: the stack has no secrets provider that fits it, or Pulumi failed.
    """
    env = environment(ROOT / f"Pulumi.{stack}.yaml") if env is None else env
    _check_passphrase(stack, Path(env["PULUMI_CONFIG_PASSPHRASE_FILE"]))
    if stack not in _stacks(env):
        kms = _key_management(ROOT / f"Pulumi.{stack}.yaml")
        run(
            f"Making the stack {stack} in {redacted(env['PULUMI_BACKEND_URL'])}",
            # Without the option it would have the passphrase, and the config's line would be taken out.
            ["pulumi", "stack", "init", stack, "--no-select", "--non-interactive"]
            + ([f"--secrets-provider={kms}"] if kms else []),
            log="stack-init",
            env=env,
        )


def _check_passphrase(stack: str, passphrase: Path) -> None:
    """Checks that `passphrase` is one that may guard `stack`; makes it for a new stack."""
    config = ROOT / f"Pulumi.{stack}.yaml"
    settings = config.read_text(encoding="utf-8", errors="replace") if config.exists() else ""
    if stack == PUBLIC_STACK:
        if "PULUMI_CONFIG_PASSPHRASE" in os.environ:
            raise StepError(
                f"PULUMI_CONFIG_PASSPHRASE is set, and {stack} uses the passphrase in "
                f"{PUBLIC_PASSPHRASE.relative_to(ROOT)}: unset it"
            )
        return
    if re.search(r"^\s+secure:", settings, re.MULTILINE) and not re.search(
        r"^(encryptionsalt|encryptedkey):", settings, re.MULTILINE
    ):
        # Pulumi would write a new salt there, with which it reads none of them.
        raise StepError(
            f"{config.name} has secrets, and neither encryptionsalt nor encryptedkey to read them with any more: "
            f"bring that line back from an earlier commit (`git log -p {config.name}`)"
        )
    if _key_management(config) or os.environ.get("PULUMI_CONFIG_PASSPHRASE"):
        return
    if passphrase.resolve() == PUBLIC_PASSPHRASE:
        raise StepError(
            f"the stack {stack} needs a passphrase of its own. Either name a file outside this "
            "folder (it is made if there is none):\n"
            f"    export TASKTRACKER_PASSPHRASE_FILE=~/.config/tasktracker/{stack}-passphrase\n"
            f"or have a key management service keep its secrets, in {config.name}:\n"
            "    secretsprovider: awskms://alias/NAME?region=REGION"
        )
    if passphrase.exists():
        return
    if re.search(r"^encryptionsalt:", settings, re.MULTILINE):
        raise StepError(
            f"{passphrase}: no such file. Put the passphrase there that {stack} was made with: "
            f"the salt in {config.name} fits no other"
        )
    _generate(passphrase)


def _key_management(config: Path) -> str | None:
    """The key management service that a stack's config file names, if it names one."""
    found = re.search(
        r"""^secretsprovider:\s*["']?((?!passphrase|default)[^\s"']+)""",
        config.read_text(encoding="utf-8", errors="replace") if config.exists() else "",
        re.MULTILINE,
    )
    return found[1] if found else None


def _generate(passphrase: Path) -> None:
    """Writes a new passphrase to a file that only its owner reads; never overwrites one."""
    passphrase.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(PASSPHRASE_BYTES) + "\n")
    say(f"Made {passphrase}. Keep a copy elsewhere: without it the stack's secrets are lost")


def _stacks(env: Mapping[str, str]) -> set[str]:
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
