"""A move of a state that is cut off at any point carries on, and no update ever has two states to choose from."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.tt.errors import BrokenError, FailedError, InterruptedWorkError, RefusedError, UnreachableError, UsageError
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.state import locks, move
from ops.tt.state.location import StateLocation, state_location, unlock
from ops.tt.state.locks import LockedError
from ops.tt.state.move import Mover, Outcome
from ops.tt.state.store import FolderStore
from toolchain.pulumi_engine.backends import folder_of

CONFIG = "config:\n  tasktracker:environment: prod\nencryptionsalt: v1:abc\n"

STATE = {"deployment": {"resources": [{"urn": "a"}, {"urn": "b"}], "secrets_providers": {"state": {"salt": "v1"}}}}

HISTORY = [
    f".pulumi/history/tasktracker/prod/prod-{n}.{kind}.json" for n in (1, 2) for kind in ("checkpoint", "history")
]

CHECKPOINT, TAGS = ".pulumi/stacks/tasktracker/prod.json", ".pulumi/stacks/tasktracker/prod.pulumi-tags"

#: Another stack of the same backend, which is none of the move's business.
NEIGHBOUR = ".pulumi/stacks/tasktracker/production.json"


def pulumi(_self: Mover, url: str, *args: str) -> str:
    """What Pulumi would print."""
    if args[1] == "ls":
        return "[]"
    content = FolderStore(folder_of(url)).read(CHECKPOINT)
    assert content is not None
    return content.decode()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A stack whose state is in the folder `old`; there is no engine."""
    monkeypatch.setattr(Mover, "_pulumi", pulumi)
    monkeypatch.setattr(move, "default_backend", lambda _: url(tmp_path, "old"))
    monkeypatch.setattr(
        "ops.tt.state.location.environment", lambda config: {"PULUMI_BACKEND_URL": backend(tmp_path, config)}
    )
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    (tmp_path / "Pulumi.prod.yaml").write_text(CONFIG)
    store = FolderStore(tmp_path / "old")
    store.write(".pulumi/meta.yaml", b"version: 1\n")
    for key in (*HISTORY, TAGS, NEIGHBOUR):
        store.write(key, f"content of {key}".encode())
    store.write(CHECKPOINT, json.dumps(STATE).encode())
    return Project.find("prod", tmp_path)


def url(folder: Path, name: str) -> str:
    return f"file://{folder}/{name}"


def backend(folder: Path, config: Path) -> str:
    found = [line.split(": ", 1)[1] for line in config.read_text().splitlines() if "state_backend" in line]
    return found[0] if found else url(folder, "old")


def run(project: Project, to: str = "new") -> Outcome:
    return Mover(project, Output(json=True)).move(url(project.folder, to))


def location(project: Project, name: str) -> StateLocation:
    return state_location(project, url(project.folder, name))


def stacks(project: Project) -> list[str]:
    """The backends that have the stack."""
    return [name for name in ("old", "new", "newer") if location(project, name).checkpoint]


def files(project: Project, name: str) -> dict[str, bytes | None]:
    store = FolderStore(project.folder / name)
    return {key: store.read(key) for key in store.keys("")}


def test_everything_of_the_stack_goes_and_nothing_else(project: Project) -> None:
    before = files(project, "old")
    done = run(project)
    assert (done.moved, done.resources, done.updates, done.config_changed) == (True, 2, 2, True)
    assert files(project, "new") == {key: content for key, content in before.items() if key != NEIGHBOUR}
    assert files(project, "old") == {key: before[key] for key in (".pulumi/meta.yaml", NEIGHBOUR)}
    assert (project.folder / "new").stat().st_mode & 0o077 == 0
    assert done.kept is not None
    kept = Path(done.kept)
    assert json.loads(kept.read_text()) == STATE
    assert [stat.S_IMODE(each.stat().st_mode) for each in (kept, kept.parent)] == [0o600, 0o700]
    assert f"tasktracker:state_backend: {url(project.folder, 'new')}\n" in project.config_file.read_text()
    back = Mover(project, Output(json=True)).move("file")
    assert back.backend == url(project.folder, "old")
    assert project.config_file.read_text() == CONFIG
    assert files(project, "old") == before


