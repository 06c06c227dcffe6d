"""What is built, in which order, and by which command."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

import pytest

from images.catalog import IMAGES, ROOT, local_reference
from toolchain.image_build import images
from toolchain.image_build.images import build_command, to_build
from toolchain.machine import golang
from toolchain.machine.golang import NoGoError
from toolchain.process.steps import StepError

REFERENCES = {name: f"tasktracker/{name}:1" for name in IMAGES}
ALL = set(REFERENCES.values())


def test_what_is_there_is_not_built() -> None:
    assert to_build(["app", "dashboard"], REFERENCES, ALL) == []


def test_a_parent_is_not_built_for_a_child_that_is_there() -> None:
    assert to_build(["app"], REFERENCES, {REFERENCES["app"]}) == []


def test_missing_parents_come_first() -> None:
    assert to_build(["dashboard", "nats"], REFERENCES, set()) == ["base", "nats", "nginx", "dashboard"]


def test_a_parent_that_is_there_is_built_on() -> None:
    assert to_build(["dashboard"], REFERENCES, {REFERENCES["nginx"]}) == ["dashboard"]


def test_an_unknown_image_is_refused() -> None:
    with pytest.raises(StepError, match="image 'rabbitmq': unknown; there are base, app"):
        to_build(["rabbitmq"], REFERENCES, set())


def test_the_build_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolchain.image_build.images.PROXY_VARIABLES", ("HTTP_PROXY", "NO_PROXY"))
    monkeypatch.setenv("HTTP_PROXY", "http://user:secret@proxy:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    command = build_command(
        Path("/usr/bin/docker"),
        IMAGES["dashboard"],
        REFERENCES,
        REFERENCES["nginx"],
        {"VERSION": "1.2.3"},
        {"ca": Path("/tmp/ca")},
    )
    assert " ".join(command) == (
        "/usr/bin/docker build --progress=plain --file images/dashboard/Dockerfile --tag tasktracker/dashboard:1"
        " --build-arg NGINX=tasktracker/nginx:1 --build-arg VERSION=1.2.3 --build-arg HTTP_PROXY"
        " --secret id=ca,src=/tmp/ca ."
    )


class Engine:
    """A fake for an engine with its client: it has images, and builds whatever it is told to."""

    def __init__(self, present: Iterable[str], in_use: Iterable[str] = ()) -> None:
        self.present = list(present)
        self.in_use = set(in_use)
        self.built: list[str] = []
        self.path = Path("/usr/bin/docker")

    def output(self, *args: str) -> str:
        if args[0] == "version":
            return "arm64"
        return "\n".join(f"{reference} 100MB" for reference in self.present)

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        refused = args[:2] == ("image", "rm") and args[2] in self.in_use
        return subprocess.CompletedProcess(args, int(refused), "", "")

    def build(self, _: str, argv: list[str], **__: object) -> None:
        reference = argv[argv.index("--tag") + 1]
        if reference.startswith("tasktracker/nginx"):
            raise StepError("nginx: failed")
        self.built.append(reference.split(":")[0].removeprefix("tasktracker/"))
        self.present.append(reference)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine without images, in place of the machine's."""
    engine = Engine([])
    monkeypatch.setattr(images, "connect", lambda **_: engine)
    monkeypatch.setattr(images, "run", engine.build)
    monkeypatch.setattr(images, "ensure_bootstrap", lambda _: "debian:trixie-slim")
    monkeypatch.setattr(images, "build_secrets", lambda _: nullcontext({}))
    monkeypatch.setattr(golang, "find_go", lambda: "go")
    return engine


def test_each_image_is_told_with_its_size(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.present = [local_reference("app")]
    images.ensure_images(["app", "nats"])
    assert capsys.readouterr().out.splitlines() == [
        f"==> {local_reference('app')} present, 100MB",
        f"==> {local_reference('nats')} built, 100MB",
    ]
    assert engine.built == ["base", "nats"]


def test_programs_of_earlier_versions_do_not_get_into_images(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(images, "ROOT", tmp_path)
    folder = tmp_path / "images/postgres/bin"
    folder.mkdir(parents=True)
    for name in ("supercronic", "restore"):
        (folder / name).touch()
    images.ensure_images([])
    assert [each.name for each in folder.iterdir()] == ["restore"]


def test_a_failed_parent_fails_the_build_and_its_children_are_not_tried(engine: Engine) -> None:
    with pytest.raises(StepError, match="nginx: failed"):
        images.ensure_images(["dashboard"])
    assert engine.built == ["base"]


def test_programs_are_built_for_the_engine_before_the_image_that_copies_them(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds: list[tuple[Path, str, Path, object]] = []

    def build(_: str, module: Path, package: str, program: Path, **options: object) -> None:
        assert "object_store" not in engine.built
        builds.append((module, package, program, options["env"]))

    monkeypatch.setattr(golang, "build", build)
    images.ensure_images(["nats", "object_store"])
    folder = ROOT / "images/object_store"
    env = {"GOOS": "linux", "GOARCH": "arm64", "CGO_ENABLED": "0"}
    assert builds == [(ROOT / "images/tools/versitygw", "tool", folder / "built/versitygw", env)]
    assert set(engine.built) == {"base", "nats", "object_store"}


def test_without_go_nothing_is_begun(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_go() -> str:
        raise NoGoError("no Go to build with: install it")

    monkeypatch.setattr(golang, "find_go", no_go)
    with pytest.raises(StepError, match="no Go to build with"):
        images.ensure_images(["nats", "object_store"])
    assert engine.built == []
    images.ensure_images(["nats"])
    assert engine.built == ["base", "nats"]


def test_pruning_keeps_what_is_current_or_in_use(engine: Engine) -> None:
    engine.present = [local_reference("app"), "tasktracker/app:old", "tasktracker/app:used"]
    engine.in_use = {"tasktracker/app:used"}
    found = images.outdated()
    assert images.remove(found) == ["tasktracker/app:old"]
