"""Brings the store of a library into step with files or documents; knows how to write, not how to answer."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from embeddings.encoder import Encoder
from rag import load
from rag.abbreviations import Abbreviation, find_abbreviations
from rag.embed import EmbedHere
from rag.entries import Batch, Embed, Entry, Failed
from rag.errors import SourceError
from rag.formats.parse_limits import ParseLimits
from rag.kept_ids import with_kept_ids
from rag.library_store import LibraryStore
from rag.schema import Document
from rag.settings import Settings
from rag.sources import SourceFile
from rag.stored import Origin
from rag.tally import IndexReport, Tally

__all__ = ["IndexReport", "Progress", "Tally", "Writer"]
Progress = Callable[[str, int, int], None]
# Name under which a store notes that the abbreviations of all its documents are there.
ABBREVIATIONS = "abbreviations"
# A file that changed this recently may change again without its time of modification moving.
TRUSTED_AGE_NS = 2_000_000_000


@dataclass(frozen=True)
class Writer:
    """Writes one revision of a store.

    Attributes:
        store: The store.
        encoder: Its encoder.
        settings: Its settings.
        revision: The revision that is written towards.
        progress: Told how far it is.
        embed: Turns what is to be put into passages with vectors; ``None`` for the threads of this process.
    """

    store: LibraryStore
    encoder: Encoder
    settings: Settings
    revision: int
    progress: Progress
    embed: Embed | None = None

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
            sources = with_kept_ids(sources, known, self._limits)
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
            entries.append(Entry(document.id, len(document.text), Origin(digest), document))
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
        first = reasons[0] if reasons else "no files were given"
        others = f" (and {len(reasons) - 1} more like that)" if len(reasons) > 1 else ""
        raise SourceError(f"nothing could be read: {first}{others}; the library is as it was")

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

    def _changed(self, source: SourceFile, known: Origin | None, tally: Tally) -> Entry | None:
        """Return what there is to do for a file: nothing when its path and stat, or its digest, are as they were."""
        place = source.kept_place
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
        return Entry(source.id, source.size_bytes, origin, source)

    def _put(
        self,
        entries: Sequence[Entry],
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
        total, done = sum(e.size_bytes for e in entries), 0
        left = left or Counter()
        keys: dict[str, int] = {}
        for outcome in self._embedded(entries):
            if isinstance(outcome, Failed):
                self._fail(outcome, tally)
                continue
            self._write(outcome, keys)
            for piece, _ in outcome:
                done += piece.size_bytes
                tally.embedded += piece.known is None
                if piece.last:
                    _count(piece.entry, known, tally, left)
            self.progress("embed", done, total)

    def _embedded(self, entries: Sequence[Entry]) -> Iterator[Batch | Failed]:
        """Yield what comes of entries; those of the same bytes as another when that one has been written."""
        embed = self.embed or EmbedHere(self.store, self.encoder, self.settings)
        for part in _by_digest(entries):
            with closing(embed(part)) as outcomes:
                yield from outcomes

    def _write(self, batch: Batch, keys: dict[str, int]) -> None:
        """Write a batch, and note the numbers of the documents that begin in it."""
        with self.store.transaction():
            for piece, vectors in batch:
                if piece.first:
                    key = self.store.add_document(piece.document, revision=self.revision)
                    keys[piece.entry.id] = key
                    self.store.add_abbreviations(key, _introduced_in(piece.document))
                self.store.add_passage(keys[piece.entry.id], piece.passage, vectors)
                if piece.last:
                    self.store.seal(keys.pop(piece.entry.id), piece.entry.origin)

    def _fail(self, failed: Failed, tally: Tally) -> None:
        tally.failed[failed.entry.id] = failed.reason
        with self.store.transaction():
            # What the file said before is no longer what it says: no answer may come from it.
            tally.removed += self.store.remove_documents([failed.entry.id], revision=self.revision)


def _by_digest(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Yield the entries in two parts, of each digest the first one and then the others; an empty part is left out."""
    digests: set[str] = set()
    firsts: list[Entry] = []
    repeats: list[Entry] = []
    for entry in entries:
        (repeats if entry.origin.digest in digests else firsts).append(entry)
        digests.add(entry.origin.digest)
    yield from (part for part in (firsts, repeats) if part)


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


def _introduced_in(document: Document) -> list[Abbreviation]:
    """Return the abbreviations that a document's title and text introduce."""
    return find_abbreviations(f"{document.title}\n{document.text}")


def _count(entry: Entry, known: Mapping[str, Origin], tally: Tally, left: Counter[str]) -> None:
    """Count a document that has been put in."""
    renamed = entry.id not in known and left[entry.origin.digest] > 0
    left[entry.origin.digest] -= renamed
    tally.renamed += renamed
    tally.updated += entry.id in known
    tally.added += entry.id not in known and not renamed
