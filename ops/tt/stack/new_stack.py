"""`tt stack new`: a stack of one's own, with the config of another one and nothing that belongs to that one alone."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import stackfile
from ops.tt.errors import FailedError, RefusedError, UnreachableError, UsageError
from ops.tt.project import NAMESPACE, Project
from ops.tt.stack.taken import block, config_of, networks_of, on_host, ports_of
from settings.addresses import free_port, free_subnet
from settings.commands import command_for
from settings.errors import PULUMI
from stackfile import editing, writing
from stackfile.shared_values import EditError, refuse_aliases
from toolchain.process.steps import StepError
from toolchain.pulumi_engine.engine import environment
from toolchain.pulumi_engine.environment import PUBLIC_STACK, own_passphrase
from toolchain.pulumi_engine.stack_files import stack_files
from toolchain.stacks.passphrase import OVERRIDE, ensure_passphrase
from toolchain.stacks.stack import stacks

#: What Pulumi and Docker take, in the lower case of bucket names, and short enough for one: the longest,
#: tasktracker-NAME-backups-ACCOUNT, may have 63 characters (docs.aws.amazon.com, bucket naming rules).
NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?")
NAME_FORM = "1 to 30 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen"

#: Lines of Pulumi's own about the secrets of the stack that is copied.
SECRETS_PROVIDER = ("encryptionsalt", "encryptedkey", "secretsprovider")

#: Settings that belong to one stack: where it is reached, which data it holds, and where its backups are.
OWN = (
    ("domain",),
    ("tunnel", "hostnames"),
    ("tunnel", "administrators"),
    ("postgres", "volume"),
    ("postgres", "kept_volumes"),
    ("postgres", "restore"),
    ("backup", "aws", "bucket"),
    ("backup", "files", "restore"),
)


@dataclass
class NewStack:
    """What was made, and what is left to do.

    Attributes:
        stack: Its name.
        like: The stack whose config it has.
        file: Its config file.
        values: What was set to be free on the host, by key.
        removed: What was not copied, by key.
        secrets: Commands for the secrets that were not copied, by key.
        passphrase_file: The file with its passphrase; None where PULUMI_CONFIG_PASSPHRASE has it.
        passphrase_made: Whether that file was made just now.
        export: Whether commands on the stack need the variable that names that file.
        notes: What could not be checked.
    """

    stack: str
    like: str
    file: str
    values: dict[str, str | int] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    passphrase_file: str | None = None
    passphrase_made: bool = False
    export: bool = False
    notes: list[str] = field(default_factory=list)

    def asdict(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"{self.file} is made, with the config of {self.like}."
        for key, value in self.values.items():
            yield f"  {key} = {value}"
        if self.removed:
            yield f"  not copied, as it belongs to {self.like}: {', '.join(self.removed)}"
        if self.secrets:
            yield "Its secrets are not copied. Set your own:"
            yield from (f"  {command}" for command in self.secrets.values())
        for note in self.notes:
            yield f"Note: {note}"
        if self.passphrase_made:
            yield f"Its passphrase is in {self.passphrase_file}. Keep a copy elsewhere: without it, secrets are lost."
        elif self.passphrase_file is not None:
            yield f"Its passphrase is the one that was in {self.passphrase_file} already, perhaps of an earlier stack."
            yield "  For a new one, give another file as --passphrase-file, or move that one away before."
        yield "Next:"
        if self.export and self.passphrase_file is not None:
            yield f"  export TASKTRACKER_PASSPHRASE_FILE={shlex.quote(self.passphrase_file)}"
        yield f"  make up STACK={self.stack}"
        yield f"It asks before it changes anything. Where no one can answer: make up STACK={self.stack} YES=--yes"


def make(folder: Path, name: str, like: Project, passphrase_file: Path | None = None) -> NewStack:
    """Makes the config file of the stack `name`, and its passphrase.

    Raises:
        UsageError: the name can't be one.
        RefusedError: there is such a stack, or something of one.
        FailedError: the file can't be written.
    """
    made = NewStack(name, like.stack, f"Pulumi.{name}.yaml")
    _check_name(folder, name)
    _check_state(like, made)
    networks, ports = on_host(like, made.stack, made.notes)
    for other in stack_files(folder).values():
        config = config_of(other, made.notes)
        networks += networks_of(config).values()
        ports |= set(ports_of(config).values())
    _check_blocks(like.config_file)
    try:
        text = like.config_file.read_text()
        refuse_aliases(text)
        text = _copied(text, made)
        text = _with_free_addresses(text, config_of(like.config_file, made.notes), networks, ports, made)
    except (EditError, UnicodeDecodeError) as error:
        raise RefusedError(f"{like.config_file.name}: {error}") from None
    except OSError as error:
        raise UnreachableError(f"{like.config_file.name} can't be read: {error.strerror}") from None
    _write(folder, made, text, passphrase_file)
    return made


def _check_name(folder: Path, name: str) -> None:
    if not NAME.fullmatch(name):
        raise UsageError(f"the name {name!r}: must be {NAME_FORM}")
    if name == PUBLIC_STACK:
        raise UsageError(f"the name {name}: is that of the stack that comes with the project; take another one")
    if (folder / f"Pulumi.{name}.yaml").exists():
        raise RefusedError(f"the stack {name}: there is a Pulumi.{name}.yaml already")


def _check_state(like: Project, made: NewStack) -> None:
    """Refuses a name that the state backend knows: that stack's secrets have a salt that was in a lost file."""
    try:
        variables = environment(like.config_file)
        known = made.stack in stacks(variables)
    except (StepError, OSError) as error:
        made.notes.append(f"the state was not asked for a stack {made.stack}: {' '.join(str(error).split())}")
        return
    if known:
        raise RefusedError(
            f"the stack {made.stack} is in {variables['PULUMI_BACKEND_URL']} already, without its {made.file}. Bring "
            f"that file back from where it was (`git log --all -- {made.file}`); or, if the stack has nothing left, "
            f"`{PULUMI} stack rm --stack {made.stack}`; or take another name"
        )


