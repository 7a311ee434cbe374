"""A chat model that thinks long and says little: OpenAI's interface on loopback, for measuring who waits for whom.

python -m eval.slow_model SECONDS
"""

from __future__ import annotations

import asyncio
import json
import sys

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"  # its end is the connection's
# Whatever it says is checked against the passages, so it says what is easily checked.
WORDS = ("The company's CEO ", "is Wang Yang [1].")


async def main(thinks_s: float) -> None:
    """Answer until interrupted; the first line on stdout is the address.

    Args:
        thinks_s: Seconds before the first word of each reply.
    """

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            await reader.readexactly(length)
            writer.write(HEAD)
            await writer.drain()
            await asyncio.sleep(thinks_s)
            for delta, reason in ((({"role": "assistant", "content": w}), None) for w in WORDS):
                writer.write(_event(delta, reason))
                await writer.drain()
            writer.write(_event({}, "stop") + b"data: [DONE]\n\n")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone
        finally:
            writer.close()

    server = await asyncio.start_server(reply, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    await server.serve_forever()


def _event(delta: dict[str, str], reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "slow", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
