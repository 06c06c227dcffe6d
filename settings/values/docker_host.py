"""Where a Docker host answers, and files of this machine."""

from typing import Annotated, Final
from urllib.parse import urlsplit

from settings.values.addresses import _LABEL, _parse_host_name
from settings.values.kind import Kind, text_kind

_LOCAL_PATH: Final = r"/[A-Za-z0-9._@+/-]+"
_USER: Final = r"[a-z_][a-z0-9_.-]{0,31}"
_DOCKER_ADDRESS: Final = text_kind(
    "Docker host",
    rf"^(?=.{{1,400}}$)(ssh://{_USER}@{_LABEL}(\.{_LABEL})*(:[0-9]{{1,5}})?({_LOCAL_PATH})?"
    rf"|tcp://{_LABEL}(\.{_LABEL})*:[0-9]{{1,5}}|unix://{_LOCAL_PATH})$",
    "ssh://USER@HOST, with :PORT where it is not 22, or tcp://HOST:PORT for Docker with TLS, or unix:///PATH of a"
    " socket on this machine; the host's name in lower case",
)


def _parse_docker_address(value: object) -> str:
    text: str = _DOCKER_ADDRESS.parse(value)
    url = urlsplit(text)
    try:
        # A number above 65535 is none.
        port = url.port
        if url.hostname is not None:
            _parse_host_name(url.hostname)
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(f"must be {_DOCKER_ADDRESS.allowed}")
    return text


DockerAddress = Annotated[
    str,
    Kind(
        _DOCKER_ADDRESS.name,
        _parse_docker_address,
        _DOCKER_ADDRESS.allowed,
        _DOCKER_ADDRESS.schema,
        example="ssh://deploy@server.example.com",
    ),
]
"""Where a Docker engine answers."""

LocalPath = Annotated[
    str,
    text_kind(
        "local path",
        # ssh splits values at blanks and fills in what stands behind %.
        rf"^(?=.{{1,200}}$)(~)?{_LOCAL_PATH}$",
        "a path on the machine that runs pulumi, from / or ~/, of letters, digits and . _ @ + -",
        example="/etc/tasktracker/docker-certificates",
    ),
]
"""A file or a folder of the machine that runs Pulumi."""
