"""The committed stacks of staging and prod, as somebody fills them in: by the commands that a refused preview shows."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.support.stack import Stack

ACCOUNT, ZONE = 32 * "a", 32 * "b"
API_TOKEN = "an-api-token-of-nobody"

#: What somebody has in place of the examples, by key. The others will do.
OWN: Mapping[str, str] = {"tasktracker:tunnel.account_id": ACCOUNT, "tasktracker:tunnel.zone_id": ZONE}

HOST = "tasktracker:docker_host.address"

#: What somebody types, or has in a file, where a command asks for a secret.
SECRETS: Mapping[str, str] = {"tasktracker:cloudflare_api_token": API_TOKEN}


def committed(folder: Path, environment: str, number: int, **options: Any) -> Stack:
    """A stack whose config is the file in its program's folder, with the salt that Pulumi adds.

    `options` are those of `Stack`.
    """
    stack = Stack(folder, environment, number, **options)
    salt = re.search(r"^encryptionsalt: .*$", stack.config_file.read_text(), re.MULTILINE)
    assert salt
    stack.config_file.write_text((stack.program / f"Pulumi.{environment}.yaml").read_text() + salt[0] + "\n")
    return stack


def commands(message: str) -> list[str]:
    """The commands in what a preview says; Pulumi's without `./tt`, which a stack of tests has in its environment."""
    return re.findall(r"^ +(?:\./tt )?((?:pulumi config set|make pin) .*)$", message, re.MULTILINE)


def fill_in(stack: Stack, message: str, images: Mapping[str, str], host: str) -> list[str]:
    """Runs the commands of a message in a shell, with what is somebody's own; the keys that they set.

    `images` is what a registry would have been asked for, `host` where Docker answers.
    """
    keys, own = [], {**OWN, HOST: host}
    for command in commands(message):
        if command.startswith("make pin "):
            keys.append("tasktracker:images")
            for service, reference in images.items():
                stack.pulumi("config", "set", "--path", f"tasktracker:images.{service}", reference)
            continue
        words = shlex.split(command)
        position, key = next((i, word) for i, word in enumerate(words) if word.startswith("tasktracker:"))
        if key in own:
            words[position + 1] = own[key]
        subprocess.run(
            shlex.join(words) if key in own else command,
            shell=True,
            cwd=stack.folder,
            env=stack.env,
            input=SECRETS.get(key, ""),
            text=True,
            check=True,
        )
        keys.append(key)
    return keys