def test_again_there_is_nothing_to_do(project: Project) -> None:
    run(project)
    assert run(project) == Outcome(url(project.folder, "new"), url(project.folder, "new"), False)


def test_a_stack_with_no_state_yet_only_gets_its_backend(project: Project) -> None:
    location(project, "old").forget()
    done = run(project)
    assert (done.moved, done.kept, done.config_changed, stacks(project)) == (False, None, True, [])


def test_a_state_that_is_there_already_is_found(project: Project) -> None:
    """As in a clone whose config file is of before the move."""
    run(project)
    project.config_file.write_text(CONFIG)
    done = run(project)
    assert (done.moved, done.resources, done.config_changed, stacks(project)) == (True, 2, True, ["new"])


def test_an_empty_stack_in_the_way_is_none(project: Project) -> None:
    FolderStore(project.folder / "new").write(CHECKPOINT, b'{"deployment": {}}')
    assert run(project).moved
    assert stacks(project) == ["new"]


def killed_at(project: Project, number: int, monkeypatch: pytest.MonkeyPatch, to: str = "new") -> bool:
    """Moves in a process that is killed before it changes anything for the `number`th time; false if it ends before."""
    changes = iter(range(number))

    def or_die(change: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            if next(changes, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return change(*args)

        return counted

    child = os.fork()
    if child == 0:
        try:
            for owner, name in ((FolderStore, "write"), (FolderStore, "delete"), (Project, "write"), (Mover, "_keep")):
                monkeypatch.setattr(owner, name, or_die(getattr(owner, name)))
            run(project, to)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


#: How often a move changes something.
STEPS = 19


@pytest.mark.parametrize("number", range(STEPS))
def test_a_killed_move_carries_on(project: Project, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    before = files(project, "old")
    assert killed_at(project, number, monkeypatch)
    there = stacks(project)
    assert there
    # Where there are two, no update passes in either; nor in the one that the config names, while it may go.
    if len(there) == 2:
        assert all(location(project, each).locks() for each in there)
    assert backend(project.folder, project.config_file).rpartition("/")[2] in there
    if any(location(project, each).locks() for each in there):
        # Cleared by hand, two could be taken.
        with pytest.raises(RefusedError, match=r"`make state STACK=prod BACKEND='file://.*/new'` carries on"):
            unlock(next(each for each in (location(project, "old"), location(project, "new")) if each.locks()), "prod")
    run(project)
    assert stacks(project) == ["new"]
    assert files(project, "new") == {key: content for key, content in before.items() if key != NEIGHBOUR}
    assert files(project, "old") == {key: before[key] for key in (".pulumi/meta.yaml", NEIGHBOUR)}


def test_those_are_all_of_its_steps(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not killed_at(project, STEPS, monkeypatch)
    assert stacks(project) == ["new"]


@pytest.mark.parametrize("number", [8, 14])
def test_a_killed_move_goes_nowhere_else(project: Project, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    assert killed_at(project, number, monkeypatch)
    with pytest.raises(RefusedError, match=r"a move of 'prod' to .*/new was cut off: `make state .*/new'` carries on"):
        run(project, "newer")
    assert "newer" not in stacks(project)


def test_a_move_under_way_is_left_alone(project: Project) -> None:
    source, target = location(project, "old"), location(project, "new")
    # This process lives.
    locks.take(source.store, "tasktracker", "prod", source.url, target.url)
    with pytest.raises(RefusedError, match="a move of 'prod' is under way"):
        run(project)
    assert stacks(project) == ["old"]


def test_a_move_of_another_machine_is_carried_on_there(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert killed_at(project, 8, monkeypatch)
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    with pytest.raises(RefusedError, match=r"was begun on another machine .* run the same command there"):
        run(project)


def test_states_that_differ_are_for_a_person_to_choose(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(STEPS):
        assert killed_at(project, number, monkeypatch)
        if project.config_file.read_text() != CONFIG and len(stacks(project)) == 2:
            break
        location(project, "new").forget()
        for each in ("old", "new"):
            for lock in location(project, each).locks():
                location(project, each).store.delete(lock.key)
    location(project, "old").store.write(CHECKPOINT, json.dumps({"deployment": {"resources": []}}).encode())
    with pytest.raises(RefusedError, match=r"differ: docs/STATE\.md says how to choose"):
        run(project)
    assert stacks(project) == ["old", "new"]


@pytest.mark.parametrize("name", ["old", "new"])
def test_an_update_under_way_is_refused(project: Project, name: str) -> None:
    now = datetime.now(UTC).isoformat()
    held = {"pid": os.getpid(), "username": "me", "hostname": socket.gethostname(), "timestamp": now}
    key = ".pulumi/locks/organization/tasktracker/prod/1.json"
    FolderStore(project.folder / name).write(key, json.dumps(held).encode())
    with pytest.raises(LockedError, match=rf"is under way \(process {os.getpid()} of me on"):
        run(project)
    assert (stacks(project), project.config_file.read_text()) == (["old"], CONFIG)


def test_another_state_of_that_name_is_not_overwritten(project: Project) -> None:
    other = json.dumps({"deployment": {"resources": [{"urn": "c"}]}}).encode()
    FolderStore(project.folder / "new").write(CHECKPOINT, other)
    with pytest.raises(RefusedError, match=r"has a stack 'prod' with 1 resources already"):
        run(project)
    assert location(project, "new").store.read(CHECKPOINT) == other
    assert stacks(project) == ["old", "new"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [("content", "is not what was written there"), ("export", "is not what is in"), ("config", "by hand")],
)
def test_what_fails_leaves_all_as_it_was(
    project: Project, monkeypatch: pytest.MonkeyPatch, fault: str, message: str
) -> None:
    before = files(project, "old")
    if fault == "content":
        write = FolderStore.write

        def damaged(self: FolderStore, key: str, content: bytes) -> None:
            write(self, key, content[:-1] if "history" in key else content)

        monkeypatch.setattr(FolderStore, "write", damaged)
    elif fault == "export":
        exports = iter([json.dumps(STATE)] * 2 + ["{}"])
        monkeypatch.setattr(Mover, "_pulumi", lambda _s, _u, *args: "[]" if args[1] == "ls" else next(exports))
    else:
        # A block that the text's edit does not know.
        project.config_file.write_text("config: {tasktracker:environment: prod}\n")
    config = project.config_file.read_text()
    with pytest.raises(FailedError, match=message):
        run(project)
    assert (files(project, "old"), project.config_file.read_text()) == (before, config)
    assert files(project, "new") == {".pulumi/meta.yaml": b"version: 1\n"}


def test_an_interrupt_leaves_all_as_it_was(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(project, "old")

    def interrupt(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(Mover, "_write_config", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(project)
    assert files(project, "old") == before
    assert stacks(project) == ["old"]


def failing(monkeypatch: pytest.MonkeyPatch, method: str, number: int, error: BaseException) -> None:
    """Has the store fail once, at the call of that number."""
    real, calls = getattr(FolderStore, method), iter(range(1000))

    def call(self: FolderStore, *args: Any) -> Any:
        if next(calls) == number:
            raise error
        return real(self, *args)

    monkeypatch.setattr(FolderStore, method, call)


#: How often a move deletes something, once the config names the new backend.
DELETIONS = 8

FAULTS = [
    (
        UnreachableError("the bucket states: no answer"),
        BrokenError,
        "the bucket states: no answer\nThe state of 'prod' is",
    ),
    (KeyboardInterrupt(), InterruptedWorkError, "interrupted: the state of 'prod' is"),
]


@pytest.mark.parametrize("number", range(DELETIONS))
@pytest.mark.parametrize(("error", "raised", "said"), FAULTS)
def test_a_move_that_fails_at_its_end_says_that_the_same_command_finishes_it(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    error: BaseException,
    raised: type[BaseException],
    said: str,
) -> None:
    before = files(project, "old")
    failing(monkeypatch, "delete", number, error)
    with pytest.raises(raised) as failed:
        run(project)
    text = str(failed.value)
    assert text.startswith(said)
    assert "complete in" in text
    command = f"make state STACK=prod BACKEND='{url(project.folder, 'new')}'"
    assert f"`{command}` finishes it" in text
    assert f"state_backend: {url(project.folder, 'new')}\n" in project.config_file.read_text()
    assert any(location(project, each).locks() for each in ("old", "new"))
    # A move whose holder lives is under way.
    monkeypatch.setattr(locks, "_lives", lambda *_: False)
    run(project)
    assert stacks(project) == ["new"]
    assert files(project, "new") == {key: content for key, content in before.items() if key != NEIGHBOUR}
    assert not location(project, "old").locks()


def test_those_are_all_that_it_deletes_at_its_end(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "delete", DELETIONS, ZeroDivisionError())
    assert run(project).moved


@pytest.mark.parametrize(("error", "raised"), [(KeyboardInterrupt(), InterruptedWorkError), (None, BrokenError)])
def test_a_move_that_can_not_be_undone_says_how_it_goes_on(
    project: Project, monkeypatch: pytest.MonkeyPatch, error: BaseException | None, raised: type[BaseException]
) -> None:
    def fail(*_: object) -> bool:
        raise error or FailedError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Mover, "_write_config", fail)
        failing(patched, "delete", 0, UnreachableError("the bucket states: no answer"))
        with pytest.raises(
            raised, match=r"no answer\nThe move is not undone(.|\n)*`make state STACK=prod .* carries on"
        ):
            run(project)
    assert project.config_file.read_text() == CONFIG
    assert all(location(project, each).locks() for each in ("old", "new"))
    monkeypatch.setattr(locks, "_lives", lambda *_: False)
    run(project)
    assert stacks(project) == ["new"]


def test_a_config_that_was_changed_already_is_changed_back(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Project.write

    def interrupted(self: Project, content: bytes) -> None:
        write(self, content)
        monkeypatch.setattr(Project, "write", write)
        raise KeyboardInterrupt

    monkeypatch.setattr(Project, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(project)
    assert (stacks(project), project.config_file.read_text()) == (["old"], CONFIG)
    assert not any(location(project, each).locks() for each in ("old", "new"))


def test_what_is_refused_leaves_the_locks_of_a_killed_move(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert killed_at(project, 8, monkeypatch)
    before = files(project, "old"), files(project, "new")
    assert any("/locks/" in key for each in before for key in each)
    FolderStore(project.folder / "new").write(".pulumi/meta.yaml", b"version: 0\n")
    with pytest.raises(RefusedError, match="in an old way"):
        run(project)
    FolderStore(project.folder / "new").write(".pulumi/meta.yaml", b"version: 1\n")
    assert (files(project, "old"), files(project, "new")) == before


def test_a_second_try_that_fails_leaves_no_copy_of_the_first(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(project, "old")
    for number in range(STEPS):
        assert killed_at(project, number, monkeypatch)
        if len(stacks(project)) == 2:
            break
    monkeypatch.setattr(Mover, "_keep", lambda *_: (_ for _ in ()).throw(FailedError("the disk is full")))
    with pytest.raises(FailedError, match=r"^the disk is full$"):
        run(project)
    assert (files(project, "old"), stacks(project)) == (before, ["old"])


def test_an_old_layout_is_refused(project: Project) -> None:
    FolderStore(project.folder / "new").write(".pulumi/meta.yaml", b"version: 0\n")
    with pytest.raises(RefusedError, match=r"TASKTRACKER_BACKEND_URL='.*/new' ./tt pulumi state upgrade"):
        run(project)


def test_a_backend_that_pulumi_cannot_use_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    monkeypatch.undo()
    mover = object.__new__(Mover)
    mover._project, mover._env = project, {}
    failed = subprocess.CompletedProcess([], 255, "", "error: no credentials\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(UnreachableError, match=r"^Pulumi can't use s3://x: no credentials$"):
        mover._pulumi("s3://x", "stack", "ls")


@pytest.mark.parametrize("to", ["gs://bucket", "state", "https://x"])
def test_only_folders_and_buckets(project: Project, to: str) -> None:
    with pytest.raises(UsageError, match=r"must be s3://BUCKET"):
        Mover(project, Output(json=True)).move(to)
