"""The environment variables that Pulumi commands of this project need: one table, two forms.

`variables` gives them to Python, `shell_script` is `.tools/env`, to be sourced by a shell.

One of them depends on the stack: where its state is. Its config says so, and what the config of no stack says is
in the folder `.state`, or where TASKTRACKER_BACKEND_URL points.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from toolchain.backends import KEY, LINE, state_backend


class Way(Enum):
    """How this machine got its engine."""

    PATH = "path"
    DOWNLOAD = "download"
    BUILD = "build"


@dataclass(frozen=True)
class Variable:
    """An environment variable.

    Attributes:
        name: Its name.
        value: Its value, where `{root}` stands for the project's folder.
        override: The variable with which a user sets another value.
        ways: The ways of getting an engine that need it.
    """

    name: str
    value: str
    override: str | None = None
    ways: frozenset[Way] = frozenset(Way)


BACKEND = "PULUMI_BACKEND_URL"

VARIABLES = (
    # Pulumi's own variable is not taken for an override: one left over from another project, or
    # from another clone of this one, would aim commands at the wrong state.
    Variable(BACKEND, "file://{root}/.state", override="TASKTRACKER_BACKEND_URL"),
    Variable(
        "PULUMI_CONFIG_PASSPHRASE_FILE",
        "{root}/toolchain/dev-passphrase",
        override="TASKTRACKER_PASSPHRASE_FILE",
    ),
    Variable("PULUMI_SKIP_UPDATE_CHECK", "true"),
    # By default it grows with the machine's cores, and an SSH server in front of Docker takes ten at once (MaxStartups
    # and MaxSessions of sshd_config): these, and two that the program itself has.
    Variable("PULUMI_PARALLEL", "8", override="PULUMI_PARALLEL"),
    # A Pulumi that the user has installed keeps its home, with its plugins and its logins.
    Variable("PULUMI_HOME", "{root}/.tools/pulumi-home", ways=frozenset({Way.DOWNLOAD, Way.BUILD})),
    # All plugins are built, so a missing one is an error at once and not after a try to download it.
    Variable("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true", ways=frozenset({Way.BUILD})),
)

#: Folders that come first on PATH.
PATH_FOLDERS = ("{root}/.tools/bin", "{root}/.venv/bin")


def variables(
    way: Way, root: Path, base: Mapping[str, str] | None = None, config: Path | None = None
) -> dict[str, str]:
    """The variables for an engine got by `way`, to be laid over `base` (this process's, by default).

    `config` is the config file of the stack that they are for.
    """
    base = os.environ if base is None else base
    values = {
        v.name: (v.override and base.get(v.override)) or v.value.format(root=root) for v in VARIABLES if way in v.ways
    }
    if config and (backend := state_backend(config)):
        values[BACKEND] = backend
    folders = [folder.format(root=root) for folder in PATH_FOLDERS]
    return {**values, "PATH": os.pathsep.join([*folders, base.get("PATH", os.defpath)])}


def shell_script(way: Way) -> str:
    """`.tools/env`: the same for shells. It finds the project's folder from its own place."""
    exports = []
    for variable in VARIABLES:
        if way not in variable.ways:
            continue
        value = variable.value.format(root="$_tasktracker")
        if variable.override:
            value = f"${{{variable.override}:-{value}}}"
        if variable.name == BACKEND:
            value = f"${{_backend:-{value}}}"
        exports.append(f'export {variable.name}="{value}"')
    folders = os.pathsep.join(folder.format(root="$_tasktracker") for folder in PATH_FOLDERS)
    return SCRIPT.format(exports="\n".join(exports), folders=folders, key=KEY, line=LINE.replace('"', '\\"'))


SCRIPT = """\
# Made by `make tools`. Source it: `. .tools/env`. Then plain `pulumi` commands work in this shell.
# The state of a stack may be elsewhere than that of others: `STACK=prod . .tools/env` is for that of prod.
# bash and zsh tell where a sourced file is; from other shells, source it in the project's folder.
if [ -n "${{BASH_SOURCE:-}}" ]; then
  _tasktracker="$BASH_SOURCE"
elif [ -n "${{ZSH_VERSION:-}}" ]; then
  eval '_tasktracker="${{(%):-%x}}"'
else
  _tasktracker=.tools/env
fi
_tasktracker="$(CDPATH='' cd -- "$(dirname -- "$_tasktracker")/.." && pwd)"
_backend=
if [ -n "${{STACK:-}}" ] && [ -f "$_tasktracker/Pulumi.$STACK.yaml" ]; then
  _backend="$(LC_ALL=C sed -nE "s|{line}|\\1|p" "$_tasktracker/Pulumi.$STACK.yaml")"
elif [ -z "${{STACK:-}}" ] && [ -t 2 ]; then
  {{ LC_ALL=C grep -ls '^ *{key}:' "$_tasktracker"/Pulumi.*.yaml || :; }} | sed -E 's|.*/Pulumi\\.(.*)\\.yaml|\
note: the state of \\1 is elsewhere; for commands on it: STACK=\\1 . .tools/env|' >&2
fi
{exports}
case "$PATH" in
  "{folders}":*) ;;
  *) export PATH="{folders}:$PATH" ;;
esac
unset _tasktracker _backend
"""
