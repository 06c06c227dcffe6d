"""The environment variables that Pulumi commands of this project need: one table, two forms.

`variables` gives them to Python, `shell_script` is `.tools/env`, to be sourced by a shell.

Two of them depend on the stack. Where its state is: its config says so, and what the config of no stack says is in the
folder `.state`, or where TASKTRACKER_BACKEND_URL points. Its passphrase: that of TASKTRACKER_PASSPHRASE_FILE, else the
one of its name in the user's home, else the public one.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from toolchain.pulumi_engine.backends import KEY, LINE, state_backend
from toolchain.pulumi_engine.stack_files import stack_of
from toolchain.python import pip_options


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
        value: Its value, where `{root}` stands for the folder of the toolchain, and `{project}` for that of the stack's
            project, which is the same but for a `tt` that is told of another project.
        override: The variable with which a user sets another value.
        ways: The ways of getting an engine that need it.
    """

    name: str
    value: str
    override: str | None = None
    ways: frozenset[Way] = frozenset(Way)

    def of(self, root: Path, project: Path, base: Mapping[str, str]) -> str:
        """Its value for a project: the user's own in `base`, where it has one."""
        return (self.override and base.get(self.override)) or self.value.format(root=root, project=project)


BACKEND = "PULUMI_BACKEND_URL"
PASSPHRASE, PASSPHRASE_OVERRIDE = "PULUMI_CONFIG_PASSPHRASE_FILE", "TASKTRACKER_PASSPHRASE_FILE"

#: The stack that comes with the project, whose passphrase is public.
PUBLIC_STACK = "dev"

#: Below the user's home: where a stack's passphrase is used without a variable that names it.
OWN_PASSPHRASE = ".config/tasktracker/{stack}-passphrase"  # noqa: S105 - the name of a file

