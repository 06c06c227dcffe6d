"""The config keys of Docker's own provider."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from remote.address import is_safe
from settings.errors import SettingsError
from settings.reading.reader import parse
from settings.values.docker_host import DockerAddress

SAFE = (
    "unix:///var/run/docker.sock",
    "unix:///run/user/1000/docker.sock",
    "ssh://deploy@host.example.com",
    "ssh://deploy@10.0.0.1:2222",
    "ssh://deploy@host/run/user/1000/docker.sock",
)

UNSAFE = (
    "tcp://203.0.113.5:2375",
    "tcp://203.0.113.5:2376",
    "tcp://127.0.0.1:2375",
    "TCP://host:2375",
    "http://host:2375",
    "https://host:2376",
    "host:2375",
    " ssh://deploy@host",
    "ssh://deploy@host\n",
    "ssh://-oProxyCommand=x@host",
    "ssh://deploy@-oProxyCommand=x",
    "ssh://deploy@host:0",
    "ssh://deploy@host:65536",
    "unix://docker.sock",
    "fd://",
    "x",
    "",
)


def refusal(environment: str, **keys: str) -> str:
    """What is said of keys of the provider's, with what else is wrong."""
    config = {"tasktracker:environment": environment, **{f"docker:{key}": value for key, value in keys.items()}}
    try:
        parse("test", config)
    except SettingsError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("address", SAFE)
def test_a_safe_host_is_accepted(address: str) -> None:
    assert not refusal("dev", host=address)
    assert "docker:host" not in refusal("prod", host=address)


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
@pytest.mark.parametrize("address", UNSAFE)
def test_an_unsafe_host_is_refused(address: str, environment: str) -> None:
    found = refusal(environment, host=address)
    assert "  docker:host = " in found
    assert (
        "must be ssh://USER@HOST, with :PORT where it is not 22, or unix:///PATH of a socket on this machine" in found
    )
    assert "TLS is for tasktracker:docker_host.address with tcp://" in found


def test_a_password_is_not_shown() -> None:
    found = refusal("prod", host="ssh://root:hunter2@host")
    assert 'docker:host = "ssh://host": must be ssh://USER@HOST' in found
    assert "hunter2" not in found


def test_a_secret_host_is_not_shown() -> None:
    config = {"tasktracker:environment": "dev", "docker:host": "tcp://secret.example.com:2375"}
    with pytest.raises(SettingsError) as refused:
        parse("test", config, ["docker:host"])
    assert "docker:host: must be ssh://" in str(refused.value)
    assert "secret.example.com" not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "replacement"),
    [
        ("context", "docker_host.address"),
        ("sshOpts", "docker_host.known_hosts_file"),
        ("certPath", "docker_host.certificates"),
        ("caMaterial", "docker_host.certificates"),
        ("certMaterial", "docker_host.certificates"),
        ("keyMaterial", "docker_host.certificates"),
        ("registryAuth", "registries"),
    ],
)
def test_a_key_that_only_the_provider_takes_is_refused(key: str, replacement: str) -> None:
    found = refusal("dev", **{key: "hunter2"})
    assert f"docker:{key}: is not supported; remove it and use tasktracker:{replacement}" in found
    assert "hunter2" not in found


@pytest.mark.parametrize("address", [*SAFE, "tcp://host.example.com:2376"])
def test_what_the_block_accepts_is_on_the_list_of_safe_addresses(address: str) -> None:
    assert TypeAdapter(DockerAddress).validate_python(address) == address
    assert is_safe(address, over_tls=True)
