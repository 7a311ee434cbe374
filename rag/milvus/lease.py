"""The one writer of a library in Milvus, on whatever machine it is: a lease that others meet, and that ends with it.

Milvus compares nothing before it writes, but gives an alias to one collection alone: who makes the alias NAME_writer,
of a collection of its own, holds the lease. It is renewed while it is held, so that one whose holder is gone can be
told and taken over; knows nothing of what is written. Whether it was renewed is told by what changes while one looks:
clocks of machines differ.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import LibraryBusy, LibraryError, LibraryNotFound
from rag.milvus.client import NOTHING, Milvus, now_ms
from rag.milvus.schema import MANIFEST, make_collection
from rag.printable import shown

# A lease not renewed while one looks for so long is of somebody who is gone: the machine went down, or the network.
ENDS_MS, RENEWED_S, LOOK_AGAIN_S = 90_000, 15.0, 0.2
# What somebody who was killed while waiting left is dropped after a day: no two clocks differ by that much.
LEFT_MS = 86_400_000
MOST_COMMAND_CHARS = 120


@dataclass
class _Holding:
    """A lease as its holder knows it."""

    own: str
    renewed_at: float
    renewed_ms: int
    is_lost: bool = False

    def is_old(self) -> bool:
        """Tell whether it is due to be renewed; a clock that never jumps may stand while the machine sleeps."""
        passed_s = max(time.monotonic() - self.renewed_at, (now_ms() - self.renewed_ms) / 1_000)
        return passed_s > 2 * RENEWED_S


class Lease:
    """The writer's lease of one library."""

    def __init__(self, milvus: Milvus) -> None:
        """Take the connection."""
        self._milvus = milvus
        self._alias = milvus.named("writer")
        # Each thread's own: one that lost it is not helped by another one of this process that took it.
        self._local = threading.local()
        # What the holder was last seen to say, and since when by the clock of this process that never jumps.
        self._seen: tuple[str, int] | None = None
        self._seen_at = 0.0
        self._renewed: str | None = None

    @contextmanager
    def held(self, *, wait_s: float) -> Iterator[None]:
        """Hold it.

        Args:
            wait_s: Seconds to wait for another one who holds it.

        Raises:
            LibraryBusy: Somebody else does.
            LibraryError: The server does not answer.
        """
        own = f"{self._alias}_{uuid.uuid4().hex[:12]}"
        holding = self._take(own, time.monotonic() + wait_s)
        ended = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(holding, ended), daemon=True)
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
            LibraryError: The server does not answer.
        """
        holding = self._holding
        if (holding and holding.is_lost) or self._milvus.aliased(self._alias) != (holding.own if holding else None):
            raise self._taken_over()

    def look(self) -> None:
        """Refuse as `check` does, but ask the server only where this thread holds it and it was not renewed of late.

        Raises:
            LibraryBusy: Somebody else has taken it for given up.
            LibraryError: It was not renewed of late, and the server does not tell whose it is.
        """
        holding = self._holding
        if holding and not holding.is_lost and holding.is_old():
            self._refresh(holding)
        if holding and holding.is_lost:
            raise self._taken_over()

    @property
    def _holding(self) -> _Holding | None:
        found: _Holding | None = getattr(self._local, "holding", None)
        return found

    def _taken_over(self) -> LibraryBusy:
        return LibraryBusy(
            f"another process took over the writing of {self._milvus.address} while this one did not answer; run "
            "the command again when it is done"
        )

    def _take(self, own: str, deadline: float) -> _Holding:
        make_collection(self._milvus, own, MANIFEST)
        try:
            noted_at = self._note(own)
            while not self._taken(own):
                if time.monotonic() - noted_at > RENEWED_S:
                    noted_at = self._note_anew(own)
                collection, holder = self._holder()
                if collection and holder and (self._is_silent(collection, holder) or _has_ended(holder)):
                    self._break(collection)
                elif time.monotonic() >= deadline and not (
                    collection and holder and self._is_in_doubt(collection, holder)
                ):
                    raise LibraryBusy(
                        f"{_said(holder)} is writing to the library {self._milvus.address}; try again when it is done, "
                        f"or, if it is gone, {ENDS_MS // 1000} s after it went"
                    )
                time.sleep(LOOK_AGAIN_S)
        except BaseException:
            with suppress(LibraryError):
                self._milvus.call("drop_collection", own)
            raise
        self._local.holding = holding = _Holding(own, time.monotonic(), now_ms())
        self._sweep(own)
        return holding

    def _sweep(self, own: str) -> None:
        """Drop what those left who were killed while they waited."""
        for name in self._milvus.call("list_collections"):
            if name.startswith(f"{self._alias}_") and name != own:
                waiting = self._told(name)
                if waiting and now_ms() - waiting["at_ms"] > LEFT_MS:
                    with suppress(LibraryError):
                        self._milvus.call("drop_collection", name)

    def _taken(self, own: str) -> bool:
        if self._milvus.aliased(self._alias) is None:
            # Or whoever waits besides would meet a lease that looks given up, as it was noted when the waiting began.
            self._note_anew(own)
            with suppress(LibraryError):
                self._milvus.call("create_alias", own, self._alias)
        return self._milvus.aliased(self._alias) == own

    def _note_anew(self, own: str) -> float:
        try:
            return self._note(own)
        except LibraryNotFound:
            # A holder whose clock is a day off has swept it away.
            make_collection(self._milvus, own, MANIFEST)
            return self._note(own)

    def _note(self, own: str) -> float:
        """Say who this is, and return when by the clock of this process that never jumps."""
        began = time.monotonic()
        command = " ".join([os.path.basename(sys.argv[0]), *sys.argv[1:]])[:MOST_COMMAND_CHARS]
        said = {**_where(), "pid": os.getpid(), "command": command, "at_ms": now_ms()}
        self._milvus.call("upsert", own, [{"key": 1, "body": [json.dumps(said)], "nothing": NOTHING}])
        return began

    def _renew(self, holding: _Holding, ended: threading.Event) -> None:
        while not ended.wait(RENEWED_S):
            # A server that is away meanwhile is told by whoever writes.
            with suppress(LibraryError):
                self._refresh(holding)

    def _refresh(self, holding: _Holding) -> None:
        """Renew a lease, and note whether it is lost."""
        began_ms, began = now_ms(), None
        # Who took it over has dropped what it stood for.
        with suppress(LibraryNotFound):
            began = self._note(holding.own)
        # Looked at last: whoever is about to take it over sees that it was renewed, or is seen.
        if self._milvus.aliased(self._alias) != holding.own:
            holding.is_lost = True
        elif began is not None:
            holding.renewed_at, holding.renewed_ms = began, began_ms

    def _holder(self) -> tuple[str | None, dict[str, Any] | None]:
        """Return what the alias stands for and what the holder says of itself, ``None`` where there is nothing."""
        collection = self._milvus.aliased(self._alias)
        return collection, self._told(collection) if collection else None

    def _is_silent(self, collection: str, holder: dict[str, Any]) -> bool:
        """Tell whether a holder has said nothing new while this process looked for as long as a lease lasts."""
        seen, now = (collection, holder["at_ms"]), time.monotonic()
        if seen != self._seen:
            if self._seen and self._seen[0] == collection:
                self._renewed = collection
            self._seen, self._seen_at = seen, now
        return (now - self._seen_at) * 1_000 > ENDS_MS

    def _is_in_doubt(self, collection: str, holder: dict[str, Any]) -> bool:
        """Tell whether a holder may be gone: by the time of day it is not recent, and it was never seen to renew."""
        return self._renewed != collection and abs(now_ms() - holder["at_ms"]) > ENDS_MS

    def _told(self, collection: str) -> dict[str, Any] | None:
        try:
            # Which a server that was started anew has forgotten.
            self._milvus.call("load_collection", collection)
            rows = self._milvus.call("query", collection, "key in [1]", output_fields=["body"])
            said = json.loads("".join(rows[0]["body"]))
            return {**said, "pid": int(said["pid"]), "at_ms": int(said["at_ms"])}
        except (LibraryError, LookupError, TypeError, ValueError):
            return None

    def _break(self, judged: str) -> None:
        """Take the alias of somebody who is gone away, with what it stood for, unless another one did and holds it."""
        with suppress(LibraryError):
            if self._milvus.aliased(self._alias) == judged:
                self._milvus.call("drop_alias", self._alias)
            self._milvus.call("drop_collection", judged)

    def _give_back(self, own: str) -> None:
        self._local.holding = None
        with suppress(LibraryError):
            if self._milvus.aliased(self._alias) == own:
                self._milvus.call("drop_alias", self._alias)
            self._milvus.call("drop_collection", own)


def _where() -> dict[str, str]:
    """Return where this process is: a number of a process means another one after a start, or in another container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return {"host": socket.gethostname(), "boot": boot, "pids": os.readlink("/proc/self/ns/pid")}
    except OSError:
        return {"host": socket.gethostname()}


def _has_ended(holder: dict[str, Any]) -> bool:
    """Tell whether a holder's process is no more, where its number means the same here."""
    here = _where()
    if "pids" not in here or any(holder.get(name) != own for name, own in here.items()):
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
