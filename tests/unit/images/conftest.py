"""A copy of what the images are made of, to be changed at will."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from images.catalog import IMAGES, ROOT


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The inputs of all images in a folder of their own."""
    for image in IMAGES.values():
        for source in image.sources:
            target = tmp_path / source
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, target)
            else:
                shutil.copyfile(ROOT / source, target)
    return tmp_path
