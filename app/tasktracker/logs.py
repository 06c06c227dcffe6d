"""Logs: one JSON object a line on stdout, each with the id of the request it belongs to."""

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from uuid import uuid4

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Set by the api for each request and by the worker for each job; a task's logs share one id."""

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def sane_request_id(candidate: str | None) -> str:
    """The caller's id if it's short and plain, else a new one: it goes to logs and headers."""
    if candidate and _SANE_REQUEST_ID.fullmatch(candidate):
        return candidate
    return uuid4().hex


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON; what was passed as `extra` becomes fields of their own."""

    def __init__(self, **constant: str) -> None:
        super().__init__()
        self._constant = constant

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds: JSON escapes line ends."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._constant,
        }
        if (current := request_id.get()) is not None:
            entry["request_id"] = current
        entry |= {k: v for k, v in record.__dict__.items() if k not in _STANDARD}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def configure(level: str, *, service: str, slot: str | None) -> None:
    """Send every logger's records to stdout as JSON.

    Args:
        level: least level that is written: debug, info, warning or error.
        service: `api`, `worker` or `migrate`; on each line.
        slot: the release slot, on each line unless None.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service=service, **({"slot": slot} if slot else {})))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # These tell each step of a start or a job; ours say what matters.
    for chatty in ("alembic", "asyncio", "sqlalchemy", "taskiq", "taskiq_nats", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # `broker` reports what this would, but without a traceback at each attempt to reconnect.
    logging.getLogger("nats").setLevel(logging.ERROR)
