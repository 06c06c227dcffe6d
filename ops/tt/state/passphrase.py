"""Whether the passphrase at hand is the one of a stack's secrets. It is only checked: nothing is decrypted with it."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ops.tt.project import Project
from toolchain.stacks.passphrase import FILE, OVERRIDE, VALUE

#: How Pulumi makes a key of a passphrase, and what it encrypts with it to know it again.
ITERATIONS, KEY_BYTES, KNOWN = 1_000_000, 32, b"pulumi"


def problem(project: Project, env: Mapping[str, str]) -> str | None:
    """What keeps the stack's secrets from being read, and what to do; None if nothing does, or if it can't be known.

    `env` are the variables of Pulumi commands on the stack.
    """
    settings = project.file()
    salt = settings.get("encryptionsalt")
    if settings.get("encryptedkey"):
        return None
    where = f"in {env.get(FILE)}"
    if (passphrase := os.environ.get(VALUE)) is not None:
        where = f"in the variable {VALUE}"
    elif (file := env.get(FILE)) is not None:
        try:
            passphrase = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            return f"the passphrase of '{project.stack}' can't be read: {file}: {error.strerror}. {_name_it(project)}"
        except UnicodeDecodeError:
            return f"the passphrase of '{project.stack}' can't be read: {file}: is not UTF-8. {_name_it(project)}"
    if passphrase is None or salt is None:
        return None
    if not fits(passphrase, str(salt)):
        return (
            f"the passphrase {where} is not the one of '{project.stack}', whose salt is in {project.config_file.name}. "
            f"{_name_it(project)}"
        )
    return None


def _name_it(project: Project) -> str:
    return f"Name the file that has it: `export {OVERRIDE}=FILE`; docs/STATE.md says what to do where it is lost"


def fits(passphrase: str, salt: str) -> bool:
    """Whether a salt of Pulumi was made for a passphrase.

    >>> salt = "v1:31cU1gs3rSw=:v1:qEadKPro3XV0j347:cWETq/jtOTAQa+xzz5tKbqlyyex4zA=="
    >>> fits("public", salt)
    False
    """
    try:
        version, seed, inner, nonce, message = salt.split(":")
        if (version, inner) != ("v1", "v1"):
            return True
        key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), base64.b64decode(seed), ITERATIONS, KEY_BYTES)
        return AESGCM(key).decrypt(base64.b64decode(nonce), base64.b64decode(message), None) == KNOWN
    except ValueError:
        # Of a form that only a later Pulumi knows: its own words have to do.
        return True
    except InvalidTag:
        return False


def is_about_it(message: str) -> bool:
    """Whether Pulumi's words are about a passphrase.

    >>> is_about_it("failed to decrypt: incorrect passphrase, please set ..."), is_about_it("no such bucket")
    (True, False)
    """
    return any(each in message for each in ("incorrect passphrase", FILE, VALUE, "message authentication failed"))
