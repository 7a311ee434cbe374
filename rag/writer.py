"""Brings the store of a library into step with files or documents; knows how to write, not how to answer."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice

from embeddings.encoder import Encoder, Encoding
from rag import load, pipeline
from rag.abbreviations import Abbreviation, find_abbreviations
from rag.errors import SourceError
from rag.library_store import LibraryStore
from rag.parse_limits import ParseLimits
from rag.reuse import known_vectors
from rag.schema import Document, Passage
from rag.settings import Settings
from rag.sources import SourceFile
from rag.stored import Origin, PassageVectors

Progress = Callable[[str, int, int], None]
# Passages embedded, and kept, at a time: enough to batch passages of like length, little enough to lose. Two or three
# such batches are in memory at once, 40 MB each.
BATCH_PASSAGES = 128
# Passages that are encoded before it is asked whether to go on.
SLICE_PASSAGES = 32
# Name under which a store notes that the abbreviations of all its documents are there.
ABBREVIATIONS = "abbreviations"
# A file that changed this recently may change again without its time of modification moving.
TRUSTED_AGE_NS = 2_000_000_000


@dataclass(frozen=True)
class IndexReport:
    """What an indexing run did.

    Attributes:
        added: Documents that are new.
        updated: Documents whose text was replaced.
        removed: Documents that left.
        unchanged: Documents left as they were.
        failed: Reason in one line by source, for what could not be indexed.
        documents: Documents in the library afterwards.
        passages: Passages in the library afterwards.
        embedded: Passages that were embedded.
        seconds: Wall time.
        renamed: Documents whose file has another name or place, and what it held before; neither added nor removed.
        copies: Documents in the library afterwards that are made from the same bytes as another one.
    """

    added: int
    updated: int
    removed: int
    unchanged: int
    failed: Mapping[str, str]
    documents: int
    passages: int
    embedded: int
    seconds: float
    renamed: int = 0
    copies: int = 0


@dataclass
class Tally:
    """Running counts of a run."""

    added: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0
    embedded: int = 0
    renamed: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Entry:
    """A document to be put, read when its turn comes."""

    id: str
    size_bytes: int
    origin: Origin
    read: Callable[[], Document]


@dataclass(frozen=True)
class _Piece:
    """A passage to be embedded unless its vectors are known.

    It knows whether it is its document's first or last, and its share of the document's bytes.
    """

    entry: _Entry
    document: Document
    passage: Passage
    first: bool
    last: bool
    size_bytes: int
    known: PassageVectors | None = None


@dataclass(frozen=True)
class Writer:
    """Writes one revision of a store."""

    store: LibraryStore
    encoder: Encoder
    settings: Settings
    revision: int
    progress: Progress

    @property
    def _limits(self) -> ParseLimits:
        return self.settings.parse_limits

    def sync(
        self, sources: Sequence[SourceFile], tally: Tally, *, keep: Callable[[str], bool] = lambda _: False
    ) -> None:
        """Make the store hold exactly these files, leaving alone those that have not changed.

        Whole documents that an interrupted run left behind are kept: they need not be embedded again.

        Args:
            sources: The files.
            tally: Counts, which are added to.
            keep: Tells by its id whether a document stays that is made from none of them.

        Raises:
            SourceError: None of the files could be read; the store is as it was.
        """
        with self.store.transaction():
            self.store.discard_unsealed()
        known = self.store.origins()
        gone = {i for i in known.keys() - {s.id for s in sources} if not keep(i)}
        # Removed last: what was renamed takes its vectors from there.
        self._put_changed(sources, known, tally, left=Counter(known[i].digest for i in gone))
        with self.store.transaction():
            tally.removed += self.store.remove_documents(sorted(gone), revision=self.revision) - tally.renamed
        self._refuse_nothing(sources, tally)

    def merge(self, sources: Sequence[SourceFile], tally: Tally) -> None:
        """Add these files, replacing documents that were made from them and have changed, and leave all others alone.

        A file that is there already keeps its id, also where it was found below another folder.

        Args:
            sources: The files.
            tally: Counts, which are added to.

        Raises:
            SourceError: A file has the id of a document from elsewhere, or none of the files could be read; the store
                is as it was.
        """
        with self.store.transaction():
            self.store.discard_staged(revision=self.revision)
            known = self.store.origins()
            sources = _with_kept_ids(sources, known, self._limits)
        self._put_changed(sources, known, tally)
        self._refuse_nothing(sources, tally)

    def put(self, documents: Iterable[Document], tally: Tally) -> None:
        """Add documents given as text, replacing those of the same id, leaving alone those that have not changed."""
        with self.store.transaction():
            self.store.discard_staged(revision=self.revision)
        given = list(documents)
        known = self.store.origins(document.id for document in given)
        entries = []
        for document in given:
            digest = _document_digest(document)
            if document.id in known and known[document.id].digest == digest:
                tally.unchanged += 1
                continue
            read = _reader(document)
            entries.append(_Entry(document.id, len(document.text), Origin(digest), read))
        self._put(entries, known, tally)

    def introduce(self) -> None:
        """Find the abbreviations of documents that were written before there was a place to keep them."""
        if self.store.setting(ABBREVIATIONS):
            return
        for summary in self.store.documents():
            with self.store.transaction():
                document = self.store.document(summary.id)
                if document:
                    self.store.put_abbreviations(summary.id, _introduced_in(document))
        self.store.put_settings({ABBREVIATIONS: True})

    def drop(self, ids: Iterable[str], tally: Tally) -> None:
        """Remove documents."""
        with self.store.transaction():
            self.store.discard_staged(revision=self.revision)
            tally.removed += self.store.remove_documents(ids, revision=self.revision)

    def _refuse_nothing(self, sources: Sequence[SourceFile], tally: Tally) -> None:
        """Take everything back when no file was readable: that is a mistake, not a wish for an empty library."""
        reasons = [tally.failed[s.id] for s in sources if s.id in tally.failed]
        if len(reasons) < len(sources):
            return
        with self.store.transaction():
            self.store.discard_staged(revision=self.revision)
        others = f" (and {len(reasons) - 1} more like that)" if len(reasons) > 1 else ""
        raise SourceError(f"nothing could be read: {reasons[0]}{others}; the library is as it was")

    def _put_changed(
        self,
        sources: Sequence[SourceFile],
        known: Mapping[str, Origin],
        tally: Tally,
        *,
        left: Counter[str] | None = None,
    ) -> None:
        entries = []
        total, done = sum(s.size_bytes for s in sources), 0
        for source in sources:
            if entry := self._changed(source, known.get(source.id), tally):
                entries.append(entry)
            done += source.size_bytes
            self.progress("read", done, total)
        self._put(entries, known, tally, left=left)

    def _changed(self, source: SourceFile, known: Origin | None, tally: Tally) -> _Entry | None:
        """Return what there is to do for a file: nothing when its path and stat, or its digest, are as they were."""
        place = str(source.path.absolute())
        stat = (source.size_bytes, source.modified_ns, place)
        if known and source.modified_ns and stat == (known.size_bytes, known.modified_ns, known.source):
            tally.unchanged += 1
            return None
        trusted = source.modified_ns if time.time_ns() - source.modified_ns > TRUSTED_AGE_NS else 0
        try:
            load.check_size(source, source.size_bytes, self._limits)
            origin = Origin(load.source_digest(source, self._limits), source.size_bytes, trusted, place)
        except (OSError, SourceError) as error:
            tally.failed[source.id] = str(error)
            return None
        if known and known.digest == origin.digest:
            self.store.touch(source.id, origin)
            tally.unchanged += 1
            return None
        return _Entry(source.id, source.size_bytes, origin, lambda: pipeline.read(source, self._limits))

    def _put(
        self,
        entries: Sequence[_Entry],
        known: Mapping[str, Origin],
        tally: Tally,
        *,
        left: Counter[str] | None = None,
    ) -> None:
        """Put documents in.

        Args:
            entries: What to put in.
            known: Origins of the documents that are there.
            tally: Counts, which are added to.
            left: How many files of each digest are no longer where they were: a new one of that digest was renamed.
        """
        total = sum(e.size_bytes for e in entries)
        done = 0
        left = left or Counter()
        keys: dict[str, int] = {}
        for batch, vectors in self._embedded(self._batches(entries, tally)):
            with self.store.transaction():
                for piece, vector in zip(batch, vectors, strict=True):
                    if piece.first:
                        key = self.store.add_document(piece.document, revision=self.revision)
                        keys[piece.entry.id] = key
                        self.store.add_abbreviations(key, _introduced_in(piece.document))
                    self.store.add_passage(keys[piece.entry.id], piece.passage, vector)
                    if piece.last:
                        self.store.seal(keys[piece.entry.id], piece.entry.origin)
            for piece in batch:
                done += piece.size_bytes
                tally.embedded += piece.known is None
                if piece.last:
                    _count(piece.entry, known, tally, left)
            self.progress("embed", done, total)

    def _embedded(self, batches: Iterable[list[_Piece]]) -> Iterator[tuple[list[_Piece], list[PassageVectors]]]:
        """Yield the batches with their vectors, in order.

        One batch is encoded while the one before it is packed and written and the one after it is read and split, so
        that no processor waits for the database or for a file.
        """
        ended = threading.Event()
        with ThreadPoolExecutor(1) as worker:
            under_way: deque[tuple[list[_Piece], Future[list[Encoding]]]] = deque()
            try:
                for batch in batches:
                    under_way.append((batch, worker.submit(self._encode, batch, ended)))
                    if len(under_way) > 1:
                        yield self._packed(*under_way.popleft())
                while under_way:
                    yield self._packed(*under_way.popleft())
            finally:
                # What is not written by now never will be, as after Ctrl-C, which must not wait for a whole batch.
                ended.set()
                worker.shutdown(cancel_futures=True)

    def _encode(self, batch: Sequence[_Piece], ended: threading.Event) -> list[Encoding]:
        encodings: dict[int, Encoding] = {}
        # Those of like length together, as the encoder wants them.
        unknown = [n for n, piece in enumerate(batch) if piece.known is None]
        order = sorted(unknown, key=lambda n: -len(batch[n].passage.text))
        for start in range(0, len(order), SLICE_PASSAGES):
            if ended.is_set():
                return []
            numbers = order[start : start + SLICE_PASSAGES]
            pairs = [(batch[n].document.title, batch[n].passage) for n in numbers]
            encoded = pipeline.encode(pairs, self.encoder, threads=self.settings.indexing_threads)
            encodings |= zip(numbers, encoded, strict=True)
        return [encodings[n] for n in unknown]

    def _packed(
        self, batch: list[_Piece], encoded: Future[list[Encoding]]
    ) -> tuple[list[_Piece], list[PassageVectors]]:
        bits = self.settings.token_bits or 0
        encodings = iter(encoded.result())
        return batch, [
            piece.known or pipeline.to_keep(piece.document.title, piece.passage, next(encodings), token_bits=bits)
            for piece in batch
        ]

    def _batches(self, entries: Sequence[_Entry], tally: Tally) -> Iterator[list[_Piece]]:
        """Yield the pieces of documents in batches; of the same bytes once, and again when they have been written."""
        digests: set[str] = set()
        firsts: list[_Entry] = []
        repeats: list[_Entry] = []
        for entry in entries:
            (repeats if entry.origin.digest in digests else firsts).append(entry)
            digests.add(entry.origin.digest)
        for part in (firsts, repeats):
            pieces = self._pieces(part, tally)
            while batch := list(islice(pieces, BATCH_PASSAGES)):
                yield batch
            if part is firsts and repeats:
                # A batch is written when the one after the next is asked for.
                yield []

    def _pieces(self, entries: Sequence[_Entry], tally: Tally) -> Iterator[_Piece]:
        for entry in entries:
            try:
                document = entry.read()
                passages = pipeline.split_document(document, self.encoder, self.settings)
            except (OSError, SourceError) as error:
                # What the file said before is no longer what it says: no answer may come from it.
                tally.failed[entry.id] = str(error)
                with self.store.transaction():
                    tally.removed += self.store.remove_documents([entry.id], revision=self.revision)
                continue
            count, size = len(passages), entry.size_bytes
            vectors = known_vectors(self.store, entry.origin.digest, document.title, passages)
            for number, (passage, known) in enumerate(zip(passages, vectors, strict=True)):
                share = size * (number + 1) // count - size * number // count
                place = {"first": number == 0, "last": number == count - 1}
                yield _Piece(entry, document, passage, **place, size_bytes=share, known=known)


def _with_kept_ids(sources: Sequence[SourceFile], known: Mapping[str, Origin], limits: ParseLimits) -> list[SourceFile]:
    """Return the files under the ids they have in the store, refusing one with the id of a document from elsewhere."""
    real_path = _RealPaths()
    ids = {real_path(origin.source): i for i, origin in known.items() if origin.source}
    kept = []
    for source in sources:
        place = real_path(str(source.path))
        there = known.get(source.id)
        if there and there.source and real_path(there.source) == place:
            kept.append(source)
        elif place in ids:
            kept.append(replace(source, id=ids[place]))
        elif there and there.source and not _moved(source, there, limits):
            raise SourceError(
                f"{source.path} would replace {there.source}, which has the same id {source.id!r}; rename one of them, "
                "or index both folders together: rag index A B"
            )
        else:
            kept.append(source)
    return kept


class _RealPaths:
    """Paths without symbolic links; each folder is looked up once, which for 100,000 files saves some seconds."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def __call__(self, source: str) -> str:
        try:
            if os.path.islink(source):
                return os.path.realpath(source)
            folder, name = os.path.split(source if os.path.isabs(source) else os.path.join(os.getcwd(), source))
            if folder not in self._folders:
                self._folders[folder] = os.path.realpath(folder)
            return os.path.join(self._folders[folder], name)
        except ValueError:
            # What a document given as text names as its source need not be a path.
            return source