def _check_blocks(file: Path) -> None:
    """Refuses a block that is a text in JSON, as `pulumi config set` without `--path` writes one: no key has a line."""
    text, read = stackfile.load(file).get("config") or {}, stackfile.config(file)
    for key, value in text.items():
        if isinstance(value, str) and not isinstance(read[name := stackfile.with_namespace(key)], str):
            raise RefusedError(
                f"{file.name}: {name} is a text in JSON: write it as a block of YAML, a line for each key"
            )


def _copied(text: str, made: NewStack) -> str:
    """The text of the config without what belongs to the stack that is copied alone."""
    for key in SECRETS_PROVIDER:
        text = editing.removed(text, (key,), with_comment=True)
    for path in editing.secrets(text):
        top = path[0].removeprefix(f"{NAMESPACE}:")
        key = path[0] if path[0].startswith(f"{NAMESPACE}:") else top
        made.secrets[".".join(path)] = (
            command_for(made.stack, (top,))
            if len(path) == 1 and key != top
            else f"{PULUMI} config set --secret --path {'.'.join(path)} --stack {made.stack}"
        )
        text = editing.removed(text, ("config", *path))
    for own in OWN:
        without = editing.removed(text, editing.path_of(text, ".".join(own)))
        if without != text:
            made.removed.append(_key(own))
        text = without
    return text


def _with_free_addresses(
    text: str, config: Mapping[str, Any], networks: list[IPv4Network], ports: set[int], made: NewStack
) -> str:
    """The text with subnets and ports that nothing else has."""
    new: dict[tuple[str, ...], str | int] = {}
    for key, old in networks_of(config).items():
        free = free_subnet(old.prefixlen, networks)
        if free is None:
            raise RefusedError(f"no subnet of {old.prefixlen} bits is free on the Docker host: make room on it first")
        networks.append(free)
        new["network", key] = str(free)
    for path, port in ports_of(config).items():
        other = free_port(port, ports)
        if other is None:
            raise RefusedError(f"no port above {port} is free on the Docker host for {_key(path)}")
        ports.add(other)
        new[path] = other
    if "s3" in block(config, "backup"):
        # Two stacks in one folder would write over each other's backups.
        new["backup", "s3", "path"] = f"/{made.stack}"
    for path, value in new.items():
        text = editing.changed(text, editing.path_of(text, ".".join(path)), value)
        made.values[_key(path)] = value
    return text


def _key(path: Sequence[str]) -> str:
    return f"{NAMESPACE}:{'.'.join(path)}"


def _write(folder: Path, made: NewStack, text: str, passphrase_file: Path | None) -> None:
    """Makes the passphrase and the file, both or neither."""
    path = folder / made.file
    file = None
    try:
        file, made.passphrase_made = ensure_passphrase(made.stack, os.environ, passphrase_file)
        made.passphrase_file = None if file is None else str(file)
        made.export = file is not None and (bool(os.environ.get(OVERRIDE)) or file != own_passphrase(path))
        writing.create(path, text.encode())
    except StepError as error:
        raise RefusedError(str(error)) from None
    except (OSError, KeyboardInterrupt) as error:
        if made.passphrase_made and file is not None:
            file.unlink(missing_ok=True)
        if isinstance(error, KeyboardInterrupt):
            raise
        if isinstance(error, FileExistsError):
            raise RefusedError(f"the stack {made.stack}: there is a {made.file} already") from None
        raise FailedError(f"{error.filename or made.file} can't be written: {error.strerror}") from None
