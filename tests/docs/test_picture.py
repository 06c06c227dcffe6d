"""The picture of the system shows what the program makes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from docs.picture import PICTURE, SOURCE, dot, nodes, preview, stamp
from tests.e2e.stack import Stack
from tests.e2e.test_environments import NO_DOCKER
from toolchain.steps import ROOT

#: Beside the numbers of the end-to-end tests; nothing of it is made.
NUMBER = 91


@pytest.mark.engine
def test_the_picture_is_current(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "stack", "picture", NUMBER)
    # dev itself may run here, and have the subnets.
    stack.env |= NO_DOCKER
    written = yaml.safe_load(stack.config_file.read_text())
    dev = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())
    stack.config_file.write_text(yaml.safe_dump({**written, "config": dev["config"]}))
    source = dot(nodes(preview(stack.name, stack.folder, stack.env)))
    assert source == SOURCE.read_text(), "run `make docs`"


def test_the_svg_is_drawn_from_its_source() -> None:
    assert PICTURE.read_text().endswith(stamp(SOURCE.read_text()) + "\n"), "run `make docs`"
