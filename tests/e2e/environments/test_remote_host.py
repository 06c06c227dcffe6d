"""staging on a second Docker host by SSH, with images from a registry by digest, while something runs on the first."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import docker
import httpx
import pytest
import yaml

from images.catalog import local_reference
from remote import DockerHost, HostError, check, sdk
from settings.releases import SLOTS
from tests.certificates import Made, ec_key, key_pem
from tests.damage.watch import record, version
from tests.e2e.support.by_hand import make_up
from tests.e2e.support.comeback import ENDS, expect_comeback
from tests.e2e.support.remote_host import PASSWORD, TLS_PORT, USER, RemoteHost, remote_host
from tests.e2e.support.stack import Stack, eventually, execute
from tests.leftovers import name_of_this_run
from toolchain.process.steps import ROOT
from toolchain.targets.push import push

pytestmark = [
    pytest.mark.engine,
    pytest.mark.docker,
    pytest.mark.skipif(os.geteuid() != 0, reason="a second Docker engine takes root"),
]

#: Beside the numbers of other stacks: that of the stack, and that of the host.
NUMBER, HOST = 76, 77

DOMAIN = "tasks.example.com"
VERSION = "1.2.0"

#: What the stack has no need of here: it is brought up elsewhere, and takes half of the time.
WITHOUT_BACKUPS = {"enabled": False}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteHost]:
    with remote_host(tmp_path_factory.mktemp("remote"), HOST) as host:
        yield host


@pytest.fixture(scope="module")
def neighbour(host: RemoteHost) -> Iterator[Any]:
    """Something on the first engine, under a name that the stack on the second has too."""
    client = docker.from_env()
    made = client.containers.run(
        local_reference("nginx"), entrypoint=["sleep", "1000"], detach=True, network_mode="none",
        name=f"tasktracker-{name_of_this_run('e2e', NUMBER)}-nginx",
    )  # fmt: skip
    yield made
    with contextlib.suppress(docker.errors.NotFound):
        made.remove(force=True)


@pytest.fixture(scope="module")
def pushed(host: RemoteHost) -> list[str]:
    """The images of this machine, in the registry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_CONFIG", str(host.docker_config))
        return push(f"{host.registry}/tasktracker", VERSION)