def _moved(source: SourceFile, known: Origin, limits: ParseLimits) -> bool:
    """Tell whether a file is the one a document was made from, now at another place."""
    return not os.path.lexists(known.source) and load.source_digest(source, limits) == known.digest


def _document_digest(document: Document) -> str:
    fields = (
        document.text,
        document.title,
        document.date,
        document.language,
        document.source,
        sorted(document.metadata.items()),
        # Without pages the digest is that of libraries from before there were any.
        *([document.page_starts] if document.page_starts else []),
    )
    return hashlib.sha256(repr(fields).encode("utf-8", "surrogatepass")).hexdigest()


def _reader(document: Document) -> Callable[[], Document]:
    return lambda: pipeline.prepare(document)


def _introduced_in(document: Document) -> list[Abbreviation]:
    """Return the abbreviations that a document's title and text introduce."""
    return find_abbreviations(f"{document.title}\n{document.text}")


def _count(entry: _Entry, known: Mapping[str, Origin], tally: Tally, left: Counter[str]) -> None:
    """Count a document that has been put in."""
    renamed = entry.id not in known and left[entry.origin.digest] > 0
    left[entry.origin.digest] -= renamed
    tally.renamed += renamed
    tally.updated += entry.id in known
    tally.added += entry.id not in known and not renamed
