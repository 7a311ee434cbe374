"""One line a request: what was asked for, what became of it, by whom and how long; never a question or a key."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from starlette.types import Message

LOG = logging.getLogger("rag.web.requests")
FORMATS = ("text", "json")
QUESTIONS = ("question", "query")


class Logged(Protocol):
    """What is told of a request."""

    id: str
    method: str
    route: str
    status: int
    caller: str


class Requests:
    """Logs requests."""

    def __init__(self, *, questions: bool = False) -> None:
        """Log what is harmless.

        Args:
            questions: Whether what was asked is logged too.
        """
        self._questions = questions

    def answered(self, request: Logged, *, seconds: float) -> None:
        """Log a request that was answered or refused.

        Args:
            request: It.
            seconds: How long that took.
        """
        fields = {
            "request_id": request.id,
            "method": request.method,
            "route": request.route or "(unknown)",
            "status": request.status,
            "duration_ms": round(seconds * 1000, 1),
            "caller": request.caller,
        }
        LOG.info("request", extra={"fields": fields})

    def question(self, request: Logged, messages: Sequence[Message]) -> None:
        """Log what an endpoint is asked, where that is wanted.

        Args:
            request: The request.
            messages: Its body.
        """
        if self._questions:
            asked = _asked(b"".join(message.get("body", b"") for message in messages))
            self.asked(request.id, request.caller, asked)

    def asked(self, request_id: str, caller: str, question: str) -> None:
        """Log a question, where that is wanted.

        Args:
            request_id: What the request is called.
            caller: Who asks.
            question: What they ask.
        """
        if self._questions:
            fields = {"request_id": request_id, "caller": caller, "question": question}
            LOG.info("question", extra={"fields": fields})


def _asked(body: bytes) -> str:
    try:
        sent = json.loads(body)
        if "messages" in sent:
            return str(sent["messages"][-1]["content"])
        return str(next((sent[name] for name in QUESTIONS if name in sent), ""))
    except (ValueError, TypeError, KeyError, IndexError):
        return ""


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            # Where it happened, without what it says: that may repeat what was asked.
            line["trace"] = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(record.exc_info[2])]
        return json.dumps(line, ensure_ascii=False, default=str)


class PlainText(logging.Formatter):
    """Writes a record as people read it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines."""
        fields = " ".join(f"{name}={value}" for name, value in getattr(record, "fields", {}).items())
        return f"{super().format(record)} {fields}".rstrip()


def set_up(form: str) -> None:
    """Write what is logged to stderr: as JSON, one line a request, or as text, only what went wrong.

    Args:
        form: ``text`` or ``json``.
    """
    handler = logging.StreamHandler(sys.stderr)
    as_json = form == "json"
    handler.setFormatter(JsonLines() if as_json else PlainText("%(levelname)s %(message)s"))
    for name, level in (("rag", logging.INFO if as_json else logging.WARNING), ("uvicorn", logging.ERROR)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
