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

from toolchain.engine import TOOLCHAIN, environment
from toolchain.steps import ROOT, StepError, run, say

#: The passphrase that everybody knows.
PUBLIC_PASSPHRASE = TOOLCHAIN / "dev-passphrase"

PUBLIC_STACK = "dev"

#: Where a passphrase is, for Pulumi, and the file that a user names.
VALUE, FILE, OVERRIDE = "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "TASKTRACKER_PASSPHRASE_FILE"

#: Bytes of randomness in a generated passphrase.
PASSPHRASE_BYTES = 32


def ensure_stack(stack: str, env: Mapping[str, str] | None = None) -> None:
    """Makes `stack` in its state backend, or that of `env`, unless it is there.

    Raises:
        StepError: the stack has no secrets provider that fits it, or Pulumi failed.
    """
    config = ROOT / f"Pulumi.{stack}.yaml"
    env = environment(config) if env is None else env
    file = Path(env["PULUMI_CONFIG_PASSPHRASE_FILE"])
    if stack == PUBLIC_STACK:
        _check_public_stack()
        if stack not in stacks(env):
            _make(stack, env, None)
        return
    kms = _key_management(config)
    there = stack in stacks(env)
    _check_copied(config, stack, env if there else None)
    _check_secrets(config)
    if not kms:
        _check_passphrase(config, stack, file)
    if not there:
        _make(stack, env, kms)


def _make(stack: str, env: Mapping[str, str], kms: str | None) -> None:
    run(
        f"Making the stack {stack} in {env['PULUMI_BACKEND_URL']}",
        # Without the option it would have the passphrase, and the config's line would be taken out.
        ["pulumi", "stack", "init", stack, "--no-select", "--non-interactive"]
        + ([f"--secrets-provider={kms}"] if kms else []),
        log="stack-init",
        env=env,
    )


def ensure_passphrase(
    stack: str, variables: Mapping[str, str], file: Path | None, folder: Path
) -> tuple[Path | None, bool]:
    """The file with the passphrase of a new stack, and whether it was made just now; no file where a variable has it.

    It is `file`, else that of TASKTRACKER_PASSPHRASE_FILE, else one named after the stack in `folder`.

    Raises:
        StepError: it is the public one, or can't be read.
    """
    if file is None and VALUE in variables:
        _check_value(stack, variables[VALUE])
        return None, False
    named = variables.get(OVERRIDE)
    path = (file or (Path(named) if named else folder / f"{stack}-passphrase")).expanduser().absolute()
    if path.exists():
        _check_file(stack, path)
        return path, False
    _generate(path)
    return path, True


def _check_public_stack() -> None:
    if VALUE in os.environ:
        raise StepError(
            f"PULUMI_CONFIG_PASSPHRASE is set, and {PUBLIC_STACK} uses the passphrase in "
            f"{PUBLIC_PASSPHRASE.relative_to(ROOT)}: unset it"
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


def _check_passphrase(config: Path, stack: str, passphrase: Path) -> None:
    """Checks that the passphrase at hand is one that may guard `stack`; makes it for a new stack."""
    if VALUE in os.environ:
        _check_value(stack, os.environ[VALUE])
        return
    if passphrase.resolve() == PUBLIC_PASSPHRASE:
        raise StepError(
            f"the stack {stack} needs a passphrase of its own. Either name a file outside this "
            "folder (it is made if there is none):\n"
            f"    export {OVERRIDE}=~/.config/tasktracker/{stack}-passphrase\n"
            f"or have a key management service keep its secrets, in {config.name}:\n"
            "    secretsprovider: awskms://alias/NAME?region=REGION"
        )
    if passphrase.exists():
        _check_file(stack, passphrase)
        return
    if _salt(config) is not None:
        raise StepError(
            f"{passphrase}: no such file. Put the passphrase there that {stack} was made with: "
            f"the salt in {config.name} fits no other"
        )
    _generate(passphrase)
    say(f"Made {passphrase}. Keep a copy elsewhere: without it the stack's secrets are lost")


def _check_value(stack: str, passphrase: str) -> None:
    """Refuses a passphrase of the variable that is none, which Pulumi would take, or the public one."""
    if not passphrase:
        raise StepError(f"{VALUE} is set and empty, and Pulumi would take that for the passphrase of {stack}: unset it")
    if passphrase == PUBLIC_PASSPHRASE.read_text().strip():
        raise StepError(f"{VALUE} has the public passphrase, and {stack} needs one of its own")


def _check_file(stack: str, passphrase: Path) -> None:
    """Refuses a file that has no passphrase, or the public one."""
    try:
        text = passphrase.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise StepError(f"{passphrase}: the passphrase of {stack} can't be read: {reason}") from None
    if not text:
        raise StepError(f"{passphrase}: the file is empty; it must have the passphrase of {stack}")
    if text == PUBLIC_PASSPHRASE.read_text().strip():
        raise StepError(f"{passphrase} has the public passphrase, and {stack} needs one of its own")


def _text(config: Path) -> str:
    return config.read_text(errors="replace") if config.exists() else ""


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


def _generate(passphrase: Path) -> None:
    """Writes a new passphrase to a file that only its owner reads; never overwrites one."""
    passphrase.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(PASSPHRASE_BYTES) + "\n")


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
        reason = process.stderr.strip().removeprefix("error: ")
        raise StepError(f"cannot list the stacks in {env['PULUMI_BACKEND_URL']}: {reason}")
    return {str(stack["name"]).rpartition("/")[2] for stack in json.loads(process.stdout)}
