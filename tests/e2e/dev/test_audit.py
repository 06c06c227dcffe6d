"""The audit, on the stack that runs and on what people do to it by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container
from docker.types import Mount

from images.catalog import local_reference
from policies.audit.drift import normal
from policies.audit.findings import resource_of
from policies.audit.snapshot import KINDS, DockerObject, take_snapshot
from policies.audit.state import State, read_state
from policies.config import parse
from policies.containers import CONTAINER
from policies.evaluate import Target, findings
from policies.registry import RULES
from policies.resource import Resource
from policies.rule import Scope
from policies.values import decode, is_unset, items, text
from tests.e2e.support.stack import Stack
from toolchain.process.steps import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.docker]

#: Seconds that the audit may take.
TIMEOUT = 60

#: What Docker fills in, from the image or by default, where the program says nothing.
FILLED_IN = {"command", "entrypoints", "driver", "ipcMode", "runtime"}

#: What Docker keeps no trace of.
INVISIBLE = {"uploads", "wait", "waitTimeout", "destroyGraceSeconds", "removeVolumes"}

#: What the program asks of a worker, and what the switch makes of that in the slot that serves.
HELD = {"start": False, "mustRun": False, "restart": "no"}
STARTED = {"start": True, "mustRun": True, "restart": "always"}


@pytest.fixture(scope="module")
def exported(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stack's state."""
    path = tmp_path_factory.mktemp("state") / "state.json"
    path.write_text(stack.pulumi("stack", "export").stdout)
    return path