@pytest.fixture(scope="module")
def stack(host: RemoteHost, pushed: list[str], neighbour: Any, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """staging, up on the second host."""
    stack = Stack(
        tmp_path_factory.mktemp("stack") / "stack",
        name_of_this_run("e2e", NUMBER),
        NUMBER,
        {
            "environment": "staging",
            "domain": DOMAIN,
            "backup": WITHOUT_BACKUPS,
            "docker_host": host.settings,
            "registries": {host.registry: {"username": USER}},
            "nginx": {"publish": {"address": host.address, "port": 18000 + NUMBER}},
        },
    )
    # What this machine's own Docker has logged in to must not matter.
    stack.env["DOCKER_CONFIG"] = str(host.folder / "nobody")
    stack.pulumi("config", "set", "--secret", "registry_password", PASSWORD)
    add_comment(stack)
    pinned = run_pin(stack, "--repository", f"{host.registry}/tasktracker", "--tag", VERSION)
    assert pinned.returncode == 0, pinned.stderr
    stack.config["images"] = config(stack)["images"]
    stack.up()
    return stack


def config(stack: Stack) -> dict[str, Any]:
    """What the stack's file says, by key without the namespace."""
    found = yaml.safe_load(stack.config_file.read_text())["config"]
    return {key.removeprefix("tasktracker:"): value for key, value in found.items()}


def add_comment(stack: Stack) -> None:
    text = stack.config_file.read_text()
    stack.config_file.write_text(text.replace("  tasktracker:domain", "  # what users type\n  tasktracker:domain"))


def run_pin(stack: Stack, *args: str) -> subprocess.CompletedProcess[str]:
    """`make pin`, without its set-up."""
    return subprocess.run(
        [ROOT / "tt", "pin", "--stack", stack.name, *args],
        cwd=stack.folder, env=stack.env, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def answer(host: RemoteHost) -> httpx.Response:
    """What nginx on the second host says of the api's health."""
    return httpx.get(
        f"http://{host.address}:{18000 + NUMBER}/api/health", headers={"Host": DOMAIN}, timeout=5, trust_env=False
    )


def containers(host: RemoteHost) -> dict[str, Any]:
    """The stack's containers on the second host, by name."""
    return {str(each.name): each for each in host.client().containers.list(all=True)}


def serving(host: RemoteHost, stack: Stack) -> str:
    """The slot that nginx on the second host sends requests to."""
    shown = execute(containers(host)[f"tasktracker-{stack.name}-nginx"], "release", "show")
    return str(json.loads(shown)["release"]["serving"])


def container(host: RemoteHost, stack: Stack, service: str) -> Any:
    """The container of a service of the release that serves there."""
    return containers(host)[f"tasktracker-{stack.name}-{service}-{serving(host, stack)}"]


def test_staging_runs_there_and_nothing_of_it_here(host: RemoteHost, stack: Stack, neighbour: Any) -> None:
    assert answer(host).json()["status"] == "ok"
    here = docker.from_env().containers.list(all=True, filters={"label": f"stack={stack.name}"})
    assert here == []
    there = containers(host)
    nginx = there[f"tasktracker-{stack.name}-nginx"]
    assert nginx.attrs["Config"]["Image"] == config(stack)["images"]["nginx"]
    assert f"{host.registry}/tasktracker/nginx:{VERSION}@sha256:" in nginx.attrs["Config"]["Image"]
    neighbour.reload()
    assert neighbour.status == "running"
    stack.pulumi("preview", "--expect-no-changes", "--refresh")
    # On the first host it would be in the stack's way.
    neighbour.remove(force=True)


@pytest.mark.nightly
def test_the_operator_reaches_the_same_host(stack: Stack) -> None:
    code, status = stack.tt("status")
    assert code == 0
    assert {each["health"] for each in status["services"] if each["name"] != "migrations"} == {"healthy"}
    audit = subprocess.run(
        ["python", "-m", "policies.audit", "--stack", stack.name], cwd=stack.folder,
        env={**stack.env, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert audit.returncode == 0, audit.stderr + audit.stdout
    assert "0 mandatory" in audit.stdout
    # `make up` compares the same host, and asks the URL from here.
    code, output = make_up(stack)
    assert code == 0, output
    assert "Updating" not in output
    assert "==> Task Tracker is at " in output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"address": "ssh://root@{address}:{restricted_port}"}, "the user root may not use Docker on {address}"),
        ({"address": "ssh://root@{address}:{ssh_port}/no.sock"}, "Docker does not run on {address}"),
        ({"key_file": "{folder}/other_key"}, "{address} refuses the key {folder}/other_key for the user root"),
        ({"known_hosts_file": "{folder}/nobody_known"}, "the host key of {address} is not in {folder}/nobody_known"),
        ({"known_hosts_file": "{folder}/changed"}, "the host key of {address} is not the one in {folder}/changed"),
        ({"address": "ssh://root@{address}:1"}, "{address} does not answer at port 1"),
        ({"key_file": "{folder}/no_such_key"}, "{folder}/no_such_key: there is no such file on this machine"),
    ],
)
def test_what_stands_in_the_way_is_told(host: RemoteHost, change: dict[str, str], message: str) -> None:
    (host.folder / "nobody_known").touch()
    other = (host.folder / "other_key.pub").read_text()
    (host.folder / "changed").write_text(f"[{host.address}]:{host.ssh_port} {other}")
    values = {name: getattr(host, name) for name in ("address", "folder", "ssh_port", "restricted_port")}
    changed = {**host.settings, **{key: value.format(**values) for key, value in change.items()}}
    with pytest.raises(HostError) as refused:
        check(DockerHost(**changed))
    assert message.format(**values) in str(refused.value)
    # The same for what goes past the check, such as a client that is made later.
    if "no_such" not in message:
        with pytest.raises(docker.errors.DockerException, match=re.escape(message.format(**values))):
            sdk.client(DockerHost(**changed), 20)


