"""Errors as problem details (RFC 9457), for every error that the api answers with."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from tasktracker import logs
from tasktracker.store.database import UnusableError, is_unavailable
from tasktracker.store.tasks import UnconfirmedError

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "2"

LOCATION_IN_BODY = "body"


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None, **members: object) -> JSONResponse:
    """A problem details response.

    Args:
        status: HTTP status code; its standard phrase is the title.
        detail: what went wrong this time, for a human; no secrets, no internals.
        headers: further response headers.
        members: further members of the object.
    """
    content = {
        # about:blank: the status code says it all (RFC 9457, 4.2.1).
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": logs.request_id.get(),
        **members,
    }
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


def unavailable(detail: str, **members: object) -> JSONResponse:
    """503: something this process needs is away."""
    headers = {"Retry-After": RETRY_AFTER_SECONDS}
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=headers, **members)


def describe(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """One entry a validation error: a JSON pointer or a parameter's name, and what is wrong."""
    entries = []
    for error in errors:
        place, *path = error["loc"]
        if error["type"] == "json_invalid":
            # Its path is a position in the text, not in a document.
            entries.append({"pointer": "", "detail": f"not valid JSON, at character {path[0]}"})
            continue
        where = (
            {"pointer": "".join(f"/{part}" for part in path)}
            if place == LOCATION_IN_BODY
            else {"parameter": ".".join(str(part) for part in path)}
        )
        entries.append({**where, "detail": str(error["msg"]).removeprefix("Value error, ")})
    return entries


async def _on_validation_error(_: Request, error: Exception) -> JSONResponse:
    errors = describe(cast(RequestValidationError, error).errors())
    places = (entry.get("parameter") or entry["pointer"].lstrip("/") for entry in errors)
    detail = "; ".join(
        f"{place}: {entry['detail']}" if place else entry["detail"] for place, entry in zip(places, errors, strict=True)
    )
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors)


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    known = cast(HTTPException, error)
    detail = known.detail
    if detail == HTTPStatus(known.status_code).phrase:
        detail = f"{request.method} {request.url.path}: {detail.lower()}"
    return problem(known.status_code, detail, headers=known.headers)


async def on_exception(_: Request, error: Exception) -> JSONResponse:
    """An error no route expected: 503 if the database is away, else 500."""
    if isinstance(error, UnconfirmedError):
        logger.warning("%s: %s", error, error.__cause__)
        path = f"/api/tasks/{error.task_id}"
        # With no Retry-After: a client that repeats the request by itself might store a second one.
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"Not known whether the task is stored: GET {path} shows it.")
    if is_unavailable(error):
        logger.warning("database: %s: %s", type(error).__name__, error)
        return unavailable("The database is out of reach. Nothing was changed; try again.")
    logger.error("unexpected error", exc_info=error)
    if isinstance(error, UnusableError):
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, f"The database refuses the task ({error}): it is not stored.")
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Unexpected error; the log has it under the request id.")


def install(app: FastAPI) -> None:
    """Answer the errors that routes raise with problem details; `middleware` has the rest."""
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