VARIABLES = (
    # Pulumi's own variable is not taken for an override: one left over from another project, or
    # from another clone of this one, would aim commands at the wrong state.
    Variable(BACKEND, "file://{project}/.state", override="TASKTRACKER_BACKEND_URL"),
    Variable(
        PASSPHRASE,
        "{root}/toolchain/dev-passphrase",
        override=PASSPHRASE_OVERRIDE,
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

#: Variables of the user's that change which Python runs, what it imports or what it does beside the program. The
#: Makefile has the same list.
PYTHON_VARIABLES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONPLATLIBDIR",
    "PYTHONSAFEPATH",
    "PYTHONUSERBASE",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
    "PYTHONOPTIMIZE",
    "PYTHONWARNINGS",
    "PYTHONCASEOK",
    "PYTHONEXECUTABLE",
    "PULUMI_PYTHON_CMD",
    "VIRTUAL_ENV",
)

#: Where set-up keeps an engine's plugins, below the project's folder.
HOME_FOLDER = "/.tools/pulumi-home"

#: What a `.tools/env` that was sourced before has set, for an engine that was got in another way or for another clone.
WAY_VARIABLES = tuple(variable.name for variable in VARIABLES if variable.ways != frozenset(Way))


def clean(environment: MutableMapping[str, str]) -> None:
    """Removes from `environment` what must not reach a program of this project.

    That is `PYTHON_VARIABLES`, the options of pip but for those of the connection, and what belongs to an engine of
    set-up's own where `PULUMI_HOME` shows that a `.tools/env` has set it. The home folder is there where none is named.
    """
    for name in [*PYTHON_VARIABLES, *filter(pip_options.is_dropped, environment)]:
        environment.pop(name, None)
    # Pulumi and Docker's client keep things there; cron jobs and services may have no such variable.
    environment.setdefault("HOME", str(Path.home()))
    if environment.get("PULUMI_HOME", "").endswith(HOME_FOLDER):
        for name in WAY_VARIABLES:
            environment.pop(name, None)


def variables(
    way: Way, root: Path, base: Mapping[str, str] | None = None, config: Path | None = None
) -> dict[str, str]:
    """The variables for an engine got by `way`, to be laid over `base` (this process's, by default).

    `config` is the config file of the stack that they are for.
    """
    base = os.environ if base is None else base
    passphrase = None if config is None else own_passphrase(config)
    project = root if config is None else config.parent
    values = {variable.name: variable.of(root, project, base) for variable in VARIABLES if way in variable.ways}
    if config and (backend := state_backend(config)):
        values[BACKEND] = backend
    if passphrase and not base.get(PASSPHRASE_OVERRIDE):
        values[PASSPHRASE] = str(passphrase)
    folders = [folder.format(root=root) for folder in PATH_FOLDERS]
    return {**values, "PATH": os.pathsep.join([*folders, base.get("PATH", os.defpath)])}


def default_backend(project: Path, base: Mapping[str, str] | None = None) -> str:
    """Where the state of a stack is whose config does not say, by the folder of its project."""
    [variable] = [each for each in VARIABLES if each.name == BACKEND]
    return variable.of(project, project, os.environ if base is None else base)


def own_passphrase(config: Path) -> Path | None:
    """The file in the user's home with the passphrase of the stack that `config` is the file of; None if there is none.

    The public stack has none, which a file of that name would hide.
    """
    stack = stack_of(config)
    path = Path(f"~/{OWN_PASSPHRASE.format(stack=stack)}").expanduser()
    return path if stack != PUBLIC_STACK and os.path.exists(path) else None  # noqa: PTH110 - where it may not look, too


def shell_script(way: Way, root: Path) -> str:
    """`.tools/env`: the same for shells.

    It finds the project's folder from its own path. Where a shell does not tell a sourced file its path it is `root`,
    if this is the file that was sourced. Otherwise nothing is set: a wrong folder would aim `pulumi` at another state.
    """
    exports = [f"unset {' '.join(PYTHON_VARIABLES)}"]
    exports.append(f'case "${{PULUMI_HOME:-}}" in *{HOME_FOLDER}) unset {" ".join(WAY_VARIABLES)} ;; esac')
    for variable in VARIABLES:
        if way not in variable.ways:
            continue
        value = variable.value.format(root="$_tasktracker", project="$_tasktracker")
        if variable.name == PASSPHRASE:
            value = f"${{_passphrase:-{value}}}"
        if variable.override:
            value = f"${{{variable.override}:-{value}}}"
        if variable.name == BACKEND:
            value = f"${{_backend:-{value}}}"
        exports.append(f'export {variable.name}="{value}"')
    folders = os.pathsep.join(folder.format(root="$_tasktracker") for folder in PATH_FOLDERS)
    return SCRIPT.format(
        exports="\n".join(exports),
        folders=folders,
        key=KEY,
        line=LINE.replace('"', '\\"'),
        root=shlex.quote(str(root)),
        public=PUBLIC_STACK,
        passphrase=OWN_PASSPHRASE.format(stack="$STACK"),
    )


SCRIPT = """\
# Made by `make tools`. Source it: `. .tools/env`. Then plain `pulumi` commands work in this shell.
# The state of a stack may be elsewhere than that of others, and its passphrase is another: `STACK=prod . .tools/env`
# is for those of prod.
# It also unsets variables with which Python would import packages that are not this project's, such as PYTHONPATH.
_tasktracker_made={root}
if [ -n "${{BASH_VERSION:-}}" ]; then
  _tasktracker="$(readlink -f -- "$BASH_SOURCE")"
elif [ -n "${{ZSH_VERSION:-}}" ]; then
  eval '_tasktracker="$(readlink -f -- "${{(%):-%x}}")"'
else
  # Other shells do not tell a sourced file its path, but have it open: it is the one of set-up, or a copy of that.
  _tasktracker=
  case "${{KSH_VERSION:-}}" in *" 93"*) eval '_tasktracker="$(readlink -f -- "${{.sh.file}}")"' ;; esac
  for _tasktracker_open in /proc/self/fd/*; do
    if [ "$_tasktracker_open" -ef "$_tasktracker_made/.tools/env" ]; then
      _tasktracker="$_tasktracker_made/.tools/env"
    fi
  done
  unset _tasktracker_open
fi
_tasktracker="${{_tasktracker%/.tools/env}}"
if [ -z "$_tasktracker" ] || ! [ -f "$_tasktracker/.tools/env" ] || ! [ -f "$_tasktracker/Pulumi.yaml" ]; then
  echo "error: .tools/env cannot tell which folder it is in, so nothing was set; it was made for $_tasktracker_made." \
    "Source it from bash, or run \\`make tools\\` in the project's folder and try again." >&2
  unset _tasktracker _tasktracker_made
  return 1 2>/dev/null || exit 1
fi
unset _tasktracker_made
_backend=
if [ -n "${{STACK:-}}" ] && [ -f "$_tasktracker/Pulumi.$STACK.yaml" ]; then
  _backend="$(LC_ALL=C sed -nE "s|{line}|\\1|p" "$_tasktracker/Pulumi.$STACK.yaml")"
  # In braces, as an alias or in several lines it would be overlooked, and the state looked for elsewhere.
  if [ -z "$_backend" ] && LC_ALL=C grep -q '^[^#]*state_backend' "$_tasktracker/Pulumi.$STACK.yaml"; then
    echo "error: Pulumi.$STACK.yaml: {key} must be a line of its own in the block \\`config\\`, with the URL in the" \
      "same line. Nothing was set." >&2
    unset _tasktracker _backend
    return 1 2>/dev/null || exit 1
  fi
elif [ -z "${{STACK:-}}" ] && [ -t 2 ]; then
  {{ LC_ALL=C grep -ls '^ *{key}:' "$_tasktracker"/Pulumi.*.yaml || :; }} | sed -E 's|.*/Pulumi\\.(.*)\\.yaml|\
note: the state of \\1 is elsewhere; for commands on it: STACK=\\1 . .tools/env|' >&2
fi
_passphrase=
if [ "${{STACK:-{public}}}" != {public} ] && [ -e "${{HOME:-}}/{passphrase}" ]; then
  _passphrase="$HOME/{passphrase}"
fi
{exports}
case "$PATH" in
  "{folders}":*) ;;
  *) export PATH="{folders}:$PATH" ;;
esac
unset _tasktracker _backend _passphrase
"""
