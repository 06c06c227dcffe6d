"""The states of released versions' stacks, as files: how they are written, and how a test makes stacks of them."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.ci.preview import Preview
from ops.ci.preview_reader import read
from ops.ci.record_preview import STREAMING
from settings.ownership import VOLUME
from tests.e2e.fakes.docker_api import volume
from tests.e2e.support.stack import Stack
from tests.upgrade.releases import Release
from tests.upgrade.shapes import DOCKER, NUMBERS, PASSPHRASE, Shape
from toolchain.process.steps import ROOT
from toolchain.pulumi_engine.engine import POLICY_OPTIONS

STATE = "state.json"

#: The time of everything in a kept state.
TIME = "2000-01-01T00:00:00Z"

#: Parts of a resource that say when, and from which file of the program, it was made.
_ABOUT_THE_RECORDING = ("created", "modified", "sourcePosition", "stackTrace")


def keep(stack: Stack, shape: Shape, release: Release, docker: str) -> Path:
    """Writes the state and the config of `stack` to the files of `release`; returns their folder.

    `docker` is where the stack's Docker answered.

    Raises:
        ValueError: they would tell of this machine.
    """
    _check(stack.pulumi("stack", "export", "--show-secrets").stdout.replace(docker, DOCKER), stack)
    folder = release.states / shape.name
    folder.mkdir(parents=True, exist_ok=True)
    state = scrubbed(json.loads(stack.pulumi("stack", "export").stdout))
    text = json.dumps(state, indent=1, sort_keys=True, ensure_ascii=False).replace(docker, DOCKER)
    (folder / STATE).write_text(text + "\n")
    (folder / stack.config_file.name).write_text(stack.config_file.read_text().replace(docker, DOCKER))
    return folder


def scrubbed(state: dict[str, Any]) -> dict[str, Any]:
    """An export without what differs between two recordings of one program, as far as the engine can do without it."""
    deployment = state["deployment"]
    resources = [
        {key: value for key, value in each.items() if key not in _ABOUT_THE_RECORDING}
        for each in deployment["resources"]
    ]
    manifest = {**deployment["manifest"], "time": TIME}
    return {**state, "deployment": {**deployment, "manifest": manifest, "resources": resources}}


def _check(state: str, stack: Stack) -> None:
    """Refuses a state, with its secrets in plain text, that names a folder or a name of this machine."""
    machine = {str(ROOT), str(stack.folder), str(stack.program), str(Path.home())}
    text = json.dumps(scrubbed(json.loads(state)))
    found = [each for each in machine if f"{each}/" in text]
    found += [socket.gethostname()] if re.search(rf"\b{re.escape(socket.gethostname())}\b", text) else []
    if found:
        raise ValueError(f"the state names {', '.join(found)}")


def kept(release: Release, shape: Shape) -> dict[str, Any]:
    """The export that is kept."""
    found: dict[str, Any] = json.loads((release.states / shape.name / STATE).read_text())
    return found


def volumes(release: Release, shape: Shape) -> list[dict[str, Any]]:
    """The volumes of the kept stack, as its Docker host lists them."""
    resources = kept(release, shape)["deployment"]["resources"]
    return [volume(each["outputs"]) for each in resources if each["type"] == VOLUME]


def restored(release: Release, shape: Shape, folder: Path, env: Mapping[str, str]) -> Stack:
    """The kept stack in a backend of its own in the new `folder`; it runs the program of today."""

    def here(file: str) -> str:
        return (release.states / shape.name / file).read_text().replace(DOCKER, env["DOCKER_HOST"])

    stack = Stack(folder, shape.stack, NUMBERS[shape.name], passphrase=PASSPHRASE)
    stack.env |= env
    stack.config_file.write_text(here(stack.config_file.name))
    stack.pulumi("stack", "import", stdin=here(STATE))
    return stack


def preview(stack: Stack, *, policies: bool = True) -> Preview:
    """A preview of the stack; one that fails is returned too."""
    options = POLICY_OPTIONS if policies else ()
    result = stack.pulumi("preview", "--json", *options, check=False, env=STREAMING)
    found = read("\n".join(line for line in result.stdout.splitlines() if line.startswith("{")), stack.name)
    found.failed = found.failed or result.returncode != 0
    return found
