"""A library in Milvus: its connection, the lease of its one writer, and the revision that readers see.

Knows how a revision is published, not what is in it and how it is asked.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rag.address import MilvusAddress
from rag.build import Build
from rag.engine import no_documents
from rag.errors import LibraryError, LibraryNotFound
from rag.location import UPLOADS
from rag.milvus.client import Milvus
from rag.milvus.lease import Lease
from rag.milvus.publish import NO_STATE, Publisher, State, current, publish, read_state, version_name
from rag.milvus.schema import check_ours, load, make_library
from rag.milvus.snapshot import MilvusSnapshot
from rag.milvus.store import MilvusStore
from rag.settings import Settings


class MilvusEngine:
    """Keeps one library in Milvus; safe to share between threads.

    Attributes:
        store: Its rows.
        build: What the library is built with.
    """

    def __init__(self, address: MilvusAddress, settings: Settings, *, create: bool) -> None:
        """Open the library.

        Args:
            address: Where it is.
            settings: The settings asked for.
            create: Whether a missing one is made.

        Raises:
            LibraryNotFound: There is none and `create` is false.
            LibraryMismatch: It was built with another encoder or other passage sizes than `settings` ask for, or is
                another program's.
            LibraryError: Milvus does not answer, or refuses the token.
        """
        self._place = address
        if address.is_file and not create and not Path(address.uri).exists():
            raise _missing(address)
        milvus = Milvus(address, os.environ.get("RAG_MILVUS_TOKEN"))
        try:
            if not check_ours(milvus):
                if not create:
                    raise _missing(address)
                make_library(milvus)
            load(milvus)
            self.store = MilvusStore(milvus)
            self.build = Build(self.address, self.store, settings)
        except LibraryError:
            milvus.close()
            raise
        self._milvus = milvus
        self._lease = Lease(milvus)
        milvus.before_writing = self._lease.look
        self._lock = threading.Lock()
        self._shown: tuple[str, MilvusSnapshot] | None = None

    @property
    def address(self) -> str:
        """Where it is, as it is typed."""
        return str(self._place)

    @property
    def folder(self) -> Path:
        """Folder of this machine for what stands beside the library."""
        folder = self._place.state
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def close(self) -> None:
        """Let go of the connection."""
        self.store.close()

    def is_upload(self, document_id: str) -> bool:
        """Tell whether a document was uploaded, to whatever machine: the others do not have its file."""
        return document_id.startswith(f"{UPLOADS}/")

    @contextmanager
    def writing(self, *, wait_s: float = 0.0) -> Iterator[None]:
        """Hold the one writer's lease.

        Args:
            wait_s: Seconds to wait for it.

        Raises:
            LibraryBusy: Another process, or another thread of this one, holds it.
            LibraryError: The server does not answer.
        """
        with self._lease.held(wait_s=wait_s):
            yield

    def publish(self, revision: int, values: Mapping[str, Any]) -> None:
        """Let readers see a revision of which everything is written.

        Args:
            revision: Its number.
            values: What the library is built with.

        Raises:
            LibraryBusy: Somebody else took the lease for given up meanwhile.
            LibraryDamaged: What was written does not read back as it should.
        """
        self._lease.check()
        # Not before all of it is known to be there: of a revision that is bound nothing is taken back any more.
        writer = Publisher(partial(self.build.bind, values, revision=revision), self._lease.check)
        publish(self.store, self._state(), revision=revision, build=values, writer=writer)

    def is_published(self, revision: int) -> bool:
        """Tell whether readers see a revision; they do not when publishing it was cut short."""
        return (current(self._milvus) or self._milvus.named("v0")) == version_name(self._milvus, revision)

    def _state(self) -> State:
        name = current(self._milvus)
        return read_state(self._milvus, name) if name else NO_STATE

    def newest(self) -> MilvusSnapshot:
        """Return what readers see.

        Returns:
            The newest published revision, ready to be asked.

        Raises:
            LibraryError: The library holds no documents yet, or the server does not answer.
            LibraryDamaged: What is kept of the revision cannot be read, or is of another format.
        """
        # Asked anew for every question, which takes a millisecond: any machine may have published meanwhile.
        name = current(self._milvus)
        if name is None:
            raise no_documents(self.address)
        shown = self._shown
        if shown is None or shown[0] != name:
            with self._lock:
                shown = self._shown
                if shown is None or shown[0] != name:
                    shown = self._shown = (name, MilvusSnapshot(self.store, read_state(self._milvus, name)))
        return shown[1]


def _missing(address: MilvusAddress) -> LibraryNotFound:
    return LibraryNotFound(f"there is no library at {address}; make one: rag --library '{address}' index PATH")
