"""What an update or a preview tells as it goes on, and what of that is its error."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pulumi.automation.events import EngineEvent

#: What a preview says of resources that stay as they are, and of the two halves of a replacement beside the whole.
PASSED_OVER = frozenset({"same", "read", "refresh", "create-replacement", "delete-replaced"})

#: What the engine itself says at the end of a failed update, whatever for.
_NOISE = re.compile(r"^(update|preview) failed$")

#: Colour, as the engine's own mark-up has it.
_MARKUP = re.compile(r"<\{%[^%]*%\}>|\x1b\[[0-9;]*m")


class UpdateError(Exception):
    """An update or a preview failed; the message is what the engine, the program or a policy has said."""


@dataclass
class Events:
    """What an update has told so far."""

    errors: list[str] = field(default_factory=list)
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    """Operation, type and name of each resource that changes."""
    on_change: Callable[[str, str], None] | None = None
    """Called with operation and name as each begins."""

    def take(self, event: EngineEvent) -> None:
        """Notes what the engine has just told."""
        told = event.diagnostic_event
        if told is not None and told.severity == "error":
            text = _MARKUP.sub("", told.message or "").strip()
            if text and not _NOISE.match(text) and text not in self.errors:
                self.errors.append(text)
        policy = event.policy_event
        if policy is not None and policy.enforcement_level == "mandatory":
            self.errors.append(f"{policy.policy_name}: {_MARKUP.sub('', policy.message or '').strip()}")
        begun = event.resource_pre_event
        if begun is not None and begun.metadata.op not in PASSED_OVER:
            parts = begun.metadata.urn.split("::")
            operation = str(getattr(begun.metadata.op, "value", begun.metadata.op))
            self.changes.append((operation, parts[2].rpartition("$")[2], parts[-1]))
            if self.on_change:
                self.on_change(operation, parts[-1])


def said(error: Exception) -> str:
    """What Pulumi wrote to standard error, of all that the Automation API makes of it."""
    text = _MARKUP.sub("", str(error))
    stderr = text.partition("\n stderr: ")[2] or text
    lines = [line.strip().removeprefix("error: ") for line in stderr.splitlines() if line.strip()]
    return " ".join(lines) or text.strip()
