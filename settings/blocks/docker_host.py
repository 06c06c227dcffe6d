"""The blocks `docker_host` and `registries`."""

from settings.blocks.block import Block
from settings.values.docker_host import DockerAddress, LocalPath
from settings.values.images import UserName
from settings.values.secrets import SecretName


class DockerHostSettings(Block):
    """The Docker host that the stack runs on, for staging and prod. Without it, it is that of DOCKER_HOST, or this
    machine. The host's SSH key is always checked, and so is its certificate."""

    address: DockerAddress
    """Where its Docker answers. By SSH, the user needs the right to use Docker there; a path behind the host is that of
    Docker's socket."""
    key_file: LocalPath | None = None
    """The SSH key that lets this machine in. Without one it is the SSH agent's, or what ~/.ssh/config says."""
    known_hosts_file: LocalPath | None = None
    """The one file that has the host's SSH key. Without one it is ~/.ssh/known_hosts, or that of the whole machine."""
    certificates: LocalPath | None = None
    """The folder with ca.pem, cert.pem and key.pem, as Docker's own client has them in DOCKER_CERT_PATH. Required with
    tcp://."""


class RegistrySettings(Block):
    """How the Docker host logs in to a registry, to pull images."""

    username: UserName
    """The user's name."""
    password: SecretName = "registry_password"  # noqa: S105 - a name
    """The name of the config secret that holds the password, or the token."""