def audit(stack: Stack, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Runs the audit in the stack's folder; its exit code and what it found."""
    result = subprocess.run(
        [sys.executable, "-m", "policies.audit", "--stack", stack.name, "--json", *arguments],
        cwd=stack.folder,
        env={**stack.env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert "Traceback" not in result.stderr, result.stderr
    assert result.returncode in (0, 1, 2), result.stderr
    assert "environment dev" in result.stderr
    return result.returncode, json.loads(result.stdout)


def mandatory(found: list[dict[str, Any]], name: str) -> set[str]:
    """The rules that a thing breaks."""
    return {each["rule"] for each in found if each["name"] == name and each.get("level") == "mandatory"}


@contextmanager
def by_hand(stack: Stack, **options: Any) -> Iterator[Container]:
    """A container as somebody makes it who has no time; it runs nothing but `sleep`."""
    container = stack.docker.containers.create(
        local_reference("nginx"),
        # It ends by itself, and lets its network go, should the test be killed.
        ["120"],
        entrypoint=["sleep"],
        name=f"by-hand-{stack.name}",
        **options,
    )
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def test_the_stack_as_brought_up_passes(stack: Stack, exported: Path) -> None:
    code, found = audit(stack, "--state", str(exported))
    assert [each for each in found if each.get("level") == "mandatory"] == []
    assert [each for each in found if each["finding"] != "violation"] == []
    assert code == 0
    # Without the state it knows less and says the same.
    assert audit(stack)[0] == 0


def test_a_container_by_hand_on_a_network_of_the_stack_is_found(stack: Stack, exported: Path) -> None:
    with by_hand(stack, network=f"tasktracker-{stack.name}-edge") as container:
        container.start()
        code, found = audit(stack, "--state", str(exported))
        name = str(container.name)
        assert code == 1
        assert {"DKR-CAPS", "DKR-NNP", "DKR-MEM", "DKR-CPU", "DKR-RO", "DKR-HC", "DKR-LOG", "STACK-LABEL"} <= mandatory(
            found, name
        )
        assert [each["name"] for each in found if each["finding"] == "unmanaged"] == [name]
        assert not mandatory(found, f"tasktracker-{stack.name}-nginx")
        # It is found without the state, too.
        assert audit(stack)[0] == 1
    assert audit(stack, "--state", str(exported))[0] == 0


def test_the_worst_that_a_container_can_be_is_found(stack: Stack, tmp_path: Path) -> None:
    with by_hand(
        stack,
        labels={"stack": stack.name, "service": "debug"},
        privileged=True,
        pid_mode="host",
        ipc_mode="host",
        network_mode="host",
        user="0",
        cap_add=["SYS_ADMIN"],
        security_opt=["seccomp=unconfined"],
        devices=["/dev/null:/dev/x:r"],
        volumes=["/var/run/docker.sock:/var/run/docker.sock:ro", f"{tmp_path}:/data"],
        sysctls={"kernel.msgmax": "65536"},
        environment=["POSTGRES_PASSWORD=hunter2hunter2"],
    ) as container:
        # Not even started: what is there can be started by anybody.
        code, found = audit(stack)
        assert code == 1
        assert mandatory(found, str(container.name)) >= {
            "DKR-USER", "DKR-PRIV", "DKR-CAPS", "DKR-NNP", "DKR-LSM", "DKR-NS", "DKR-SOCK", "DKR-BIND", "DKR-DEV",
            "DKR-NET", "DKR-MEM", "DKR-CPU", "DKR-RO", "DKR-LOG", "DKR-SYSCTL", "DKR-SECRET",
        }  # fmt: skip
        assert "hunter2" not in json.dumps(found)


def test_a_bind_mount_that_hides_in_a_volume_is_found(stack: Stack, tmp_path: Path) -> None:
    name = f"by-hand-{stack.name}"
    hidden = docker.types.DriverConfig("local", {"type": "none", "o": "bind", "device": str(tmp_path)})
    labels = {"stack": stack.name, "service": "debug"}
    try:
        with by_hand(stack, labels=labels, mounts=[Mount("/data", name, driver_config=hidden)]) as container:
            container.start()
            _, found = audit(stack)
            assert "DKR-BIND" in mandatory(found, str(container.name)) or "VOL-BIND" in mandatory(found, name)
            volume = [each for each in found if each["name"] == name and each["type"].endswith("Volume")]
            assert {each["rule"] for each in volume} >= {"VOL-BIND", "STACK-LABEL"}
    finally:
        stack.docker.volumes.get(name).remove()


def test_a_limit_that_was_raised_by_hand_is_found(stack: Stack, exported: Path) -> None:
    """`docker update` changes a container that Pulumi made, and leaves no trace in its state."""
    dashboard = stack.container("dashboard")
    limit, swap = dashboard.attrs["HostConfig"]["Memory"], dashboard.attrs["HostConfig"]["MemorySwap"]
    dashboard.update(mem_limit=limit, memswap_limit=2 * limit)
    try:
        code, found = audit(stack, "--state", str(exported))
        (violation,) = (each for each in found if each.get("level") == "mandatory")
        assert (violation["rule"], violation["name"]) == ("DKR-MEM", dashboard.name)
        assert violation["urn"].endswith(f"::dashboard-{stack.slot()}")
        assert "memorySwap" in violation["message"]
        assert code == 1
    finally:
        dashboard.update(mem_limit=limit, memswap_limit=swap)
    assert audit(stack, "--state", str(exported))[0] == 0


def test_a_port_that_docker_chose_is_seen(stack: Stack) -> None:
    labels = {"stack": stack.name, "service": "debug"}
    network = f"tasktracker-{stack.name}-edge"
    with by_hand(stack, labels=labels, network=network, ports={"8222/tcp": None}) as container:
        container.start()
        container.reload()
        # For IPv4 and IPv6, which may be two.
        chosen = {int(each["HostPort"]) for each in container.attrs["NetworkSettings"]["Ports"]["8222/tcp"]}
        (thing,) = (each for each in take_snapshot(stack.docker).of(CONTAINER) if each.id == container.id)
        resource = resource_of(thing, take_snapshot(stack.docker).host, None, Target(stack.name, "tasktracker", "dev"))
        assert {port.external for port in resource.container.ports} == chosen
        assert {"DKR-PORT", "DKR-MON"} <= mandatory(audit(stack)[1], str(container.name))


def _objects(stack: Stack, state: State) -> Iterator[tuple[DockerObject, Resource, Resource]]:
    """Each thing in the state as it is on the host, and as the program asked for it."""
    snapshot = take_snapshot(stack.docker)
    for thing in snapshot.objects:
        known = state.resources.get((thing.type, thing.id))
        if known:
            live = resource_of(thing, snapshot.host, state, Target(stack.name, "tasktracker", "dev"))
            asked = _without_defaults(decode(known["inputs"], set()))
            yield thing, live, Resource(live.type, live.name, live.urn, asked)


def _without_defaults(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_defaults(item) for key, item in value.items() if key != "__defaults"}
    return [_without_defaults(item) for item in value] if isinstance(value, list) else value


def _texts(value: Any) -> set[str]:
    return {json.dumps(item, sort_keys=True) if text(item) is None else str(item) for _, item in items(value)}


def test_what_runs_is_translated_into_what_the_program_asked_for(stack: Stack, exported: Path) -> None:
    """For every property that a rule reads. What Docker fills in, or adds from the image, may be there too."""
    state = read_state(str(exported), stack.name)
    compared, worker, started = set(), stack.container("worker").name, []
    for thing, live, made in _objects(stack, state):
        asked = made
        if thing.name == worker:
            assert {name: made.get(name) for name in HELD} == HELD
            asked = replace(made, properties={**made.properties, **STARTED})
            started.append(thing.name)
        read = {path.split(".")[0].split("[")[0] for rule in RULES for path in rule.reads.get(thing.type, ())}
        for name in read - INVISIBLE:
            where = f"{KINDS[thing.type]} {thing.name}: {name}"
            have, want = live.get(name), asked.get(name)
            if name in ("start", "mustRun") and live.container.is_job:
                # A job was only created by the provider; something else started it.
                assert asked.container.is_job, where
            elif name in ("envs", "labels"):
                # The image has some of its own.
                assert _texts(have) >= _texts(want), where
            elif name in FILLED_IN and is_unset(want):
                continue
            else:
                assert normal(have) == normal(want), where
            compared.add((thing.type, name))
        assert live.container.never_runs == asked.container.never_runs, thing.name
        assert live.container.is_job == asked.container.is_job, thing.name
    assert len(compared) > 30, compared
    assert started == [worker]


def test_rules_say_the_same_of_what_runs_and_of_what_was_asked_for(stack: Stack, exported: Path) -> None:
    state = read_state(str(exported), stack.name)
    configured = parse({}, RULES)
    for _, live, asked in _objects(stack, state):
        for rule in RULES:
            scope = Scope(configured.options[rule.id], configured.conventions, stack.name, "dev")
            assert {each.path for each in findings(rule, [live], scope)} == {
                each.path for each in findings(rule, [asked], scope)
            }, (rule.id, live.urn)
