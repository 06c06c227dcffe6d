"""The passphrase of a stack's secrets: which one guards what, and where it is."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from toolchain.process.steps import ROOT, StepError, say
from toolchain.pulumi_engine import environment
from toolchain.pulumi_engine.engine import TOOLCHAIN
from toolchain.pulumi_engine.environment import OWN_PASSPHRASE, PUBLIC_STACK

#: The passphrase that everybody knows.
PUBLIC_PASSPHRASE = TOOLCHAIN / "dev-passphrase"

#: Where a passphrase is, for Pulumi, and the file that a user names.
VALUE, FILE, OVERRIDE = "PULUMI_CONFIG_PASSPHRASE", environment.PASSPHRASE, environment.PASSPHRASE_OVERRIDE

#: Bytes of randomness in a generated passphrase.
PASSPHRASE_BYTES = 32


def ensure_passphrase(stack: str, variables: Mapping[str, str], file: Path | None) -> tuple[Path | None, bool]:
    """The file with the passphrase of a new stack, and whether it was made just now; no file where a variable has it.

    It is `file`, else that of TASKTRACKER_PASSPHRASE_FILE, else the one that is used without such a variable.

    Raises:
        StepError: it is the public one, or can't be read.
    """
    if file is None and VALUE in variables:
        _check_value(stack, variables[VALUE])
        return None, False
    named = variables.get(OVERRIDE)
    path = (file or Path(named or f"~/{OWN_PASSPHRASE.format(stack=stack)}")).expanduser().absolute()
    if path.exists():
        _check_file(stack, path)
        return path, False
    _generate(path)
    return path, True


def check_public_stack() -> None:
    """Refuses a passphrase of the environment for the stack that has the public one.

    Raises:
        StepError: there is one.
    """
    if VALUE in os.environ:
        raise StepError(
            f"PULUMI_CONFIG_PASSPHRASE is set, and {PUBLIC_STACK} uses the passphrase in "
            f"{PUBLIC_PASSPHRASE.relative_to(ROOT)}: unset it"
        )


def check_passphrase(stack: str, passphrase: Path, config: str, *, has_salt: bool) -> None:
    """Checks that the passphrase at hand is one that may guard `stack`; makes it for a new one.

    `config` is the name of the stack's file, and `has_salt` whether a passphrase was chosen for it before.

    Raises:
        StepError: says which passphrase is needed.
    """
    if VALUE in os.environ:
        _check_value(stack, os.environ[VALUE])
        return
    if passphrase.resolve() == PUBLIC_PASSPHRASE and has_salt:
        own = f"~/{OWN_PASSPHRASE.format(stack=stack)}"
        raise StepError(
            f"the passphrase of {stack} is not here. Put the one that {stack} was made with into {own} (the salt in "
            f"{config} fits no other), or name the file that has it:\n    export {OVERRIDE}=FILE"
        )
    if passphrase.resolve() == PUBLIC_PASSPHRASE:
        raise StepError(
            f"the stack {stack} needs a passphrase of its own. Either name a file outside this "
            "folder (it is made if there is none; at this place later commands use it without the variable):\n"
            f"    export {OVERRIDE}=~/{OWN_PASSPHRASE.format(stack=stack)}\n"
            f"or have a key management service keep its secrets, in {config}:\n"
            "    secretsprovider: awskms://alias/NAME?region=REGION"
        )
    if passphrase.exists():
        _check_file(stack, passphrase)
        return
    if has_salt:
        raise StepError(
            f"{passphrase}: no such file. Put the passphrase there that {stack} was made with: "
            f"the salt in {config} fits no other"
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


def _generate(passphrase: Path) -> None:
    """Writes a new passphrase to a file that only its owner reads; never overwrites one."""
    passphrase.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(PASSPHRASE_BYTES) + "\n")
