"""What the whole program registers, on mocks."""

from __future__ import annotations

import re
from collections.abc import Callable

import pulumi
import pytest
from pulumi.runtime.rpc import deserialize_properties, is_rpc_secret

from components.core.pids import digest
from tests.certificates import DAY, NOW, chain, ec_key, key_pem
from tests.services import SERVICES
from tests.unit.components.conftest import (
    CONTAINER,
    DEBUG_PORTS,
    DEV,
    GATES,
    NETWORK,
    PROD,
    VOLUME,
    Recorded,
    Run,
    in_first_slot,
)

SECRET_TYPES = "tasktracker:components:GeneratedSecret"


@pytest.fixture(params=["dev", "debug", "prod"])
def any_run(request: pytest.FixtureRequest, run: Callable[..., Run]) -> Run:
    return run({"dev": DEV, "debug": {**DEV, **DEBUG_PORTS}, "prod": PROD}[request.param])


def test_every_service_runs(any_run: Run) -> None:
    assert {each.name for each in any_run.running} == {in_first_slot(each) for each in SERVICES}


def test_containers_are_named_after_stack_and_service(any_run: Run) -> None:
    names = {f"tasktracker-test-{in_first_slot(each)}" for each in SERVICES}
    assert {each.inputs["name"] for each in any_run.running} == names


def test_component_tree(run: Callable[..., Run]) -> None:
    made = run(DEV).resources
    components = {each.type.rpartition(":")[2] for each in made if each.type.startswith("tasktracker:")}
    assert components == {
        "Backups", "CertificateAuthority", "DataVolume", "Drills", "FileBackups", "FileVolume", "GeneratedSecret",
        "Migrations", "Nats", "Network", "Networks", "Nginx", "ObjectStore", "OneShot", "PidsLimits", "Platform",
        "Postgres", "ReleaseSlot", "RuntimeVolume", "ServerCertificate", "Workload",
    }  # fmt: skip


def test_every_running_container_is_hardened(any_run: Run) -> None:
    for container in any_run.running:
        inputs = container.inputs
        uid, _, gid = inputs["user"].partition(":")
        assert int(uid) > 0, container.name
        assert int(gid) > 0, container.name
        assert inputs["readOnly"] is True
        assert inputs["capabilities"] == {"drops": ["ALL"]}
        assert inputs["securityOpts"] == ["no-new-privileges:true"]
        assert inputs["init"] is True
        assert inputs["memory"] > 0
        assert inputs["memorySwap"] == inputs["memory"]
        assert 0 < inputs["memoryReservation"] <= inputs["memory"]
        assert float(inputs["cpus"]) > 0
        assert inputs["networkMode"] == "bridge"
        assert inputs["logDriver"] == "json-file"
        assert inputs["logOpts"] == {"max-file": "3", "max-size": "10m"}
        # The switch starts the worker, and gives it the policy.
        held = container.name == "worker-blue"
        assert inputs["restart"] == ("no" if held else "always")
        assert inputs["mustRun"] is not held
        assert inputs.get("start") is (False if held else None)
        assert inputs.get("wait") is (None if held else True)
        assert "noexec" in inputs["tmpfs"]["/tmp"]
        assert inputs["healthcheck"]["tests"][0] == "CMD"
        assert inputs["stopTimeout"] == inputs["destroyGraceSeconds"] > 0
        assert not inputs.get("privileged")


def test_default_limits_are_the_requirements(run: Callable[..., Run]) -> None:
    limits = {each.name: (each.inputs["cpus"], each.inputs["memory"]) for each in run(DEV).running}
    assert limits == {
        "postgres": ("2.0", 2048),
        "nats": ("0.5", 512),
        "api-blue": ("1.0", 1024),
        "worker-blue": ("2.0", 2048),
        "dashboard-blue": ("0.5", 512),
        "nginx": ("0.5", 256),
        "object-store": ("1.0", 256),
        "backups": ("1.0", 256),
        "drills": ("1.0", 512),
        "file-backups": ("1.0", 512),
    }


@pytest.mark.parametrize(
    ("service", "command"),
    [
        ("postgres", "pg_isready"),
        ("nats", "http://127.0.0.1:8222/healthz"),
        ("api", "http://127.0.0.1:8000/api/health"),
        ("worker", "http://127.0.0.1:8001/health"),
        ("dashboard", "http://127.0.0.1:8080/healthz"),
        ("nginx", "healthcheck"),
        ("object-store", "healthcheck"),
        ("backups", "backup-health"),
        ("drills", "drill-health"),
        ("file-backups", "files-health"),
    ],
)
def test_health_checks_ask_the_service(run: Callable[..., Run], service: str, command: str) -> None:
    assert command in run(DEV).container(service)["healthcheck"]["tests"]


def test_only_nginx_publishes_outside_of_debugging(run: Callable[..., Run]) -> None:
    for config in (DEV, PROD):
        published = {each.name: each.inputs["ports"] for each in run(config).running if each.inputs.get("ports")}
        assert published == {"nginx": [{"internal": 8080, "external": 8080, "ip": "127.0.0.1", "protocol": "tcp"}]}


