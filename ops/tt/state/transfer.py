"""A move of a state that is under way: its locks, its copy, and how it ends or goes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from ops.tt.errors import BrokenError, FailedError, InterruptedWorkError, TtError, sentence
from ops.tt.project import Project
from ops.tt.state import locks
from ops.tt.state.location import StateLocation, clear
from ops.tt.state.locks import Lock

#: Files that are copied at the same time.
CONCURRENCY = 8


def command(stack: str, backend: str) -> str:
    """The command that moves a state, or goes on with a move."""
    return f"`make state STACK={stack} BACKEND='{backend}'`"


@dataclass
class Moving:
    """A move of a state from `source` to `target`.

    `left` are the locks that a move to the same target has left that was killed, in source and target.
    """

    project: Project
    source: StateLocation
    target: StateLocation
    left: Sequence[Sequence[Lock]]
    held: list[tuple[StateLocation, Lock]] = field(default_factory=list, init=False)
    copied: bool = field(default=False, init=False)
    config: bytes = field(init=False)
    previous: bytes | None = field(init=False)

    def __post_init__(self) -> None:
        self.config = self.project.config_file.read_bytes()
        # What a killed move has copied is nothing to go back to.
        self.copied = any(self.left)
        checkpoint = None if self.copied else self.target.checkpoint
        self.previous = self.target.store.read(checkpoint) if checkpoint else None

    def clear_left(self) -> None:
        """Removes the locks of the killed move."""
        for location, found in zip((self.source, self.target), self.left, strict=True):
            clear(location, found)

    @contextmanager
    def or_back(self) -> Iterator[None]:
        """What fails in the block, or is stopped, leaves config and target as they were, and takes the locks away.

        Raises:
            BrokenError: it failed, and could not be undone; says what to do.
            InterruptedWorkError: the user stopped it, and it could not be undone.
        """
        try:
            yield
        except BaseException as error:
            try:
                self._undo()
            except (TtError, KeyboardInterrupt) as second:
                rest = (
                    f"{str(second) or 'Interrupted again'}\nThe move is not undone. The state is where it was, "
                    f"and the locks of the move may be left, which no update passes: "
                    f"{command(self.target.stack, self.target.url)} carries on"
                )
                if isinstance(error, KeyboardInterrupt):
                    raise InterruptedWorkError(f"interrupted. {rest}") from None
                raise BrokenError(f"{error}\n{rest}") from None
            raise

    def _undo(self) -> None:
        # Before the state goes that it may name.
        if self.project.config_file.read_bytes() != self.config:
            self.project.write(self.config)
        if self.copied:
            found = self.target.checkpoint
            self.target.forget()
            if self.previous is not None and found is not None:
                self.target.store.write(found, self.previous)
        for location, lock in reversed(self.held):
            location.store.delete(lock.key)

    def lock(self) -> None:
        """Takes the lock of both, so that it refuses all updates.

        Raises:
            LockedError: somebody else has one.
        """
        self.clear_left()
        for location in (self.source, self.target):
            taken = locks.take(location.store, location.project, location.stack, self.source.url, self.target.url)
            self.held.append((location, taken))

    def copy(self) -> None:
        """Copies everything of the stack; what makes it one, its checkpoint, comes last.

        Raises:
            FailedError: what was read back is not what was written.
        """
        source, target = self.source, self.target
        self.copied = True

        def copy(key: str) -> None:
            content = source.store.read(key)
            if content is None:
                raise FailedError(f"{key} of {source.url} is gone")
            target.store.write(key, content)
            if target.store.read(key) != content:
                raise FailedError(f"{key} of {target.url} is not what was written there")

        checkpoint = source.checkpoint
        if checkpoint is None:
            raise FailedError(f"the state of '{source.stack}' is gone from {source.url}")
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            list(pool.map(copy, [*source.history, *source.tags]))
        # One of another compression would stand beside it.
        if (there := target.checkpoint) and there != checkpoint:
            target.store.delete(there)
        copy(checkpoint)

    def finish(self) -> None:
        """Has the source forget the stack, and removes the locks; the config names the target already.

        Raises:
            BrokenError: it failed; says what to do.
            InterruptedWorkError: the user stopped it; says what to do.
        """
        target = self.target
        rest = (
            f"the state of '{target.stack}' is complete in {target.url}, which {self.project.config_file.name} names "
            f"now. It may still be in {self.source.url} too, and no update passes the locks of the move. "
            f"{command(target.stack, target.url)} finishes it"
        )
        try:
            self.source.forget()
            for location in (self.source, target):
                clear(location, [lock for lock in location.locks() if lock.target == target.url])
        except TtError as error:
            raise BrokenError(f"{error}\n{sentence(rest)}") from None
        except KeyboardInterrupt:
            raise InterruptedWorkError(f"interrupted: {rest}") from None
