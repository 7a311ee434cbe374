"""What requests send, within limits, and when whoever sent it has left; knows ASGI messages, not what is in them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive


class TooLarge(HTTPException):
    """More was sent than may be; endpoints that read it pass on this kind of exception alone as it is."""

    def __init__(self, most_bytes: int) -> None:
        """Say how much it may be."""
        super().__init__(413, f"more than {most_bytes:,} bytes were sent")


def announced_bytes(headers: Mapping[str, str]) -> int:
    """Return how many bytes a request says it sends; 0 where it does not say."""
    said = headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() else 0


def limited(receive: Receive, most_bytes: int) -> Receive:
    """Return what receives a body and raises `TooLarge` once more than so many bytes of it have come."""
    seen = 0

    async def receive_limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most_bytes:
            raise TooLarge(most_bytes)
        return message

    return receive_limited


def ending(receive: Receive, closing: asyncio.Event) -> Receive:
    """Return what receives the end of the connection as soon as the service closes."""

    async def receive_or_end() -> Message:
        if closing.is_set():
            return {"type": "http.disconnect"}
        message = asyncio.ensure_future(receive())
        closed = asyncio.ensure_future(closing.wait())
        try:
            await asyncio.wait({message, closed}, return_when=asyncio.FIRST_COMPLETED)
            return message.result() if message.done() else {"type": "http.disconnect"}
        finally:
            for task in (message, closed):
                if not task.done():
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    return receive_or_end


async def whole(receive: Receive) -> list[Message]:
    """Return the messages of a body, up to its end or the end of the connection."""
    messages = [await receive()]
    while messages[-1]["type"] == "http.request" and messages[-1].get("more_body"):
        messages.append(await receive())
    return messages


def again(messages: Sequence[Message], receive: Receive) -> Receive:
    """Return what receives messages that have come, and then what comes."""
    left = list(reversed(messages))

    async def receive_again() -> Message:
        return left.pop() if left else await receive()

    return receive_again
