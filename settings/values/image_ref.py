"""References to images, taken apart: the only code of the program that knows their form. Stdlib only."""

from dataclasses import dataclass, replace
from typing import Final, Self

DOCKER_HUB: Final = "docker.io"

_SHORT_DIGEST: Final = 12


@dataclass(frozen=True)
class ImageRef:
    """An image by its name: `[registry/]repository[:tag][@digest]`.

    Attributes:
        registry: the registry as the reference begins with it, such as `registry.example.com:5000`; empty for one of
            Docker Hub that is written without.
        repository: the name in the registry.
        tag: its tag, or None.
        digest: its digest, as `sha256:` and 64 hex digits, or None.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, reference: str) -> Self:
        """Takes a reference apart by Docker's rule: a first part with a dot or a colon, or `localhost`, is a registry.

        >>> ImageRef.parse("registry.example.com:5000/tasktracker/app:1.2.0")
        ImageRef(registry='registry.example.com:5000', repository='tasktracker/app', tag='1.2.0', digest=None)
        >>> ImageRef.parse("tasktracker/app@sha256:0a")
        ImageRef(registry='', repository='tasktracker/app', tag=None, digest='sha256:0a')
        """
        name, _, digest = reference.partition("@")
        first, slash, rest = name.partition("/")
        has_registry = bool(slash) and (first == "localhost" or "." in first or ":" in first)
        registry, path = (first, rest) if has_registry else ("", name)
        repository, _, tag = path.partition(":")
        return cls(registry, repository, tag or None, digest or None)

    def __str__(self) -> str:
        """The reference, as `parse` takes it.

        >>> [str(ImageRef.parse(text)) for text in ("localhost:5000/a/b:1@sha256:0a", "nginx:1.27")]
        ['localhost:5000/a/b:1@sha256:0a', 'nginx:1.27']
        """
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"

    @property
    def name(self) -> str:
        """The reference without tag and digest."""
        return f"{self.registry}/{self.repository}" if self.registry else self.repository

    @property
    def in_full(self) -> Self:
        """The same image with what Docker completes: its registry, and the repository's namespace in Docker Hub.

        >>> [str(ImageRef.parse(text).in_full) for text in ("nginx:1.27", "acme/api:1", "localhost/api:1")]
        ['docker.io/library/nginx:1.27', 'docker.io/acme/api:1', 'localhost/api:1']
        """
        if self.registry:
            return self
        repository = self.repository if "/" in self.repository else f"library/{self.repository}"
        return replace(self, registry=DOCKER_HUB, repository=repository)

    @property
    def release(self) -> str:
        """What tells the image from the one before it: its tag, else the start of its digest.

        >>> ImageRef.parse("registry.example.com:5000/tasktracker/api:1.4.0@sha256:" + 64 * "a").release
        '1.4.0'
        >>> ImageRef.parse("tasktracker/api@sha256:" + 64 * "a").release
        'aaaaaaaaaaaa'
        """
        return self.tag or (self.digest or "").removeprefix("sha256:")[:_SHORT_DIGEST]

    def with_tag(self, tag: str | None) -> Self:
        """The reference by a tag alone: by `tag`, or by its own where that is None."""
        return replace(self, tag=tag or self.tag, digest=None)
