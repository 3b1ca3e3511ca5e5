"""Log lines as JSON, one a line, with the request's id. Callers log no file names and no personal data."""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

REQUEST_ID_HEADER = "X-Request-Id"
OUTCOME_HEADER = "Nevus-Outcome"  # why inference declined, in one word
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}

_encode = json.JSONEncoder(default=str, ensure_ascii=False).encode

request_id: ContextVar[str] = ContextVar("request_id", default="")


def accept_request_id(offered: str | None) -> str:
    """The caller's request id when it is a sane one, else a new one."""
    return offered if offered and _SANE_ID.fullmatch(offered) else secrets.token_hex(8)


def _frames(trace: TracebackType | None) -> list[str]:
    """Where it happened, without source lines and without values."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)][-12:]


class JsonFormatter(logging.Formatter):
    """One JSON object a record; fields given by `extra=` are members of it.

    An exception is told by its type and frames: its message may quote what a caller sent.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its newline."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "service": self._service,
            "message": record.getMessage(),
        }
        if request_id.get():
            line["request_id"] = request_id.get()
        line.update({key: value for key, value in vars(record).items() if key not in _ATTRIBUTES})
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["frames"] = _frames(record.exc_info[2])
        return _encode(line)


def configure(service: str, level: str = "INFO") -> None:
    """Send every logger's lines to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.getLogger("httpx").setLevel(logging.WARNING)
