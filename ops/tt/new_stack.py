"""`tt stack new`: a stack of one's own, with the config of another one and nothing that belongs to that one alone."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import docker
import requests
import yaml

from ops.tt import stack_text
from ops.tt.errors import FailedError, RefusedError, UnreachableError, UsageError
from ops.tt.project import NAMESPACE, Project
from remote import sdk
from settings.addresses import free_port, free_subnet
from settings.commands import command_for
from settings.models import NetworkSettings, PublishSettings
from toolchain.engine import environment
from toolchain.stack import PUBLIC_STACK, ensure_passphrase, stacks
from toolchain.steps import StepError

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

#: Seconds that the Docker host has for each answer.
TIMEOUT = 5

#: Where the passphrase is kept if nothing names a file.
PASSPHRASES = "~/.config/tasktracker"


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
        yield "Next:"
        if self.passphrase_file is not None:
            yield f"  export TASKTRACKER_PASSPHRASE_FILE={shlex.quote(self.passphrase_file)}"
        yield f"  make up STACK={self.stack}"


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
    networks, ports = _on_host(like, made)
    for other in sorted(folder.glob("Pulumi.?*.yaml")):
        config = _config(other, made)
        networks += _subnets(config)
        ports |= set(_ports(config).values())
    try:
        text = _copied(like.config_file.read_text(), made)
        text = _with_free_addresses(text, _config(like.config_file, made), networks, ports, made)
    except (stack_text.TextError, UnicodeDecodeError) as error:
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
            f"`pulumi stack rm --stack {made.stack}`; or take another name"
        )


def _on_host(like: Project, made: NewStack) -> tuple[list[IPv4Network], set[int]]:
    """The subnets and ports that are taken on the Docker host; none where it does not answer.

    Raises:
        RefusedError: it has something of a stack of that name.
    """
    try:
        api = sdk.client(like.docker_host, TIMEOUT).api
        networks, containers = api.networks(), api.containers(all=True)
        volumes = api.volumes()["Volumes"] or []
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError, ValueError) as error:
        made.notes.append(_not_asked(error))
        return [], set()
    except UnreachableError as error:
        made.notes.append(_not_asked(error))
        return [], set()
    names = [each["Name"] for each in [*networks, *volumes] if _stack_of(each) == made.stack]
    names += [each["Names"][0].removeprefix("/") for each in containers if _stack_of(each) == made.stack]
    if names:
        raise RefusedError(
            f"the stack {made.stack}: the Docker host has something of a stack of that name "
            f"({', '.join(sorted(names))}): remove it, or take another name"
        )
    subnets = [
        IPv4Network(each["Subnet"], strict=False)
        for network in networks
        if network.get("Scope") == "local"
        for each in (network.get("IPAM") or {}).get("Config") or ()
        if "." in each.get("Subnet", "")
    ]
    ports = {port["PublicPort"] for each in containers for port in each.get("Ports") or () if "PublicPort" in port}
    if like.docker_host is None:
        ports |= _listening()
    return subnets, ports


def _not_asked(error: Exception) -> str:
    reason = " ".join(str(error).split())
    return f"the Docker host was not asked what is free on it ({reason}); `make preview` asks it again"


def _stack_of(attributes: Mapping[str, Any]) -> str | None:
    return (attributes.get("Labels") or {}).get("stack")


def _listening() -> set[int]:
    """The ports that programs of this machine listen on, where the kernel says so (Linux)."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                address, state = line.split()[1], line.split()[3]
                if state == "0A":
                    found.add(int(address.rpartition(":")[2], 16))
    return found


def _config(path: Path, made: NewStack) -> dict[str, Any]:
    """What a stack file sets below the project's namespace; nothing where it can't be read."""
    try:
        config = (yaml.safe_load(path.read_text()) or {}).get("config") or {}
        return {key.removeprefix(f"{NAMESPACE}:"): value for key, value in config.items()}
    except (OSError, ValueError, AttributeError, yaml.YAMLError):
        made.notes.append(f"{path.name} can't be read: its subnets and ports may be in the way")
        return {}