@pytest.mark.nightly
def test_the_same_host_is_reached_by_tls(host: RemoteHost) -> None:
    (host.folder / "stranger").mkdir()
    for name, content in {
        "ca.pem": Made("stranger", "stranger", ()).pem,
        "cert.pem": Made("client", "stranger").pem,
        "key.pem": key_pem(ec_key("client")),
    }.items():
        (host.folder / "stranger" / name).write_text(content)
    address = f"tcp://{host.address}:{TLS_PORT}"
    fine = DockerHost(address, certificates=str(host.certificates))
    check(fine)
    assert sdk.client(fine, 20).info()["ID"] == host.client().info()["ID"]
    stranger = DockerHost(address, certificates=str(host.folder / "stranger"))
    with pytest.raises(HostError, match=f"TLS with {host.address} failed: the certificates in .*stranger"):
        check(stranger)
    # One who knows the server and whom the server doesn't know.
    (host.folder / "stranger" / "ca.pem").write_text((host.certificates / "ca.pem").read_text())
    with pytest.raises(HostError, match=f"TLS with {host.address} failed"):
        check(stranger)


@pytest.mark.nightly
def test_a_host_that_cannot_be_used_is_one_message_of_up(host: RemoteHost, stack: Stack) -> None:
    before = {name: each.id for name, each in containers(host).items()}
    refusing = f"ssh://root@{host.address}:{host.restricted_port}"
    stack.write_config({"docker_host": {**host.settings, "address": refusing}})
    try:
        result = stack.up(check=False)
        # A preview asks nobody.
        assert stack.pulumi("preview").returncode == 0
    finally:
        stack.write_config()
    assert result.returncode != 0
    told = [line for line in result.stdout.partition("Diagnostics:")[2].splitlines() if "error:" in line]
    assert len(told) == 1, result.stdout
    assert f"tasktracker:docker_host: the user root may not use Docker on {host.address}" in told[0]
    assert "Nothing was changed." in result.stdout
    assert "Traceback" not in result.stdout
    assert {name: each.id for name, each in containers(host).items()} == before
    assert answer(host).status_code == 200


@pytest.mark.nightly
def test_another_host_is_refused_for_a_stack_that_is_there(host: RemoteHost, stack: Stack) -> None:
    stack.write_config({"docker_host": {"address": "unix:///var/run/docker.sock"}})
    try:
        result = stack.up(check=False)
    finally:
        stack.write_config()
    assert result.returncode != 0
    assert "that is another host" in result.stdout
    assert answer(host).status_code == 200
    assert docker.from_env().volumes.list(filters={"label": f"stack={stack.name}"}) == []


@pytest.mark.nightly
def test_without_its_block_the_stack_does_not_change_to_this_machine(stack: Stack) -> None:
    kept = dict(stack.config)
    del stack.config["docker_host"], stack.config["registries"]
    stack.write_config()
    stack.pulumi("config", "rm", "registry_password")
    try:
        result = stack.pulumi("preview", check=False)
    finally:
        stack.config = kept
        stack.write_config()
        stack.pulumi("config", "set", "--secret", "registry_password", PASSWORD)
    assert result.returncode != 0
    address = stack.config["docker_host"]["address"]
    assert f"the stack is on {address}, and its config has no tasktracker:docker_host any more" in result.stdout


