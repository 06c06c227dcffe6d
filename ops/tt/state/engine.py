"""The stack as Pulumi has it: its state, and updates of it under the policy pack."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pulumi.automation import CommandError, ConcurrentUpdateError, LocalWorkspace, Stack, StackNotFoundError

from ops import pulumi_cli
from ops.pulumi_cli import PulumiError
from ops.tt.errors import RefusedError, UnreachableError, UsageError
from ops.tt.project import Project
from ops.tt.state import passphrase
from ops.tt.state.location import state_location
from ops.tt.state.locks import LockedError, holders
from ops.tt.state.resources import data_volume_urns
from ops.tt.state.update_events import Events, UpdateError, said
from remote.private_folder import PrivateFolder
from settings.ownership_text import CHANGED
from toolchain.process.steps import StepError
from toolchain.pulumi_engine.engine import POLICY_PACK, POLICY_PACK_CONFIG, environment
from toolchain.stacks.damaged_state import damaged, lost

#: Seconds between two looks at whether an update has ended.
POLL = 0.2


class _Workspace(LocalWorkspace):
    """One that leaves the user's selected stack as it is: the next plain `pulumi up` must not go elsewhere.

    Each command names its stack, and says itself that there is none.
    """

    def select_stack(self, stack_name: str) -> None:
        pass


class Engine:
    """A stack in its state backend."""

    def __init__(self, project: Project) -> None:
        self.project = project
        try:
            # Programs that Pulumi starts find each other on PATH.
            os.environ.update(environment(project.config_file))
        except StepError as error:
            raise UnreachableError(str(error)) from None
        self._stack = Stack.select(project.stack, _Workspace(work_dir=str(project.folder)))

    @property
    def backend(self) -> str:
        """The URL of the state backend."""
        return os.environ["PULUMI_BACKEND_URL"]

    def deployment(self) -> Mapping[str, Any]:
        """The state as Pulumi exports it; secrets stay encrypted."""
        with self._reading():
            return self._stack.export_stack().deployment or {}

    def resources(self) -> Sequence[Mapping[str, Any]]:
        """The resources in the state; secrets stay encrypted."""
        return self.deployment().get("resources") or []

    def cut_off(self) -> list[str]:
        """The resources that updates worked on when they were cut off: the state may not be what is there."""
        return sorted({str(each["resource"]["urn"]) for each in self.pending()})

    def pending(self) -> Sequence[Mapping[str, Any]]:
        """What updates did when they were cut off: the kind of operation and the resource, as the state has them."""
        return self.deployment().get("pending_operations") or []

    def check_settled(self) -> None:
        """Checks that no update is under way, and that none was cut off.

        Raises:
            RefusedError: one is, or was; says what to do.
        """
        # Of another kind of backend only Pulumi knows the locks.
        with suppress(UsageError):
            if locks := state_location(self.project, self.backend).locks():
                raise LockedError(self.project.stack, locks)
        if urns := self.cut_off():
            names = ", ".join(urn.rpartition("::")[2] for urn in urns)
            raise RefusedError(
                f"an update was cut off while it worked on {names}. "
                f"First `./tt recover --stack {self.project.stack}`, which asks what became of it"
            )

    def clear_cut_off(self, gone: Sequence[str] = ()) -> None:
        """Asks the host what became of what updates worked on when they were cut off.

        Data volumes that are `gone` stay in the state: without them there the next update would begin with empty ones.
        """
        kept = [f"--exclude={urn}" for urn in self._urns(gone)]
        self._command("refresh", "--clear-pending-creates", "--yes", "--skip-preview", *kept)

    def _command(self, *args: str) -> None:
        """A command of the Pulumi CLI that the Automation API does not have."""
        try:
            pulumi_cli.output([*args, "--stack", self.project.stack], self.project.folder)
        except PulumiError as error:
            if locks := holders(error.reason):
                raise LockedError(self.project.stack, locks) from None
            raise UnreachableError(str(error)) from None

    def preview(self, content: bytes) -> list[tuple[str, str, str]]:
        """What an update with that config file would change: operation, type and name of each resource.

        Raises:
            UpdateError: the program, the engine or a policy refuses it.
        """
        with self._copy(content) as path:
            return self._run(
                lambda events: self._stack.preview(
                    on_event=events.take,
                    config_file=str(path),
                    policy_packs=[POLICY_PACK],
                    policy_pack_configs=[POLICY_PACK_CONFIG],
                )
            )

    def up(
        self,
        message: str,
        *,
        heed: bool = True,
        on_change: Callable[[str, str], None] | None = None,
        on_interrupt: Callable[[], None] | None = None,
    ) -> None:
        """Updates the stack to its config file. Interrupted, it ends the update in order before it goes.

        `on_interrupt` hastens an end: Pulumi lets what it has
        begun come to its own. Without `heed` an interrupt is passed over.

        Raises:
            UpdateError: it failed.
            KeyboardInterrupt: the user stopped it; the update is over.
        """
        # Its config is of the command that calls this, which knows what becomes of PostgreSQL's data volumes.
        os.environ[CHANGED] = message
        self._run(
            lambda events: self._stack.up(
                message=message,
                on_event=events.take,
                policy_packs=[POLICY_PACK],
                policy_pack_configs=[POLICY_PACK_CONFIG],
            ),
            heed=heed,
            on_change=on_change,
            on_interrupt=on_interrupt,
        )

    def refresh(self, gone: Sequence[str] = ()) -> None:
        """Takes from the state what is not there any more, but for data volumes that are `gone`.

        Raises:
            UpdateError: it failed.
            KeyboardInterrupt: the user stopped it.
        """
        kept = self._urns(gone)
        self._run(lambda events: self._stack.refresh(on_event=events.take, exclude=kept))

    def _urns(self, volumes: Sequence[str]) -> list[str]:
        """The resources of data volumes, by the volumes' names on the Docker host."""
        resources = self.resources() if volumes else []
        return [urn for volume in volumes for urn in data_volume_urns(resources, volume)]

    def unprotect(self, volume: str) -> None:
        """Allows a data volume to be deleted, by its name on the Docker host."""
        for urn in data_volume_urns(self.resources(), volume):
            self._command("state", "unprotect", urn, "--yes")

    def cancel(self) -> None:
        """Removes the lock of an update that was killed."""
        self._command("cancel", "--yes")

    def _run(
        self,
        operation: Callable[[Events], object],
        heed: bool = True,
        on_change: Callable[[str, str], None] | None = None,
        on_interrupt: Callable[[], None] | None = None,
    ) -> list[tuple[str, str, str]]:
        events = Events(on_change=on_change)
        failure: list[Exception] = []
        finished = threading.Event()

        def work() -> None:
            try:
                operation(events)
            except Exception as error:
                failure.append(error)
            finally:
                finished.set()

        # In a thread, whose wait for Pulumi no signal cuts off: with Ctrl-C the terminal interrupts Pulumi too. Not by
        # `join`: interrupted, it takes the thread for ended (Python's issue 89437).
        threading.Thread(target=work).start()
        if _interrupted(finished, on_interrupt) and heed:
            raise KeyboardInterrupt
        if failure:
            error = failure[0]
            if isinstance(error, ConcurrentUpdateError):
                raise LockedError(self.project.stack, holders(str(error)))
            if not isinstance(error, CommandError):
                raise error
            if isinstance(error, StackNotFoundError):
                raise self._unreadable(error)
            raise UpdateError("\n".join(events.errors) or said(error))
        return events.changes

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except CommandError as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: CommandError) -> UnreachableError:
        """What Pulumi says of a state that it can't read; of a passphrase it doesn't say whose, or what to do."""
        if isinstance(error, StackNotFoundError):
            stack = self.project.stack
            gone = lost(self.backend, self.project.name, stack)
            return UnreachableError(
                f"the state of '{stack}' is lost: {gone}"
                if gone
                else f"the stack '{stack}' is not in {self.backend}: `make up STACK={stack}` makes it"
            )
        reason = said(error)
        found = passphrase.problem(self.project, os.environ) if passphrase.is_about_it(reason) else None
        return UnreachableError(found or f"the state can't be read: {damaged(self.backend) or reason}")

    @contextmanager
    def _copy(self, content: bytes) -> Iterator[Path]:
        """`content` as a config file of its own."""
        with PrivateFolder("tasktracker-config-") as folder:
            path = folder / self.project.config_file.name
            path.touch(mode=0o600)
            path.write_bytes(content)
            yield path


def _interrupted(finished: threading.Event, on_interrupt: Callable[[], None] | None) -> bool:
    """Waits for `finished`, whatever signals come; whether one has. `on_interrupt` is called after the first."""
    interrupted = hastened = False
    while True:
        try:
            if interrupted and not hastened and on_interrupt:
                hastened = True
                on_interrupt()
            if finished.wait(POLL):
                return interrupted
        except KeyboardInterrupt:
            interrupted = True
