"""The health check's HTTP client: standard library only, so that it starts in milliseconds."""

import http.client
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 3.0
"""Below the 5 s that a container's health check usually grants."""


class ProbeError(Exception):
    """The URL didn't answer with 2xx; the text says why, in one line."""


def probe(url: str) -> None:
    """Get `url` and return if it answers with 2xx.

    Raises:
        ProbeError: not a plain http URL, no answer within `TIMEOUT_SECONDS`, or another status.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ProbeError(f"{url}: {error}") from None
    if parts.scheme != "http" or not host:
        raise ProbeError(f"{url}: not a URL of the form http://HOST:PORT/PATH")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        # What a health route answers fits; the first bytes are enough to say what is down.
        body = response.read(300).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ProbeError(f"{url}: {error or type(error).__name__}") from None
    finally:
        connection.close()
    if not http.client.OK <= response.status < http.client.MULTIPLE_CHOICES:
        raise ProbeError(f"{url}: {response.status} {response.reason}: {' '.join(body.split())}")
