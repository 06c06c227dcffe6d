"""The way to a Docker host, as its address and files say it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from remote import CONFIG_KEY, AddressError, DockerHost

SSH = DockerHost("ssh://deploy@host.example.com:2222", "~/.ssh/deploy", "~/.ssh/hosts")


def options(host: DockerHost) -> dict[str, str]:
    """The options for `ssh` by name."""
    given = host.ssh_options
    return dict(each.split("=", 1) for flag, each in itertools.pairwise(given) if flag == "-o")


def test_the_host_s_key_is_always_checked_and_nobody_is_asked() -> None:
    for host in (SSH, DockerHost("ssh://deploy@host.example.com")):
        assert options(host)["StrictHostKeyChecking"] == "yes"
        assert options(host)["BatchMode"] == "yes"


def test_a_file_of_known_hosts_is_the_only_one() -> None:
    assert options(SSH)["UserKnownHostsFile"] == "~/.ssh/hosts"
    assert options(SSH)["GlobalKnownHostsFile"] == "/dev/null"
    assert "UserKnownHostsFile" not in options(DockerHost("ssh://deploy@host.example.com"))


def test_a_key_is_the_only_one_that_is_tried() -> None:
    assert SSH.ssh_options[:2] == ["-i", "~/.ssh/deploy"]
    assert options(SSH)["IdentitiesOnly"] == "yes"
    agent = DockerHost("ssh://deploy@host.example.com")
    assert "-i" not in agent.ssh_options
    assert "IdentitiesOnly" not in options(agent)


def test_a_host_that_dies_is_noticed() -> None:
    found = options(SSH)
    assert int(found["ServerAliveInterval"]) * int(found["ServerAliveCountMax"]) <= 15
    assert int(found["ConnectTimeout"]) <= 10


def test_the_options_are_the_same_on_each_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    before = SSH.ssh_options
    monkeypatch.setenv("HOME", "/home/somebody")
    assert SSH.ssh_options == before
    assert not any("/home/" in each for each in before)


def test_what_is_reached_in_another_way_has_a_connection_of_its_own() -> None:
    others = (
        DockerHost("ssh://deploy@host.example.com", "~/.ssh/deploy", "~/.ssh/hosts"),
        DockerHost(SSH.address, "~/.ssh/other", "~/.ssh/hosts"),
        DockerHost(SSH.address, "~/.ssh/deploy"),
    )
    paths = {each.control_path for each in (SSH, *others)}
    assert len(paths) == 4
    # A socket's path has 108 bytes, of which ssh takes 17 for itself.
    assert all(path.startswith("~/.ssh/") and len(path) < 40 for path in paths)


def test_the_command_is_that_of_docker_s_own_client() -> None:
    command = SSH.command
    assert command[0] == "ssh"
    assert command[-10:] == [
        *("-l", "deploy", "-p", "2222", "-T", "--"),
        *("host.example.com", "docker", "system", "dial-stdio"),
    ]
    other = DockerHost("ssh://deploy@host.example.com/run/user/1000/docker.sock").command
    assert other[-5:] == [
        *("host.example.com", "docker", "--host=unix:///run/user/1000/docker.sock", "system", "dial-stdio")
    ]
    assert other[other.index("-p") + 1] == "22"


def test_only_what_is_reached_by_ssh_has_a_command() -> None:
    with pytest.raises(AddressError, match=r"tcp://host.example.com:2376 is not reached by SSH"):
        _ = DockerHost("tcp://host.example.com:2376").command


def test_a_config_without_the_block_names_no_host() -> None:
    assert DockerHost.of_config({"docker:host": "ssh://somebody@elsewhere"}) is None


def test_a_config_s_block_is_the_host() -> None:
    block = {"address": SSH.address, "key_file": SSH.key_file, "known_hosts_file": SSH.known_hosts_file}
    assert DockerHost.of_config({CONFIG_KEY: block}) == SSH


@pytest.mark.parametrize(
    "block", ["ssh://deploy@host.example.com", {"address": 1}, {"address": SSH.address, "nonsense": "x"}, []]
)
def test_a_block_that_the_program_would_not_take_is_refused(block: object) -> None:
    with pytest.raises(AddressError, match="make preview"):
        DockerHost.of_config({CONFIG_KEY: block})


@pytest.mark.parametrize("block", [{}, {"address": ""}, {"key_file": "~/.ssh/deploy"}])
def test_a_block_without_an_address_is_asked_for_with_its_command(block: dict[str, str]) -> None:
    """As the committed files of staging and prod have it."""
    with pytest.raises(AddressError) as caught:
        DockerHost.of_config({CONFIG_KEY: block}, "prod")
    assert str(caught.value) == (
        "Pulumi.prod.yaml: tasktracker:docker_host has no address yet, so the Docker host of the stack is not known. "
        "Set it: `./tt pulumi config set --path tasktracker:docker_host.address ssh://USER@HOST --stack prod`"
    )


def test_certificates_lie_in_a_folder_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    host = DockerHost("tcp://host.example.com:2376", certificates="~/.docker/prod")
    assert host.over_tls
    assert host.certificate_folder == Path("/home/somebody/.docker/prod")
