"""What nginx's command `release` knows and changes (images/nginx/bin/release)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ops.tt.errors import FailedError
from ops.tt.host.docker_host import Host, Result
from ops.tt.host.url_check import NGINX

#: The exit code of a shell that does not find a command.
NOT_FOUND = 127


def served(host: Host) -> dict[str, Any]:
    """The document that says what serves (images/nginx/share/release.js).

    Raises:
        FailedError: nginx does not tell.
        UnreachableError: its container does not run.
    """
    found: dict[str, Any] = json.loads(_asked(host, host.run(NGINX, ["release", "show"])))["release"]
    return found


def serve(host: Host, document: Mapping[str, Any]) -> None:
    """Has nginx use a document from the next request on, and after a restart.

    Raises:
        FailedError: nginx refuses it; nothing was changed.
        UnreachableError: its container does not run.
    """
    _asked(host, host.run(NGINX, ["release", "set", json.dumps(document)]))


def without_trial(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document by which no release gets a share of the clients."""
    return {key: value for key, value in document.items() if key != "canary"}


def _asked(host: Host, result: Result) -> str:
    if result.code == NOT_FOUND:
        raise FailedError(
            f"the image of {host.name(NGINX)} is older than this `tt`, and has no command `release`: "
            f"`make up STACK={host.stack}` with the image of this version"
        )
    if result.code:
        raise FailedError(f"{host.name(NGINX)}: {result.reason}")
    return result.output
