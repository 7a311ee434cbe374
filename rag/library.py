"""A folder on disk that holds one indexed collection of documents: opened, kept in step with its sources, and asked.

Readers see the newest published generation and are never disturbed by the one writer.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from filelock import FileLock, Timeout
from platformdirs import user_data_path

from rag import load
from rag.calibration import Calibration, keep_calibration, read_calibration
from rag.confidence import CONFIDENCE_VERSION, DEFAULT_THRESHOLD
from rag.errors import (
    LibraryBusy,
    LibraryChanged,
    LibraryDamaged,
    LibraryError,
    LibraryMismatch,
    LibraryNotFound,
    ModelError,
)
from rag.generations import CURRENT, Current, Generation, open_generation, publish, read_current
from rag.pipeline import Pipeline, check_document
from rag.schema import Answer, Document, Hit, Passage
from rag.settings import NEW_LIBRARY, Settings
from rag.snapshot import Snapshot
from rag.store import DocumentSummary, Store
from rag.writer import IndexReport, Progress, Tally, Writer

if TYPE_CHECKING:
    from embeddings.encoder import Encoder

T = TypeVar("T")
LOG = logging.getLogger(__name__)
DATABASE, LOCK = "library.sqlite3", "writer.lock"
# Names of what the store keeps beside documents: what the library was built with, and its newest complete revision.
BUILD, REVISION = "build", "revision"


class Library:
    """One indexed collection; safe to share between threads, usable as a context manager."""

    def __init__(self, path: Path, settings: Settings) -> None:
        """Open the library at a folder that exists; users call `open`."""
        self.path = path
        self._asked = settings
        self._store = Store(path / DATABASE)
        self._lock = threading.Lock()
        self._mending = threading.Lock()
        self._build: dict[str, Any] = {}
        self._told: set[str] = set()
        self._encoder: Encoder | None = None
        self._generation: Generation | None = None
        try:
            self._read_build()
        except LibraryError:
            self._store.close()
            raise

    @classmethod
    def open(cls, path: str | Path | None = None, *, create: bool = True, settings: Settings | None = None) -> Library:
        """Open a library.

        Args:
            path: Its folder; ``None`` for ``RAG_LIBRARY``, else the per-user data folder.
            create: Whether a missing one is made.
            settings: Settings to use; ``None`` for those of the environment.

        Returns:
            The library, which the caller closes.

        Raises:
            LibraryNotFound: There is none and `create` is false, or none can be made there.
            LibraryMismatch: It was built with another encoder or other passage sizes than `settings` ask for.
            LibraryDamaged: Its database cannot be read.
        """
        folder = default_path() if path is None else _absolute(path)
        if settings is None:
            toml = os.environ.get("RAG_CONFIG")
            settings = Settings.read(Path(toml) if toml else None, environ=os.environ, overrides={})
        _check_folder(folder, create=create)
        return cls(folder, settings)

    def __enter__(self) -> Library:
        """Return the library."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Release its files; the library cannot be used afterwards."""
        self._store.close()

    # -- writing ------------------------------------------------------------------------------------------------------

    def index(self, paths: str | Path | Iterable[str | Path], *, progress: Progress | None = None) -> IndexReport:
        """Make the library hold exactly the documents under the given files and folders.

        Unchanged files are neither parsed nor embedded again; a bad file is reported and stops no other.

        Args:
            paths: A file or folder, or several.
            progress: Called with a stage's name, the bytes done and the bytes to do.

        Returns:
            What was done.

        Raises:
            SourceError: A path is missing or holds nothing that can be read; the library is left as it was.
            LibraryBusy: Another process is writing to the library.
        """
        given = [Path(paths)] if isinstance(paths, str | Path) else [Path(p) for p in paths]
        sources, left_out = load.find_files(given)
        return self._write(lambda writer, tally: writer.sync(sources, tally), left_out, progress)

    def add(self, documents: Iterable[Document], *, progress: Progress | None = None) -> IndexReport:
        """Add documents given as text, replacing those of the same id.

        Args:
            documents: The documents.
            progress: As for `index`.

        Returns:
            What was done.

        Raises:
            ValueError: Two of the documents have the same id, one has none, a date is no day, or metadata are not JSON.
            LibraryBusy: Another process is writing to the library.
        """
        given = list(documents)
        ids = Counter(d.id for d in given)
        if "" in ids or any(count > 1 for count in ids.values()):
            worst = "" if "" in ids else max(ids, key=lambda i: ids[i])
            raise ValueError(f"document id {worst!r} is empty or given twice; every document needs an id of its own")
        for document in given:
            check_document(document)
        return self._write(lambda writer, tally: writer.put(given, tally), {}, progress)

    def add_files(self, paths: str | Path | Iterable[str | Path], *, progress: Progress | None = None) -> IndexReport:
        """Add the documents under the given files and folders, and leave all others as they are.

        Args:
            paths: A file or folder, or several.
            progress: As for `index`.

        Returns:
            What was done.

        Raises:
            SourceError: A path is missing or holds nothing that can be read, or a file has the id of a document from
                elsewhere; the library is left as it was.
            LibraryBusy: Another process is writing to the library.
        """
        given = [Path(paths)] if isinstance(paths, str | Path) else [Path(p) for p in paths]
        sources, left_out = load.find_files(given)
        return self._write(lambda writer, tally: writer.merge(sources, tally), left_out, progress)

    def remove(self, ids: Iterable[str]) -> int:
        """Remove documents and return how many there were.

        Args:
            ids: Ids of documents; those that are not there are passed over.

        Returns:
            How many were removed.

        Raises:
            LibraryBusy: Another process is writing to the library.
        """
        wanted = [ids] if isinstance(ids, str) else list(ids)
        return self._write(lambda writer, tally: writer.drop(wanted, tally), {}, None).removed

    def calibrate(self, calibration: Calibration | None) -> None:
        """Keep a calibration in place of an earlier one; whoever has the library open applies it to the next question.

        Args:
            calibration: The calibration; ``None`` for none.

        Raises:
            LibraryMismatch: It is for other confidences than this library's.
            LibraryError: The library holds no documents yet.
            LibraryBusy: Another process is writing to the library.
        """
        with self._writing():
            if not self._build:
                self._read_build()
            if calibration and not self._build:
                raise self._no_documents()
            if fault := self._fault(calibration):
                raise LibraryMismatch(fault)
            keep_calibration(self._store, calibration)

    def _write(
        self, work: Callable[[Writer, Tally], None], left_out: Mapping[str, str], progress: Progress | None
    ) -> IndexReport:
        start = time.perf_counter()
        tally = Tally(failed=dict(left_out))
        report = progress or _silent
        with self._writing():
            if not self._build:
                self._read_build()
            encoder = self._load_encoder()
            build = self._build or self._begin(encoder)
            revision = self._revision() + 1
            work(Writer(self._store, encoder, self.settings, revision, report), tally)
            if self._store.has_staged(revision=revision) or not self._is_published(revision - 1):
                report("index", 0, 1)
                self._publish(revision, build)
                # A question under way may still read the generation before this one.
                self._store.purge(before=revision - 1)
                report("index", 1, 1)
        manifest = self._snapshot().generation.manifest
        return IndexReport(
            added=tally.added,
            updated=tally.updated,
            removed=tally.removed,
            unchanged=tally.unchanged,
            failed=tally.failed,
            documents=manifest.documents,
            passages=manifest.passages,
            embedded=tally.embedded,
            seconds=time.perf_counter() - start,
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the one writer's lock."""
        lock = FileLock(self.path / LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise LibraryBusy(
                f"another process is writing to the library {self.path}; try again when it is done"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _publish(self, revision: int, build: dict[str, Any]) -> None:
        # Noted first: with all derived files gone, this still says what is complete.
        self._store.put_settings({REVISION: revision})
        self._build = build
        generation = publish(self.path, self._store, revision=revision, build=build)
        with self._lock:
            self._generation = generation

    def _revision(self) -> int:
        """Return the newest complete revision of the store; 0 for none."""
        return int(self._store.settings().get(REVISION, 0))

    def _is_published(self, revision: int) -> bool:
        """Tell whether readers see a revision; they do not when publishing it was cut short."""
        try:
            current = read_current(self.path)
        except LibraryDamaged:
            return False
        return current is not None and current.revision == revision

    def _read_build(self) -> None:
        """Take over what the library was built with, once a first run has succeeded."""
        kept = self._store.settings()
        self._build = kept[BUILD] if kept.get(REVISION) else {}
        self.settings = self._asked.fixed({name: self._build[name] for name in NEW_LIBRARY if self._build}, self.path)
        self._encoder = None

    def _begin(self, encoder: Encoder) -> dict[str, Any]:
        """Return what a new library is to be built with; it is bound to that by its first publication alone."""
        build = {
            "encoder": encoder.id,
            "encoder_digest": encoder.digest,
            "dim": encoder.dim,
            "normalised": True,
            "passage_tokens": self.settings.passage_tokens,
            "passage_chars": self.settings.passage_chars,
        }
        if self._store.settings().get(BUILD) != build:
            # What a run that was cut short embedded with other settings does not go with these.
            with self._store.transaction():
                self._store.discard_staged(revision=1)
            self._store.put_settings({BUILD: build})
        return build

    # -- reading ------------------------------------------------------------------------------------------------------

    def documents(self) -> list[DocumentSummary]:
        """Return all documents without their texts, by id."""
        return self._store.documents(revision=self._snapshot().revision)

    def document(self, document_id: str) -> Document:
        """Return a document.

        Args:
            document_id: Its id.

        Returns:
            The document, with its canonical text.

        Raises:
            KeyError: The library has no such document.
        """
        found = self._snapshot().document(document_id)
        if found is None:
            raise KeyError(document_id)
        return found

    def passages(self, document_id: str | None = None) -> Iterator[Passage]:
        """Yield all passages, or those of one document, in order."""
        revision = self._snapshot().revision
        return (s.passage for s in self._store.passages_of(revision=revision, document_id=document_id))

    def search(self, query: str, k: int = 10, *, filters: Mapping[str, Any] | None = None) -> list[Hit]:
        """Return the best `k` passages for a query.

        Args:
            query: What to look for.
            k: At most this many passages.
            filters: Value, or list of allowed values, by name; only passages of documents that pass all are ranked.
                Names are ``document_id``, ``title``, ``date``, ``language``, ``source`` and those of metadata.

        Returns:
            Hits, best first, ranked from 1.

        Raises:
            ValueError: `k` is below 1, or `filters` hold anything but values and lists of values.
            QuestionError: The query is empty or too long.
            LibraryChanged: Others wrote so often meanwhile that its passages left the library, twice.
        """
        if k < 1:
            raise ValueError(f"k = {k}; it has to be at least 1")
        return _once_more(lambda: self.pipeline().search(query, k, filters))

    def ask(self, question: str, *, threshold: float | None = None) -> Answer:
        """Return the answer to a question, with exact citations, or with the reason why there is none.

        Args:
            question: The question.
            threshold: Confidence below which it abstains; 0 never abstains; ``None`` for `threshold`.

        Returns:
            The answer.

        Raises:
            QuestionError: The question is empty or too long.
            LibraryChanged: Others wrote so often meanwhile that its passages left the library, twice.
        """
        return _once_more(lambda: self.pipeline(threshold=threshold).run(question))

    def stream(self, question: str, *, threshold: float | None = None) -> Iterator[Answer]:
        """Yield the answer as it grows; the last snapshot equals what `ask` returns.

        Args:
            question: The question.
            threshold: As for `ask`.

        Returns:
            Snapshots of the answer, each with more of it.

        Raises:
            QuestionError: The question is empty or too long.
            LibraryChanged: Others wrote so often meanwhile that its passages left the library.
        """
        return self.pipeline(threshold=threshold).stream(question)

    def pipeline(self, *, threshold: float | None = None) -> Pipeline:
        """Return the stages of a question over the newest generation.

        Args:
            threshold: As for `ask`.

        Returns:
            The stages.

        Raises:
            LibraryError: The library is empty or damaged beyond what can be rebuilt.
        """
        snapshot = self._snapshot()
        if not snapshot.generation.manifest.passages:
            raise self._no_documents()
        calibration = self.calibration
        chosen = self._threshold(calibration) if threshold is None else threshold
        if not 0.0 <= chosen <= 1.0:
            raise ValueError(f"threshold = {chosen}; it has to be from 0 to 1")
        return Pipeline(snapshot, self._load_encoder(), self.settings, chosen, calibration)

    @property
    def threshold(self) -> float:
        """Confidence in [0, 1] below which an answer abstains, unless its asker says otherwise."""
        return self._threshold(self.calibration)

    def _threshold(self, calibration: Calibration | None) -> float:
        if self.settings.threshold is not None:
            return self.settings.threshold
        return calibration.threshold if calibration else DEFAULT_THRESHOLD

    @property
    def calibration(self) -> Calibration | None:
        """The calibration that questions are answered with.

        Returns:
            It, or ``None`` where there is none or it is for other confidences than this library's, which is logged.

        Raises:
            LibraryDamaged: What is kept is no calibration.
        """
        # Read anew for every question, which takes 0.06 ms: another process may have calibrated meanwhile.
        kept = read_calibration(self._store)
        fault = self._fault(kept)
        if fault and fault not in self._told:
            self._told.add(fault)
            LOG.warning("%s", fault)
        return None if fault else kept

    @property
    def calibration_fault(self) -> str | None:
        """Why the calibration that is kept is not applied, in one line; ``None`` if nothing is wrong with it."""
        return self._fault(read_calibration(self._store))

    def _fault(self, calibration: Calibration | None) -> str | None:
        if calibration is None:
            return None
        # Another process may have written the first documents after this one opened the library.
        build = self._build or self._store.setting(BUILD)
        return calibration.fault(build, confidence_version=CONFIDENCE_VERSION)

    def statistics(self) -> dict[str, Any]:
        """Return the numbers of documents, passages and the generation, its digest, and the encoder's id and digest."""
        generation = self._snapshot().generation
        manifest = generation.manifest
        return {
            "path": str(self.path),
            "documents": manifest.documents,
            "passages": manifest.passages,
            "generation": manifest.revision,
            "digest": generation.manifest_sha256,
            "encoder": manifest.build["encoder"],
            "encoder_digest": manifest.build["encoder_digest"],
            "languages": list(manifest.languages),
        }

    def warm_up(self) -> None:
        """Load the encoder and the indexes, so that the first question need not wait for them."""
        self.pipeline().encoder.encode(["warm up"], kind="query")

    def verify(self) -> None:
        """Check every derived file against its digest.

        Raises:
            LibraryDamaged: A file is missing or is not the one that was written; `rebuild` mends that.
            LibraryError: The library holds no documents yet.
        """
        open_generation(self.path, self._current())

    def rebuild(self) -> None:
        """Build the derived indexes anew from the database; nothing is embedded again.

        Raises:
            LibraryBusy: Another process is writing to the library.
            LibraryError: The library holds no documents yet.
        """
        with self._writing():
            revision = self._revision()
            if not revision:
                raise self._no_documents()
            if not self._build:
                self._read_build()
            self._publish(revision, self._build)

    def _snapshot(self) -> Snapshot:
        """Return the newest generation, rebuilt first when a file of it is missing or damaged."""
        try:
            return Snapshot(self._store, self._newest())
        except LibraryDamaged:
            return Snapshot(self._store, self._mended())

    def _mended(self) -> Generation:
        with self._mending:
            try:
                # Another thread may have mended it, or a commit have replaced the generation while it was opened.
                return self._newest()
            except LibraryDamaged as error:
                LOG.warning("%s; rebuilding from the database", str(error).removesuffix("; run: rag doctor"))
                self.rebuild()
                return self._newest()

    def _newest(self) -> Generation:
        current = self._current()
        with self._lock:
            if self._generation is None or self._generation.manifest.revision != current.revision:
                self._generation = open_generation(self.path, current)
            return self._generation

    def _current(self) -> Current:
        current = read_current(self.path)
        if current is None and self._revision():
            raise LibraryDamaged(f"{self.path / CURRENT} is missing; run: rag doctor")
        if current is None:
            raise self._no_documents()
        return current

    def _no_documents(self) -> LibraryError:
        return LibraryError(f"the library {self.path} holds no documents; add some: rag index PATH")

    def _load_encoder(self) -> Encoder:
        from embeddings.encoder import load_encoder
        from embeddings.errors import EncoderError

        with self._lock:
            if not self._build:
                self._read_build()
            if self._encoder is None:
                try:
                    self._encoder = load_encoder(str(self.settings.encoder))
                except EncoderError as error:
                    raise ModelError(str(error)) from error
                _check_encoder(self._encoder, self._build, self.path)
            return self._encoder


def default_path() -> Path:
    """Return the folder of the default library: ``RAG_LIBRARY``, else the per-user data folder."""
    named = os.environ.get("RAG_LIBRARY")
    return _absolute(named) if named else user_data_path("leadgoose") / "library"


def _absolute(path: str | Path) -> Path:
    # Path.expanduser raises for a user who does not exist; this leaves such a name as it is.
    return Path(os.path.expanduser(path)).absolute()


def _once_more(ask: Callable[[], T]) -> T:
    """Return what is asked, on the newest generation if the one it began with was deleted under it."""
    try:
        return ask()
    except LibraryChanged:
        return ask()


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Ignore progress."""


def _check_folder(folder: Path, *, create: bool) -> None:
    if os.path.isfile(folder / DATABASE):
        return
    if not create:
        raise LibraryNotFound(f"there is no library at {folder}; make one: rag --library {folder} index PATH")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The database may be coming into being this moment, opened by another process.
        occupied = any(not p.name.startswith(DATABASE) for p in folder.iterdir())
    except OSError as error:
        raise LibraryNotFound(f"no library can be made at {folder} ({error.strerror}); name another folder") from error
    if occupied:
        raise LibraryNotFound(f"{folder} holds other things and no library; name a new or empty folder")


def _check_encoder(encoder: Encoder, build: Mapping[str, Any], path: Path) -> None:
    if build and (encoder.digest, encoder.dim) != (build["encoder_digest"], build["dim"]):
        raise LibraryMismatch(
            f"the weights of {encoder.id} ({encoder.digest[:12]}) are not those the library {path} was built with "
            f"({build['encoder_digest'][:12]}); bring those back, or index into a new library: "
            "rag --library NEW index PATH"
        )
