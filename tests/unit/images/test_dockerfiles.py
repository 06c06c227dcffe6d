"""What the Dockerfiles copy has modes of its own: a clone made under `umask 077` keeps its files to its owner."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from images.catalog import IMAGES, Image
from toolchain.process.steps import ROOT


def last_stage(dockerfile: str) -> list[str]:
    """The instructions of the image itself, each on one line."""
    joined = re.sub(r"\\\n", " ", (ROOT / dockerfile).read_text())
    return re.split(r"^FROM .*$", joined, flags=re.MULTILINE)[-1].splitlines()


@pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.name)
def test_what_an_image_copies_from_the_clone_has_its_mode_from_the_dockerfile(image: Image) -> None:
    for line in last_stage(image.dockerfile):
        if not re.match(r"(COPY|ADD)\b", line) or "--from=" in line:
            continue
        mode = re.search(r"--chmod=(0[45][45][45])\b", line)
        assert mode, line
        # The mode would be that of folders, too, which nobody could enter then.
        for source in [word for word in line.split()[1:-1] if not word.startswith("--")]:
            assert not (ROOT / source).is_dir(), line


@pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.name)
def test_a_folder_that_an_image_copies_has_files_alone(image: Image) -> None:
    """`COPY folder/*` puts what is in a folder of it beside its files."""
    copies = "\n".join(line for line in last_stage(image.dockerfile) if line.startswith("COPY"))
    for source in re.findall(r"(\S+)/\* ", copies):
        assert all(path.is_file() for path in (ROOT / source).iterdir())


@pytest.mark.parametrize(
    "command", sorted(ROOT.glob("images/*/bin/*")), ids=lambda path: f"{path.parts[-3]}-{path.name}"
)
def test_a_command_has_the_name_it_is_called_by(command: Path) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", command.name)
    assert command.read_text().startswith("#!/bin/")
