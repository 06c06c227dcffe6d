"""The health check's HTTP client.

It starts every few seconds in each container of the app, so its start is what it costs: `http.client` alone, which
brings TLS and e-mail's headers, takes twice as long to import as Python takes to start.
"""

import socket
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 3.0
"""Below the 5 s that a container's health check usually grants."""

MAX_BYTES = 4096
"""Of the answer: what a health route answers fits; the first bytes are enough to say what is down."""

BODY_BYTES = 300


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
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if parts.scheme != "http" or not host or not url.isascii() or any(map(str.isspace, target)):
        raise ProbeError(f"{url}: not a URL of the form http://HOST:PORT/PATH")
    try:
        answer = _get(host, port or 80, parts.netloc.rpartition("@")[2], target)
    except OSError as error:
        raise ProbeError(f"{url}: {error or type(error).__name__}") from None
    head, _, body = answer.partition("\r\n\r\n")
    version, _, status = head.partition("\r\n")[0].partition(" ")
    if not version.startswith("HTTP/1.") or not status[:3].isdecimal():
        raise ProbeError(f"{url}: the answer is not HTTP")
    if not status.startswith("2"):
        raise ProbeError(f"{url}: {status}: {' '.join(body[:BODY_BYTES].split())}")


def _get(host: str, port: int, authority: str, target: str) -> str:
    """The first bytes of an answer.

    By HTTP/1.0, so that they are not in chunks, and the server closes the connection at their end.
    """
    request = f"GET {target} HTTP/1.0\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((host, port), timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(request.encode("ascii"))
        answer = b""
        while len(answer) < MAX_BYTES and (more := connection.recv(MAX_BYTES)):
            answer += more
    return answer.decode("utf-8", "replace")
