"""Pulumi's commands, policy packs and the Automation API work with the project's engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation

from tests.toolchain import fake_provider
from tests.toolchain.conftest import Project, copy_of
from toolchain.machine.golang import parse_version
from toolchain.process.steps import ROOT
from toolchain.pulumi_engine.engine import engine_version

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi

class Part(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("probe:parts:Part", name)
        below = pulumi.ResourceOptions(parent=self)
        pulumi.Stash(f"{name}-stash", input=pulumi.Config().require("colour"), opts=below)
        self.register_outputs({})

Part("part")
pulumi.export("colour", pulumi.Config().require("colour"))
"""

PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def no_red(args, report):
    if args.resource_type == "pulumi:index:Stash" and args.props["input"] == "red":
        report("red is not allowed")

PolicyPack("pack", policies=[ResourceValidationPolicy(
    name="no-red", description="No red.", validate=no_red,
    enforcement_level=EnforcementLevel.MANDATORY,
)])
"""


@pytest.fixture(scope="module")
def coloured_once(empty_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose stack has been brought up, to be copied."""
    project = copy_of(empty_project, tmp_path_factory.mktemp("coloured"))
    project.write(PROGRAM)
    project.pulumi("config", "set", "-s", "test", "colour", "blue")
    project.up()
    return project


@pytest.fixture
def coloured(coloured_once: Project, tmp_path: Path) -> Project:
    """A project whose stack has been brought up once."""
    return copy_of(coloured_once, tmp_path)


@pytest.fixture
def pack(coloured: Project) -> str:
    """The folder of a policy pack that forbids red."""
    coloured.write("runtime: python\n", "pack/PulumiPolicy.yaml")
    coloured.write(PACK, "pack/__main__.py")
    return str(coloured.folder / "pack")


def test_version(coloured: Project) -> None:
    assert parse_version(coloured.pulumi("version")) >= parse_version(engine_version())


def test_nothing_changes_twice(coloured: Project) -> None:
    for refresh in ([], ["--refresh"]):
        coloured.pulumi("preview", "-s", "test", "--expect-no-changes", *refresh)
    assert "3 unchanged" in coloured.up()


def test_preview_shows_one_changed_setting(coloured: Project) -> None:
    coloured.pulumi("config", "set", "-s", "test", "colour", "green")
    output = coloured.pulumi("preview", "-s", "test", "--diff")
    assert '"blue" => "green"' in output
    assert "~ 1 to update" in output


@pytest.mark.nightly
def test_refresh_graph_about_destroy(coloured: Project) -> None:
    coloured.pulumi("refresh", "-s", "test", "--yes")
    graph = coloured.folder / "graph.dot"
    coloured.pulumi("stack", "graph", "-s", "test", str(graph))
    assert "part-stash" in graph.read_text()
    about = coloured.pulumi("about", "-s", "test")
    assert str(ROOT / ".venv" / "bin" / "python") in about
    assert "pulumi_docker" in about.replace("-", "_")
    assert "3 deleted" in coloured.pulumi("destroy", "-s", "test", "--yes", "--skip-preview")


def test_destroy_that_runs_the_program(coloured: Project) -> None:
    output = coloured.pulumi("destroy", "-s", "test", "--run-program", "--yes", "--skip-preview")
    assert "3 deleted" in output


def test_import(coloured: Project) -> None:
    with fake_provider.serving() as attached:
        output = coloured.pulumi(
            "import", "-s", "test", "--yes", "standin:index:Thing", "imported", "existing",
            PULUMI_DEBUG_PROVIDERS=attached,
        )  # fmt: skip
    assert "1 imported" in output
    # Either host shows what to declare.
    assert 'colour = "red"' in output or 'colour="red"' in output
    assert "imported" in coloured.pulumi("stack", "-s", "test")


def test_policy_pack_lets_pass(coloured: Project, pack: str) -> None:
    assert "pack" in coloured.up("--policy-pack", pack)


def test_policy_pack_stops_a_violation(coloured: Project, pack: str) -> None:
    coloured.pulumi("config", "set", "-s", "test", "colour", "red")
    for command in (["preview"], ["up", "--skip-preview"]):
        output = coloured.pulumi(*command, "-s", "test", "--policy-pack", pack, code=None)
        assert "red is not allowed" in output
    assert _stash(coloured)["inputs"]["input"] == "blue"


def test_broken_policy_pack_says_why(coloured: Project, pack: str) -> None:
    coloured.write("raise LookupError('broken pack')", "pack/__main__.py")
    assert "broken pack" in coloured.up("--policy-pack", pack, code=None)


@pytest.mark.nightly
def test_automation_api_with_a_folder(coloured: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", coloured.env["PATH"])
    stack = automation.select_stack(
        "test",
        work_dir=str(coloured.folder),
        opts=automation.LocalWorkspaceOptions(env_vars=coloured.env),
    )
    stack.set_config("colour", automation.ConfigValue("green"))
    assert stack.preview().change_summary == {"update": 1, "same": 2}
    assert stack.up().outputs["colour"].value == "green"
    assert stack.refresh().summary.result == "succeeded"
    assert stack.destroy().summary.result == "succeeded"


@pytest.mark.nightly
def test_automation_api_with_a_function(
    project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", project.env["PATH"])

    def program() -> None:
        import pulumi

        pulumi.export("made", pulumi.Stash("stash", input=1).output)

    stack = automation.create_or_select_stack(
        "inline",
        "probe",
        program,
        opts=automation.LocalWorkspaceOptions(work_dir=str(tmp_path_factory.mktemp("inline")), env_vars=project.env),
    )
    assert stack.up().outputs["made"].value == 1


def _stash(project: Project) -> dict[str, Any]:
    """The stash in the state of the stack."""
    exported = json.loads(project.pulumi("stack", "export", "-s", "test"))
    resources = exported["deployment"]["resources"]
    return next(r for r in resources if r["type"] == "pulumi:index:Stash")