def _block(config: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for key in path:
        found = config.get(key)
        config = found if isinstance(found, dict) else {}
    return config


def _subnets(config: Mapping[str, Any]) -> list[IPv4Network]:
    """The subnets that a config sets, and those that it has by default."""
    return list(_networks(config).values())


def _networks(config: Mapping[str, Any]) -> dict[str, IPv4Network]:
    given, found = _block(config, "network"), {}
    for key, info in NetworkSettings.model_fields.items():
        found[key] = info.default
        # What is wrong in another's file is for its own preview to say.
        with contextlib.suppress(ValueError):
            found[key] = IPv4Network(str(given.get(key, info.default)))
    return found


def _ports(config: Mapping[str, Any]) -> dict[tuple[str, ...], int]:
    """The ports of the host that a config publishes, by path."""
    found: dict[tuple[str, ...], object] = {
        (block, key): _block(config, block).get(key)
        for block, key in (("postgres", "debug_port"), ("nats", "debug_port"), ("nats", "debug_monitor_port"))
    }
    if "tunnel" not in config:
        publish, defaults = _block(config, "nginx", "publish"), PublishSettings()
        found["nginx", "publish", "port"] = publish.get("port", defaults.port)
        if "tls" in _block(config, "nginx"):
            found["nginx", "publish", "tls_port"] = publish.get("tls_port", defaults.tls_port)
    return {path: port for path, port in found.items() if isinstance(port, int)}


def _copied(text: str, made: NewStack) -> str:
    """The text of the config without what belongs to the stack that is copied alone."""
    for key in SECRETS_PROVIDER:
        text = stack_text.removed(text, (key,), with_comment=True)
    for path in stack_text.secrets(text):
        top = path[0].removeprefix(f"{NAMESPACE}:")
        key = path[0] if path[0].startswith(f"{NAMESPACE}:") else top
        made.secrets[".".join(path)] = (
            command_for(made.stack, (top,))
            if len(path) == 1 and key != top
            else f"pulumi config set --secret --path {'.'.join(path)} --stack {made.stack}"
        )
        text = stack_text.removed(text, ("config", *path))
    for own in OWN:
        without = stack_text.removed(text, _path(own))
        if without != text:
            made.removed.append(_key(own))
        text = without
    return text


def _with_free_addresses(
    text: str, config: Mapping[str, Any], networks: list[IPv4Network], ports: set[int], made: NewStack
) -> str:
    """The text with subnets and ports that nothing else has."""
    new: dict[tuple[str, ...], str | int] = {}
    for key, old in _networks(config).items():
        free = free_subnet(old.prefixlen, networks)
        if free is None:
            raise RefusedError(f"no subnet of {old.prefixlen} bits is free on the Docker host: make room on it first")
        networks.append(free)
        new["network", key] = str(free)
    for path, port in _ports(config).items():
        other = free_port(port, ports)
        if other is None:
            raise RefusedError(f"no port above {port} is free on the Docker host for {_key(path)}")
        ports.add(other)
        new[path] = other
    if "s3" in _block(config, "backup"):
        # Two stacks in one folder would write over each other's backups.
        new["backup", "s3", "path"] = f"/{made.stack}"
    for path, value in new.items():
        text = stack_text.changed(text, _path(path), value)
        made.values[_key(path)] = value
    return text


def _path(path: Sequence[str]) -> tuple[str, ...]:
    return ("config", f"{NAMESPACE}:{path[0]}", *path[1:])


def _key(path: Sequence[str]) -> str:
    return f"{NAMESPACE}:{'.'.join(path)}"


def _write(folder: Path, made: NewStack, text: str, passphrase_file: Path | None) -> None:
    """Makes the passphrase and the file, both or neither."""
    path = folder / made.file
    unfinished = folder / f".{made.file}.new"
    file = None
    try:
        file, made.passphrase_made = ensure_passphrase(
            made.stack, os.environ, passphrase_file, Path(PASSPHRASES).expanduser()
        )
        made.passphrase_file = None if file is None else str(file)
        unfinished.write_text(text)
        # Fails where another one was made meanwhile, which a rename would replace.
        path.hardlink_to(unfinished)
    except StepError as error:
        raise RefusedError(str(error)) from None
    except OSError as error:
        if made.passphrase_made and file is not None:
            file.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise RefusedError(f"the stack {made.stack}: there is a {made.file} already") from None
        raise FailedError(f"{error.filename or made.file} can't be written: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)
