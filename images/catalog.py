"""Which images there are, what goes into each, and the name that follows from it.

Stdlib only and without Docker: set-up runs it before the venv exists, and the Pulumi program at each
preview.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: What all images' names begin with.
NAMESPACE = "tasktracker"

#: Hexadecimal digits of a tag: 48 bits, no collision to be feared among a project's images.
TAG_LENGTH = 12


class CatalogError(Exception):
    """An image is unknown or one of its inputs is missing; the message is meant for the user."""


@dataclass(frozen=True)
class Image:
    """One image. The build's context is the project's folder.

    In its folder `images/<name>` are its Dockerfile, `bin` (the commands that it has on PATH, under the same names),
    `share` (the files that they read) and `built` (programs built by set-up, not in git).

    Attributes:
        name: the last part of its repository.
        parent: the image that it is built on; None for the base.
        parent_argument: the Dockerfile's ARG that takes the parent's reference.
        inputs: files and folders that its Dockerfile copies, relative to the project's folder.
        go_tools: programs that it copies from its folder `built`, each built on the host from the Go module
            `images/tools/<program>`, which images share.
        versioned: whether it holds the project's own code, and so is another one in each version.
    """

    name: str
    parent: str | None
    parent_argument: str
    inputs: tuple[str, ...] = ()
    go_tools: tuple[str, ...] = ()
    versioned: bool = False

    @property
    def repository(self) -> str:
        """The name without the tag."""
        return f"{NAMESPACE}/{self.name}"

    @property
    def dockerfile(self) -> str:
        """Its Dockerfile, relative to the project's folder."""
        return f"images/{self.name}/Dockerfile"

    @property
    def dockerignore(self) -> str:
        """What keeps all but `inputs` and `programs` out of its build, relative to the project's folder."""
        return f"{self.dockerfile}.dockerignore"

    @property
    def programs(self) -> tuple[str, ...]:
        """What is built from `go_tools`, relative to the project's folder. Their modules decide their content."""
        return tuple(f"images/{self.name}/built/{tool}" for tool in self.go_tools)

    @property
    def modules(self) -> tuple[str, ...]:
        """The folders of the Go modules of `programs`, in the same order."""
        return tuple(f"images/tools/{tool}" for tool in self.go_tools)

    @property
    def sources(self) -> tuple[str, ...]:
        """All files and folders that decide its content, sorted."""
        version = ("VERSION",) if self.versioned else ()
        locks = [f"{module}/{file}" for module in self.modules for file in ("go.mod", "go.sum")]
        return tuple(sorted((self.dockerfile, self.dockerignore, *self.inputs, *locks, *version)))


_ALL = (
    Image("base", None, "BOOTSTRAP", ("images/base/share/dpkg.cfg",)),
    Image("postgres", "base", "BASE", ("images/postgres/bin", "images/postgres/share"), go_tools=("supercronic",)),
    Image("nats", "base", "BASE"),
    Image("nginx", "base", "BASE", ("images/nginx/bin",)),
    Image("app", "base", "BASE", ("app/pyproject.toml", "app/requirements.lock", "app/tasktracker"), versioned=True),
    Image("object_store", "base", "BASE", ("images/object_store/bin",), go_tools=("versitygw",)),
    Image(
        "file_backups",
        "base",
        "BASE",
        ("images/file_backups/bin", "images/file_backups/share"),
        go_tools=("nats", "supercronic"),
    ),
    Image("redis", "base", "BASE", ("images/redis/bin",)),
    Image("cloudflared", "base", "BASE", go_tools=("cloudflared",)),
    Image("dashboard", "nginx", "NGINX", ("app/dashboard", "images/dashboard/share/nginx.conf"), versioned=True),
)

#: By name; each after its parent.
IMAGES = {image.name: image for image in _ALL}


def local_reference(name: str, root: Path = ROOT) -> str:
    """The reference of the image `name` as built on this machine: `tasktracker/nats:3f2a...`.

    The tag is a hash over the image's Dockerfile, its inputs and its parent's reference, and over
    nothing else: no times, no absolute paths, no file modes (the Dockerfiles set those), no git.

    Raises:
        CatalogError: there is no such image, or one of its inputs is missing.
    """
    try:
        image = IMAGES[name]
    except KeyError:
        raise CatalogError(f"image '{name}': unknown; there are {', '.join(IMAGES)}") from None
    digest = hashlib.sha256()
    _add(digest, image.name.encode())
    _add(digest, b"" if image.parent is None else local_reference(image.parent, root).encode())
    for path in _files(image, root):
        _add(digest, path.relative_to(root).as_posix().encode())
        _add(digest, path.read_bytes())
    return f"{image.repository}:{digest.hexdigest()[:TAG_LENGTH]}"


def ignored(path: Path) -> bool:
    """Whether `path` goes into no image, wherever it lies: what Python and desktops leave behind."""
    return path.name in {"__pycache__", ".DS_Store"} or path.suffix == ".pyc"


def _add(digest: hashlib._Hash, part: bytes) -> None:
    """Adds `part` with its length in front, so that no two lists of parts give the same bytes."""
    digest.update(len(part).to_bytes(8, "big"))
    digest.update(part)


def _files(image: Image, root: Path) -> Iterator[Path]:
    """The files of the image's sources, in an order that is the same on every machine."""
    for source in image.sources:
        path = root / source
        if path.is_dir():
            yield from _walk(path)
        elif path.is_file():
            yield path
        else:
            raise CatalogError(f"image '{image.name}': {source} is missing")


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if ignored(path):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path
