"""The tables of docs/ARCHITECTURE.md say what the program makes."""

from __future__ import annotations

import json
import re
from functools import cache

import pytest

from docs.picture import DEV as DEV_PICTURE
from docs.picture import source
from tests.unit.components.conftest import (
    API_TOKEN,
    CONTAINER,
    DEBUG_PORTS,
    DEV,
    NETWORK,
    STASH,
    TUNNEL,
    VOLUME,
    Run,
    run_program,
    service_of,
)
from toolchain.process.steps import ROOT

PAGE = (ROOT / "docs" / "ARCHITECTURE.md").read_text()

#: What a table has where there is nothing.
NOTHING = "-"


def table(*header: str) -> list[list[str]]:
    """The rows of the one table with that header."""
    (found,) = re.findall(rf"^\| {re.escape(' | '.join(header))} \|\n\|[ |-]+\n((?:\|.+\n)+)", PAGE, re.MULTILINE)
    return [line.strip("| ").split(" | ") for line in found.splitlines()]


@pytest.fixture(scope="module")
def dev() -> Run:
    return run_program({**DEV, **DEBUG_PORTS}, {})


@pytest.fixture(scope="module")
def prod() -> Run:
    backup = {"repository": "aws", "aws": {"region": "eu-central-1"}}
    return run_program({**TUNNEL, "backup": json.dumps(backup)}, API_TOKEN)


def networks(run: Run) -> dict[str, str]:
    """Networks by container; carriers are on none."""
    return {
        service_of(each.name): ", ".join(sorted(run.networks(each.name)))
        for each in run.all(CONTAINER)
        if each.inputs.get("networksAdvanced")
    }


def test_who_is_on_which_network(dev: Run, prod: Run) -> None:
    here, there = networks(dev), networks(prod)
    assert table("Container", "dev", "prod") == [
        [name, here.get(name, NOTHING), there.get(name, NOTHING)] for name in sorted({*here, *there})
    ]


def test_which_networks_lead_out(dev: Run) -> None:
    written = {name.strip("`"): out.startswith("no") for name, _, out in table("Network", "For", "Way out of the host")}
    assert written == {each.name: each.inputs["internal"] for each in dev.all(NETWORK)}


def test_who_uses_which_volume(dev: Run, prod: Run) -> None:
    volumes = [each for each in dev.all(VOLUME) if not each.name.endswith("-files")]

    def users(volume: str, *, read_only: bool) -> str:
        mounts = {each.name: dev.mounts(each.name).values() for each in dev.running}
        wanted = (f"tasktracker-test-{volume}", read_only)
        return ", ".join(sorted(service_of(name) for name, found in mounts.items() if wanted in found)) or NOTHING

    assert table("Volume", "Protected", "Written by", "Read by") == [
        [
            each.name,
            "yes" if each.request.protect else "no",
            users(each.name, read_only=False),
            users(each.name, read_only=True),
        ]
        for each in sorted(volumes, key=lambda each: each.name)
    ]
    assert {each.name for each in prod.all(VOLUME)} <= {each.name for each in volumes} | {
        f"{each.name}-files" for each in prod.all(CONTAINER)
    }


def test_what_down_keeps(dev: Run, prod: Run) -> None:
    def protected(type_: str) -> set[str]:
        return {each.name for each in dev.all(type_) if each.request.protect}

    volumes, secrets, identity, *in_clouds = (row[0] for row in table("Kept", "Because"))
    assert volumes == ", ".join(sorted(protected(VOLUME)))
    assert {*secrets.split(", "), identity} == protected(STASH)
    providers = {each.type.partition(":")[0] for each in prod.resources if each.request.protect}
    # The components of data volumes too: they are what the state remembers of those.
    assert providers == {"docker", "pulumi", "aws", "cloudflare", "tasktracker"}
    assert in_clouds == ["the tunnel", "the bucket in AWS with its settings"]


def test_the_order_of_start() -> None:
    """As the picture has it, which is held to the program elsewhere."""
    drawn = source(DEV_PICTURE).read_text()
    waits = re.findall(r'^  "([a-z-]+)" -> "([a-z-]+)";$', drawn, re.MULTILINE)

    @cache
    def step(name: str) -> int:
        return 1 + max((step(first) for later, first in waits if later == name), default=0)

    steps: dict[int, list[str]] = {}
    for name in sorted(re.findall(r'^  "([a-z-]+)" \[label=', drawn, re.MULTILINE)):
        steps.setdefault(step(name), []).append(name)
    section = PAGE.partition("\n## Order of start\n")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d)\. (.+)$", section, re.MULTILINE) == [
        (str(number), ", ".join(steps[number])) for number in sorted(steps)
    ]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:[a-z_]+/)+[a-zA-Z_.*]*)`", PAGE))))
def test_a_file_that_is_named_is_there(path: str) -> None:
    assert list(ROOT.glob(path.rstrip("/")))
