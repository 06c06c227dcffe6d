"""Which files api and worker get, and that none of them takes the place of another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from components.core.part import AppBindings, Part
from settings.app_files import GENERATED_FILES, file_name, secret_name
from settings.blocks.postgres import PostgresTuning
from settings.rules.resources import OWN_PARAMETER_FAMILIES, OWN_PARAMETERS
from tests.services import OPTIONAL
from tests.unit.components.conftest import DEV, Run
from toolchain.process.steps import ROOT

#: The blocks that give the app files, each with a value that does.
BLOCKS = {
    "object_store.app_bucket": ("object_store", json.dumps({"app_bucket": "app"})),
    **{block: (block, value) for block, value in OPTIONAL.items()},
}
EVERYTHING = {
    **DEV,
    **OPTIONAL,
    "object_store": json.dumps({"app_bucket": "app"}),
    "app_secrets": json.dumps({"slack_token": {}}),
}


@pytest.mark.parametrize("service", ["api", "worker"])
def test_the_table_lists_every_file_that_the_program_makes(run: Callable[..., Run], service: str) -> None:
    uploads = run(EVERYTHING, {"slack_token": "xoxb"}).uploads(service)
    assert uploads.keys() - {"slack-token"} == {name for names in GENERATED_FILES.values() for name in names}
    assert uploads["slack-token"] == "xoxb"


def test_each_block_makes_its_own_files(run: Callable[..., Run]) -> None:
    always = {*GENERATED_FILES[()]}
    assert run(DEV).uploads("api").keys() == always
    assert {".".join(path) for path in GENERATED_FILES if path} <= BLOCKS.keys()
    for block, (key, value) in BLOCKS.items():
        uploads = run({**DEV, key: value}).uploads("api")
        assert uploads.keys() - always == {*GENERATED_FILES.get(tuple(block.split(".")), ())}


def test_no_file_replaces_another() -> None:
    bindings = AppBindings()
    bindings.add("redis", Part(files={"redis-url": "made"}, env={"CACHE": "on"}))
    with pytest.raises(ValueError, match="the app would get redis-url from redis and from app_secrets"):
        bindings.add_secrets({"redis-url": "given"})
    with pytest.raises(ValueError, match="the app would get redis-url from redis and from nats"):
        bindings.add("nats", Part(files={"redis-url": "b"}))
    with pytest.raises(ValueError, match="the app would get CACHE from redis and from nats"):
        bindings.add("nats", Part(env={"CACHE": "off"}))
    with pytest.raises(ValueError, match=r"nats: settings\.services does not list the files new-url"):
        bindings.add("nats", Part(files={"new-url": "a"}))
    assert (bindings.files, bindings.env) == ({"redis-url": "made"}, {"CACHE": "on"})


def test_variables_of_the_app_have_one_origin_each(run: Callable[..., Run]) -> None:
    envs = run(EVERYTHING, {"slack_token": "xoxb"}).container("api")["envs"]
    names = [each.partition("=")[0] for each in envs]
    assert len(names) == len(set(names))
    assert {f"{secret_name(each).upper()}_FILE" for names in GENERATED_FILES.values() for each in names} <= {*names}


@pytest.mark.parametrize("secret", ["slack_token", "a", "a_b_c1"])
def test_names_of_files_and_secrets_are_each_other_s_inverse(secret: str) -> None:
    assert secret_name(file_name(secret)) == secret


#: What a stack may set otherwise: its own value comes later in the file, and wins.
MAY_BE_SET = {"log_line_prefix", "log_parameter_max_length", "log_parameter_max_length_on_error"}


def test_no_parameter_of_postgresql_that_a_stack_sets_is_overridden() -> None:
    text = (ROOT / "components/templates/postgresql.conf.j2").read_text()
    own, _, given = text.partition("{% for name, value in tuning.parameters")
    names = set(re.findall(r"^([a-z_]+) = ", own, re.MULTILINE))
    assert "port" in names
    free = {name for name in names - OWN_PARAMETERS if not name.startswith(OWN_PARAMETER_FAMILIES)}
    assert free - PostgresTuning.model_fields.keys() == MAY_BE_SET
    assert not re.findall(r"^[a-z_]+ = ", given.partition("{% endfor %}")[2], re.MULTILINE)
