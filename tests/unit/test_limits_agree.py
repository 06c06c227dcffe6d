"""Settings and policy pack judge the same values: what one refuses the other does, in the same words."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.rpc import deserialize_properties, is_rpc_secret, unwrap_rpc_secret
from pydantic import TypeAdapter, ValidationError

from policies.cloudflare.hostnames import is_admin_host
from policies.config import read
from policies.docker import images
from policies.evaluate import Pack, Target
from policies.registry import RULES
from policies.resource import Resource
from policies.rule import Level
from policies.values import SECRET_SIGNATURE, SIGNATURE, decode
from settings.limits import LIMITS, PACK, Limits, LimitsError
from settings.values.images import ImageReference
from tests.policies.compliant import container
from tests.policies.compliant_cloudflare import ingress, record
from tests.unit.components.conftest import ACCOUNT, API_TOKEN, DEV, TUNNEL, ZONE, Run, run_program
from tests.unit.components.conftest import PROD as PROD_PINNED
from tests.unit.settings.config import DIGEST, IMAGES, PROD, merged, problems

ROOT = Path(__file__).resolve().parents[2]

TOKEN = {"cloudflare_api_token": "an-api-token"}
TUNNELLED: dict[str, Any] = {
    **PROD,
    "images": {**IMAGES, "cloudflared": f"registry.example.com/tasktracker/cloudflared:1.2.0{DIGEST}"},
    "tunnel": {"account_id": ACCOUNT, "zone_id": ZONE, "zone": "example.com"},
}
BASE: dict[str, dict[str, object]] = {"dev": {"environment": "dev"}, "prod": PROD}
ONE_ADDRESS, LOOPBACK = "203.0.113.5", "127.0.0.1"


CONFIG_OF_PACK = read(PACK / "config.json", RULES)


def pack(environment: str) -> Pack:
    return Pack(RULES, CONFIG_OF_PACK, (), Target("test", "tasktracker", environment), datetime.date(2026, 11, 1))


def said_by_pack(rule: str, environment: str, *resources: Resource) -> list[str]:
    """What stops an update, by one rule."""
    judge = pack(environment)
    found = [*judge.analyze_stack(resources), *(each for resource in resources for each in judge.analyze(resource))]
    return [each.message for each in found if each.rule.id == rule and each.level == Level.MANDATORY]


def agree(refused: list[str], found: list[str], words: str) -> None:
    """Both take a value, or both refuse it with the same words."""
    assert bool(refused) == bool(found), (refused, found)
    if refused:
        assert words in refused[0]
        assert words in found[0]


def said(path: str, lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(f"tasktracker:{path}")]


MOST_MB, MOST_CPUS = LIMITS.max_memory, int(LIMITS.max_cpus)


@pytest.mark.parametrize("megabytes", [96, 2048, 4096, 8192, MOST_MB - 1, MOST_MB, MOST_MB + 1, 4 * MOST_MB])
@pytest.mark.parametrize("environment", BASE)
def test_memory(environment: str, megabytes: int) -> None:
    resources = {"memory": f"{megabytes}MB", "memory_reservation": "8MB"}
    refused = said("worker.resources.memory", problems({**BASE[environment], "worker": {"resources": resources}}))
    found = said_by_pack("DKR-MEM", environment, container({"memory": megabytes, "memorySwap": megabytes}))
    agree(refused, found, "MB to 64GB")


@pytest.mark.parametrize("cpus", [0.1, 4, 4.5, 8, MOST_CPUS, MOST_CPUS + 0.5, 512])
@pytest.mark.parametrize("environment", BASE)
def test_cpus(environment: str, cpus: float) -> None:
    refused = said("worker.resources.cpus", problems({**BASE[environment], "worker": {"resources": {"cpus": cpus}}}))
    agree(refused, said_by_pack("DKR-CPU", environment, container({"cpus": str(cpus)})), "1 to 32")


def published(environment: str, address: str, port: int) -> Resource:
    return container({"ports": [{"internal": 8080, "external": port, "ip": address, "protocol": "tcp"}]})


@pytest.mark.parametrize("address", ["0.0.0.0", ONE_ADDRESS, LOOPBACK, "127.8.8.8"])
@pytest.mark.parametrize("environment", BASE)
def test_published_addresses(environment: str, address: str) -> None:
    keys = merged(dict(BASE[environment]), "nginx.publish.address", address)
    found = said_by_pack("DKR-PORT", environment, published(environment, address, 8080))
    agree(said("nginx.publish.address", problems(keys)), found, "one address of the host, not every interface")


PORTS = [1, 22, 79, 80, 81, 443, 444, 1023, 1024, 8080, 8443, 65_535]


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("environment", BASE)
def test_published_ports(environment: str, port: int) -> None:
    keys = merged(dict(BASE[environment]), "nginx.publish.port", port)
    found = said_by_pack("DKR-PORT", environment, published(environment, LOOPBACK, port))
    agree(said("nginx.publish.port", problems(keys)), found, "80, 443, or a fixed port from 1024 to 65535")


@pytest.mark.parametrize(("environment", "address"), [("dev", LOOPBACK), ("dev", ONE_ADDRESS), ("prod", LOOPBACK)])
def test_monitoring_ports(environment: str, address: str) -> None:
    for port in [*LIMITS.monitoring_ports, 3001, 8081, 9000]:
        keys = {**BASE[environment], "nginx": {"publish": {"port": port, "address": address}}}
        found = said_by_pack("DKR-MON", environment, published(environment, address, port))
        agree(said("nginx.publish.port", problems(keys)), found, "no monitoring port")


TAGS = ["1.2.3", "latest-1", "1-latest", "1.latest.2", "a_LATEST", "Latest", "latestish", "notlatest", "1_2-3.4"]


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("environment", BASE)
def test_tags(environment: str, tag: str) -> None:
    image = f"registry.example.com:5000/latest/api:{tag}{DIGEST}"
    keys = {**BASE[environment], "images": {**IMAGES, "api": image}}
    found = said_by_pack("DKR-IMG", environment, container({"image": image}))
    agree(said("images.api", problems(keys)), found, "where neither the tag nor a part of it is `latest`")


HOSTS = [
    *("tasks.example.com", "example.com", "grafana.example.com", "grafana2.example.com", "my-grafana.example.com"),
    *(
        "a.db.example.com",
        "database.example.com",
        "nats-1.example.com",
        "administer.example.com",
        "redis.a.example.com",
    ),
]


@pytest.mark.parametrize("host", HOSTS)
def test_host_names_of_a_tunnel(host: str) -> None:
    words = "a hostname with an Access application, whose policies let in known people only"
    rule = {"hostname": host, "service": "http://nginx:8080"}
    found = said_by_pack("CF-ACCESS", "prod", ingress(rule), record({"name": host}))
    agree(said("domain", problems({**TUNNELLED, "domain": host}, TOKEN)), found, words)
    hostnames = {**TUNNELLED["tunnel"], "hostnames": sorted({"tasks.example.com", host})}
    agree(said("tunnel.hostnames", problems({**TUNNELLED, "tunnel": hostnames}, TOKEN)), found, words)
    # The same name for administrators is guarded, and without a tunnel nothing of it concerns Cloudflare.
    if host != "tasks.example.com":
        administrators = {"administrators": {"hostnames": [host], "emails": ["jo@example.com"]}}
        assert not problems({**TUNNELLED, "tunnel": {**TUNNELLED["tunnel"], **administrators}}, TOKEN)
    assert not problems({**PROD, "domain": host})


@pytest.mark.parametrize("days", [1, 6, 7, 8])
def test_days_in_a_bucket(days: int) -> None:
    options: dict[str, Any] = {rule.id: rule.options() for rule in RULES}
    refused = problems({"backup": {"repository": "aws", "aws": {"region": "eu-central-1", "noncurrent_days": days}}})
    assert bool(refused) == (days < options["S3-LIFE"].min_retention_days)
    keys = {**PROD, "backup": {"repository": "aws", "aws": {"region": "eu-central-1", "object_lock_days": days}}}
    assert bool(problems(keys)) == (days < options["S3-LOCK"].min_retention_days)


# The whole program, at the edges of what settings take.

MOST = {"resources": {"cpus": MOST_CPUS, "memory": "64GB", "memory_reservation": "64GB"}}
LEAST = {"resources": {"cpus": 0.1, "memory": "96MB", "memory_reservation": "8MB"}}
S3 = {"bucket": "backups", "endpoint": "s3.example.com", "port": 9090, "region": "eu-central-1", "path": "/password/x"}
S3_KEYS = {"s3_access_key": "AKIAIOSFODNN7EXAMPLE", "s3_secret_key": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"}
AWS = {"region": "eu-central-1"}
KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def every_service(block: Mapping[str, object]) -> dict[str, object]:
    return {
        **dict.fromkeys(("api", "worker", "dashboard", "nginx", "object_store", "backup"), block),
        **{"nats": {**block, "max_memory_store": "1MB"}, "postgres": {**block, "tuning": {"shared_buffers": "1MB"}}},
    }


EDGES: Mapping[str, tuple[dict[str, str], dict[str, object], dict[str, str]]] = {
    "the most of everything": (DEV, every_service(MOST), {}),
    "the least of everything": (DEV, every_service(LEAST), {}),
    "a public address": (
        PROD_PINNED,
        {"nginx": {"publish": {"port": 80, "address": ONE_ADDRESS}, "real_ip": "cloudflare"}},
        {},
    ),
    "ports of monitoring on this host": (DEV, {"nginx": {"publish": {"port": 3000, "tls_port": 9090}}}, {}),
    "a domain called as a store": (DEV, {"nginx": {"publish": {"port": 8222}}, "domain": "nats"}, {}),
    "names that look like secrets": (
        DEV,
        {"postgres": {"user": "password", "database": "secret_key"}, "app_secrets": {"x_password": {}, "token": {}}},
        {"x_password": "a", "token": "b"},
    ),
    "a bucket outside": (DEV, {"backup": {"repository": "s3", "s3": S3}}, S3_KEYS),
    "the least days in AWS": (
        PROD_PINNED,
        {
            "backup": {
                "repository": "aws",
                "aws": {"region": "eu-central-1", "noncurrent_days": 7, "object_lock_days": 7},
            }
        },
        {},
    ),
    "the most days in AWS": (
        PROD_PINNED,
        {
            "backup": {
                "repository": "aws",
                "retention": {"days": 3650, "full": 1000},
                "aws": {**AWS, "noncurrent_days": 3650, "kms_key": KMS_KEY},
            }
        },
        {},
    ),
    "long times and much space": (
        PROD_PINNED,
        {
            "postgres": {"shm_size": "1TB", "start_timeout": "1h"},
            "nats": {"max_file_store": "64TB"},
            "worker": {"stop_timeout": "1h", "start_timeout": "1h"},
            "backup": {"max_backup_age": "2160h", "start_timeout": "1h"},
        },
        {},
    ),
    "a Docker host": (
        PROD_PINNED,
        {
            "docker_host": {"address": "tcp://10.0.0.5:2376", "certificates": "/etc/docker"},
            "registries": {"registry.example.com": {"username": "deploy"}},
        },
        {"registry_password": "a"},
    ),
    "a tunnel": (TUNNEL, {}, API_TOKEN),
}


def on_the_wire(value: Any) -> Any:
    """What the engine sends to the pack, as far as secrets go."""
    if is_rpc_secret(value):
        return {SIGNATURE: SECRET_SIGNATURE, "value": on_the_wire(unwrap_rpc_secret(value))}
    if isinstance(value, dict):
        return {key: on_the_wire(each) for key, each in value.items()}
    return [on_the_wire(each) for each in value] if isinstance(value, list) else value


def stopped_by_pack(run: Run, environment: str) -> list[str]:
    """What stops an update of what the program has registered."""
    resources = []
    for each in run.resources:
        secrets: set[str] = set()
        inputs = deserialize_properties(each.request.object, keep_unknowns=True)
        properties = decode(on_the_wire(inputs), secrets)
        urn = f"urn:pulumi:test::tasktracker::{each.type}::{each.name}"
        dependencies = {key: tuple(found.urns) for key, found in each.request.propertyDependencies.items()}
        resources.append(
            Resource(each.type, each.name, urn, properties, frozenset(secrets), each.request.protect, dependencies)
        )
    judge = pack(environment)
    found = [violation for resource in resources for violation in judge.analyze(resource)]
    found += judge.analyze_stack(resources)
    return [f"{each.rule.id} {each.urn}: {each.message}" for each in found if each.level == Level.MANDATORY]


@pytest.mark.parametrize(("base", "keys", "secrets"), EDGES.values(), ids=EDGES)
def test_the_pack_takes_what_settings_take(
    base: dict[str, str], keys: dict[str, object], secrets: dict[str, str]
) -> None:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in keys.items()}
    assert stopped_by_pack(run_program({**base, **texts}, secrets), base["environment"]) == []


# The data that both read.


def test_the_defaults_are_one_file() -> None:
    options: dict[str, Any] = {rule.id: rule.options() for rule in RULES}
    assert Limits.read() == LIMITS
    assert options["DKR-MEM"].max_mb == Limits.default().max_memory
    assert options["DKR-CPU"].max_cpus == Limits.default().max_cpus
    assert options["CF-ACCESS"].admin_hosts == Limits.default().admin_hosts
    assert options["DKR-PORT"].addresses == ()
    assert LIMITS.moving_tag == images._LATEST


CONFIG = {
    "DKR-MEM": {"maxMb": 131072, "enforcementLevel": "mandatory"},
    "DKR-CPU": {"maxCpus": 64},
    "DKR-PORT": {"addresses": ["0.0.0.0", "::"]},
    "DKR-MON": {"ports": [8888], "loopbackInDevelopment": False},
    "CF-ACCESS": {"adminHosts": ["ops"]},
    "S3-LIFE": {"minRetentionDays": 14},
    "DKR-IMG": "mandatory",
    "PACK": {"environmentKey": "tasktracker:environment"},
}


def limits(tmp_path: Path, config: str) -> Limits:
    (tmp_path / "limits.json").write_bytes((PACK / "limits.json").read_bytes())
    (tmp_path / "config.json").write_text(config)
    return Limits.read(tmp_path)


def test_the_pack_s_config_changes_both(tmp_path: Path) -> None:
    found = limits(tmp_path, json.dumps(CONFIG))
    options = read(tmp_path / "config.json", RULES).options
    assert (found.max_memory, found.max_cpus) == (131_072, 64)
    assert (options["DKR-MEM"].max_mb, options["DKR-CPU"].max_cpus) == (131_072, 64)  # type: ignore[attr-defined]
    assert [str(each) for each in found.addresses] == ["0.0.0.0"]
    assert found.monitoring_ports[8888]
    assert not found.loopback_in_development
    assert found.is_for_administrators("ops.example.com")
    assert not found.is_for_administrators("grafana.example.com")
    assert (found.noncurrent_days, found.object_lock_days) == (14, 7)


@pytest.mark.parametrize(
    "config",
    ["{", "[]", '{"DKR-MEM": {"maxMb": "much"}}', '{"DKR-CPU": {"maxCpus": true}}', '{"DKR-PORT": {"addresses": 5}}'],
)
def test_a_config_that_can_t_be_read_is_told(tmp_path: Path, config: str) -> None:
    with pytest.raises(LimitsError, match=r"^policies/config\.json: "):
        limits(tmp_path, config)


NAMES = st.lists(
    st.sampled_from(["grafana", "db", "db1", "my-db", "a", "admin-x", "tasks", "redis_2", "example", "com", "xdb"]),
    min_size=1,
    max_size=5,
).map(".".join)


@given(NAMES, st.sampled_from([LIMITS.admin_hosts, ("*.db.*", "ops", "a.example.com")]))
def test_names_for_administrators_are_the_pack_s(host: str, names: tuple[str, ...]) -> None:
    own = Limits(**{**vars(LIMITS), "admin_hosts": names})
    assert own.is_for_administrators(host) == is_admin_host(host, names)


def _takes(reference: str) -> bool:
    try:
        TypeAdapter(ImageReference).validate_python(reference)
    except ValidationError:
        return False
    return True


REFERENCES = st.from_regex(
    re.compile(r"([A-Za-z0-9.-]{1,6}(:[0-9]{1,6})?/)?[a-z0-9._-]{1,8}(/[a-z0-9._-]{1,5})?(:[\w.-]{1,6})?", re.ASCII),
    fullmatch=True,
)


def test_a_first_part_with_a_dot_is_a_registry() -> None:
    # Docker takes it for one, and no registry has that name.
    for reference in ("0.0_0/0:0", "a.b_c/d/e:1"):
        assert not _takes(reference)
    for reference in ("a.b/c:1", "a.b_c:1", "a_b/c.d:1"):
        assert _takes(reference)


@given(REFERENCES)
def test_each_image_that_settings_take_is_one_for_the_pack(reference: str) -> None:
    if _takes(reference):
        assert images.parse(reference) is not None, reference
