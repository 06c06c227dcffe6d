"""A new stack has the config of another one, and nothing that belongs to that one alone."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest
import yaml

import stackfile
from ops.tt import cli
from ops.tt.errors import Exit
from ops.tt.stack import new_stack, taken
from remote import sdk
from stackfile import writing
from toolchain.process.steps import ROOT, StepError
from toolchain.stacks.passphrase import PUBLIC_PASSPHRASE

SALT = "encryptionsalt: v1:31cU1gs3rSw=:v1:qEadKPro3XV0j347:cWETq/jtOTAQa+xzz5tKbqlyyex4zA==\n"

OWN = """\
# what is ours
config:
  tasktracker:environment: prod
  tasktracker:domain: tasks.example.com
  tasktracker:cloudflare_api_token:
    secure: v1:abc:def
  tasktracker:app_keys: # three of them
    first:
      secure: v1:ghi:jkl
    second: plain
  tasktracker:network: {edge: 10.9.0.0/24, data: 10.9.1.0/24}
  tasktracker:tunnel:
    zone: example.com
    hostnames: [a.example.com]
    administrators:
      hostnames: [b.example.com]
      emails: [jo@example.com]
  tasktracker:postgres:
    volume: 3 # since the restore
    kept_volumes: [1, 2]
    restore: {volume: 3, to: "2026-01-01 10:00:00"}
    resources: {memory: 4GB}
  tasktracker:backup:
    repository: s3
    s3:
      bucket: backups
      path: /prod
