"""Which images run: those that were tested, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from policies.containers import CONTAINER, SERVICE
from policies.limits import limit
from policies.resource import IMAGE, REMOTE_IMAGE, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, is_unset, text
from policies.workloads.roles import split_registry

# The grammar of image references (github.com/distribution/reference, regexp.go), after the registry.
_COMPONENT = r"[a-z0-9]++(?:(?:[._]|__|-++)[a-z0-9]++)*+"
_REMOTE = re.compile(
    rf"(?P<repository>{_COMPONENT}(?:/{_COMPONENT})*+)(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>[^@]+))?", re.ASCII
)
_REGISTRY = re.compile(
    r"(?:(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9])"
    r"(?:\.(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9])){0,126}|\[[A-Fa-f0-9:]{2,39}\])(?::[0-9]{1,5})?"
)

#: The digest that Docker takes: anything but 64 lower-case digits is refused (github.com/opencontainers/go-digest).
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

#: An image's id, with or without its algorithm; Docker takes 64 digits for an id, never for a name.
_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")

#: `latest` as a tag, and as a part of one: `latest-alpine` moves as it does.
_LATEST = re.compile(limit("DKR-IMG", "movingTag"), re.IGNORECASE)

NOT_MOVING = "where neither the tag nor a part of it is `latest`"

DOCKER_HUB = "docker.io"

#: Longer than any reference can be: 255 characters of name, 128 of tag, 72 of digest.
LONGEST = 512


class ImageOptions(Options):
    """Where images may come from.

    `registries`: registries, or folders of one such as `ghcr.io/acme`, outside development; any if
    there are none. Docker Hub is `docker.io`, and its official images are `docker.io/library`.
    """

    registries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """An image reference, read as Docker does."""

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    @property
    def name(self) -> str:
        """Registry and repository, in lower case."""
        return f"{self.registry}/{self.repository}".lower()


def parse(reference: str) -> Reference | None:
    """The parts of an image reference; None where it is none.

    >>> parse("host:5000/nginx")
    Reference(registry='host:5000', repository='nginx', tag=None, digest=None)
    >>> parse("nginx:1.27").name
    'docker.io/library/nginx'
    """
    if len(reference) > LONGEST:
        return None
    named, remote = split_registry(reference)
    registry = DOCKER_HUB if named in (None, "index.docker.io") else named
    match = _REMOTE.fullmatch(remote)
    if not match or not _REGISTRY.fullmatch(registry):
        return None
    repository = match["repository"]
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(registry, repository, match["tag"], match["digest"])


def _images(resource: Resource, scope: Scope[ImageOptions]) -> Iterator[Finding]:
    if resource.type in (REMOTE_IMAGE, IMAGE):
        path = "name" if resource.type == REMOTE_IMAGE else "imageName"
        # What is built here gets its digest by being built. It can still be called `latest`.
        is_built = resource.type == IMAGE or not is_unset(resource.get("build"))
    else:
        path, is_built = str(resource.container.field("image").path), False
    value = resource.get(path)
    if value is UNKNOWN:
        return
    allowed = _wrong(text(value) or "", scope, must_be_pinned=not is_built and not scope.in_development)
    if allowed:
        yield Finding(path, value, allowed)


def _wrong(image: str, scope: Scope[ImageOptions], *, must_be_pinned: bool) -> str | None:
    """What would be right instead of `image`; None where it is right."""
    pinned = "registry/name:tag@sha256:<64 hex digits>"
    if _ID.fullmatch(image):
        return f"{pinned}; an id doesn't say where an image comes from" if must_be_pinned else None
    tagged = pinned if must_be_pinned else "registry/name:tag"
    reference = parse(image)
    if reference is None:
        return f"an image reference, {tagged}"
    if reference.tag is None and reference.digest is None:
        return f"{tagged}; no tag is `latest`"
    if reference.tag is not None and _LATEST.search(reference.tag):
        return f"{tagged}, {NOT_MOVING}"
    if must_be_pinned and not (reference.digest and _DIGEST.fullmatch(reference.digest)):
        return pinned
    registries = [registry.lower().rstrip("/") for registry in scope.options.registries]
    if must_be_pinned and registries and not f"{reference.name}/".startswith(tuple(f"{each}/" for each in registries)):
        return f"images of {', '.join(registries)}"
    return None


RULES = (
    Rule(
        id="DKR-IMG",
        title="Images by digest, never `latest`",
        level=Level.ADVISORY,
        staging_level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 5.28", "CKV_DOCKER_7", "Trivy DS-0001", "OWASP Docker #13"),
        reads={
            CONTAINER: ("image",),
            SERVICE: ("taskSpec.containerSpec.image",),
            REMOTE_IMAGE: ("name", "build"),
            IMAGE: ("imageName",),
        },
        why="A tag can be pushed again, and `latest` is: what runs is then not what was tested, and no rollback"
        " brings it back. A digest is the content.",
        fix="Write the digest behind the tag: `docker buildx imagetools inspect name:tag` shows it, and a RemoteImage"
        " has it as `repo_digest`.",
        check=_images,
        options=ImageOptions,
    ),
)