@pytest.mark.nightly
def test_a_tag_that_moves_changes_nothing_until_it_is_pinned(host: RemoteHost, stack: Stack) -> None:
    client, moved = docker.from_env(), f"{host.registry}/tasktracker/dashboard"
    login = {"username": USER, "password": PASSWORD}
    # Layers that the registry has already.
    client.images.get(local_reference("nginx")).tag(moved, VERSION)
    try:
        client.images.push(moved, VERSION, auth_config=login)
    finally:
        client.images.remove(f"{moved}:{VERSION}")
    assert stack.planned() == {}
    before = stack.config_file.read_text()
    add_comment(stack)
    commented = stack.config_file.read_text()
    refused = run_pin(stack, "--tag", "9.9.9")
    assert refused.returncode != 0
    assert f"{moved}:9.9.9: the registry has no such tag" in refused.stderr
    assert stack.config_file.read_text() == commented
    try:
        written = run_pin(stack)
        old, new = stack.config["images"]["dashboard"], config(stack)["images"]["dashboard"]
        assert written.stdout.splitlines()[0] == f"dashboard: {old} -> {new}"
        assert stack.config_file.read_text() == commented.replace(old, new)
        assert "# what users type" in stack.config_file.read_text()
        planned = stack.planned()
        assert planned["docker:index/container:Container dashboard-green"] == "create"
        # The release that serves stays.
        assert [each for each in planned if each.endswith("-blue")] == []
    finally:
        stack.config_file.write_text(before)


@pytest.mark.nightly
def test_a_registry_that_refuses_leaves_what_runs(host: RemoteHost, stack: Stack) -> None:
    there = f"{host.registry}/tasktracker/dashboard:{VERSION}@sha256:{64 * '0'}"
    before = container(host, stack, "dashboard").id
    stack.write_config({"images": {**stack.config["images"], "dashboard": there}})
    reason = f"images.dashboard: {there}: the registry {host.registry}"
    for refused in (stack.pulumi("preview", check=False), stack.up(check=False)):
        assert refused.returncode != 0
        assert f"{reason} does not have it" in refused.stdout
    stack.pulumi("config", "set", "--secret", "registry_password", "not-" + PASSWORD)
    try:
        result = stack.up(check=False)
    finally:
        stack.write_config()
        stack.pulumi("config", "set", "--secret", "registry_password", PASSWORD)
    assert result.returncode != 0
    assert f"{reason} refuses the user {USER}" in result.stdout
    assert "not-" + PASSWORD not in result.stdout
    assert container(host, stack, "dashboard").id == before


@pytest.mark.nightly
def test_a_host_that_is_gone_half_way_is_told_and_the_next_up_goes_on(host: RemoteHost, stack: Stack) -> None:
    before = {name: each.id for name, each in containers(host).items()}
    worker = {slot: f"tasktracker-{stack.name}-worker-{slot}" for slot in SLOTS}
    assert worker["green"] not in before
    stack.write_config({"worker": {"log_level": "debug"}})
    result: list[subprocess.CompletedProcess[str]] = []
    update = threading.Thread(target=lambda: result.append(stack.up(check=False)))
    update.start()
    eventually(lambda: worker["green"] in containers(host), 60, "the new release is being made")
    host.cut()
    update.join()
    assert result[0].returncode != 0
    assert result[0].stdout.count(f"error: {host.address} does not answer at port {host.ssh_port}") <= 2
    assert f"error: {host.address} does not answer at port {host.ssh_port}" in result[0].stdout
    assert "the next `pulumi up` goes on from there" in result[0].stdout
    # The release before serves on, and a preview needs no host.
    assert answer(host).status_code == 200
    assert serving(host, stack) == "blue"
    assert {name: each.id for name, each in containers(host).items() if name in before} == before
    assert stack.pulumi("preview").returncode == 0
    host.start_sshd()
    stack.up()
    assert serving(host, stack) == "green"
    there = containers(host)
    new = there[worker["green"]].attrs
    assert new["State"]["Health"]["Status"] == "healthy"
    assert "LOG_LEVEL=debug" in " ".join(new["Config"]["Env"])
    # The one before is kept, and takes no jobs.
    assert there[worker["blue"]].id == before[worker["blue"]]
    assert there[worker["blue"]].status == "exited"


@pytest.mark.nightly
@pytest.mark.parametrize("end", ENDS)
def test_all_of_it_comes_back_with_the_engine(host: RemoteHost, stack: Stack, end: str) -> None:
    seconds = expect_comeback(host, stack, end, lambda: answer(host).status_code == 200)
    record(ENDS[end], seconds, version(host.client()))