def test_debug_ports_are_on_loopback(run: Callable[..., Run]) -> None:
    result = run({**DEV, **DEBUG_PORTS})
    ports = [port for name in ("postgres", "nats") for port in result.container(name)["ports"]]
    assert [(port["internal"], port["external"]) for port in ports] == [(5432, 15432), (4222, 14222), (8222, 18222)]
    assert {port["ip"] for port in ports} == {"127.0.0.1"}


def test_networks_keep_the_stores_apart(any_run: Run) -> None:
    on = {each.name: {net["name"] for net in each.inputs["networksAdvanced"]} for each in any_run.running}
    prefix = "tasktracker-test-"
    front = {f"{prefix}edge"}
    assert on["nginx"] == on["dashboard-blue"] == front
    assert on["object-store"] == {f"{prefix}data"}
    for store in ("postgres", "nats"):
        assert f"{prefix}data" in on[store]
        assert not on[store] & {f"{prefix}edge", f"{prefix}egress"}
    assert on["api-blue"] == {f"{prefix}{each}" for each in ("edge", "data", "egress")}
    assert on["worker-blue"] == {f"{prefix}{each}" for each in ("data", "egress")}


def test_data_network_has_no_way_out(any_run: Run) -> None:
    internal = {each.name: each.inputs["internal"] for each in any_run.all(NETWORK)}
    assert internal["data"] is True
    assert internal["edge"] is internal["egress"] is False


def test_debug_network_is_made_for_debug_ports_only(run: Callable[..., Run]) -> None:
    assert "debug" not in {each.name for each in run(DEV).all(NETWORK)}
    assert "debug" in {each.name for each in run({**DEV, **DEBUG_PORTS}).all(NETWORK)}


def test_upstreams_have_the_addresses_nginx_is_told(run: Callable[..., Run]) -> None:
    result = run(DEV)
    config = next(
        upload["content"]
        for upload in result.container("nginx-files")["uploads"]
        if upload["file"].endswith("nginx.conf")
    )
    for service, port in (("api", 8000), ("dashboard", 8080)):
        edge = next(net for net in result.container(service)["networksAdvanced"] if net["name"].endswith("edge"))
        assert f"server {edge['ipv4Address']}:{port} max_fails=0;" in config


def test_files_reach_containers_read_only(any_run: Run) -> None:
    for container in any_run.running:
        for mount in container.inputs["mounts"]:
            if mount["target"] == "/etc/tasktracker":
                assert mount["readOnly"] is True


def test_carriers_are_never_started(any_run: Run) -> None:
    carriers = [each for each in any_run.all(CONTAINER) if each.name.endswith("-files")]
    assert {each.name for each in carriers} == {
        in_first_slot(f"{service}-files") for service in (*SERVICES, "migrations") if service != "dashboard"
    }
    for carrier in carriers:
        assert carrier.inputs["start"] is carrier.inputs["mustRun"] is False
        assert carrier.inputs["networkMode"] == "none"


def test_no_secret_in_env_labels_command_or_health_check(any_run: Run) -> None:
    secrets = [each.inputs["input"] for each in any_run.all("pulumi:index:Stash") if each.name not in GATES]
    # A certificate is kept together with its key.
    values = [text for value in secrets for text in (value.values() if isinstance(value, dict) else [value])]
    assert len(values) == 14
    for container in any_run.all(CONTAINER):
        visible = {key: value for key, value in container.inputs.items() if key != "uploads"}
        for value in values:
            assert value not in str(visible), container.name


def test_every_running_container_has_a_limit_of_processes(any_run: Run) -> None:
    ids = {each.inputs["name"]: f"{each.name}-id" for each in any_run.running}
    limits = any_run.one("pulumi:index:Stash", "pids-limits").inputs["input"]
    assert limits == {"containers": digest(ids), "limits": dict.fromkeys(ids, 1024)}
    assert digest(ids) != digest(dict.fromkeys(ids, "another"))


def test_secrets_are_long_and_differ(run: Callable[..., Run]) -> None:
    stashes = [str(each.inputs["input"]) for each in run(DEV).all("pulumi:index:Stash") if each.name not in GATES]
    assert len(set(stashes)) == len(stashes)
    assert all(len(each) >= 43 for each in stashes)


def test_tls_brings_certificate_and_key_as_secret_files(run: Callable[..., Run]) -> None:
    pair = {"tls_certificate": chain(), "tls_key": key_pem(ec_key("server"))}
    result = run({**PROD, "nginx": '{"tls": true}'}, pair)
    uploads = {each["file"]: each["content"] for each in result.container("nginx-files")["uploads"]}
    assert uploads["/etc/tasktracker/tls.crt"] == pair["tls_certificate"]
    assert uploads["/etc/tasktracker/tls.key"] == pair["tls_key"]
    assert "Strict-Transport-Security" in uploads["/etc/tasktracker/nginx.conf"]
    registered = deserialize_properties(result.one(CONTAINER, "nginx-files").request.object)
    assert is_rpc_secret(registered["uploads"])
    assert [port["internal"] for port in result.container("nginx")["ports"]] == [8080, 8443]


