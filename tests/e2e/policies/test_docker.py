"""Every mandatory rule about Docker, on the real engine: a compliant stack passes, one bad change is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from images.catalog import local_reference
from policies.containers import CONTAINER
from policies.resource import NETWORK, VOLUME
from tests.e2e.environments.test_environments import OUTSIDE_DEV
from tests.e2e.support.stack import Stack, violations
from tests.services import SERVICES
from toolchain.pulumi_engine.engine import POLICY_OPTIONS, POLICY_PACK

pytestmark = pytest.mark.engine

#: Beside the numbers of the other stacks.
NUMBER = 93

PLUGIN = "docker:index/plugin:Plugin"

#: Two services of a stack's first release, as the program names them.
API, WORKER = "api-blue", "worker-blue"

HARMLESS_TOKEN = "ghp_" + 9 * "aB3d"

#: A resource's type and name, and its changed inputs.
Change = tuple[str, str, dict[str, Any]]

#: One bad change per mandatory rule. No two change the same input of a resource, so that one preview can have all.
BAD: dict[str, Change] = {
    "DKR-USER": (CONTAINER, API, {"user": "root"}),
    "DKR-PRIV": (CONTAINER, API, {"privileged": True}),
    "DKR-CAPS": (CONTAINER, API, {"capabilities": {"drops": ["ALL"], "adds": ["CAP_SYS_ADMIN"]}}),
    "DKR-NNP": (CONTAINER, API, {"securityOpts": None}),
    "DKR-LSM": (CONTAINER, WORKER, {"securityOpts": ["no-new-privileges:true", "seccomp=unconfined"]}),
    "DKR-NS": (CONTAINER, API, {"pidMode": "host"}),
    "DKR-DEV": (CONTAINER, API, {"devices": [{"hostPath": "/dev/kmsg"}]}),
    "DKR-SYSCTL": (CONTAINER, API, {"sysctls": {"kernel.msgmax": "65536"}}),
    "DKR-MEM": (CONTAINER, API, {"memorySwap": -1}),
    "DKR-CPU": (CONTAINER, API, {"cpus": None}),
    "DKR-SOCK": (CONTAINER, API, {"volumes": [{"hostPath": "/run", "containerPath": "/x", "readOnly": True}]}),
    "DKR-BIND": (CONTAINER, API, {"mounts": [{"type": "bind", "source": "/etc", "target": "/x", "readOnly": True}]}),
    "VOL-BIND": (VOLUME, "uploads", {"driverOpts": {"type": "none", "o": "bind", "device": "/srv"}}),
    "DKR-PORT": (CONTAINER, API, {"ports": [{"internal": 8000, "external": 8000, "ip": "127.0.0.1"}]}),
    "DKR-MON": (CONTAINER, "nginx", {"ports": [{"internal": 8222, "external": 443, "ip": "127.0.0.1"}]}),
    "DKR-NET": (CONTAINER, API, {"networksAdvanced": None}),
    "NET-INT": (NETWORK, "data", {"internal": False}),
    "DKR-FILE": (CONTAINER, API, {"uploads": [{"file": "/x", "source": "missing.conf"}]}),
    "DKR-SECRET": (CONTAINER, API, {"envs": [f"GITHUB={HARMLESS_TOKEN}"]}),
    "DKR-IMG": (CONTAINER, API, {"image": "registry.example.com/tasktracker/api:1.2.3"}),
    "DKR-HC": (CONTAINER, API, {"healthcheck": {"tests": ["CMD", "true"]}}),
    "DKR-RO": (CONTAINER, API, {"readOnly": False}),
    "DKR-LOG": (CONTAINER, API, {"logOpts": {}}),
    "STACK-LABEL": (VOLUME, "uploads", {"labels": None}),
    "DKR-HOST": (PLUGIN, "plugin", {"name": "example.com/sshfs:1.0"}),
}

#: Those whose bad change is one more resource.
ADDED = {"DKR-HOST"}


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A prod-shaped stack whose program changes one resource if a test says so."""
    stack = Stack(tmp_path_factory.mktemp("policies") / "stack", "prod", NUMBER, {"environment": "prod", **OUTSIDE_DEV})
    entry = stack.folder / "__main__.py"
    entry.rename(stack.folder / "program.py")
    shutil.copy(Path(__file__).parents[1] / "programs" / "changed.py", entry)
    return stack