encryptedkey: abc
secretsprovider: awskms://alias/x?region=eu-west-1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the committed stacks and one of its own, no Docker host and an empty state."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.staging.yaml", "Pulumi.prod.yaml"):
        (project / name).write_text((ROOT / name).read_text())
    (project / "Pulumi.own.yaml").write_text(OWN)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("PULUMI_CONFIG_PASSPHRASE", "TASKTRACKER_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(new_stack, "environment", lambda _config: {"PULUMI_BACKEND_URL": "file:///state"})
    monkeypatch.setattr(new_stack, "stacks", lambda _env: {"dev", "old"})
    monkeypatch.setattr(taken, "_listening", lambda: {8082})
    on_host(monkeypatch)
    return project


def on_host(monkeypatch: pytest.MonkeyPatch, **lists: list[dict[str, Any]]) -> None:
    """A Docker host with these things on it."""
    api = SimpleNamespace(
        networks=lambda: lists.get("networks", []),
        containers=lambda **_: lists.get("containers", []),
        volumes=lambda: {"Volumes": lists.get("volumes")},
    )
    monkeypatch.setattr(sdk, "client", lambda *_: SimpleNamespace(api=api))


Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`tt stack new` in the project: its exit code and its document."""

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        monkeypatch.setattr("sys.argv", ["tt", "stack", "new", *arguments, "--json", "--project", str(folder)])
        code = cli.main()
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return code, json.loads(output.out)

    return run


def files(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_like_dev(folder: Path, run: Run, tmp_path: Path) -> None:
    dev = (folder / "Pulumi.dev.yaml").read_text()
    code, made = run("demo")
    assert code == 0
    text = (folder / "Pulumi.demo.yaml").read_text()
    assert "encryptionsalt" not in text
    assert "public passphrase" not in text
    # Every other comment is there.
    kept = [line for line in dev.splitlines() if "#" in line and "passphrase" not in line]
    assert [line for line in kept if line not in text.splitlines()] == []
    assert made["values"] == {
        "tasktracker:network.edge": "172.16.0.0/24",
        "tasktracker:network.data": "172.16.1.0/24",
        "tasktracker:network.egress": "172.16.2.0/24",
        "tasktracker:network.monitoring": "172.16.3.0/24",
        "tasktracker:network.debug": "172.16.4.0/24",
        "tasktracker:postgres.debug_port": 15433,
        "tasktracker:nats.debug_port": 14223,
        "tasktracker:nats.debug_monitor_port": 18223,
        "tasktracker:nginx.publish.port": 8081,
    }
    config = yaml.safe_load(text)["config"]
    assert config["tasktracker:environment"] == "dev"
    assert config["tasktracker:nginx"]["publish"] == {"address": "127.0.0.1", "port": 8081}
    assert config["tasktracker:network"]["edge"] == "172.16.0.0/24"
    passphrase = tmp_path / "home/.config/tasktracker/demo-passphrase"
    assert made["passphrase_file"] == str(passphrase)
    assert made["passphrase_made"] is True
    assert stat.S_IMODE(passphrase.stat().st_mode) == 0o600
    assert made["notes"] == []
    assert (folder / "Pulumi.dev.yaml").read_text() == dev


def test_a_second_one_keeps_apart_from_the_first(folder: Path, run: Run) -> None:
    _, first = run("one")
    _, second = run("two", "--like", "one")
    assert set(first["values"].values()).isdisjoint(second["values"].values())
    # 8082 is taken by a program of this machine.
    assert second["values"]["tasktracker:nginx.publish.port"] == 8083


def test_what_belongs_to_one_stack_alone_is_not_copied(folder: Path, run: Run) -> None:
    _, made = run("copy", "--like", "own")
    text = (folder / "Pulumi.copy.yaml").read_text()
    assert "secure" not in text
    assert "encryptedkey" not in text
    assert "awskms" not in text
    config = yaml.safe_load(text)["config"]
    assert config == {
        "tasktracker:environment": "prod",
        "tasktracker:app_keys": {"second": "plain"},
        "tasktracker:network": {
            key.rpartition(".")[2]: value for key, value in made["values"].items() if ":network." in key
        },
        "tasktracker:tunnel": {"zone": "example.com"},
        "tasktracker:postgres": {"resources": {"memory": "4GB"}},
        "tasktracker:backup": {"repository": "s3", "s3": {"bucket": "backups", "path": "/copy"}},
    }
    assert "# three of them" in text
    assert made["secrets"] == {
        f"tasktracker:{key}": f"./tt pulumi config set --secret {path}tasktracker:{key} --stack copy"
        for key, path in (("cloudflare_api_token", ""), ("app_keys.first", "--path "))
    }
    assert made["removed"] == [
        "tasktracker:domain",
        "tasktracker:tunnel.hostnames",
        "tasktracker:tunnel.administrators",
        "tasktracker:postgres.volume",
        "tasktracker:postgres.kept_volumes",
        "tasktracker:postgres.restore",
    ]


@pytest.mark.parametrize("like", ["dev", "staging", "prod", "own"])
def test_the_file_of_a_copy_is_like_the_original_but_for_what_was_told(folder: Path, run: Run, like: str) -> None:
    code, made = run("copy", "--like", like)
    assert code == 0
    before = yaml.safe_load((folder / f"Pulumi.{like}.yaml").read_text())["config"]
    after = yaml.safe_load((folder / "Pulumi.copy.yaml").read_text())["config"]
    told = {key.partition(".")[0] for key in [*made["values"], *made["removed"], *made["secrets"]]}
    assert {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} <= told


def test_keys_without_the_namespace_are_the_project_s(folder: Path, run: Run) -> None:
    _, made = run("copy", "--like", "own")
    (folder / "Pulumi.short.yaml").write_text(OWN.replace("tasktracker:", ""))
    code, short = run("more", "--like", "short")
    assert (code, short["removed"]) == (0, made["removed"])
    config = stackfile.config(folder / "Pulumi.more.yaml")
    assert config.keys() == stackfile.config(folder / "Pulumi.copy.yaml").keys()
    assert config["tasktracker:network"]["edge"] == short["values"]["tasktracker:network.edge"]


def test_a_block_in_json_is_not_copied_half(folder: Path, run: Run) -> None:
    (folder / "Pulumi.own.yaml").write_text("config:\n  environment: prod\n  postgres: '{\"volume\": 3}'\n")
    code, told = run("copy", "--like", "own")
    assert code == Exit.REFUSED
    assert "Pulumi.own.yaml: tasktracker:postgres is a text in JSON" in told["error"]
    assert "Pulumi.copy.yaml" not in files(folder)


def test_what_the_host_has_is_not_taken(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ipam = {"Config": [{"Subnet": "172.16.0.0/22"}, {"Subnet": "fd00::/64"}]}
    on_host(
        monkeypatch,
        networks=[{"Name": "other", "Scope": "local", "IPAM": ipam}, {"Name": "host", "Scope": "local", "IPAM": None}],
        containers=[{"Names": ["/web"], "Ports": [{"PublicPort": 8081, "Type": "tcp"}, {"PrivatePort": 80}]}],
    )
    _, made = run("demo")
    assert made["values"]["tasktracker:network.edge"] == "172.16.4.0/24"
    assert made["values"]["tasktracker:nginx.publish.port"] == 8083


@pytest.mark.parametrize("name", ["", "Demo", "1st", "x-", "a_b", "a.b", "a" * 31, "a/b", "dev\n", "démo", "dev"])
def test_a_name_that_can_not_be_one(folder: Path, run: Run, name: str) -> None:
    before = files(folder)
    code, told = run(name)
    assert code == Exit.USAGE
    assert f"the name {name!r}: must be 1 to 30" in told["error"] or name == "dev"
    assert files(folder) == before


@pytest.mark.parametrize("name", ["a", "a" * 30, "dev-anna", "e2", "devs"])
def test_a_name_that_can_be_one(run: Run, name: str) -> None:
    assert run(name)[0] == 0


def test_a_stack_that_is_there(folder: Path, run: Run, tmp_path: Path) -> None:
    before = (folder / "Pulumi.staging.yaml").read_text()
    code, told = run("staging")
    assert (code, told["error"]) == (Exit.REFUSED, "the stack staging: there is a Pulumi.staging.yaml already")
    assert (folder / "Pulumi.staging.yaml").read_text() == before
    assert not (tmp_path / "home").exists()


def test_a_stack_whose_file_is_lost(folder: Path, run: Run) -> None:
    code, told = run("old")
    assert code == Exit.REFUSED
    assert "the stack old is in file:///state already, without its Pulumi.old.yaml" in told["error"]
    assert "`./tt pulumi stack rm --stack old`" in told["error"]
    assert "Pulumi.old.yaml" not in files(folder)


@pytest.mark.parametrize(
    "things",
    [
        {"volumes": [{"Name": "tasktracker-demo-uploads", "Labels": {"stack": "demo"}}]},
        {"networks": [{"Name": "tasktracker-demo-uploads", "Labels": {"stack": "demo"}}]},
        {"containers": [{"Names": ["/tasktracker-demo-uploads"], "Labels": {"stack": "demo"}}]},
    ],
)
def test_what_is_left_of_an_earlier_stack_is_not_taken_over(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch, things: dict[str, Any]
) -> None:
    on_host(monkeypatch, **things)
    code, told = run("demo")
    assert code == Exit.REFUSED
    assert "something of a stack of that name (tasktracker-demo-uploads)" in told["error"]
    assert "Pulumi.demo.yaml" not in files(folder)


def test_without_docker_and_an_engine_it_is_made_and_says_so(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise docker.errors.DockerException("no answer")

    def no_engine(_config: object) -> dict[str, str]:
        raise StepError("there is no Pulumi engine yet")

    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(sdk, "client", silent)
    monkeypatch.setattr(new_stack, "environment", no_engine)
    code, made = run("demo")
    assert code == 0
    assert made["notes"] == [
        "the state was not asked for a stack demo: there is no Pulumi engine yet",
        "the Docker host was not asked what is free on it; `make preview` asks it again: no Docker engine answers on "
        "this machine (no answer): start Docker (`sudo systemctl start docker`; as root on Debian `make up` does), and "
        "try again",
    ]


def test_another_s_file_that_can_not_be_read_is_told(folder: Path, run: Run) -> None:
    (folder / "Pulumi.bad.yaml").write_bytes(b"\xff: [")
    _, made = run("demo")
    [note] = made["notes"]
    assert note.startswith("Pulumi.bad.yaml:1:1: is not UTF-8 (byte 0xff); save it as UTF-8. Until that is corrected, ")
    assert note.endswith("its subnets and ports may be in the way")
    code, told = run("more", "--like", "bad")
    assert code == Exit.UNREACHABLE
    assert "Pulumi.bad.yaml" in told["error"]
    assert "Pulumi.more.yaml" not in files(folder)


def test_a_key_that_is_there_twice_is_told_with_its_place(folder: Path, run: Run) -> None:
    twice = "config:\n  tasktracker:nginx: {publish: {port: 8081}}\n  tasktracker:nginx: {publish: {port: 8090}}\n"
    (folder / "Pulumi.twice.yaml").write_text(twice)
    place = 'Pulumi.twice.yaml:3:3: the key "tasktracker:nginx" is there twice, first in line 2; remove one'
    code, made = run("demo")
    assert (code, made["notes"]) == (0, [f"{place}. Until that is corrected, its subnets and ports may be in the way"])
    code, told = run("more", "--like", "twice")
    assert (code, told["error"]) == (Exit.UNREACHABLE, place)
    assert "Pulumi.more.yaml" not in files(folder)


@pytest.mark.parametrize(
    "text",
    [
        "config: {nginx: {publish: {port: 8081}}, network: {edge: 172.16.0.0/24}}\n",
        'config:\n  nginx: \'{"publish": {"port": 8081}}\'\n  network: \'{"edge": "172.16.0.0/24"}\'\n',
        "x: &x {publish: {port: 8081}}\nconfig:\n  tasktracker:nginx: *x\n  network: {<<: {edge: 172.16.0.0/24}}\n",
    ],
)
def test_another_s_ports_and_subnets_are_read_however_they_are_written(folder: Path, run: Run, text: str) -> None:
    (folder / "Pulumi.other.yaml").write_text(text)
    _, made = run("demo")
    assert made["notes"] == []
    assert made["values"]["tasktracker:nginx.publish.port"] == 8083
    assert made["values"]["tasktracker:network.edge"] == "172.16.1.0/24"


def test_a_link_to_nothing_is_no_stack(folder: Path, run: Run, tmp_path: Path) -> None:
    (folder / "Pulumi.gone.yaml").symlink_to(folder / "nowhere")
    code, made = run("demo")
    assert (code, made["notes"]) == (0, [])
    code, told = run("more", "--like", "gone")
    assert code == Exit.USAGE
    assert (
        "Pulumi.gone.yaml is a link to a file that is not there; the stacks are demo, dev, own, prod" in told["error"]
    )
    # Its place is taken all the same.
    assert run("gone")[0] == Exit.REFUSED
    assert not (tmp_path / "home/.config/tasktracker/gone-passphrase").exists()


def test_a_stack_that_is_not_there_can_not_be_copied(run: Run) -> None:
    code, told = run("demo", "--like", "none")
    assert code == Exit.USAGE
    assert "the stacks are dev, own, prod, staging" in told["error"]


def test_the_option_for_other_commands_is_refused(run: Run) -> None:
    assert run("demo", "--stack", "prod")[0] == Exit.USAGE


def test_a_passphrase_that_is_there_is_used(folder: Path, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text("a passphrase of mine\n")
    _, made = run("demo", "--passphrase-file", str(file))
    assert (made["passphrase_file"], made["passphrase_made"]) == (str(file), False)
    assert file.read_text() == "a passphrase of mine\n"


def test_the_variable_s_file_is_made(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKTRACKER_PASSPHRASE_FILE", str(tmp_path / "new" / "one"))
    _, made = run("demo")
    assert (made["passphrase_file"], made["passphrase_made"]) == (str(tmp_path / "new/one"), True)


@pytest.mark.parametrize("where", ["home", "option", "variable"])
def test_only_a_passphrase_elsewhere_takes_an_export(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    at_home, elsewhere = tmp_path / "home/.config/tasktracker/demo-passphrase", tmp_path / "file"
    if where == "variable":
        monkeypatch.setenv("TASKTRACKER_PASSPHRASE_FILE", str(elsewhere))
    _, made = run("demo", *(["--passphrase-file", str(elsewhere)] if where == "option" else []))
    assert made["passphrase_file"] == str(at_home if where == "home" else elsewhere)
    assert made["export"] is (where != "home")


def test_a_file_with_aliases_is_not_copied_half(folder: Path, run: Run) -> None:
    # Removing the volume of one block would remove it from the other's, and what is merged could not be removed.
    for text, place in (
        ("config:\n  tasktracker:postgres: &p {volume: 3}\n  tasktracker:redis: *p\n", "3:22: *p is an alias"),
        ("x: {a: 1}\nconfig:\n  tasktracker:postgres:\n    <<: {volume: 3}\n", "4:5: << is a merge key"),
    ):
        (folder / "Pulumi.own.yaml").write_text(text)
        code, told = run("demo", "--like", "own")
        assert code == Exit.REFUSED
        assert f"Pulumi.own.yaml: {place}" in told["error"]
        assert "Pulumi.demo.yaml" not in files(folder)


def test_the_variable_with_a_passphrase_will_do(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "mine")
    _, made = run("demo")
    assert (made["passphrase_file"], made["passphrase_made"]) == (None, False)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("given", ["empty variable", "public variable", "public file", "copy", "empty file", "folder"])
def test_a_passphrase_that_guards_nothing(
    folder: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    public = PUBLIC_PASSPHRASE.read_text()
    file = tmp_path / "file"
    if given.endswith("variable"):
        monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", public.strip() if given.startswith("public") else "")
    elif given == "public file":
        monkeypatch.setenv("TASKTRACKER_PASSPHRASE_FILE", str(PUBLIC_PASSPHRASE))
    else:
        file.mkdir() if given == "folder" else file.write_text(public if given == "copy" else "\n")
        monkeypatch.setenv("TASKTRACKER_PASSPHRASE_FILE", str(file))
    code, told = run("demo")
    assert code == Exit.REFUSED
    assert any(each in told["error"] for each in ("set and empty", "public passphrase", "is empty", "can't be read"))
    assert "Pulumi.demo.yaml" not in files(folder)


def test_nothing_is_left_where_the_file_can_not_be_written(
    folder: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "x")

    before = files(folder)
    monkeypatch.setattr(Path, "hardlink_to", full)
    code, told = run("demo")
    assert (code, told["error"]) == (Exit.FAILED, "x can't be written: No space left on device")
    assert files(folder) == before
    assert files(tmp_path / "home/.config/tasktracker") == []


def test_a_folder_that_is_read_only_is_reported(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = Path.unlink

    def refused(path: Path, *arguments: object) -> None:
        raise OSError(30, "Read-only file system", str(path))

    def removed(path: Path, **options: bool) -> None:
        if path.parent == folder:
            refused(path)
        unlink(path, **options)

    before = files(folder)
    monkeypatch.setattr(writing, "_write", refused)
    monkeypatch.setattr(Path, "unlink", removed)
    code, result = run("demo")
    path = folder / ".Pulumi.demo.yaml.new"
    assert (code, result["error"]) == (Exit.FAILED, f"{path} can't be written: Read-only file system")
    assert files(folder) == before


@pytest.mark.parametrize("late", [False, True])
def test_nothing_is_left_of_one_that_is_stopped(
    folder: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    link = Path.hardlink_to

    def stopped(self: Path, target: Path) -> None:
        if late:
            link(self, target)
        raise KeyboardInterrupt

    before = files(folder)
    monkeypatch.setattr(Path, "hardlink_to", stopped)
    code, told = run("demo")
    assert (code, told["error"]) == (Exit.INTERRUPTED, "interrupted; nothing was changed")
    assert files(folder) == before
    assert files(tmp_path / "home/.config/tasktracker") == []


def test_one_that_was_made_meanwhile_is_not_replaced(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    check = new_stack._check_name

    def check_and_make(where: Path, name: str) -> None:
        check(where, name)
        (where / f"Pulumi.{name}.yaml").write_text("another's")

    monkeypatch.setattr(new_stack, "_check_name", check_and_make)
    assert run("demo")[0] == Exit.REFUSED
    assert (folder / "Pulumi.demo.yaml").read_text() == "another's"


def test_what_people_read(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["tt", "stack", "new", "copy", "--like", "own", "--project", str(folder)])
    assert cli.main() == 0
    told = capsys.readouterr().out
    for each in (
        "Pulumi.copy.yaml is made, with the config of own.",
        "  ./tt pulumi config set --secret tasktracker:cloudflare_api_token --stack copy",
        "not copied, as it belongs to own: tasktracker:domain, ",
        "Its passphrase is in ",
        "Next:\n  make up STACK=copy",
        "Where no one can answer: make up STACK=copy YES=--yes",
    ):
        assert each in told


def test_a_passphrase_of_an_earlier_stack_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "home/.config/tasktracker/copy-passphrase"
    for already in (False, True):
        monkeypatch.setattr("sys.argv", ["tt", "stack", "new", "copy", "--project", str(folder)])
        assert cli.main() == 0
        told = capsys.readouterr().out
        assert (f"the one that was in {file} already, perhaps of an earlier stack" in told) is already
        assert (f"Its passphrase is in {file}. Keep a copy" in told) is not already
        # As `pulumi stack rm` does.
        (folder / "Pulumi.copy.yaml").unlink()