def test_hsts_is_not_for_dev(run: Callable[..., Run]) -> None:
    """It would keep a browser from every plain localhost for two years."""
    pair = {"tls_certificate": chain(hosts=["localhost"]), "tls_key": key_pem(ec_key("server"))}
    result = run({**DEV, "nginx": '{"tls": true}'}, pair)
    assert "Strict-Transport-Security" not in str(result.container("nginx-files")["uploads"])


@pytest.mark.parametrize(("days", "said"), [(29, True), (31, False)])
def test_a_certificate_that_ends_soon_is_told(
    run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, days: int, said: bool
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    end = NOW + days * DAY
    pair = {"tls_certificate": chain(end=end), "tls_key": key_pem(ec_key("server"))}
    run({**PROD, "nginx": '{"tls": true}'}, pair)
    assert [f"tasktracker:tls_certificate ends on {end:%Y-%m-%d}" in each for each in warnings] == [True] * said


def test_environment_names_files_only(run: Callable[..., Run]) -> None:
    assert run(DEV).container("api")["envs"] == [
        "DATABASE_URL_FILE=/etc/tasktracker/database-url",
        "ENCRYPTION_KEY_FILE=/etc/tasktracker/encryption-key",
        "NATS_URL_FILE=/etc/tasktracker/nats-url",
        "TASKTRACKER_LOG_LEVEL=info",
        "TASKTRACKER_SLOT=blue",
    ]


def test_given_encryption_key_is_used(run: Callable[..., Run]) -> None:
    key = 40 * "k"
    result = run(DEV, {"encryption_key": key})
    uploads = {upload["file"]: upload["content"] for upload in result.container("api-files")["uploads"]}
    assert uploads["/etc/tasktracker/encryption-key"] == key
    assert "encryption-key" not in {each.name for each in result.all(SECRET_TYPES)}


def test_app_secrets_become_files(run: Callable[..., Run]) -> None:
    config = {**DEV, "app_secrets": '{"telegram_bot_token": {"min_bytes": 8}}'}
    result = run(config, {"telegram_bot_token": "123456:abcdef"})
    for service in ("api", "worker"):
        assert "TELEGRAM_BOT_TOKEN_FILE=/etc/tasktracker/telegram-bot-token" in result.container(service)["envs"]
        files = [upload["file"] for upload in result.container(f"{service}-files")["uploads"]]
        assert "/etc/tasktracker/telegram-bot-token" in files


def test_external_database_takes_the_place_of_postgres(run: Callable[..., Run]) -> None:
    result = run(DEV, {"database_url": "postgresql://user:password@db.example.com:5432/tasks"})
    made = {"postgres", "object-store", "backups", "drills", "file-backups"}
    assert not made & {each.name for each in result.running}
    assert result.platform.postgres == {}
    on = {net["name"] for net in result.container("migrations")["networksAdvanced"]}
    assert "tasktracker-test-egress" in on


def test_migrations_run_once_with_the_api_image(run: Callable[..., Run]) -> None:
    inputs = run(DEV).container("migrations")
    assert inputs["command"] == ["migrate"]
    assert inputs["image"] == "tasktracker/api:0"
    assert inputs["start"] is inputs["mustRun"] is False
    assert inputs["restart"] == "no"


def test_volumes_of_data_and_of_running_containers(any_run: Run) -> None:
    names = {each.inputs["name"] for each in any_run.all(VOLUME) if not each.name.endswith("-files")}
    assert names == {
        f"tasktracker-test-{each}"
        for each in (
            *("postgres-data", "nats-data", "objects", "uploads"),
            *("postgres-socket", "backup-metrics", "drill-scratch", "file-backups-work", "release"),
        )
    }


def test_everything_carries_its_stack_and_service(any_run: Run) -> None:
    for each in any_run.resources:
        if each.type.startswith("docker:"):
            labels = {label["label"]: label["value"] for label in each.inputs["labels"]}
            assert labels["stack"] == "test", each.name
            assert labels["service"], each.name


def test_outputs(run: Callable[..., Run]) -> None:
    platform = run(PROD).platform
    assert platform.url == "http://tasks.example.com:8080"
    assert platform.versions["api"] == "1.2.3"
    assert set(platform.containers) == {*SERVICES, "migrations"}
    assert set(platform.networks) == {"edge", "data", "egress"}
    assert platform.postgres["volume"] == 1


def test_what_is_protected_keeps_nothing_else(any_run: Run) -> None:
    """`destroy --exclude-protected` leaves also what a protected resource depends on, and what its parents do."""
    known = {(each.type, each.name): each for each in any_run.resources}
    protected = [each for each in any_run.resources if each.request.protect]
    assert {each.name for each in protected} >= {"postgres-data", "nats-data", "uploads"}
    for each in protected:
        above: Recorded | None = each
        while above is not None:
            assert list(above.request.dependencies) == [], (each.name, above.name)
            parents_type, _, parent = above.request.parent.rpartition("::")
            above = known.get((re.split(r"::|\$", parents_type)[-1], parent))
