"""One indexed collection of documents, in a folder or in Milvus: opened, kept in step with its sources, and asked.

Readers see the newest published revision and are never disturbed by the one writer.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rag.backup import Backup, make_backup
from rag.calibration import Calibration, keep_calibration, read_calibration
from rag.commits import commit
from rag.confidence import DEFAULT_THRESHOLD
from rag.elsewhere import embedding_at
from rag.engine import Engine, no_documents
from rag.errors import LibraryChanged, LibraryError, LibraryMismatch
from rag.folder.engine import FolderEngine
from rag.folder.page_care import PageCare
from rag.given import check_document, check_k, check_threshold, check_type, listed_documents, listed_paths
from rag.location import DATABASE, absolute, default_path
from rag.phrasing.chat import Chat
from rag.phrasing.rewriting import rewriter
from rag.pipeline import Pipeline
from rag.places import open_engine
from rag.remote import find_sources
from rag.restore import KeptDocument, put_back, take
from rag.schema import Answer, Document, Hit, Passage
from rag.settings import Settings
from rag.snapshot import Snapshot
from rag.sources import SourceFile
from rag.stored import Damage, DocumentSummary, Origin
from rag.writer import IndexReport, Progress, Tally, Writer

__all__ = ["DATABASE", "Library", "default_path"]
T = TypeVar("T")
# Name under which a store notes the folders that it was indexed from, and how many of them, the last ones.
FOLDERS, MOST_FOLDERS = "folders", 100
LOG = logging.getLogger(__name__)


class Library:
    """One indexed collection; safe to share between threads, usable as a context manager."""

    def __init__(self, engine: Engine) -> None:
        """Take what keeps the library; users call `open`."""
        self._engine = engine
        self._store = engine.store
        self._build = engine.build
        self._told: set[str] = set()
        self._chat = _chat(self.settings)

    @property
    def address(self) -> str:
        """Where it is, as one names it: its folder, or its place in Milvus."""
        return self._engine.address

    @property
    def path(self) -> Path:
        """Its folder; where it is in Milvus, that of this machine for what stands beside it: uploads and feedback."""
        return self._engine.folder

    @property
    def settings(self) -> Settings:
        """The settings it was opened with, with those it was built with filled in."""
        return self._build.settings

    @classmethod
    def open(cls, path: str | Path | None = None, *, create: bool = True, settings: Settings | None = None) -> Library:
        """Open a library.

        Args:
            path: Its folder, or its address in Milvus as `rag.address` describes it; ``None`` for ``RAG_LIBRARY``, else
                the per-user data folder.
            create: Whether a missing one is made.
            settings: Settings to use; ``None`` for those of the environment.

        Returns:
            The library, which the caller closes.

        Raises:
            LibraryNotFound: There is none and `create` is false, or none can be made there.
            LibraryMismatch: It was built with another encoder or other passage sizes than `settings` ask for.
            LibraryDamaged: Its database cannot be read.
            ConfigurationError: The address is none.
            TypeError: `settings` are none.
        """
        if settings is None:
            toml = os.environ.get("RAG_CONFIG")
            settings = Settings.read(Path(toml) if toml else None, environ=os.environ, overrides={})
        check_type("settings", settings, Settings, "a rag.Settings, such as Settings(hits_k=5)")
        return cls(open_engine(path, create=create, settings=settings))

    def __enter__(self) -> Library:
        """Return the library."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Release its files and connections; the library cannot be used afterwards."""
        if self._chat:
            self._chat.close()
        self._engine.close()

    # -- writing ------------------------------------------------------------------------------------------------------

    def index(
        self,
        paths: str | Path | Iterable[str | Path],
        *,
        progress: Progress | None = None,
        ray: str | None = None,
    ) -> IndexReport:
        """Make the library hold exactly the documents under the given files and folders, and those that were uploaded.

        Unchanged files are neither parsed nor embedded again; a bad file is reported and stops no other.

        Args:
            paths: A file or folder, or several; or addresses that fsspec opens, such as ``s3://bucket/prefix``.
            progress: Called with a stage's name, how much is done and how much there is to do: bytes of files,
                characters of texts that were given, or 0 and 1 for the indexes.
            ray: Ray cluster that reads and embeds: ``auto``, ``local`` or an address; ``None`` for this process.

        Returns:
            What was done.

        Raises:
            SourceError: A path is missing or holds nothing that can be read; the library is left as it was.
            LibraryBusy: Another process is writing to the library.
            ClusterError: The Ray cluster cannot be reached, or a machine of it cannot do the work.
        """
        sources, left_out = _find_files(paths, self.settings)
        return self.index_sources(sources, left_out=left_out, progress=progress, ray=ray)

    def index_sources(
        self,
        sources: Sequence[SourceFile],
        *,
        left_out: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        ray: str | None = None,
    ) -> IndexReport:
        """Make the library hold exactly the documents of files that `rag.remote.find_sources` found, and uploaded ones.

        Args:
            sources: The files.
            left_out: As for `add_sources`.
            progress: As for `index`.
            ray: As for `index`.

        Returns:
            What was done.

        Raises:
            SourceError: None of the files can be read; the library is left as it was.
            LibraryBusy: Another process is writing to the library.
            ClusterError: As for `index`.
        """
        with embedding_at(ray) as there:
            return commit(
                self._engine,
                lambda writer, tally: there(writer).sync(sources, tally, keep=self._engine.is_upload),
                left_out=left_out or {},
                progress=progress,
            )

    def add(self, documents: Iterable[Document], *, progress: Progress | None = None) -> IndexReport:
        """Add documents given as text, replacing those of the same id.

        Args:
            documents: The documents.
            progress: As for `index`.

        Returns:
            What was done.

        Raises:
            TypeError: They are no list of documents, or a field of one is of another type.
            ValueError: Two of the documents have the same id, one has none, a date is no day, or metadata are not JSON.
            LibraryBusy: Another process is writing to the library.
        """
        given = listed_documents(documents)
        ids = Counter(d.id for d in given)
        if "" in ids or any(count > 1 for count in ids.values()):
            worst = "" if "" in ids else max(ids, key=lambda i: ids[i])
            raise ValueError(f"document id {worst!r} is empty or given twice; every document needs an id of its own")
        for document in given:
            check_document(document)
        return commit(self._engine, lambda writer, tally: writer.put(given, tally), left_out={}, progress=progress)

    def add_files(self, paths: str | Path | Iterable[str | Path], *, progress: Progress | None = None) -> IndexReport:
        """Add the documents under the given files and folders, and leave all others as they are.

        Args:
            paths: As for `index`.
            progress: As for `index`.

        Returns:
            What was done.

        Raises:
            SourceError: A path is missing or holds nothing that can be read, or a file has the id of a document from
                elsewhere; the library is left as it was.
            LibraryBusy: Another process is writing to the library.
        """
        sources, left_out = _find_files(paths, self.settings)
        return self.add_sources(sources, left_out=left_out, progress=progress)

    def add_sources(
        self,
        sources: Sequence[SourceFile],
        *,
        left_out: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> IndexReport:
        """Add the documents of files that `rag.remote.find_sources` found, and leave all others as they are.

        Args:
            sources: The files.
            left_out: Reason in one line by path, for what was found and is not among them.
            progress: As for `index`.

        Returns:
            What was done.

        Raises:
            SourceError: None of the files can be read, or one has the id of a document from elsewhere; the library is
                left as it was.
            LibraryBusy: Another process is writing to the library.
        """
        return commit(
            self._engine, lambda writer, tally: writer.merge(sources, tally), left_out=left_out or {}, progress=progress
        )

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
        report = commit(self._engine, lambda writer, tally: writer.drop(wanted, tally), left_out={}, progress=None)
        return report.removed

    def take(self, ids: Iterable[str]) -> list[KeptDocument]:
        """Return documents with all that is held of them, so that `put_back` can undo a removal.

        Args:
            ids: Ids of documents; those that are not there are passed over.

        Returns:
            The documents, with their vectors: 15 KB a passage of 150 tokens.
        """
        return list(take(self._store, ids, revision=self._snapshot().revision))

    def put_back(self, kept: Iterable[KeptDocument]) -> IndexReport:
        """Put documents back that were removed; nothing is read or embedded, and those of the same ids stay.

        Args:
            kept: What `take` gave before they were removed.

        Returns:
            What was done.

        Raises:
            LibraryBusy: Another process is writing to the library.
        """

        def work(writer: Writer, tally: Tally) -> None:
            tally.added += put_back(self._store, kept, revision=writer.revision)

        return commit(self._engine, work, left_out={}, progress=None)

    def note_folders(self, folders: Iterable[Path]) -> None:
        """Keep folders among those that the library was indexed from.

        Args:
            folders: The folders, which need not be new.

        Raises:
            LibraryBusy: Another process is writing to the library.
        """
        known = self.folders()
        new = [str(absolute(folder)) for folder in folders]
        if set(new) - {str(folder) for folder in known}:
            with self._engine.writing(wait_s=self.settings.writing_wait_s):
                self._store.put_settings({FOLDERS: list(dict.fromkeys([*map(str, known), *new]))[-MOST_FOLDERS:]})

    def calibrate(self, calibration: Calibration | None) -> None:
        """Keep a calibration in place of an earlier one; whoever has the library open applies it to the next question.

        Args:
            calibration: The calibration; ``None`` for none.

        Raises:
            LibraryMismatch: It is for other confidences than this library's.
            LibraryError: The library holds no documents yet.
            LibraryBusy: Another process is writing to the library.
        """
        with self._engine.writing():
            self._build.catch_up()
            if calibration and not self._build.values:
                raise no_documents(self.address)
            if fault := self._build.fault(calibration):
                raise LibraryMismatch(fault)
            keep_calibration(self._store, calibration)

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

    def origins(self, ids: Iterable[str]) -> dict[str, Origin]:
        """Return what documents were made from, by id; ids that are not there are left out."""
        return self._store.origins_at(ids, revision=self._snapshot().revision)

    def count_pages(self, ids: Iterable[str]) -> dict[str, int]:
        """Return how many pages documents have, by id; those without are left out."""
        return self._store.count_pages(ids, revision=self._snapshot().revision)

    def folders(self) -> list[Path]:
        """Return the folders that the library is known to have been indexed from, whether they are still there."""
        return [Path(folder) for folder in self._store.setting(FOLDERS) or ()]

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
                Names are ``document_id``, ``folder``, ``title``, ``language``, ``source``, ``date``, ``date_from``,
                ``date_to``, ``tag`` and those of metadata, as `rag.filters` describes them.

        Returns:
            Hits, best first, ranked from 1; none where no document passes the filters.

        Raises:
            TypeError: An argument is of another type.
            ValueError: `k` is below 1.
            FilterError: A filter names what no document has, or its value is of the wrong kind; a ``ValueError``.
            QuestionError: The query is empty or too long.
            LibraryChanged: Others wrote so often meanwhile that its passages left the library, twice.
        """
        check_k(k)
        return _once_more(lambda: self.pipeline().search(query, k, filters))

    def ask(
        self,
        question: str,
        *,
        threshold: float | None = None,
        filters: Mapping[str, Any] | None = None,
        history: Sequence[Answer | Mapping[str, Any]] = (),
    ) -> Answer:
        """Return the answer to a question, with exact citations, or with the reason why there is none.

        Args:
            question: The question.
            threshold: Confidence below which it abstains; 0 never abstains; ``None`` for `threshold`.
            filters: As for `search`: the answer is made from documents that pass all of them.
            history: The answers before it in a conversation, oldest first, of which the last few are read: a follow-up
                such as "And in 2021?" is searched as it would stand alone, and the answer's ``query`` says how. Of one
                that is not at hand a mapping with its ``question`` and ``text`` will do.

        Returns:
            The answer; where no document passes the filters, one that abstains and says so.

        Raises:
            QuestionError: The question is empty or too long.
            FilterError: As for `search`.
            TypeError: An argument is of another type.
            ValueError: `threshold` is not from 0 to 1.
            LibraryChanged: Others wrote so often meanwhile that its passages left the library, twice.
        """
        return _once_more(lambda: self.pipeline(threshold=threshold).run(question, filters, history))

    def stream(
        self,
        question: str,
        *,
        threshold: float | None = None,
        filters: Mapping[str, Any] | None = None,
        history: Sequence[Answer | Mapping[str, Any]] = (),
    ) -> Iterator[Answer]:
        """Yield the answer as it grows; the last snapshot is what `ask` returns, but for its timings.

        Args:
            question: The question.
            threshold: As for `ask`.
            filters: As for `search`.
            history: As for `ask`.

        Returns:
            Snapshots of the answer, each with more of it.

        Raises:
            QuestionError: The question is empty or too long.
            FilterError: As for `search`.
            TypeError: An argument is of another type.
            ValueError: `threshold` is not from 0 to 1.
            LibraryChanged: Others wrote so often meanwhile that its passages left the library.
        """
        return self.pipeline(threshold=threshold).stream(question, filters, history)

    def pipeline(self, *, threshold: float | None = None) -> Pipeline:
        """Return the stages of a question over the newest generation.

        Args:
            threshold: As for `ask`.

        Returns:
            The stages.

        Raises:
            LibraryError: The library is empty or damaged beyond what can be rebuilt.
            TypeError: `threshold` is no number.
            ValueError: It is not from 0 to 1.
        """
        snapshot = self._snapshot()
        if not snapshot.published.passages:
            raise no_documents(self.address)
        calibration = self.calibration
        chosen = self._threshold(calibration) if threshold is None else threshold
        check_threshold(chosen)
        return Pipeline(
            snapshot,
            self._build.encoder(),
            self.settings,
            chosen,
            calibration,
            self._build.cross_encoder(),
            rewrite=rewriter(self._chat) if self._chat else None,
            chat=self._chat,
            entailment=self._build.entailment(),
        )

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
        fault = self._build.fault(kept)
        if fault and fault not in self._told:
            self._told.add(fault)
            LOG.warning("%s", fault)
        return None if fault else kept

    @property
    def calibration_fault(self) -> str | None:
        """Why the calibration that is kept is not applied, in one line; ``None`` if nothing is wrong with it."""
        return self._build.fault(read_calibration(self._store))

    def statistics(self) -> dict[str, Any]:
        """Return what the newest generation holds and was built with.

        Returns:
            Numbers of documents and passages, recall of the vector index (``None`` where it is exact), number and
            digest of the generation, id and weight digest of the encoder, and languages, by name.
        """
        published = self._snapshot().published
        return {
            "path": self.address,
            "documents": published.documents,
            "passages": published.passages,
            "recall": published.recall,
            "generation": published.revision,
            "digest": published.digest,
            "encoder": published.build["encoder"],
            "encoder_digest": published.build["encoder_digest"],
            "languages": list(published.languages),
        }

    def warm_up(self) -> None:
        """Load the models and the indexes, so that the first question need not wait for them."""
        self.pipeline().encoder.encode(["warm up"], kind="query")
        if self._chat:
            self._chat.warm_up()
            # Checks compare sentences as documents are encoded.
            self.pipeline().encoder.encode(["warm up"], kind="document")

    def unpublished(self) -> int:
        """Return how many documents an interrupted run has left, which the next `index` need not embed again."""
        return self._store.count_staged(after=self._build.revision())

    def verify(self) -> None:
        """Check every derived file against its digest.

        Raises:
            LibraryDamaged: A file is missing or is not the one that was written; `rebuild` mends that.
            LibraryError: The library holds no documents yet.
        """
        self._in_folder("verified").verify()

    def page_care(self) -> PageCare:
        """Return what compares the database's file, byte by byte, with the checksums of its pages."""
        return PageCare(self._in_folder("compared with checksums"))

    def mend_database(self) -> None:
        """Make the database's own indexes anew from its rows.

        Raises:
            LibraryDamaged: The rows cannot be read.
            LibraryBusy: Another process is writing to the library.
        """
        with self._engine.writing():
            self._in_folder("mended").store.reindex()

    def find_damage(self) -> Damage:
        """Read the whole database, and let documents that are damaged in it be read again when they are next indexed.

        Returns:
            What is not what was written.

        Raises:
            LibraryDamaged: The database's structure is damaged too.
            LibraryBusy: Something is damaged, and another process is writing to the library.
        """
        engine = self._in_folder("read through")
        damage = engine.store.damage()
        if damage.documents:
            with engine.writing():
                engine.store.read_again(damage.documents)
        return damage

    def rebuild(self) -> None:
        """Build the derived indexes anew from the database; nothing is embedded again.

        Raises:
            LibraryBusy: Another process is writing to the library.
            LibraryError: The library holds no documents yet.
        """
        self._in_folder("rebuilt").rebuild()

    def backup(self, destination: str | Path) -> Backup:
        """Keep a copy of the library as it is now, while it is asked and written to.

        Args:
            destination: A folder that is not there yet; it appears when the copy is whole and verified.

        Returns:
            What the copy holds.

        Raises:
            LibraryDamaged: Something in the database is not what was written.
            LibraryError: The destination is there already or cannot be written, or the library holds no documents.
        """
        return make_backup(self._in_folder("backed up by rag").store, absolute(destination))

    def _in_folder(self, done: str) -> FolderEngine:
        """Return the engine of a library in a folder.

        Args:
            done: What is to be done to it, as a participle.

        Returns:
            The engine.

        Raises:
            LibraryError: It is not in a folder.
        """
        if not isinstance(self._engine, FolderEngine):
            raise LibraryError(f"{self.address} cannot be {done}: Milvus keeps its own files; use its own tools")
        return self._engine

    def _snapshot(self) -> Snapshot:
        return self._engine.newest()


def _chat(settings: Settings) -> Chat | None:
    if not settings.chat_model:
        return None
    return Chat(
        settings.chat_model,
        base_url=settings.chat_base_url,
        timeout_s=settings.chat_timeout_s,
        reply_tokens=settings.chat_reply_tokens,
    )


def _find_files(
    paths: str | Path | Iterable[str | Path], settings: Settings
) -> tuple[list[SourceFile], dict[str, str]]:
    return find_sources(listed_paths(paths), settings.parse_limits)


def _once_more(ask: Callable[[], T]) -> T:
    """Return what is asked, on the newest generation if the one it began with was deleted under it."""
    try:
        return ask()
    except LibraryChanged:
        return ask()
