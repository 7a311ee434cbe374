"""Server-Sent Events: values as the lines of a stream; knows nothing of what they say.

Reference: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse

# Proxies and clients give up connections on which nothing comes; a comment is nothing to them but a sign of life.
IDLE_S = 10.0
COMMENT = b": waiting\n\n"


def event(value: Any, name: str | None = None) -> bytes:
    """Return a value as one event.

    Args:
        value: JSON values.
        name: The kind of event; ``None`` for the plain kind.

    Returns:
        The event's lines.
    """
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


def event_stream(events: AsyncIterator[bytes]) -> StreamingResponse:
    """Return a response that sends events as they come and is neither kept nor held back on its way."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)
