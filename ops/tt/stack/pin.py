"""`tt pin`: writes the digests that a registry has for the images' tags into a stack's config.

A tag can be pushed again. What runs is what the config says, so a tag that moves changes no preview, and a new one is a
line in the config's history.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from docker.auth import load_config
from docker.errors import DockerException
from pydantic import TypeAdapter, ValidationError

from ops import pulumi_cli
from ops.pulumi_cli import PulumiError
from ops.tt.errors import FailedError, InterruptedWorkError, UsageError
from ops.tt.project import NAMESPACE, Project
from ops.tt.stack import registry
from ops.tt.stack.registry import Login, NoRegistryError, RegistryError
from ops.tt.state.location import engine_environment
from settings.blocks.docker_host import RegistrySettings
from settings.services import WITH_IMAGES
from settings.values.image_ref import DOCKER_HUB, ImageRef
from settings.values.images import ImageReference
from toolchain.process.steps import ROOT

KEY = f"{NAMESPACE}:images"

#: Where Docker's own files have the login for Docker Hub.
_HUB_LOGIN = "https://index.docker.io/v1/"


def wanted(config: Mapping[str, Any], repository: str | None, tag: str | None) -> dict[str, ImageRef]:
    """The image that each service is to run, by its tag.

    With a repository, they are those that `make push` brings there; without, those that the config names, by the tags
    that it names or by `tag`.

    Raises:
        UsageError: there is nothing to go by.
    """
    services = [
        service
        for service in WITH_IMAGES.values()
        if not service.optional or f"{NAMESPACE}:{service.block[0]}" in config
    ]
    if repository is not None:
        if tag is None:
            raise UsageError("a repository goes with a tag: say which, with TAG=...")
        found = {service.key: f"{repository}/{service.folder}:{tag}" for service in services}
    else:
        named = config.get(KEY) or {}
        if not isinstance(named, dict) or not named:
            raise UsageError(
                f"the stack names no images yet: say where they are, with REPOSITORY=... and TAG=... ({KEY})"
            )
        texts = {service.key: named.get(service.key) for service in services}
        found = {key: str(ImageRef.parse(text).with_tag(tag)) for key, text in texts.items() if isinstance(text, str)}
    images: dict[str, ImageRef] = {}
    for key, reference in found.items():
        try:
            image: ImageRef = TypeAdapter(ImageReference).validate_python(reference)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise UsageError(f"{reference}: {reason}") from None
        if image.tag is None:
            raise UsageError(f"{KEY}.{key} = {reference}: it has no tag to look up; say which, with TAG=...")
        images[key] = image.in_full
    return images


def _is_same(old: str, new: ImageRef) -> bool:
    """Whether two references are of the same image in the same repository.

    Under another tag it would be the same bytes, and a restart of what runs them for a name.
    """
    before = ImageRef.parse(old).in_full
    return (before.name, before.digest) == (new.name, new.digest)


class Logins:
    """What to log in to a registry with: as the stack's host does, or else as this machine's Docker does."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._found: dict[str, Login] = {}

    def __call__(self, address: str) -> Login:
        """The user and the password for a registry; None where nobody has logged in."""
        if address not in self._found:
            self._found[address] = self._of_stack(address) or self._of_docker(address)
        return self._found[address]

    def _of_stack(self, address: str) -> Login:
        block = (self._project.config().get(f"{NAMESPACE}:registries") or {}).get(address)
        if block is None:
            return None
        try:
            login = RegistrySettings.model_validate(block)
        except ValidationError:
            raise UsageError(
                f"{NAMESPACE}:registries is not understood; `make preview STACK={self._project.stack}` says what is"
                " allowed"
            ) from None
        if f"{NAMESPACE}:{login.password}" not in self._project.config():
            return None
        arguments = ["config", "get", login.password, "--stack", self._project.stack]
        try:
            variables = {**os.environ, **engine_environment(self._project)}
            found = pulumi_cli.output(arguments, self._project.folder, variables)
        except PulumiError as error:
            raise FailedError(f"`pulumi config get {login.password}`: {error.reason}") from None
        return login.username, found.removesuffix("\n")

    @staticmethod
    def _of_docker(address: str) -> Login:
        try:
            found = load_config().resolve_authconfig(_HUB_LOGIN if address == DOCKER_HUB else address)
        except DockerException as error:
            raise FailedError(f"Docker's login for {address} can't be read: {error}") from None
        if not found or not found.get("username") or not found.get("password"):
            return None
        return str(found["username"]), str(found["password"])


def resolve(images: Mapping[str, ImageRef], logins: Logins) -> dict[str, ImageRef]:
    """The reference with a digest for each service.

    Raises:
        FailedError: a registry doesn't have one, or doesn't say; tells of each.
    """
    digests: dict[ImageRef, str] = {}
    problems: list[str] = []
    silent: set[str] = set()
    for image in dict.fromkeys(images.values()):
        if image.registry in silent:
            continue
        try:
            digests[image] = registry.digest(image, logins)
        except RegistryError as error:
            problems.append(str(error))
            if isinstance(error, NoRegistryError):
                silent.add(image.registry)
    if problems:
        raise FailedError("\n  ".join(["nothing was written:", *problems]))
    return {service: replace(image, digest=digests[image]) for service, image in images.items()}


def version() -> str:
    """The tag that images are pushed under where none is given."""
    return (ROOT / "VERSION").read_text(encoding="utf-8").strip().replace("+", "-")


def pin(project: Project, repository: str | None, tag: str | None) -> dict[str, tuple[str | None, str]]:
    """Writes the digests; returns what was there and what is there now, for each service whose image changes.

    Raises:
        TtError: it could not, or was interrupted; nothing was written.
    """
    with project.lock():
        try:
            before = project.config().get(KEY)
            named = before if isinstance(before, dict) else {}
            after = resolve(wanted(project.config(), repository, tag), Logins(project))
        except KeyboardInterrupt:
            raise InterruptedWorkError("interrupted; nothing was written") from None
        changed = {key: image for key, image in after.items() if not _is_same(str(named.get(key, "")), image)}
        if changed:
            content = project.edited({f"{KEY}.{key}": str(image) for key, image in changed.items()})
            try:
                project.write(content)
            except KeyboardInterrupt:
                is_written = project.config_file.read_bytes() == content
                done = f"{project.config_file.name} is written" if is_written else "nothing was written"
                raise InterruptedWorkError(f"interrupted; {done}") from None
    return {key: (named.get(key), str(image)) for key, image in changed.items()}
