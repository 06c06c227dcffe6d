"""The rows of the table of services agree with the settings and with each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from settings.blocks.block import Resources
from settings.describe import nested_blocks, type_at
from settings.errors import Path
from settings.services import SERVICES, WITH_IMAGES, ServiceInfo
from settings.stack import Settings, StackConfig

ROWS = [pytest.param(service, id=service.name) for service in SERVICES.values()]


@pytest.mark.parametrize("service", ROWS)
def test_its_block_has_resources_with_its_defaults(service: ServiceInfo) -> None:
    resources = type_at(StackConfig, (*service.block, "resources"))
    assert isinstance(resources, type)
    assert issubclass(resources, Resources)
    defaults = resources.model_validate({})
    assert (defaults.cpus, defaults.memory, defaults.memory_reservation) == (
        service.needs.cpus,
        service.needs.memory,
        service.needs.reserved,
    )


@pytest.mark.parametrize("service", ROWS)
def test_a_stack_can_be_asked_whether_it_has_it(service: ServiceInfo) -> None:
    assert service.condition is None or isinstance(getattr(Settings, service.condition), property)
    # Where the block of itself is None by default, the service is off until the config has it.
    field = StackConfig.model_fields[service.block[0]]
    assert service.optional == (field.default is None)


def blocks_with_resources(model: type[BaseModel] = StackConfig, path: Path = ()) -> Iterator[Path]:
    """The paths of the blocks of the config that have `resources`."""
    for key, field in model.model_fields.items():
        for inner in nested_blocks(field):
            if "resources" in inner.model_fields:
                yield (*path, key)
            yield from blocks_with_resources(inner, (*path, key))


def test_each_block_with_resources_has_a_row() -> None:
    assert sorted(service.block for service in SERVICES.values()) == sorted(blocks_with_resources())


def test_services_of_one_image_have_one_user() -> None:
    users = {(service.folder, service.user) for service in SERVICES.values()}
    assert len(users) == len({folder for folder, _ in users})


def test_names_are_of_one_form_and_unique() -> None:
    containers = [name for service in SERVICES.values() for name in service.containers]
    assert len({*containers}) == len(containers)
    assert all(re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", name) for name in containers)
    files = [file for service in SERVICES.values() for file in service.app_files]
    assert len({*files}) == len(files)
    assert list(WITH_IMAGES) == [service.key for service in WITH_IMAGES.values()]
