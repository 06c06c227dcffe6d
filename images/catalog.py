"""Which images there are, what goes into each, and the name that follows from it: all from their Dockerfiles.

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

#: What Python and desktops leave in folders, wherever it lies.
LEFT_BEHIND = ("__pycache__", "*.pyc", ".DS_Store")

#: The argument of the image that is built on none.
BOOTSTRAP = "BOOTSTRAP"

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


def _image(dockerfile: Path) -> Image | None:
    """What a Dockerfile says: its first ARG takes the parent's reference, its COPY lines name what goes in.

    An image is another one in each version where it holds the project's own code, which is in `app`. A Dockerfile
    without an ARG is none of these images.
    """
    lines = dockerfile.read_text().splitlines()
    argument = next((line.removeprefix("ARG ") for line in lines if line.startswith("ARG ")), None)
    if argument is None:
        return None
    copied = [
        word.removesuffix("*").rstrip("/")
        for line in lines
        if line.startswith("COPY ") and "--from=" not in line
        for word in line.split()[1:-1]
        if not word.startswith("--")
    ]
    built = f"images/{dockerfile.parent.name}/built/"
    return Image(
        dockerfile.parent.name,
        None if argument == BOOTSTRAP else argument.lower(),
        argument,
        tuple(sorted(path for path in copied if not path.startswith(built))),
        tuple(sorted(path.removeprefix(built) for path in copied if path.startswith(built))),
        any(path.startswith("app/") for path in copied),
    )


def images_in(root: Path) -> dict[str, Image]:
    """The images of a project's folder by name, each after its parent.

    One that is built on none of them is a user's own, and not among them.
    """
    read = {path.parent.name: _image(path) for path in sorted(root.glob("images/*/Dockerfile"))}
    found: dict[str, Image] = {}
    parents: set[str | None] = {None}
    while level := {name: each for name, each in read.items() if each and name not in found and each.parent in parents}:
        found.update(level)
        parents = {*level}
    return found


#: Those of this project.
IMAGES = images_in(ROOT)


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


def dockerignore(image: Image, root: Path = ROOT) -> str:
    """The content of an image's `.dockerignore`: its build sees what it copies, and nothing else."""
    allowed = [f"!{path}" for path in sorted((*image.inputs, *image.programs))]
    left_behind = [f"**/{name}" for name in LEFT_BEHIND] if any((root / path).is_dir() for path in image.inputs) else []
    return "\n".join(("*", *allowed, *left_behind, ""))


def ignored(path: Path) -> bool:
    """Whether `path` goes into no image."""
    return any(path.match(name) for name in LEFT_BEHIND)


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
