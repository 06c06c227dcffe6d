"""`make pin`: writes the digests that a registry has for the images' tags into a stack's config.

A tag can be pushed again. What runs is what the config says, so a tag that moves changes no preview, and a new one is a
line in the config's history.
"""

from __future__ import annotations

if __name__ == "__main__":
    import toolchain.starting  # noqa: F401 - first of all

import argparse
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from docker.auth import load_config
from docker.errors import DockerException
from pydantic import TypeAdapter, ValidationError

from ops.tt.errors import Exit, FailedError, TtError, UsageError
from ops.tt.project import NAMESPACE, Project
from ops.tt.stack import registry
from ops.tt.stack.registry import Login, NoRegistryError, RegistryError
from ops.tt.state.engine import Engine
from settings.blocks.docker_host import RegistrySettings
from settings.image_ref import DOCKER_HUB, ImageRef
from settings.services import WITH_IMAGES
from settings.values.images import ImageReference
from toolchain.steps import StepError, interrupt_on_signals

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
        result = subprocess.run(
            ["pulumi", "config", "get", login.password, "--stack", self._project.stack, "--non-interactive"],
            cwd=self._project.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if result.returncode:
            raise FailedError(f"`pulumi config get {login.password}`: {result.stderr.strip().removeprefix('error: ')}")
        return login.username, result.stdout.removesuffix("\n")

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


def pin(project: Project, repository: str | None, tag: str | None) -> list[str]:
    """Writes the digests; returns a line for each service whose image changes.

    Raises:
        TtError: it could not; nothing was written.
    """
    with project.lock():
        before = project.config().get(KEY)
        named = before if isinstance(before, dict) else {}
        after = resolve(wanted(project.config(), repository, tag), Logins(project))
        changed = {
            service: image for service, image in after.items() if not _is_same(str(named.get(service, "")), image)
        }
        if changed:
            engine = Engine(project)
            project.write(engine.edited({f"{KEY}.{service}": str(image) for service, image in changed.items()}))
    return [f"{service}: {named.get(service, 'nothing')} -> {image}" for service, image in changed.items()]


def main(arguments: list[str] | None = None) -> int:
    """Does what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.tt.stack.pin", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--repository", help="where `make push` has brought the images; without it, where they are now")
    parser.add_argument("--tag", help="the tag to look up; without it, those of now")
    given = parser.parse_args(arguments)
    interrupt_on_signals()
    try:
        project = Project.find(given.stack)
        lines = pin(project, given.repository or None, given.tag or None)
    except StepError as error:
        sys.stderr.write(f"error: {error}\n")
        return Exit.FAILED
    except TtError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was written\n")
        return Exit.INTERRUPTED
    if not lines:
        sys.stdout.write(f"{project.config_file.name} has these digests already\n")
        return Exit.DONE
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.write(f"{project.config_file.name} is written; `make up STACK={project.stack}` brings them up\n")
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main())
