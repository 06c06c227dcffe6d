"""What the Dockerfiles copy has modes of its own: a clone made under `umask 077` keeps its files to its owner."""

from __future__ import annotations

import re

import pytest

from images.catalog import IMAGES, Image
from toolchain.steps import ROOT


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
