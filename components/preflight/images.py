"""The images of a stack: on the Docker host before any container is replaced.

The provider pulls a missing image as it makes the container, and by then it has removed the one before: an image that
does not exist, or a registry that refuses or is slow, would take the service down.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import pulumi

from components.core import host_client
from images.catalog import local_reference
from remote import redacted
from settings import Settings
from settings.blocks.docker_host import RegistrySettings
from settings.errors import PULUMI
from settings.services import WITH_IMAGES
from settings.values.image_ref import ImageRef

if TYPE_CHECKING:
    from docker import DockerClient

PULL_TIMEOUT: Final = 600
"""Seconds without a word of a pull's progress, as of a slow disk that unpacks a large layer."""

PULLS: Final = 3
"""Pulls at the same time: what Docker itself does for the layers of one (`max-concurrent-downloads`)."""

TITLE: Final = "org.opencontainers.image.title"
NGINX_TITLE: Final = "Task Tracker nginx"
MODULES: Final = "tasktracker.modules"
"""Labels of images (images/nginx/Dockerfile)."""

_REFUSED: Final = re.compile("unauthorized|no basic auth|denied|authentication required|forbidden", re.IGNORECASE)
_UNKNOWN: Final = re.compile("manifest unknown|not found|name unknown|no such manifest", re.IGNORECASE)


def require(stack: str, settings: Settings, client: DockerClient) -> None:
    """Pulls the images that the host does not have; a preview asks their registries instead.

    In a preview, images that `make` builds may be missing: `make up` builds them first.

    Raises:
        pulumi.RunError: an image cannot be had; says why, and what to do.
        docker.errors.DockerException, requests.exceptions.RequestException: the host does not answer.
    """
    missing = _missing(settings.images_in_use, client)
    built = [image for image, service in missing.items() if _is_built_here(service, image)]
    others = [image for image in missing if image not in built]
    if pulumi.runtime.is_dry_run():
        problems = _not_offered(others, stack, settings, client)
    elif built:
        problems = dict.fromkeys(
            built, f"it is built on this machine: `make up STACK={stack}` does that, and `make images` alone"
        )
    else:
        problems = _not_pulled(others, stack, settings)
    if problems:
        lines = [f"  images.{missing[image]}: {image}: {text}" for image, text in problems.items()]
        raise pulumi.RunError(
            "\n".join(["images of the stack are not on the Docker host. Nothing was changed.", *lines])
        )
    if "nginx" in settings.images_in_use:
        _refuse_without_javascript(settings.images_in_use["nginx"], stack, client)


def _refuse_without_javascript(image: ImageRef, stack: str, client: DockerClient) -> None:
    """Refuses nginx's image of version 0.1.0, with which nginx would not start on the files of this one.

    Raises:
        pulumi.RunError: it is that one.
    """
    import docker  # noqa: PLC0415

    try:
        found: Mapping[str, Any] = client.api.inspect_image(str(image))  # type: ignore[no-untyped-call]
    except docker.errors.ImageNotFound:
        # A preview does not pull.
        return
    labels = (found.get("Config") or {}).get("Labels") or {}
    if labels.get(TITLE) == NGINX_TITLE and "javascript" not in labels.get(MODULES, ""):
        raise pulumi.RunError(
            f"images.nginx: {image} is of an earlier version of this project, without the JavaScript module that"
            f" nginx needs to start. Nothing was changed. `make push` and `make pin STACK={stack}` bring the images of"
            " this version."
        )


def _missing(images: Mapping[str, ImageRef], client: DockerClient) -> dict[str, str]:
    """The images that the host does not have, each with the first service that runs it."""
    import docker  # noqa: PLC0415 - see `components.core.host_client`

    services: dict[str, str] = {}
    for service, image in images.items():
        services.setdefault(str(image), service)

    def is_there(image: str) -> bool:
        try:
            client.api.inspect_image(image)  # type: ignore[no-untyped-call]
        except docker.errors.ImageNotFound:
            return False
        return True

    return {image: service for image, service in services.items() if not is_there(image)}


def _is_built_here(service: str, image: str) -> bool:
    return image == local_reference(WITH_IMAGES[service].folder)


def _not_offered(images: Iterable[str], stack: str, settings: Settings, client: DockerClient) -> dict[str, str]:
    """Why a registry does not offer images, by image. One that is silent is a warning."""
    import docker  # noqa: PLC0415
    import requests  # noqa: PLC0415

    problems = {}
    for image in images:
        try:
            login = _login(image, settings)
            client.api.inspect_distribution(image, auth_config=login)  # type: ignore[no-untyped-call]
        except docker.errors.APIError as error:
            problems[image] = advice(str(error.explanation or error), image, stack, settings.registries)
        except requests.exceptions.RequestException:
            pulumi.log.warn(f"{image} is not on the Docker host, and its registry does not answer in time")
    return problems


def _not_pulled(images: Sequence[str], stack: str, settings: Settings) -> dict[str, str]:
    """Pulls images; why that failed, by image."""
    import docker  # noqa: PLC0415
    import requests  # noqa: PLC0415

    if not images:
        return {}
    client = host_client.client(PULL_TIMEOUT)
    # Not in the threads, where Pulumi has no config.
    logins = {image: _login(image, settings) for image in images}

    def pull(image: str) -> str | None:
        pulumi.log.info(f"pulling {image}")
        try:
            for step in client.api.pull(image, stream=True, decode=True, auth_config=logins[image]):
                if said := step.get("error"):
                    return advice(str(said), image, stack, settings.registries)
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            return advice(str(getattr(error, "explanation", None) or error), image, stack, settings.registries)
        return None

    with ThreadPoolExecutor(PULLS) as pool:
        return {image: text for image, text in zip(images, pool.map(pull, images), strict=True) if text}


def _login(image: str, settings: Settings) -> dict[str, str] | None:
    """The user and password for the image's registry; None for those that the user has logged in to."""
    login = settings.registries.get(ImageRef.parse(image).registry)
    if login is None:
        return None
    return {"username": login.username, "password": pulumi.Config().require(login.password)}


def advice(said: str, image: str, stack: str, logins: Mapping[str, RegistrySettings]) -> str:
    """What to do about an image that a registry does not give. `logins` are those of `tasktracker:registries`."""
    registry = ImageRef.parse(image).in_full.registry
    login = logins.get(registry)
    if _REFUSED.search(said) and login is None:
        return (
            f"the registry {registry} wants a login: set tasktracker:registries, and the secret with the password, or"
            " log in with `docker login`"
        )
    if _REFUSED.search(said) and login is not None:
        return (
            f"the registry {registry} refuses the user {login.username}: check the name in tasktracker:registries, the"
            f" password (`{PULUMI} config set --secret {login.password} --stack {stack}`), and that this"
            " user may pull"
        )
    if _UNKNOWN.search(said):
        return (
            f"the registry {registry} does not have it: `make push` uploads images, and `make pin` writes the digests"
            " of the registry into the stack's config"
        )
    return f"the Docker host cannot pull it from {registry}: {redacted(' '.join(said.split()))}"
