"""What went wrong between this machine and a Docker host, told by the words of `ssh` and Docker."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from remote.host import SSH_PORT, DockerHost

_NEVER_BEGAN = r"kex_exchange_identification|Connection (closed|reset) by \S+ port"


def advice(said: str, host: DockerHost) -> str | None:
    """What is wrong and what to do about it; None where what was said is about something else."""
    return next((tell(host) for pattern, tell in _DIAGNOSES if re.search(pattern, said, re.IGNORECASE)), None)


def never_began(said: str) -> bool:
    """Whether `ssh` says that its server closed the connection before anything was asked on it: try again.

    >>> never_began("kex_exchange_identification: read: Connection reset by peer")
    True
    >>> never_began("ssh: connect to host 192.0.2.1 port 22: No route to host")
    False
    """
    return re.search(_NEVER_BEGAN, said, re.IGNORECASE) is not None


def _keyscan(host: DockerHost) -> str:
    return f"ssh-keyscan -p {host.port} {host.name}"


def _entry(host: DockerHost) -> str:
    """The host's name in a file of known hosts."""
    return host.name if host.port == SSH_PORT else f"'[{host.name}]:{host.port}'"


def _changed(host: DockerHost) -> str:
    return (
        f"the host key of {host.name} is not the one in {host.known_hosts}: the machine was set up anew, or another "
        f"one answers in its place. Only if it was set up anew: `ssh-keygen -R {_entry(host)} -f {host.known_hosts}`, "
        f"and add its new key after you have compared it (`{_keyscan(host)}`)"
    )


def _unknown(host: DockerHost) -> str:
    return (
        f"the host key of {host.name} is not in {host.known_hosts}, so nothing says that it is the right machine. "
        f"Compare what `{_keyscan(host)} | ssh-keygen -lf -` shows with `ssh-keygen -lf "
        f"/etc/ssh/ssh_host_ed25519_key.pub` on the host itself; then `{_keyscan(host)} >> {host.known_hosts}`"
    )


def _refused(host: DockerHost) -> str:
    key = f"the key {host.key_file}" if host.key_file else "every key of the SSH agent and of ~/.ssh"
    option = f"-i {host.key_file} " if host.key_file else ""
    return (
        f"{host.name} refuses {key} for the user {host.user}: `ssh-copy-id {option}-p {host.port} "
        f"{host.user}@{host.name}` lets it in, or see {host.name}'s log of sshd"
    )


def _no_rights(host: DockerHost) -> str:
    if not host.over_ssh:
        return f"this user may not use Docker at {host.address}: run `sudo usermod -aG docker $USER` and log in again"
    return (
        f"the user {host.user} may not use Docker on {host.name}: run `sudo usermod -aG docker {host.user}` there, and "
        "once the connections of before have ended, try again"
    )


def _no_engine(host: DockerHost) -> str:
    return f"Docker does not run on {host.name}: start it there (`sudo systemctl start docker`), and try again"


def _no_client(host: DockerHost) -> str:
    return f"there is no `docker` command on {host.name}: install Docker there"


def _busy(host: DockerHost) -> str:
    return (
        f"{host.name} closed the connection before it began: its sshd takes no more at once (MaxStartups), or bars "
        "this machine. Try again, with a lower PULUMI_PARALLEL if it comes back"
    )


def _silent(host: DockerHost) -> str:
    port = f" at port {host.port}" if host.over_ssh or host.over_tls else ""
    return (
        f"{host.name} does not answer{port}: is it up, is the address right, and does a firewall let this machine in?"
    )


def _no_trust(host: DockerHost) -> str:
    return (
        f"TLS with {host.name} failed: the certificates in {host.certificates} are not those of its Docker, or have "
        "expired"
    )


#: In this order: the first that fits is told.
_DIAGNOSES: Sequence[tuple[str, Callable[[DockerHost], str]]] = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed", _changed),
    ("Host key verification failed|No .* host key is known", _unknown),
    (r"permission denied while trying to connect|dial unix [^:]*: connect: permission denied", _no_rights),
    (r"Permission denied \(|Too many authentication failures|Load key ", _refused),
    (r"Cannot connect to the Docker daemon|dial unix [^:]*: connect: (no such file|connection refused)", _no_engine),
    ("docker: (command )?not found|docker: No such file", _no_client),
    ("timed out", _silent),
    (_NEVER_BEGAN, _busy),
    (r"x509: |tls: |\[SSL", _no_trust),
    (
        "Could not resolve hostname|ssh: connect to host|Connection timed out|Timeout, server|Connection (to|closed)|"
        "Connection reset by|No route to host|mux_client|Broken pipe|dial tcp|exit status 255|"
        "Cannot connect to the Docker|error during connect|Error pinging Docker",
        _silent,
    ),
)
