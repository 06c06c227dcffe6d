"""The move of a stack's state from one backend to another: a folder, or a bucket of an S3 service.

Both backends are locked as Pulumi locks them, so that no update comes in between, then everything of the stack is
copied, read back and compared, once by its bytes and once by what Pulumi makes of it. Only then the stack's config
names the new backend, and the old one forgets the stack. Secrets are never decrypted: a move needs no passphrase.

Whoever is killed meanwhile leaves the two locks, which say what was under way: updates are refused in both places, and
the same command carries on.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops import pulumi_cli
from ops.pulumi_cli import PulumiError
from ops.tt.errors import FailedError, RefusedError, UnreachableError
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.state import bucket
from ops.tt.state.location import StateLocation, engine_environment, state_location
from ops.tt.state.locks import Lock, LockedError
from ops.tt.state.store import BucketStore
from ops.tt.state.transfer import Moving, command
from toolchain.pulumi_engine.backends import KEY, is_folder, line_value
from toolchain.pulumi_engine.environment import BACKEND, default_backend

#: What stands for the folder of the project in place of a URL.
FOLDER = "file"

META = ".pulumi/meta.yaml"


@dataclass(frozen=True)
class Outcome:
    """How a move has ended. `moved` is false where there was no state to move."""

    backend: str
    previous: str
    moved: bool
    resources: int = 0
    updates: int = 0
    kept: str | None = None
    config_changed: bool = False

    def asdict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


class Mover:
    """Moves one stack's state."""

    def __init__(self, project: Project, output: Output) -> None:
        self._project, self._output, self._env = project, output, engine_environment(project)
        self._default = default_backend(project.folder)

    @property
    def current(self) -> str:
        """The backend that the stack's config names, or the one of stacks whose config names none."""
        return self._env[BACKEND]

    def move(self, to: str, *, without_versions: bool = False) -> Outcome:
        """Moves the state to the backend `to`; without a state, only the config says where it will be.

        Raises:
            RefusedError: an update is under way, the bucket is not fit for it, or there is another state.
            UnreachableError: a backend does not answer.
            FailedError: it failed; the state is where it was.
        """
        target = self._location(self._url(to))
        if target.url == self.current:
            return self._end_of_a_move(target)
        source = self._location(self.current)
        left = self._left(source, target)
        if isinstance(target.store, BucketStore):
            self._examine(target.store, without_versions)
        self._check_layout(source, target)
        before, there = self._export(source), self._export(target)
        self._check_free(source, target, before, there)
        moving = Moving(self._project, source, target, left)
        if before is None:
            moving.clear_left()
            changed = self._write_config(target.url)
            return Outcome(target.url, source.url, there is not None, *_counts(there, target), None, changed)
        return self._locked_move(moving, before)

    def _locked_move(self, moving: Moving, before: Mapping[str, Any]) -> Outcome:
        source, target = moving.source, moving.target
        with moving.or_back():
            moving.lock()
            # An update may have ended just before.
            before = self._export(source) or before
            kept = self._keep(before)
            with self._output.work(f"Copying the state to {target.url}"):
                moving.copy()
            with self._output.work("Comparing what Pulumi reads there"):
                if self._export(target) != before:
                    raise FailedError(f"what Pulumi reads in {target.url} is not what is in {source.url}")
            changed = self._write_config(target.url)
        moving.finish()
        return Outcome(target.url, source.url, True, *_counts(before, target), str(kept), changed)

    def _end_of_a_move(self, target: StateLocation) -> Outcome:
        """Brings a move to its end that was cut off after the config had named the new backend."""
        own = [lock for lock in target.locks() if lock.target == target.url and lock.source]
        if not own:
            return Outcome(target.url, target.url, False)
        self._check_dead(own)
        source = self._location(str(own[0].source))
        there = self._export(target)
        if source.checkpoint and there != self._export(source):
            raise RefusedError(
                f"a move of '{target.stack}' was cut off, and its states in {source.url} and {target.url} differ: "
                "docs/STATE.md says how to choose"
            )
        Moving(self._project, source, target, ([], own)).finish()
        return Outcome(target.url, source.url, True, *_counts(there, target))

    def _left(self, source: StateLocation, target: StateLocation) -> Sequence[Sequence[Lock]]:
        """The locks that a killed move to the same target has left in both; refuses every other."""
        left = []
        for location in (source, target):
            found = location.locks()
            own = [lock for lock in found if lock.target]
            left.append(own)
            if others := [lock for lock in found if lock not in own]:
                raise LockedError(location.stack, others)
            self._check_dead(own)
            for lock in own:
                if (lock.source, lock.target) != (source.url, target.url):
                    raise RefusedError(
                        f"a move of '{location.stack}' to {lock.target} was cut off: "
                        f"{command(location.stack, str(lock.target))} carries on"
                    )
        return left

    def _check_dead(self, own: list[Lock]) -> None:
        for lock in own:
            if lock.lives:
                raise RefusedError(f"a move of '{self._project.stack}' is under way ({lock}): wait for its end")
            if lock.lives is None:
                raise RefusedError(
                    f"a move of '{self._project.stack}' was begun on another machine ({lock}). If it was cut off, run "
                    "the same command there"
                )

    def _examine(self, store: BucketStore, without_versions: bool) -> None:
        found = bucket.examine(store)
        if found.unversioned and not without_versions:
            found.refusals.append(f"{found.unversioned}. Or go on --without-versions")
        for warning in found.warnings:
            self._output.warn(warning)
        if found.refusals:
            raise RefusedError("\n".join(found.refusals))

    def _check_layout(self, *locations: StateLocation) -> None:
        """Has Pulumi open both, which makes what a new one lacks, and checks that stacks are in projects there."""
        for location in locations:
            if is_folder(location.url) and location.store.read(META) is None:
                location.store.write(META, b"version: 1\n")
            self._pulumi(location.url, "stack", "ls", "--json")
            meta = (location.store.read(META) or b"").decode(errors="replace")
            if not re.fullmatch(r"version: 1\s*", meta):
                raise RefusedError(
                    f"{location.url} keeps stacks in an old way: "
                    f"`TASKTRACKER_BACKEND_URL='{location.url}' ./tt pulumi state upgrade`"
                )

    def _check_free(
        self,
        source: StateLocation,
        target: StateLocation,
        before: Mapping[str, Any] | None,
        there: Mapping[str, Any] | None,
    ) -> None:
        if there is None or before is None or there == before:
            return
        if count := len(_resources(there)):
            raise RefusedError(
                f"{target.url} has a stack '{target.stack}' with {count} resources already, and it is not the one in "
                f"{source.url}. Name another bucket or folder"
            )

    def _export(self, location: StateLocation) -> Mapping[str, Any] | None:
        """What Pulumi reads of the stack, with secrets encrypted; None if it is not there."""
        if location.checkpoint is None:
            return None
        exported: Mapping[str, Any] = json.loads(
            self._pulumi(location.url, "stack", "export", "--stack", location.stack)
        )
        return exported

    def _pulumi(self, url: str, *args: str) -> str:
        try:
            return pulumi_cli.output(args, self._project.folder, {**os.environ, **self._env, BACKEND: url})
        except PulumiError as error:
            raise UnreachableError(f"Pulumi can't use {url}: {error.reason}") from None

    def _keep(self, state: Mapping[str, Any]) -> Path:
        """A copy of the state, for its owner alone."""
        folder = self._project.folder / ".state" / "moved"
        path = folder / f"{self._project.stack}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.json"
        try:
            folder.parent.mkdir(mode=0o700, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(state, file, indent=4)
        except OSError as error:
            raise FailedError(f"{path} can't be written: {error.strerror}") from None
        return path

    def _write_config(self, url: str) -> bool:
        """Has the stack's config name the backend, unless it is where stacks are without a word; whether it changed."""
        before = self._project.config_file.read_bytes()
        wanted = None if url == self._default else url
        changes, removals = ({}, [KEY]) if wanted is None else ({KEY: wanted}, [])
        after = self._project.edited(changes, removals)
        # The line is looked for by a pattern too, where no YAML can be read.
        if (named := line_value(after.decode())) != wanted:
            raise FailedError(
                f"{self._project.config_file.name} can't be changed to name {url} (it names {named}): "
                "write the line `tasktracker:state_backend` below `config:` by hand"
            )
        if after != before:
            self._project.write(after)
        return after != before

    def _url(self, to: str) -> str:
        """The URL of a backend as it was typed."""
        if to != FOLDER:
            return to.rstrip("/")
        return self._default if is_folder(self._default) else f"file://{self._project.folder}/.state"

    def _location(self, url: str) -> StateLocation:
        return state_location(self._project, url)


def _resources(state: Mapping[str, Any]) -> list[Any]:
    return (state.get("deployment") or {}).get("resources") or []


def _counts(state: Mapping[str, Any] | None, location: StateLocation) -> tuple[int, int]:
    """Resources and updates of a stack."""
    return len(_resources(state or {})), sum(".history.json" in key for key in location.history)
