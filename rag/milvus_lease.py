"""The one writer of a library in Milvus, on whatever machine it is: a lease that others meet, and that ends with it.

Milvus compares nothing before it writes, but gives an alias to one collection alone: who makes the alias NAME_writer,
of a collection of its own, holds the lease. It is renewed while it is held, so that one whose holder is gone can be
told and taken over; knows nothing of what is written.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rag.errors import LibraryBusy, LibraryError
from rag.milvus_client import NOTHING, Milvus, now_ms
from rag.milvus_schema import MANIFEST, make_collection
from rag.printable import shown

# A lease that was not renewed for so long is of somebody who is gone: the machine went down, or the network.
ENDS_MS, RENEWED_S, LOOK_AGAIN_S = 90_000, 15.0, 0.2
MOST_COMMAND_CHARS = 120


class Lease:
    """The writer's lease of one library."""

    def __init__(self, milvus: Milvus) -> None:
        """Take the connection."""
        self._milvus = milvus
        self._alias = milvus.named("writer")
        self._held: str | None = None

    @contextmanager
    def held(self, *, wait_s: float) -> Iterator[None]:
        """Hold it.

        Args:
            wait_s: Seconds to wait for another one who holds it.

        Raises:
            LibraryBusy: Somebody else does.
        """
        own = f"{self._alias}_{uuid.uuid4().hex[:12]}"
        self._take(own, time.monotonic() + wait_s)
        ended = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(own, ended), daemon=True)
        renewing.start()
        try:
            yield
        finally:
            ended.set()
            renewing.join()
            self._give_back(own)

    def check(self) -> None:
        """Refuse to go on where somebody else has taken it for given up, as after the machine slept.

        Raises:
            LibraryBusy: Somebody has.
        """
        if self._milvus.aliased(self._alias) != self._held:
            raise LibraryBusy(
                f"another process took over the writing of {self._milvus.address} while this one did not answer; run "
                "the command again when it is done"
            )

    def _take(self, own: str, deadline: float) -> None:
        make_collection(self._milvus, own, MANIFEST)
        try:
            self._note(own)
            while not self._taken(own):
                collection, holder = self._holder()
                if collection and holder and _is_gone(holder):
                    self._break(collection)
                elif time.monotonic() >= deadline:
                    raise LibraryBusy(
                        f"{_said(holder)} is writing to the library {self._milvus.address}; try again when it is done, "
                        f"or, if it is gone, {ENDS_MS // 1000} s after it went"
                    )
                time.sleep(LOOK_AGAIN_S)
        except BaseException:
            with suppress(LibraryError):
                self._milvus.call("drop_collection", own)
            raise
        self._held = own
        self._sweep(own)

    def _sweep(self, own: str) -> None:
        """Drop what those left who were killed while they waited."""
        for name in self._milvus.call("list_collections"):
            if name.startswith(f"{self._alias}_") and name != own:
                waiting = self._told(name)
                if waiting and now_ms() - waiting["at_ms"] > ENDS_MS:
                    with suppress(LibraryError):
                        self._milvus.call("drop_collection", name)

    def _taken(self, own: str) -> bool:
        with suppress(LibraryError):
            self._milvus.call("create_alias", own, self._alias)
        return self._milvus.aliased(self._alias) == own

    def _note(self, own: str) -> None:
        command = " ".join([os.path.basename(sys.argv[0]), *sys.argv[1:]])[:MOST_COMMAND_CHARS]
        said = {"host": socket.gethostname(), "pid": os.getpid(), "command": command, "at_ms": now_ms()}
        self._milvus.call("upsert", own, [{"key": 1, "body": [json.dumps(said)], "nothing": NOTHING}])

    def _renew(self, own: str, ended: threading.Event) -> None:
        while not ended.wait(RENEWED_S):
            # A server that is away meanwhile is told by whoever writes.
            with suppress(LibraryError):
                self._note(own)

    def _holder(self) -> tuple[str | None, dict[str, Any] | None]:
        """Return what the alias stands for and what the holder says of itself, ``None`` where there is nothing."""
        collection = self._milvus.aliased(self._alias)
        return collection, self._told(collection) if collection else None

    def _told(self, collection: str) -> dict[str, Any] | None:
        try:
            # Which a server that was started anew has forgotten.
            self._milvus.call("load_collection", collection)
            rows = self._milvus.call("query", collection, "key in [1]", output_fields=["body"])
            said = json.loads("".join(rows[0]["body"]))
            return {"pid": int(said["pid"]), "at_ms": int(said["at_ms"]), **said}
        except (LibraryError, LookupError, TypeError, ValueError):
            return None

    def _break(self, judged: str) -> None:
        """Take the alias of somebody who is gone away, with what it stood for, unless another one did and holds it."""
        with suppress(LibraryError):
            if self._milvus.aliased(self._alias) == judged:
                self._milvus.call("drop_alias", self._alias)
            self._milvus.call("drop_collection", judged)

    def _give_back(self, own: str) -> None:
        self._held = None
        with suppress(LibraryError):
            if self._milvus.aliased(self._alias) == own:
                self._milvus.call("drop_alias", self._alias)
            self._milvus.call("drop_collection", own)


def _is_gone(holder: dict[str, Any]) -> bool:
    """Tell whether a holder is no more: by its silence, or, on this machine, by its process."""
    if now_ms() - holder["at_ms"] > ENDS_MS:
        return True
    if holder.get("host") != socket.gethostname() or holder["pid"] == os.getpid():
        return False
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _said(holder: dict[str, Any] | None) -> str:
    if holder is None:
        return "another process"
    command = shown(" ".join(str(holder.get("command")).split())[:MOST_COMMAND_CHARS])
    return f"process {holder['pid']} on {shown(str(holder.get('host')))} ({command})"
