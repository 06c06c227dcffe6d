"""Which Docker engines the program runs on: those that the tests run, and what is said of others. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: The oldest engine that the tests bring a stack up on (Debian 12's), and the API that it has. The API decides: an
#: engine of another make, such as Podman, has versions of its own.
OLDEST, OLDEST_API = "20.10", (1, 41)

#: The newest major version that the tests bring a stack up on (tests/nightly: Debian sid's).
NEWEST_MAJOR = 28


def refusal(told: Mapping[str, object]) -> str | None:
    """Why a host's engine is too old, by what its API says of versions (`/version`); None if it is not."""
    api = re.match(r"(\d+)\.(\d+)", str(told.get("ApiVersion", "")))
    if api is None or (int(api[1]), int(api[2])) >= OLDEST_API:
        return None
    return (
        f"the Docker host has Docker {told.get('Version', '')} (API {api[0]}), and the oldest that the program "
        f"supports is {OLDEST} (API {OLDEST_API[0]}.{OLDEST_API[1]}): update Docker there. Nothing was changed."
    )


def notice(told: Mapping[str, object]) -> str | None:
    """What to say of an engine that is newer than all that the tests run; None of others."""
    major = re.match(r"(\d+)\.", str(told.get("Version", "")))
    if major is None or int(major[1]) <= NEWEST_MAJOR:
        return None
    return (
        f"the Docker host has Docker {told['Version']}, which is newer than those that this version of the program was "
        f"tested with ({OLDEST} to {NEWEST_MAJOR})"
    )
