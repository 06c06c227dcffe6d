"""What a stack lacks is asked for all at once, each value with the command that sets it."""

import shlex
from collections.abc import Iterator
from typing import get_origin

import pytest
from pydantic import BaseModel

from settings import Settings, SettingsError, parse
from settings.commands import command_for
from settings.describe import example, field_type, nested_blocks, plain_type
from settings.errors import key_text
from settings.reading import missing
from settings.stack import StackConfig
from tests.unit.settings.config import ASKED, ASKED_IMAGES, ROOT, config, filled_file, problems, stack_file


def refused(stack: str, keys: dict[str, object]) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        parse(stack, config(keys))
    return caught.value


def filled(stack: str) -> Settings:
    """The settings of a committed stack with what it asks for."""
    secrets = [key for key, value in ASKED.items() if value is None]
    keys = {**filled_file(stack), **dict.fromkeys(secrets, "an-api-token")}
    return parse(stack, config(keys), [f"tasktracker:{key}" for key in secrets])


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_a_committed_stack_asks_for_all_that_only_a_person_knows(stack: str) -> None:
    error = refused(stack, stack_file(stack))
    assert [each.path for each in error.problems] == [tuple(key.split(".")) for key in ASKED]
    assert all(each.missing for each in error.problems)
    lines = str(error).splitlines()
    assert lines[0] == f"Pulumi.{stack}.yaml: {len(ASKED)} values are missing, each named with a command to set it:"
    for key, problem in zip(ASKED, error.problems, strict=True):
        assert str(problem).startswith(f"tasktracker:{key}: is required")
        assert lines[lines.index(f"  {problem}") + 1] == f"      {problem.command}"


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_with_what_it_asks_for_a_committed_stack_is_valid(stack: str) -> None:
    settings = filled(stack)
    assert settings.environment == stack
    assert settings.tunnel is not None
    assert settings.backup.repository == "aws"


def test_staging_sets_what_prod_sets_and_no_number_is_larger() -> None:
    def flat(block: object, path: str = "") -> Iterator[tuple[str, object]]:
        if isinstance(block, dict):
            for key, value in block.items():
                yield from flat(value, f"{path}.{key}")
        else:
            yield path, block

    files = {stack: dict(flat(stack_file(stack))) for stack in ("staging", "prod")}
    assert files["staging"].keys() == files["prod"].keys()
    staging, prod = (filled(stack).model_dump(exclude={"network", "images"}) for stack in files)
    numbers = {path: value for path, value in flat(staging) if isinstance(value, int | float)}
    larger = [path for path, value in flat(prod) if path in numbers and numbers[path] > value]  # type: ignore[operator]
    assert larger == []


def test_subnets_of_the_committed_stacks_are_apart() -> None:
    dev = parse("dev", config(stack_file("dev"))).network
    subnets = [subnet for network in (dev, filled("staging").network, filled("prod").network) for _, subnet in network]
    assert not [(a, b) for a in subnets for b in subnets if a is not b and a.overlaps(b)]


def test_what_is_wrong_comes_before_what_is_missing_and_both_at_once() -> None:
    error = refused("prod", {**stack_file("prod"), "nginx": {"publish": {"port": 80}}, "zzz": "x"})
    told = str(error)
    assert told.startswith("Pulumi.prod.yaml has 2 problems:\n  tasktracker:nginx.publish: is for a stack without")
    assert "\nPulumi.prod.yaml: 7 values are missing, each named with a command to set it:\n" in told


def test_images_are_set_by_one_command() -> None:
    told = str(refused("prod", {**stack_file("prod"), "images": {}}))
    assert told.count("  tasktracker:images.") == len(ASKED_IMAGES)
    assert told.count("make pin STACK=prod") == 1


def test_a_block_that_another_setting_needs_is_asked_for_by_its_keys() -> None:
    found = problems({"backup": {"repository": "s3"}})
    assert [line.partition(":")[2].partition(":")[0] for line in found] == [
        *("backup.s3.bucket", "backup.s3.endpoint", "backup.s3.region", "s3_access_key", "s3_secret_key")
    ]


