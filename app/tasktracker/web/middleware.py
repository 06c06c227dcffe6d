"""What surrounds every request: its id, its log line, the body limit, errors nobody caught."""

import logging
import time
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tasktracker import logs
from tasktracker.web import problems

logger = logging.getLogger("tasktracker.access")

MAX_BODY_BYTES = 65_536
"""A title of 500 and notes of 2000 characters take at most 30 000 bytes, even if all are
escaped."""

REQUEST_ID_HEADER = b"x-request-id"
QUIET_PATHS = frozenset({"/api/health", "/health"})
"""Asked every few seconds; logged at debug level unless they fail."""


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


class RequestContext:
    """Gives each request an id, logs it, and answers an exception nobody caught. Outermost."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection (ASGI)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = logs.sane_request_id(_header(scope, REQUEST_ID_HEADER))
        token = logs.request_id.set(request_id)
        try:
            if scope["type"] == "http":
                await self._http(scope, receive, send, request_id)
            else:
                await self._app(scope, receive, send)
        finally:
            logs.request_id.reset(token)

    async def _http(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        started = time.perf_counter()
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = (REQUEST_ID_HEADER, request_id.encode())
                message = {**message, "headers": [*message.get("headers", ()), own]}
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            response = await problems.on_exception(Request(scope), error)
            if status is None:
                await response(scope, receive, send_with_id)
        finally:
            self._log(scope, status, time.perf_counter() - started)

    @staticmethod
    def _log(scope: Scope, status: int | None, seconds: float) -> None:
        healthy = status is not None and status < HTTPStatus.BAD_REQUEST
        quiet = healthy and scope["path"] in QUIET_PATHS
        logger.log(
            logging.DEBUG if quiet else logging.INFO,
            "%s %s",
            scope["method"],
            scope["path"],
            extra={
                "status": status,
                "milliseconds": round(seconds * 1000, 1),
                "client": _header(scope, b"x-real-ip") or (scope["client"] or ("",))[0],
            },
        )


class BodyLimit:
    """Refuses a body of more than `limit` bytes with 413, by its announced or real length."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = _header(scope, b"content-length")
        if announced is not None and announced.isdecimal() and int(announced) > self._limit:
            response = problems.problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._detail(), headers={"Connection": "close"}
            )
            await response(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._detail())
            return message

        await self._app(scope, counted, send)

    def _detail(self) -> str:
        return f"The body is larger than {self._limit} bytes."
