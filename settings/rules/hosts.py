"""The Docker host, and the registries that it pulls images from."""

from collections.abc import Iterator
from typing import Final

from settings.errors import Path, key_text
from settings.rules.conflict import ENVIRONMENT, Conflict, Rule
from settings.rules.secrets import TAKEN_NAMES
from settings.stack import Settings

_HOST: Final[Path] = ("docker_host",)
_ADDRESS: Final[Path] = (*_HOST, "address")
_REGISTRIES: Final[Path] = ("registries",)


def host_is_not_for_dev(settings: Settings) -> Iterator[Conflict]:
    """dev runs on the engine that its images are built on."""
    if settings.docker_host is not None and settings.environment == "dev":
        yield Conflict(
            _HOST,
            "is allowed in staging and prod only: dev runs on the engine that its images are built on, which is that of"
            " DOCKER_HOST or of this machine; remove it",
            (ENVIRONMENT,),
        )


def host_has_what_its_way_takes(settings: Settings) -> Iterator[Conflict]:
    """Keys are for SSH and certificates for TLS, without which nothing goes over a network."""
    host = settings.docker_host
    if host is None:
        return
    for key in ("key_file", "known_hosts_file"):
        if getattr(host, key) is not None and not host.address.startswith("ssh://"):
            yield Conflict((*_HOST, key), f"is for {key_text(_ADDRESS)} with ssh://; remove it", (_ADDRESS,))
    over_tls = host.address.startswith("tcp://")
    certificates: Path = (*_HOST, "certificates")
    if over_tls and host.certificates is None:
        yield Conflict(
            certificates,
            f"is required by {key_text(_ADDRESS)} with tcp://: the folder with ca.pem, cert.pem and key.pem. Without"
            " TLS Docker gives its host to everybody",
            (_ADDRESS,),
            missing=True,
        )
    if not over_tls and host.certificates is not None:
        yield Conflict(certificates, f"is for {key_text(_ADDRESS)} with tcp://; remove it", (_ADDRESS,))


def registries_have_a_host(settings: Settings) -> Iterator[Conflict]:
    """What logs in to registries is the provider of the block `docker_host`."""
    if settings.registries and settings.docker_host is None:
        yield Conflict(
            _REGISTRIES,
            f"needs {key_text(_HOST)}; for the Docker of this machine its address is unix:///var/run/docker.sock",
            (_HOST,),
        )


def registries_have_images(settings: Settings) -> Iterator[Conflict]:
    """A registry that no image is from is a misspelt one."""
    used = {image.registry for _, image in settings.images.given()}
    for address in settings.registries:
        if address not in used:
            yield Conflict(
                (*_REGISTRIES, address),
                f"is the registry of no image in {key_text(('images',))}; correct or remove it",
                (("images",),),
            )


def registry_passwords_are_given(settings: Settings) -> Iterator[Conflict]:
    """Each registry's password is there, under a name of its own."""
    for address, registry in settings.registries.items():
        asked: Path = (*_REGISTRIES, address)
        if registry.password in TAKEN_NAMES or registry.password in settings.app_secrets:
            yield Conflict((*asked, "password"), "is a name that means something else; choose another")
        elif registry.password not in settings.secrets:
            yield Conflict((registry.password,), f"is required by {key_text(asked)}", missing=True)


RULES: Final[tuple[Rule, ...]] = (
    host_is_not_for_dev,
    host_has_what_its_way_takes,
    registries_have_a_host,
    registries_have_images,
    registry_passwords_are_given,
)
