"""What nginx serves, by the command `release` of its image (images/nginx/bin/release), and requests from its place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker.models.containers import Container


class SwitchError(Exception):
    """Another release could not be brought to serve; the message is for the user."""


@dataclass(frozen=True)
class Smoke:
    """A request to the new release before it serves: where it goes, and the status that is expected."""

    url: str
    status: int = 200


def shown(nginx: Container) -> dict[str, Any]:
    """The document in use as `release`, and the counts of `requests` by slot: `all` and `failed`."""
    text = _run(nginx, ["release", "show"])
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        raise SwitchError(f"`release show` in {nginx.name} prints no JSON: {text[:200]!r}") from None
    return found


def use(nginx: Container, document: Mapping[str, Any]) -> None:
    """Has nginx use a document from the next request on."""
    _run(nginx, ["release", "set", json.dumps(document)])


def attempt(nginx: Container, request: Smoke) -> None:
    """Sends a request to a slot, from where all others come."""
    curl = ["curl", "--silent", "--show-error", "--max-time", "10", "--output", "/dev/null"]
    status = _run(nginx, [*curl, "--write-out", "%{http_code}", request.url]).strip()
    if status != str(request.status):
        raise SwitchError(f"{request.url} answers {status} and not {request.status}")


def _run(container: Container, command: Sequence[str]) -> str:
    done = container.exec_run([*command], demux=True)
    assert isinstance(done.output, tuple)  # noqa: S101 - as is asked for
    output, errors = ((each or b"").decode(errors="replace") for each in done.output)
    if done.exit_code != 0:
        reason = errors.strip() or output.strip() or f"exit code {done.exit_code}"
        raise SwitchError(f"`{' '.join(command[:2])}` in {container.name}: {reason}")
    return output
