"""A Docker host: its address, and what this machine proves itself with there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from remote.redaction import redacted

#: Where a stack's config has its Docker host.
CONFIG_KEY = "tasktracker:docker_host"

SSH_PORT = 22

#: Seconds for a connection; a host in the same country answers in a tenth of one.
CONNECT_TIMEOUT = 10

#: Seconds between two signs of life, and how many may fail to come: a host that dies is noticed in their product.
ALIVE_INTERVAL = 5
ALIVE_COUNT = 3

#: Seconds that the shared connection stays after its last use: those between two resources, not those between two
#: commands of a person.
PERSIST = 30

#: Files of `certificates`, as Docker's own client has them in DOCKER_CERT_PATH.
CA_FILE, CERTIFICATE_FILE, KEY_FILE = "ca.pem", "cert.pem", "key.pem"


class AddressError(Exception):
    """A stack's config names no Docker host that can be understood."""


def ssh_path(path: str) -> Path:
    """A path as `ssh` takes it: `~` is the home of the user's account, even where HOME is another."""
    with contextlib.suppress(KeyError):  # an account without an entry, of which `ssh` says so
        if path.startswith("~/"):
            return Path(pwd.getpwuid(os.getuid()).pw_dir, path[2:])
    return Path(path)


@dataclass(frozen=True)
class DockerHost:
    """A host by its address (`ssh://`, `tcp://` with TLS, or `unix://`), as `tasktracker:docker_host` has it.

    Paths are of this machine, and may begin with `~/`.
    """

    address: str
    key_file: str | None = None
    known_hosts_file: str | None = None
    certificates: str | None = None

    @classmethod
    def of_config(cls, config: Mapping[str, object], stack: str = "STACK") -> DockerHost | None:
        """The host that the `config` of a `Pulumi.<stack>.yaml` names, if it names one.

        Raises:
            AddressError: it does in a way that the program would not take.
        """
        block = config.get(CONFIG_KEY)
        if block is None:
            return None
        known = {field.name for field in fields(cls)}
        if not isinstance(block, dict) or not all(
            key in known and isinstance(value, str) for key, value in block.items()
        ):
            raise AddressError(f"{CONFIG_KEY} is not understood; `make preview STACK={stack}` says what is allowed")
        if not block.get("address"):
            raise AddressError(
                f"Pulumi.{stack}.yaml: {CONFIG_KEY} has no address yet, so the Docker host of the stack is not known. "
                f"Set it: `./tt pulumi config set --path {CONFIG_KEY}.address ssh://USER@HOST --stack {stack}`"
            )
        return cls(**block)

    @property
    def _url(self) -> SplitResult:
        return urlsplit(self.address)

    @property
    def over_ssh(self) -> bool:
        """Whether it is reached by SSH."""
        return self._url.scheme == "ssh"

    @property
    def over_tls(self) -> bool:
        """Whether it is reached by TLS."""
        return self._url.scheme == "tcp"

    @property
    def name(self) -> str:
        """The host's name or address; the socket of one on this machine."""
        return self._url.hostname or self._url.path

    @property
    def user(self) -> str:
        """Who this machine logs in as."""
        return self._url.username or ""

    @property
    def port(self) -> int:
        """The port of its SSH server, or of its Docker."""
        return self._url.port or SSH_PORT

    @property
    def known_hosts(self) -> str:
        """The file that its key is looked up in first."""
        return self.known_hosts_file or "~/.ssh/known_hosts"

    @property
    def control_path(self) -> str:
        """The socket of the connection that all share: in a folder that is this user's alone, and short, as it must be.

        What is reached in another way has another one.
        """
        way = "\n".join([self.address, self.key_file or "", self.known_hosts_file or ""])
        return f"~/.ssh/tasktracker-{hashlib.sha256(way.encode()).hexdigest()[:12]}"

    @property
    def ssh_options(self) -> list[str]:
        """The options for `ssh`; the same on each machine, as they are part of the stack's state."""
        options = {
            # Nobody is there to be asked.
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "ConnectTimeout": str(CONNECT_TIMEOUT),
            "ServerAliveInterval": str(ALIVE_INTERVAL),
            "ServerAliveCountMax": str(ALIVE_COUNT),
            # One connection for all: by default a server drops some of more than ten that come at once (MaxStartups).
            "ControlMaster": "auto",
            "ControlPath": self.control_path,
            "ControlPersist": str(PERSIST),
        }
        if self.known_hosts_file is not None:
            options |= {"UserKnownHostsFile": self.known_hosts_file, "GlobalKnownHostsFile": "/dev/null"}
        key: list[str] = []
        if self.key_file is not None:
            options["IdentitiesOnly"] = "yes"
            key = ["-i", self.key_file]
        return [*key, *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]

    @property
    def command(self) -> list[str]:
        """The command whose standard input and output are a connection to the host's Docker, as Docker's client has it.

        Raises:
            AddressError: the host is not reached by SSH.
        """
        if not self.over_ssh:
            raise AddressError(f"{redacted(self.address)} is not reached by SSH")
        path = self._url.path.rstrip("/")
        remote = ["docker", *([f"--host=unix://{path}"] if path else []), "system", "dial-stdio"]
        login = ["-l", self.user, "-p", str(self.port)]
        return ["ssh", *self.ssh_options, *login, "-T", "--", self.name, *remote]

    @property
    def certificate_folder(self) -> Path | None:
        """The folder of `certificates` on this machine."""
        return None if self.certificates is None else Path(self.certificates).expanduser()
