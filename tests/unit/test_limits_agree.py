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
from pydantic import TypeAdapter, ValidationError

from policies import cloudflare, docker_images
from policies.config import read
from policies.evaluate import Pack, Target
from policies.registry import RULES
from policies.resource import Resource
from policies.rule import Level
from policies.values import decode
from settings import values
from settings.limits import LIMITS, PACK, Limits, LimitsError
from tests.policies.compliant import container
from tests.policies.compliant_cloudflare import ingress, record
from tests.unit.components.conftest import ACCOUNT, API_TOKEN, DEV, TUNNEL, ZONE, Run, run_program
from tests.unit.settings.config import DIGEST, IMAGES, PROD, merged, problems

ROOT = Path(__file__).resolve().parents[2]

TOKEN = {"cloudflare_api_token": "an-api-token"}
TUNNELLED = {
    **PROD,
    "images": {**IMAGES, "cloudflared": f"registry.example.com/tasktracker/cloudflared:1.2.0{DIGEST}"},
    "tunnel": {"account_id": ACCOUNT, "zone_id": ZONE, "zone": "example.com"},
}
BASE = {"dev": {"environment": "dev"}, "prod": PROD}
ONE_ADDRESS, LOOPBACK = "203.0.113.5", "127.0.0.1"


def pack(environment: str) -> Pack:
    config = read(PACK / "config.json", RULES)
    return Pack(RULES, config, (), Target("test", "tasktracker", environment), datetime.date(2026, 11, 1))


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


@pytest.mark.parametrize("megabytes", [32, 2048, 4096, 8192, MOST_MB - 1, MOST_MB, MOST_MB + 1, 4 * MOST_MB])
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


@pytest.mark.parametrize("port", [*LIMITS.monitoring_ports, 3001, 8081, 9000])
@pytest.mark.parametrize(("environment", "address"), [("dev", LOOPBACK), ("dev", ONE_ADDRESS), ("prod", LOOPBACK)])
def test_monitoring_ports(environment: str, address: str, port: int) -> None:
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
    (lifecycle,) = [rule for rule in RULES if rule.id == "S3-LIFE"]
    (lock,) = [rule for rule in RULES if rule.id == "S3-LOCK"]
    refused = problems({"backup": {"repository": "aws", "aws": {"region": "eu-central-1", "noncurrent_days": days}}})
    assert bool(refused) == (days < lifecycle.options().min_retention_days)
    keys = {**PROD, "backup": {"repository": "aws", "aws": {"region": "eu-central-1", "object_lock_days": days}}}
    assert bool(problems(keys)) == (days < lock.options().min_retention_days)


# The whole program, at the edges of what settings take.

AT_THE_EDGES: Mapping[str, tuple[dict[str, str], dict[str, Any]]] = {
    "the most of everything": (DEV, {"resources": {"cpus": MOST_CPUS, "memory": "64GB", "memory_reservation": "64GB"}}),
    "the least of everything": (DEV, {"resources": {"cpus": 0.1, "memory": "32MB", "memory_reservation": "8MB"}}),
}


def judged(run: Run, environment: str) -> list[str]:
    """What stops an update of what the program has registered."""
    resources = []
    for each in run.resources:
        secrets: set[str] = set()
        properties = decode(each.inputs, secrets)
        urn = f"urn:pulumi:test::tasktracker::{each.type}::{each.name}"
        paths = frozenset(str(path) for path in secrets)
        resources.append(Resource(each.type, each.name, urn, properties, paths, each.request.protect))
    judge = pack(environment)
    found = [violation for resource in resources for violation in judge.analyze(resource)]
    return [each.message for each in found if each.level == Level.MANDATORY and each.rule.id in SHARED]


SHARED = {
    "DKR-MEM",
    "DKR-CPU",
    "DKR-PORT",
    "DKR-MON",
    "DKR-IMG",
    "DKR-ULIMIT",
    "DKR-RO",
    "DKR-HC",
    "DKR-LOG",
    "NET-INT",
}


@pytest.mark.parametrize(("config", "block"), AT_THE_EDGES.values(), ids=AT_THE_EDGES)
def test_the_pack_takes_what_settings_take(config: dict[str, str], block: dict[str, Any]) -> None:
    nats = {**block, "max_memory_store": "1MB"}
    postgres = {**block, "tuning": {"shared_buffers": "1MB"}}
    blocks = {"api": block, "worker": block, "nats": nats, "postgres": postgres, "dashboard": block}
    run = run_program({**config, **{key: json.dumps(value) for key, value in blocks.items()}}, {})
    assert judged(run, "dev") == []


@pytest.mark.parametrize(
    ("publish", "domain"),
    [
        ({"port": 80, "tls_port": 443, "address": ONE_ADDRESS}, "grafana.example.com"),
        ({"port": 3000, "tls_port": 9090}, "localhost"),
        ({"port": 65_535, "address": "127.9.9.9"}, "nats"),
    ],
)
def test_the_pack_takes_what_is_published(publish: dict[str, object], domain: str) -> None:
    run = run_program({**DEV, "domain": domain, "nginx": json.dumps({"publish": publish})}, {})
    assert judged(run, "dev") == []


def test_the_pack_takes_a_tunnel() -> None:
    assert judged(run_program(TUNNEL, API_TOKEN), "prod") == []


# The data that both read.


def test_the_defaults_are_one_file() -> None:
    options = {rule.id: rule.options() for rule in RULES}
    assert Limits.read() == LIMITS
    assert options["DKR-MEM"].max_mb == Limits.default().max_memory
    assert options["DKR-CPU"].max_cpus == Limits.default().max_cpus
    assert options["CF-ACCESS"].admin_hosts == Limits.default().admin_hosts
    assert options["DKR-PORT"].addresses == ()
    assert LIMITS.moving_tag == docker_images._LATEST


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
    assert own.is_for_administrators(host) == cloudflare._is_admin(host, names)


def _takes(reference: str) -> bool:
    try:
        TypeAdapter(values.ImageReference).validate_python(reference)
    except ValidationError:
        return False
    return True


REFERENCES = st.from_regex(
    re.compile(r"([A-Za-z0-9.-]{1,6}(:[0-9]{1,6})?/)?[a-z0-9._-]{1,8}(/[a-z0-9._-]{1,5})?(:[\w.-]{1,6})?", re.ASCII),
    fullmatch=True,
)


@given(REFERENCES)
def test_each_image_that_settings_take_is_one_for_the_pack(reference: str) -> None:
    if _takes(reference):
        assert docker_images.parse(reference) is not None, reference
