"""Which steps of a command are done: what it reports when it is interrupted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ops.tt.errors import InterruptedWorkError


@dataclass
class Steps:
    """The steps of a command on a stack, by what they do.

    Attributes:
        stack: The stack.
        names: The steps, in their order.
        first_change: The number of the first step that changes anything, from 0.
        done: How many are done.
    """

    stack: str
    names: Sequence[str]
    first_change: int = 0
    done: int = 0

    def next(self) -> None:
        """One more is done."""
        self.done += 1

    @property
    def report(self) -> str:
        """What was done and what was not, now that the command was interrupted, and where to look."""
        done, rest = self.names[: self.done], self.names[self.done :]
        if self.done < self.first_change:
            return "interrupted; nothing was changed"
        lines = [f"Interrupted. `./tt status --stack {self.stack}` reports how things are"]
        lines += [f"    done: {', '.join(done)}"] if done else []
        lines += [f"    cut off: {rest[0]}"] if rest else []
        lines += [f"    not done: {', '.join(rest[1:])}"] if rest[1:] else []
        return "\n".join(lines)

    @contextmanager
    def reported(self) -> Iterator[None]:
        """Reports the steps where the block is interrupted.

        Raises:
            InterruptedWorkError: it was.
        """
        try:
            yield
        except KeyboardInterrupt:
            raise InterruptedWorkError(self.report) from None
        except InterruptedWorkError as error:
            # The step itself knows more of what became of it.
            raise InterruptedWorkError(f"{self.report}\n{error}") from None
