"""The config keys of Docker's own provider, `docker:host` and its like: what the program accepts of them."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from remote.address import is_safe, without_user
from settings.errors import Problem, key_text, value_text

PROVIDER_HOST: Final = "docker:host"
"""The key that names the provider's Docker host."""

# The program's own client would not take them, so that it and the provider would reach two hosts, or one in two ways.
_REPLACEMENTS: Final = {
    "docker:context": ("docker_host", "address"),
    "docker:sshOpts": ("docker_host", "known_hosts_file"),
    "docker:certPath": ("docker_host", "certificates"),
    "docker:caMaterial": ("docker_host", "certificates"),
    "docker:certMaterial": ("docker_host", "certificates"),
    "docker:keyMaterial": ("docker_host", "certificates"),
    "docker:registryAuth": ("registries",),
}


def provider_problems(config: Mapping[str, str], secret_keys: Collection[str]) -> Iterator[Problem]:
    """Keys of the provider that lead to Docker in an unsafe way, or in one that the program itself doesn't take.

    `config` is as Pulumi gives it. The policy pack checks what reaches the provider against the same list.
    """
    host = config.get(PROVIDER_HOST)
    # TLS would need keys of the provider's, which are refused below.
    if host is not None and not is_safe(host, over_tls=False):
        yield Problem(
            (PROVIDER_HOST,),
            "must be ssh://USER@HOST, with :PORT where it is not 22, or unix:///PATH of a socket on this machine;"
            f" TLS is for {key_text(('docker_host', 'address'))} with tcp://",
            None if PROVIDER_HOST in secret_keys else value_text(without_user(host)),
        )
    for key, replacement in _REPLACEMENTS.items():
        if key in config:
            yield Problem((key,), f"is not supported; remove it and use {key_text(replacement)}")
