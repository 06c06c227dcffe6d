"""What the tests of the settings share."""

from collections.abc import Iterator

import pytest

from settings.reading import reader
from tests.unit.settings.config import local


@pytest.fixture(scope="session", autouse=True)
def local_images() -> Iterator[None]:
    """Fixed references in place of hashes over the images' inputs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "local_reference", local)
        yield
