"""What `ssh` and Docker say, and what a person is told."""

from __future__ import annotations

import pytest

from remote import DockerHost, advice

HOST = DockerHost("ssh://deploy@host.example.com:2222", "~/.ssh/deploy", "~/.ssh/hosts")
PLAIN = DockerHost("ssh://deploy@host.example.com")
TLS = DockerHost("tcp://host.example.com:2376", certificates="~/.docker/prod")

#: As the programs say it: OpenSSH 9.2, Docker 20.10 and 28.
SAID = {
    "No ED25519 host key is known for [host.example.com]:2222 and you have requested strict checking.\r\n"
    "Host key verification failed.": ("is not in ~/.ssh/hosts", "ssh-keyscan -p 2222 host.example.com"),
    "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.": (
        "is not the one in ~/.ssh/hosts",
        "ssh-keygen -R '[host.example.com]:2222' -f ~/.ssh/hosts",
    ),
    "deploy@host.example.com: Permission denied (publickey).": (
        "refuses the key ~/.ssh/deploy for the user deploy",
        "ssh-copy-id -i ~/.ssh/deploy -p 2222 deploy@host.example.com",
    ),
    'Load key "/home/a/.ssh/deploy": error in libcrypto\ndeploy@host: Permission denied (publickey).': ("refuses",),
    "failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: permission denied": (
        "the user deploy may not use Docker on host.example.com",
        "usermod -aG docker deploy",
    ),
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock": (
        "may not use Docker",
    ),
    "failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: no such file or directory": (
        "Docker does not run on host.example.com",
    ),
    "dial unix /var/run/docker.sock: connect: connection refused": ("Docker does not run",),
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?": (
        "Docker does not run",
    ),
    "bash: line 1: docker: command not found": ("there is no `docker` command on host.example.com",),
    "sh: 1: docker: not found": ("there is no `docker` command",),
    "kex_exchange_identification: Connection closed by remote host": ("MaxStartups", "PULUMI_PARALLEL"),
    "Connection reset by 10.0.0.1 port 2222": ("MaxStartups",),
    "Connection timed out during banner exchange\nConnection to 10.0.0.1 port 2222 timed out": ("does not answer",),
    "ssh: Could not resolve hostname host.example.com: Name or service not known": ("does not answer at port 2222",),
    "ssh: connect to host host.example.com port 2222: Connection refused": ("does not answer at port 2222",),
    "ssh: connect to host host.example.com port 2222: No route to host": ("does not answer",),
    'error during connect: Post "http://docker.example.com/v1.41/containers/x/stop?t=30": command [ssh ...] has '
    "exited with exit status 255, make sure the URL is valid": ("does not answer",),
    "client_loop: send disconnect: Broken pipe": ("does not answer",),
}


@pytest.mark.parametrize(("said", "told"), SAID.items())
def test_trouble_is_told_with_what_to_do(said: str, told: tuple[str, ...]) -> None:
    text = advice(said, HOST)
    assert text is not None
    for part in told:
        assert part in text


@pytest.mark.parametrize(
    "said",
    [
        "container failed to be in healthy state",
        "Error response from daemon: Conflict. The container name is already in use",
        "Error response from daemon: No such image: x",
        "manifest unknown: manifest unknown",
        "",
    ],
)
def test_what_is_no_trouble_of_the_way_is_left_alone(said: str) -> None:
    assert advice(said, HOST) is None


def test_without_files_of_its_own_the_usual_ones_are_named() -> None:
    unknown = advice("Host key verification failed.", PLAIN)
    assert unknown is not None
    assert "~/.ssh/known_hosts" in unknown
    assert "ssh-keyscan -p 22 host.example.com" in unknown
    refused = advice("Permission denied (publickey)", PLAIN)
    assert refused is not None
    assert "the SSH agent" in refused
    changed = advice("REMOTE HOST IDENTIFICATION HAS CHANGED", PLAIN)
    assert changed is not None
    assert "ssh-keygen -R host.example.com " in changed


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("x509: certificate signed by unknown authority", "the certificates in ~/.docker/prod"),
        ("remote error: tls: bad certificate", "the certificates in ~/.docker/prod"),
        ("dial tcp 10.0.0.1:2376: connect: connection refused", "host.example.com does not answer at port 2376:"),
        ("Cannot connect to the Docker daemon at tcp://host.example.com:2376", "Docker does not run"),
    ],
)
def test_tls_is_told_too(said: str, told: str) -> None:
    text = advice(said, TLS)
    assert text is not None
    assert told in text


def test_a_socket_of_this_machine_is_told_by_its_path() -> None:
    text = advice("dial unix /run/docker.sock: connect: permission denied", DockerHost("unix:///run/docker.sock"))
    assert text is not None
    assert "this user may not use Docker at unix:///run/docker.sock" in text