def preview(
    stack: Stack,
    *changes: Change,
    pack: tuple[str, ...] = POLICY_OPTIONS,
    env: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Exit code and output of a preview with the pack, with no Docker in reach, or with the host of `env`."""
    added = [BAD[rule] for rule in ADDED]
    content = [{"type": each[0], "name": each[1], "inputs": each[2], "added": each in added} for each in changes]
    (stack.folder / "changes.json").write_text(json.dumps(content))
    result = stack.pulumi("preview", *pack, check=False, env=env, without_docker=env is None)
    assert "Traceback" not in result.stdout
    return result.returncode, result.stdout


def test_a_prod_shaped_stack_passes_with_no_waiver(prod: Stack) -> None:
    code, output = preview(prod)
    assert code == 0, output
    assert "docker-hosts@v" in output
    assert "[advisory]" not in output
    assert "[mandatory]" not in output


def test_each_bad_change_is_refused(prod: Stack) -> None:
    code, output = preview(prod, *BAD.values())
    assert code != 0, output
    expected = {("mandatory", rule, name) for rule, (_, name, _) in BAD.items()}
    # What DKR-MON refuses is no port that nginx may publish either.
    assert violations(output) == expected | {("mandatory", "DKR-PORT", "nginx")}, output
    assert HARMLESS_TOKEN not in output
    # Refused before anything was made.
    assert json.loads(prod.pulumi("stack", "export").stdout)["deployment"].get("resources", []) == []


def test_one_bad_change_is_enough(prod: Stack) -> None:
    code, output = preview(prod, BAD["DKR-PRIV"])
    assert code != 0, output
    assert violations(output) == {("mandatory", "DKR-PRIV", API)}, output


def test_a_file_by_its_path_is_read_from_the_programs_folder(prod: Stack) -> None:
    (prod.folder / "proxy.conf").write_text("location / { proxy_pass http://nats:8222; }")
    code, output = preview(prod, (CONTAINER, API, {"uploads": [{"file": "/x", "source": "./proxy.conf"}]}))
    assert code != 0, output
    assert "uploads[0].source is 8222" in output, output
    assert "DKR-FILE" not in output


def test_what_the_default_provider_has_from_the_environment_is_judged(prod: Stack) -> None:
    env = {
        "DOCKER_HOST": "tcp://127.0.0.1:1",
        "DOCKER_SSH_OPTS": "-o StrictHostKeyChecking=no",
        "DOCKER_CONTEXT": "elsewhere",
    }
    code, output = preview(prod, env=env)
    assert code != 0, output
    assert "PROV-HOST  (" in output
    for says in ('host is "tcp://127.0.0.1:1"', 'sshOpts is "StrictHostKeyChecking"', 'context is "elsewhere"'):
        assert says in output


@pytest.mark.parametrize(
    ("content", "said"),
    [
        # The engine itself compares it with the rule's schema, and ends there.
        ({"DKR-MEM": {"maxMb": "lots"}}, ["DKR-MEM"]),
        (
            {
                "DKR-PRIV": "disabled",
                "all": "advisory",
                "DKR-PRVI": "mandatory",
                "PACK": {"development": ["prod"]},
            },
            [
                "DKR-PRIV is 'disabled'",
                "a level can only be raised",
                "did you mean DKR-PRIV?",
                "can't be declared as anything else",
            ],
        ),
    ],
)
def test_a_config_that_talks_rules_away_is_refused(
    prod: Stack, tmp_path: Path, content: dict[str, Any], said: list[str]
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(content))
    code, output = preview(prod, BAD["DKR-PRIV"], pack=(*POLICY_OPTIONS[:3], str(config)))
    assert code != 0
    assert [each for each in said if each not in output] == [], output


@pytest.mark.nightly
def test_a_raised_level_stops_what_only_advised(prod: Stack, tmp_path: Path) -> None:
    change = (CONTAINER, API, {"ulimits": None})
    code, output = preview(prod, change)
    assert (code, "[advisory]" in output) == (0, True), output
    assert "DKR-ULIMIT" in output
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps(
            {"PACK": {"levels": {"prod": {"DKR-ULIMIT": "mandatory"}}, "environmentKey": "tasktracker:environment"}}
        )
    )
    code, output = preview(prod, change, pack=(*POLICY_OPTIONS[:3], str(config)))
    assert code != 0
    assert "DKR-ULIMIT" in output


LATE = """\
import pulumi
import pulumi_docker as docker

settings = pulumi.Config()
# What a volume's mount point is, only Docker can tell.
volume = docker.Volume(
    "late", name="tasktracker-" + pulumi.get_stack() + "-late",
    labels=[docker.VolumeLabelArgs(label="stack", value=pulumi.get_stack()),
            docker.VolumeLabelArgs(label="service", value="late")],
)
user = volume.mountpoint.apply(lambda _: settings.require("user"))
hardened = dict(
    image=settings.require("image"), command=["true"], must_run=False, start=False, network_mode="none", restart="no",
    capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]), security_opts=["no-new-privileges:true"],
    memory=16, memory_swap=16, cpus="0.1", log_driver="json-file", log_opts={"max-file": "1", "max-size": "1m"},
    labels=[docker.ContainerLabelArgs(label="stack", value=pulumi.get_stack()),
            docker.ContainerLabelArgs(label="service", value="late")],
)
docker.Container("late", name="tasktracker-" + pulumi.get_stack() + "-late", user=user, **hardened)
"""


@pytest.mark.docker
def test_what_only_the_update_knows_is_refused_by_the_update(make_stack: Any) -> None:
    stack = make_stack()
    (stack.folder / "__main__.py").unlink()
    (stack.folder / "__main__.py").write_text(LATE)
    values = {"environment": "dev", "image": local_reference("nginx"), "user": "0:0"}
    stack.config_file.write_text(
        yaml.safe_dump(
            {
                **yaml.safe_load(stack.config_file.read_text()),
                "config": {f"tasktracker:{key}": value for key, value in values.items()},
            }
        )
    )
    # The preview can't know the user, says nothing of it, and passes.
    assert "DKR-USER" not in stack.pulumi("preview", *POLICY_OPTIONS).stdout
    result = stack.pulumi("up", "--yes", *POLICY_OPTIONS, check=False)
    assert result.returncode != 0
    assert "DKR-USER" in result.stdout
    assert stack.containers(all=True) == []
    stack.config_file.write_text(stack.config_file.read_text().replace("0:0", "10003:10003"))
    stack.pulumi("up", "--yes", *POLICY_OPTIONS)
    assert len(stack.containers(all=True)) == 1


@pytest.mark.nightly
@pytest.mark.docker
def test_the_dev_stack_passes_with_no_waiver_and_a_refused_update_changes_nothing(stack: Stack) -> None:
    output = stack.pulumi("up", "--yes", *POLICY_OPTIONS).stdout
    assert "[advisory]" not in output
    assert "[mandatory]" not in output
    before = stack.ids()
    refused = json.dumps({"DKR-MEM": {"maxMb": 100}, "PACK": {"environmentKey": "tasktracker:environment"}})
    strict = stack.folder / "strict.json"
    strict.write_text(refused)
    result = stack.pulumi("up", "--yes", "--policy-pack", POLICY_PACK, "--policy-pack-config", str(strict), check=False)
    assert result.returncode != 0
    assert "DKR-MEM" in result.stdout
    assert stack.ids() == before
    assert all(stack.healthy(service) for service in SERVICES)
