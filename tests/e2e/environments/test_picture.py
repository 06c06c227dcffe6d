"""The pictures of the system show what the program makes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from docs.picture import DEV, PROD, dot, nodes, of_prod, preview, source
from tests.e2e.support.stack import NO_DOCKER, Stack
from toolchain.process.steps import ROOT

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
    assert dot(nodes(preview(stack.name, stack.folder, stack.env))) == source(DEV).read_text(), "run `make docs`"


@pytest.mark.engine
def test_the_pictures_of_prod_are_current(tmp_path: Path) -> None:
    drawn = of_prod(tmp_path / "stack")
    assert drawn == {name: source(name).read_text() for name in drawn}, "run `make docs`"
    # What only prod has.
    for part in ("cloudflared-2", "AWS S3 backups", "Cloudflare tunnel"):
        assert f'  "{part}" [' in drawn[PROD]
