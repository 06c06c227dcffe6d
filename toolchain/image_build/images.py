"""Builds the project's images, each only when what goes into it has changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from images import revision
from images.catalog import IMAGES, NAMESPACE, CatalogError, Image, local_reference
from toolchain.image_build.bootstrap import discard_bootstrap, ensure_bootstrap
from toolchain.image_build.build_secrets import build_secrets
from toolchain.machine import golang
from toolchain.machine.docker_cli import Docker, connect
from toolchain.process.steps import ROOT, StepError, result, run, say

#: Builds at the same time: most of one is waiting for downloads, and more would need more cores.
CONCURRENCY = 2

#: Variables that Docker hands to a build without keeping them in the image.
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


def ensure_images(names: Iterable[str] | None = None) -> None:
    """Builds those of the images `names` (all that containers run, by default) that are missing.

    Prints a line for each with its size.

    Raises:
        StepError: no engine, no client that can build, no Go to build programs with, or a build failed.
    """
    wanted = [name for name in IMAGES if name != "base"] if names is None else list(names)
    _discard_earlier_programs()
    references = _references()
    docker = connect()
    missing = to_build(wanted, references, _present(docker))
    if missing:
        _build_all(missing, references)
    present = _present(docker)
    for name in wanted:
        state = "built" if name in missing else "present"
        say(f"{references[name]} {state}, {present[references[name]]}")


def outdated() -> list[str]:
    """This project's images on the machine that this folder does not need: of earlier builds, or of other clones."""
    current = set(_references().values())
    return [reference for reference in _present(connect()) if reference not in current]


def remove(references: Iterable[str]) -> list[str]:
    """Removes images that no container uses; returns the names of those that are gone."""
    docker = connect()
    # Docker itself refuses to remove what a container, running or stopped, still uses.
    return [reference for reference in references if docker.run("image", "rm", reference).returncode == 0]


def to_build(wanted: Iterable[str], references: Mapping[str, str], present: Iterable[str]) -> list[str]:
    """The images that must be built for `wanted` to be there, each after its parent.

    Raises:
        StepError: one of `wanted` is unknown.
    """
    missing: set[str] = set()
    for name in wanted:
        if name not in IMAGES:
            raise StepError(f"image '{name}': unknown; there are {', '.join(IMAGES)}")
        link: str | None = name
        while link is not None and references[link] not in present:
            missing.add(link)
            link = IMAGES[link].parent
    return [name for name in IMAGES if name in missing]


def build_command(
    docker: Path,
    image: Image,
    references: Mapping[str, str],
    parent: str,
    arguments: Mapping[str, str],
    secrets: Mapping[str, Path],
) -> list[str]:
    """The command that builds `image` on `parent`, with the project's folder as its context."""
    command = [str(docker), "build", "--progress=plain", "--file", image.dockerfile]
    command += ["--tag", references[image.name]]
    for name, value in {image.parent_argument: parent, **arguments}.items():
        command += ["--build-arg", f"{name}={value}"]
    # Docker takes their values from the environment, so that no password of a proxy is in the arguments.
    for name in PROXY_VARIABLES:
        if name in os.environ:
            command += ["--build-arg", name]
    for name, file in secrets.items():
        command += ["--secret", f"id={name},src={file}"]
    return [*command, "."]


def version() -> str:
    """The project's version.

    Raises:
        StepError: the file VERSION is missing or wrong.
    """
    try:
        return revision.version()
    except CatalogError as error:
        raise StepError(str(error)) from None


def _discard_earlier_programs() -> None:
    """Removes programs that version 0.1.0 built into the folder `bin`, which goes into the image as it is since."""
    for image in IMAGES.values():
        for tool in image.go_tools:
            (ROOT / "images" / image.name / "bin" / tool).unlink(missing_ok=True)


def _references() -> dict[str, str]:
    try:
        return {name: local_reference(name) for name in IMAGES}
    except CatalogError as error:
        raise StepError(str(error)) from error


def _present(docker: Docker) -> dict[str, str]:
    """The sizes of this project's images on this machine, by reference."""
    lines = docker.output(
        "images", "--filter", f"reference={NAMESPACE}/*", "--format", "{{.Repository}}:{{.Tag}} {{.Size}}"
    )
    return dict(line.split(" ", 1) for line in lines.splitlines())


def _build_all(names: list[str], references: Mapping[str, str]) -> None:
    """Builds the images `names`, each after its parent, some side by side."""
    docker = connect(build=True)
    if any(IMAGES[name].go_tools for name in names):
        # Said before the long builds, not after.
        golang.find_go()
    futures: dict[str, Future[None]] = {}
    with build_secrets(os.environ) as secrets, ThreadPoolExecutor(CONCURRENCY) as pool:

        def build(image: Image) -> None:
            # A parent is submitted before its children, so it never waits for a place behind them.
            if image.parent in futures:
                result(futures[image.parent])
            _build(docker, image, references, secrets)

        for name in names:
            futures[name] = pool.submit(build, IMAGES[name])
        try:
            for future in futures.values():
                result(future)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _build(docker: Docker, image: Image, references: Mapping[str, str], secrets: Mapping[str, Path]) -> None:
    parent = ensure_bootstrap(docker) if image.parent is None else references[image.parent]
    arguments = {"VERSION": version(), "COMMIT": revision.commit(paths=image.sources) or "unknown"}
    if image.go_tools:
        _build_programs(image, docker.output("version", "--format", "{{.Server.Arch}}"))
    run(
        f"Building {references[image.name]}",
        build_command(docker.path, image, references, parent, arguments, secrets),
        log=f"image-{image.name}",
        env={"DOCKER_BUILDKIT": "1"},
    )
    if image.parent is None:
        discard_bootstrap(docker)


def _build_programs(image: Image, architecture: str) -> None:
    """Builds the programs that `image` copies, for the engine's system: this machine's may be another one."""
    for module, program in zip(image.modules, image.programs, strict=True):
        golang.build(
            f"Building {Path(program).name} for the image {image.name}",
            ROOT / module,
            "tool",
            ROOT / program,
            options=["-trimpath", "-ldflags", "-s -w"],
            env={"GOOS": "linux", "GOARCH": architecture, "CGO_ENABLED": "0"},
        )
