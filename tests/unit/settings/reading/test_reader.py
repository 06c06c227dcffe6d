"""Defaults, the shape of a file, and how problems are told."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from pydantic import ValidationError

from settings import Settings, SettingsError, parse
from settings.errors import Problem
from settings.services import WITH_IMAGES
from tests.unit.settings.config import IMAGES, PROD, config, local, problem, problems, read, without


def test_dev_needs_nothing_but_its_environment() -> None:
    settings = read({})
    assert settings.environment == "dev"
    assert settings.domain == "localhost"
    assert settings.secrets == frozenset()
    assert not settings.has_debug_ports


def test_dev_runs_the_images_built_here() -> None:
    images = {service.name: str(image) for service, image in read({"images": {"nats": "nats:2.10.1"}}).images.given()}
    assert images["nats"] == "nats:2.10.1"
    assert images["api"] == images["worker"] == local("app")
    assert images["postgres"] == local("postgres")
    assert images.keys() == {service.name for service in WITH_IMAGES.values() if not service.optional}


def test_an_image_that_is_not_there_is_an_error_of_the_program() -> None:
    with pytest.raises(LookupError, match=r"images\.redis is not set"):
        read({}).images.of(WITH_IMAGES["redis"])


@pytest.mark.parametrize(
    ("service", "cpus", "memory", "reservation"),
    [
        ("postgres", 2, 2048, 512),
        ("nats", 0.5, 512, 64),
        ("api", 1, 1024, 256),
        ("worker", 2, 2048, 512),
        ("dashboard", 0.5, 512, 128),
        ("nginx", 0.5, 256, 64),
    ],
)
def test_each_service_has_its_limits(service: str, cpus: float, memory: int, reservation: int) -> None:
    resources = getattr(read({}), service).resources
    assert (resources.cpus, resources.memory, resources.memory_reservation) == (cpus, memory, reservation)


def test_a_part_of_the_limits_keeps_the_rest() -> None:
    resources = read({"api": {"resources": {"memory": "2GB"}}}).api.resources
    assert (resources.cpus, resources.memory, resources.memory_reservation) == (1, 2048, 256)


def test_values_have_the_types_that_components_use() -> None:
    settings = read({"network": {"edge": "10.9.0.0/24"}})
    assert settings.network.edge == IPv4Network("10.9.0.0/24")
    assert settings.nginx.publish.address == IPv4Address("127.0.0.1")


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read({}).domain = "example.com"  # type: ignore[misc]


def test_settings_can_be_written_and_read_again() -> None:
    own = {"nginx": {"websocket_timeout": "90m"}, "worker": {"resources": {"memory": "1.5GB"}}}
    settings = read({**PROD, **own, "state_backend": "s3://states/prod?region=eu-central-1"})
    written = settings.model_dump(mode="json", exclude={"secrets"})
    assert read(written) == settings


@pytest.mark.parametrize("key", ["docker:disableDockerDaemonCheck", "aws:region", "pulumi:tags"])
def test_other_namespaces_are_left_alone(key: str) -> None:
    assert parse("test", {"tasktracker:environment": "dev", key: "x"}, [key]).environment == "dev"


def test_a_key_without_a_namespace_is_the_projects() -> None:
    assert parse("test", {"environment": "dev"}).environment == "dev"


def test_a_misspelt_namespace_does_not_go_unnoticed() -> None:
    with pytest.raises(SettingsError, match="tasktracker:domain: is written taskstracker:domain in the file"):
        parse("test", {"tasktracker:environment": "dev", "taskstracker:domain": "example.com"})


def test_a_missing_environment_is_one_problem() -> None:
    with pytest.raises(SettingsError) as caught:
        parse("dev", {})
    assert str(caught.value) == (
        "Pulumi.dev.yaml: 1 value is missing, each named with a command to set it:\n"
        "  tasktracker:environment: is required; must be dev, staging or prod\n"
        "      ./tt pulumi config set tasktracker:environment dev --stack dev"
    )


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_images_are_required_outside_dev(environment: str) -> None:
    keys = {**PROD, "environment": environment}
    assert problem(without(keys, ["images"])) == (
        f"tasktracker:images: is required; must be a block with the keys {', '.join(WITH_IMAGES)}"
    )
    assert problem({**keys, "images": without(IMAGES, ["worker"])}).startswith(
        "tasktracker:images.worker: is required; must be an image reference"
    )


@pytest.mark.parametrize("block", ["monitoring"])
def test_blocks_of_later_versions_are_refused_as_such(block: str) -> None:
    assert problem({block: {"enabled": True}}) == (f"tasktracker:{block}: is not available in this version; remove it")


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"domian": "x"}, "tasktracker:domian: unknown key; did you mean domain? Allowed here: environment, domain,"),
        ({"zzz": "x"}, "tasktracker:zzz: unknown key. Allowed here: environment, domain,"),
        (
            {"nats": {"maxPayload": "2MB"}},
            "tasktracker:nats.maxPayload: unknown key; did you mean max_payload?"
            " Allowed here: resources, start_timeout, max_memory_store, max_file_store, max_payload,",
        ),
        (
            {"api": {"resources": {"cpu": 1}}},
            "tasktracker:api.resources.cpu: unknown key; did you mean cpus? Allowed here: cpus, memory,",
        ),
        (
            {"app_secrets": {"token": {"min-bytes": 1}}, "token": "x"},
            "tasktracker:app_secrets.token.min-bytes: unknown key; did you mean min_bytes?",
        ),
        ({"api": {"a.b": 1}}, 'tasktracker:api["a.b"]: unknown key. Allowed here: resources, start_timeout, log_level'),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(keys: dict[str, object], line: str) -> None:
    assert any(found.startswith(line) for found in problems(keys))


@pytest.mark.parametrize("value", ["", "x", "5", "true", "[1, 2]", "{", '{"a": \\ud800}'])
def test_what_stands_in_place_of_a_block_is_refused_unseen(value: str) -> None:
    assert (
        problem({"api": value}) == "tasktracker:api: must be a block with the keys resources, start_timeout, log_level"
    )


def test_null_in_place_of_a_block_is_refused() -> None:
    assert problem({"api": None}).startswith("tasktracker:api = null: must be a block")
    assert problem({"api": {"resources": None}}).startswith("tasktracker:api.resources = null: must be a block")
    assert problem({"app_secrets": None}) == "tasktracker:app_secrets = null: must be a block of names and values"


@pytest.mark.parametrize("value", [None, [], {}, {"a": 1}])
def test_a_block_in_place_of_a_value_is_refused(value: object) -> None:
    assert "must be a size such as 512MB" in problem({"worker": {"resources": {"memory": value}}})


def test_json_deeper_than_any_file_is_refused() -> None:
    assert problem({"api": "[" * 100_000}).startswith("tasktracker:api: must be a block")


def test_half_a_surrogate_pair_is_refused() -> None:
    assert problem({"api": '{"log_level": "\\ud800"}'}).startswith("tasktracker:api: must be a block")


def test_long_values_are_cut_and_control_characters_escaped() -> None:
    assert '"' + "a" * 79 + "..." in problem({"domain": "A" * 500}).replace("A", "a")
    assert "\x1b" not in problem({"domain": "\x1b[31m"})
    assert "\x1b" not in problem({"\x1b[31m": "x"})
    assert "\x1b" not in "".join(problems({"app_secrets": {"\x1b[31m": {}}, "zzz": "x"}))


def test_all_problems_come_at_once_sorted_by_key() -> None:
    with pytest.raises(SettingsError) as caught:
        read(
            {
                "worker": {"log_level": "loud"},
                "network": {"data": "172.20.0.0/24"},
                "postgres": {"debug_port": 0, "tuning": {"shared_buffers": "2GB"}},
                "nginx": {"tls": True},
                "extra": "x",
            },
            {"encryption_key": "short"},
        )
    assert [str(problem).partition(" ")[0].rstrip(":") for problem in caught.value.problems] == [
        "tasktracker:encryption_key",
        "tasktracker:extra",
        "tasktracker:network.data",
        "tasktracker:postgres.debug_port",
        "tasktracker:postgres.tuning.shared_buffers",
        "tasktracker:tls_certificate",
        "tasktracker:tls_key",
        "tasktracker:worker.log_level",
    ]
    told = str(caught.value)
    assert told.startswith("Pulumi.test.yaml has 6 problems:\n  tasktracker:encryption_key: ")
    assert "\nPulumi.test.yaml: 2 values are missing, each named with a command to set it:\n" in told


@pytest.mark.parametrize(
    "keys",
    [
        # The default of shared_buffers would not fit into 256MB; it is not what the user meant.
        {"postgres": {"resources": {"memory": "512MB"}, "tuning": {"shared_buffers": 64}}},
        {"postgres": {"resources": {"memory": "512MB"}, "tuning": {"shared_bufers": "64MB"}}},
        # The default subnet would overlap.
        {"network": {"edge": "10.0.0.1/24", "data": "172.20.0.0/24"}},
        # Whatever the environment is, the debug port may be fine in it.
        {"environment": "development", "postgres": {"debug_port": 5432}},
        {"nginx": {"tls": "yes"}},
    ],
)
def test_a_refused_value_brings_no_problems_that_follow_from_it(keys: dict[str, object]) -> None:
    assert len(problems(keys)) == 1


def test_rules_look_at_what_is_valid_beside_what_is_not() -> None:
    lines = problems({"network": {"edge": "nonsense", "data": "10.0.0.0/16", "egress": "10.0.1.0/24"}})
    assert [line.partition(" ")[0] for line in lines] == ["tasktracker:network.edge", "tasktracker:network.egress"]


def test_nothing_is_kept_of_the_config_between_calls() -> None:
    keys = config({"environment": "dev", "api": {"log_level": "debug"}})
    assert parse("test", keys) == parse("test", keys)
    assert isinstance(parse("test", keys), Settings)


def test_two_answers_to_which_host_are_one_too_many() -> None:
    given = config({**PROD, "docker_host": {"address": "ssh://deploy@host.example.com"}})
    with pytest.raises(
        SettingsError, match="tasktracker:docker_host: is there beside docker:host; remove one of the two"
    ):
        parse("test", {**given, "docker:host": "ssh://deploy@other.example.com"})


def test_a_block_in_json_with_a_key_twice_is_refused() -> None:
    for text in ('{"log_level": "info", "log_level": "debug"}', '{"resources": {"cpus": 1, "cpus": 2}}'):
        with pytest.raises(SettingsError) as error:
            parse("dev", {"tasktracker:environment": "dev", "tasktracker:worker": text})
        key = "log_level" if "log_level" in text else "cpus"
        assert [str(each) for each in error.value.problems] == [
            f'tasktracker:worker: has the key "{key}" twice; remove one'
        ]


def test_a_message_s_commands_name_the_stack() -> None:
    problem = Problem(("tls_key",), "must be encrypted; run ./tt pulumi config set --secret tls_key --stack STACK")
    assert "config set --secret tls_key --stack pre-2" in str(SettingsError("pre-2", [problem]))