def test_what_rests_on_a_missing_value_is_not_told() -> None:
    # An example stands in for it, which has no meaning.
    found = problems({**stack_file("prod"), "domain": "tasks.elsewhere.org"})
    assert not [line for line in found if "tasktracker:domain" in line]


@pytest.mark.parametrize(
    ("path", "command"),
    [
        (("domain",), "./tt pulumi config set tasktracker:domain tasks.example.com --stack prod"),
        (("tunnel", "zone"), "./tt pulumi config set --path tasktracker:tunnel.zone example.com --stack prod"),
        (
            ("tunnel", "administrators", "emails"),
            "./tt pulumi config set --path 'tasktracker:tunnel.administrators.emails[0]' jo@example.com --stack prod",
        ),
        (("postgres", "restore", "volume"), "./tt pulumi config set --path tasktracker:postgres.restore.volume 1"
         " --stack prod"),
        (("images", "api"), "make pin STACK=prod REPOSITORY=registry.example.com/tasktracker TAG=1.2.3"),
        (("slack_token",), "./tt pulumi config set --secret tasktracker:slack_token --stack prod"),
        (("tls_key",), "./tt pulumi config set --secret tasktracker:tls_key --stack prod < tls_key.pem"),
    ],
)  # fmt: skip
def test_commands(path: tuple[str, ...], command: str) -> None:
    assert command_for("prod", path) == command


def test_a_command_is_safe_in_a_shell() -> None:
    assert shlex.split(command_for("a b; c", ("domain",)))[-2:] == ["--stack", "a b; c"]


def required(block: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Where something is required, with its type; a free name is that of a host."""
    for key, field in block.model_fields.items():
        inner = list(nested_blocks(field))
        free = ("registry.example.com",) if get_origin(plain_type(field.annotation)) is dict else ()
        if field.is_required() and not inner:
            yield (*path, key), field_type(field)
        for each in inner:
            yield from required(each, (*path, key, *free))


@pytest.mark.parametrize(("path", "type_"), [*required(StackConfig)], ids=lambda each: str(each)[:60])
def test_whatever_is_required_has_an_example_that_is_valid(path: tuple[str, ...], type_: object) -> None:
    keys: object = example(type_)
    for key in reversed(path):
        keys = {key: keys}
    assert isinstance(keys, dict)
    found = problems(keys)
    assert not [line for line in found if line.startswith((f"{key_text(path)}:", f"{key_text(path)} "))], found


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_nothing_is_there_for_debugging_outside_dev(stack: str) -> None:
    settings = filled(stack)
    assert not settings.has_debug_ports
    assert {settings.api.log_level, settings.worker.log_level} == {"info"}


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_set_up_lists_what_is_missing_before_it_asks_for_a_passphrase(
    stack: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same lines as the preview's, from the file alone."""
    monkeypatch.chdir(ROOT)
    assert missing.main(["--stack", stack]) == 1
    assert capsys.readouterr().out == f"{refused(stack, stack_file(stack))}\n"


SECRET = {"secure": "v1:abc"}


def test_set_up_tells_mistakes_too_and_takes_secrets_for_given() -> None:
    keys = {f"tasktracker:{key}": value for key, value in filled_file("prod").items()}
    assert missing.missing("prod", {**keys, "tasktracker:cloudflare_api_token": {"secure": "v1:abc"}}) is None
    # What is encrypted may have any form: only its passphrase tells.
    assert missing.missing("dev", {"tasktracker:environment": "dev", "tasktracker:encryption_key": SECRET}) is None
    wrong = missing.missing("dev", {"tasktracker:environmen": "dev", "tasktracker:postgres": {"volume": 0}})
    assert wrong is not None
    for part in (
        "unknown key; did you mean environment?",
        "tasktracker:postgres.volume = 0",
        "environment: is required",
    ):
        assert part in wrong
    found = missing.missing("prod", keys)
    assert found is not None
    assert "tasktracker:cloudflare_api_token" in found
