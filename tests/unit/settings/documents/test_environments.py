"""The table of what differs between the environments says what is so."""

import pytest

from settings.documents.environments import environments
from tests.unit.settings.config import ASKED, stack_file


def rows() -> dict[str, tuple[str, ...]]:
    """The cells of all rows by the first."""
    lines = [line for line in environments().splitlines() if line.startswith("| ") and "---" not in line]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first: tuple(rest) for first, *rest in cells if first not in ("Key", "What", "Setting")}


def test_each_value_that_is_asked_for_is_in_the_table() -> None:
    for key in ASKED:
        assert rows()[f"`{key}`"][1:] == ("asked for", "asked for")
    assert rows()["`domain`"][0] == "`localhost`"
    assert rows()["`images`"][0] == "built here"


def test_a_setting_is_in_the_table_where_it_differs_and_only_there() -> None:
    settings = {key: cells for key, cells in rows().items() if key.startswith("`") and " " not in key}
    assert [key for key, cells in settings.items() if len({*cells}) == 1] == []
    # A default that the other files change, and a value that they have in common.
    assert settings["`postgres.resources.memory`"] == ("`2GB`", "`1GB`", "`4GB`")
    assert settings["`worker.stop_timeout`"] == ("`30s`", "`2m`", "`2m`")
    assert "`backup.schedule.time_zone`" not in settings
    assert "`backup`" not in settings


def test_every_top_level_key_of_the_files_is_in_the_table() -> None:
    told = {key.strip("`").partition(".")[0] for key in rows()}
    # dev's published port is the default.
    files = {key for stack in ("dev", "staging", "prod") for key in stack_file(stack)}
    assert files - told == {"nginx"}


@pytest.mark.parametrize(
    ("what", "cells"),
    [
        ("Published on the host", ("`127.0.0.1:8080` (nginx)", "nothing", "nothing")),
        ("HSTS, over HTTPS", ("no", "yes", "yes")),
        ("Days that S3 refuses to delete backups (Object Lock)", ("none", "none", "37")),
        ("a debug port of PostgreSQL", ("allowed", "refused", "refused")),
        ("an image without a digest", ("allowed", "refused", "refused")),
        ("`localhost` as the domain", ("allowed", "allowed", "refused")),
        ("a Cloudflare Tunnel", ("refused", "allowed", "allowed")),
    ],
)
def test_what_follows_and_what_is_refused(what: str, cells: tuple[str, ...]) -> None:
    assert rows()[what] == cells
