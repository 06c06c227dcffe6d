"""The site closed on purpose: nginx answers all requests with 503, and nothing behind it gets one."""

from __future__ import annotations

from ops.tt.errors import BrokenError, UsageError
from ops.tt.host.docker_host import Host
from ops.tt.host.served import serve, served
from ops.tt.host.url_check import PAGE, answer_inside
from settings.values.units import SECONDS

#: The most seconds that the header Retry-After may have.
LONGEST = 24 * 3600

CLOSED = 503


def seconds(text: str) -> int:
    """The seconds in a duration as people write it.

    Raises:
        UsageError: it is none, or is out of range.
    """
    try:
        found = SECONDS.parse(text)
    except ValueError as error:
        raise UsageError(f"--retry-after {text}: {error}") from None
    if not 1 <= found <= LONGEST:
        raise UsageError(f"--retry-after {text}: must be between 1s and {SECONDS.format(LONGEST)}")
    return found


def close(host: Host, retry_after: int) -> None:
    """Closes the site; answers have that many seconds in the header Retry-After.

    Raises:
        FailedError: nginx refuses; nothing was changed.
        BrokenError: nginx answers otherwise, though it was told.
    """
    serve(host, {**served(host), "maintenance": retry_after})
    status, _ = answer_inside(host, PAGE)
    if status != CLOSED:
        raise BrokenError(f"nginx was told to close the site, and answers {status or 'nothing'} for {PAGE}")


def reopen(host: Host) -> bool:
    """Opens the site again; returns whether it was closed.

    Raises:
        FailedError: nginx refuses; nothing was changed.
    """
    document = served(host)
    was_closed = document.pop("maintenance", None) is not None
    if was_closed:
        serve(host, document)
    return was_closed
