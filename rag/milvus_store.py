"""The rows of a library in Milvus: what a run adds to it and takes out of it, and what a revision holds.

A passage's number is that of its document and its place in it, so that what is written a second time takes the place of
the first. Knows nothing of how a question is searched.
"""

from __future__ import annotations

import base64
import json
import math
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.abbreviations import Abbreviation, form_key
from rag.errors import LibraryChanged, LibraryDamaged
from rag.milvus_client import MOST_CHARS, NOTHING, Milvus, Row, among, batches, chunked
from rag.milvus_facets import day, facets
from rag.milvus_schema import STAYS, make_passages
from rag.milvus_terms import document_weights, number
from rag.recent import Recent
from rag.schema import Document, Passage, Span
from rag.stored import DocumentSummary, Origin, PassageVectors, StoredPassage
from rag.tables import LATEST
from rag.terms import document_terms, spelt_words

# Bits of a passage's number that say its place in its document; the others are its document's number.
PLACE_BITS = 20
# Numbers of documents that are taken at a time: what is not used of them when a run ends never will be.
NUMBERS_TAKEN = 1_024
NEXT = "next_document"
DOCUMENT_FIELDS = ("id_hash", "digest_hash", "added", "removed", "sealed", "day", "passages", "facets", "body")
PASSAGE_FIELDS = ("document", "added", "removed", "terms", "vector", "weights")
# As for libraries in folders: what questions read is kept in memory up to so much.
MOST_RECENT, MOST_TOKEN_BYTES, MOST_TEXT_CHARS, MOST_DOCUMENTS = 4_000, 50_000_000, 20_000_000, 10_000
MOST_USES = 100


@dataclass
class _Draft:
    """A document whose passages are not all there yet."""

    document: Document
    row: Row
    body: dict[str, Any]
    introduced: list[Abbreviation] = field(default_factory=list)


class MilvusStore:
    """The rows of one library; safe to share between threads."""

    def __init__(self, milvus: Milvus) -> None:
        """Take the connection."""
        self.milvus = milvus
        self._lock = threading.RLock()
        self._depth = 0
        self._drafts: dict[int, _Draft] = {}
        self._numbers: list[int] = []
        # Rows that the transaction under way writes: documents not whole yet, what is in them, whole documents.
        self._begun: list[Row] = []
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._whole: list[Row] = []
        self._has_passages = False
        self._heads = Recent[Row](MOST_DOCUMENTS)
        self._passages = Recent[StoredPassage](MOST_RECENT)
        self._tokens = Recent[tuple[bytes, NDArray[np.int64]]](MOST_TOKEN_BYTES)
        self._texts = Recent[str](MOST_TEXT_CHARS)

    @property
    def place(self) -> str:
        """The library's address."""
        return str(self.milvus.address)

    def close(self) -> None:
        """Let go of the connection."""
        self.milvus.close()

    # -- settings -----------------------------------------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """Return all settings, JSON values by name."""
        rows = self.milvus.rows("settings", "key >= 0", ["name", "body"])
        return {row["name"]: self._parsed(row["body"]) for row in rows}

    def setting(self, name: str) -> Any:
        """Return a setting, ``None`` where there is none of that name."""
        rows = self.milvus.get("settings", [number(name)], ["body"])
        return self._parsed(rows[0]["body"]) if rows else None

    def put_settings(self, values: Mapping[str, Any]) -> None:
        """Keep settings in place of those of the same names."""
        rows = ({"key": number(n), "name": n, "body": _parts(v), "nothing": NOTHING} for n, v in values.items())
        self.milvus.put("settings", rows)

    # -- writing ------------------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold together what is written within: nothing of it where an exception leaves the block.

        A document counts as incomplete until all of it is written, also where the process is killed in between.
        """
        with self._lock:
            self._depth += 1
            try:
                yield
                if self._depth == 1:
                    self._write()
            finally:
                self._depth -= 1
                if not self._depth:
                    self._begun, self._rows, self._whole = [], defaultdict(list), []

    def _write(self) -> None:
        self.milvus.put("documents", self._begun)
        for kind, rows in self._rows.items():
            self.milvus.put(kind, rows)
        self.milvus.put("documents", self._whole)

    def check_all(self) -> None:
        """Do nothing: there are no rows of earlier versions."""

    def add_document(self, document: Document, *, revision: int) -> int:
        """Add a document as of `revision`, in place of a live one of the same id, and return its number."""
        self.remove_documents([document.id], revision=revision)
        key = self._next_number()
        body = {name: getattr(document, name) for name in HEAD} | {"metadata": dict(document.metadata)}
        body |= {"characters": len(document.text), "text_hash": number(document.text), "pages": 0}
        body |= {"digest": "", "size_bytes": 0, "modified_ns": 0}
        row = {
            "key": key,
            "id_hash": number(document.id),
            "digest_hash": 0,
            "added": revision,
            "removed": STAYS,
            "sealed": 0,
            "day": day(document.date),
            "passages": 0,
            "facets": facets(document),
            "body": _parts(body),
            "nothing": NOTHING,
        }
        self._drafts[key] = _Draft(document, row, body)
        self._begun.append(dict(row))
        for place, part in enumerate(chunked(document.text)):
            self._rows["texts"].append({"key": key << PLACE_BITS | place, "text": part, "nothing": NOTHING})
        return key

    def _next_number(self) -> int:
        if not self._numbers:
            first = int(self.setting(NEXT) or 1)
            self.put_settings({NEXT: first + NUMBERS_TAKEN})
            self._numbers = list(range(first + NUMBERS_TAKEN - 1, first - 1, -1))
        return self._numbers.pop()

    def add_passage(self, document_key: int, passage: Passage, vectors: PassageVectors) -> int:
        """Add a passage of a document with its vectors and return its number."""
        draft = self._drafts[document_key]
        document, place = draft.document, int(draft.row["passages"])
        key = document_key << PLACE_BITS | place
        draft.row["passages"] = place + 1
        draft.body["pages"] = max(draft.body["pages"], passage.page or 0)
        if not self._has_passages:
            make_passages(self.milvus, dim=len(vectors.vector))
            self._has_passages = True
        text = f"{document.title}\n{passage.text}"
        terms = document_terms(text, language=document.language)
        self._rows["contents"].append(
            {
                "key": key,
                "body": _parts(_passage_body(passage, vectors)),
                "words": chunked(" ".join(sorted(spelt_words(text)))),
                "tokens": chunked(base64.b64encode(vectors.tokens).decode("ascii")),
                "nothing": NOTHING,
            }
        )
        self._rows["passages"].append(
            {
                "key": key,
                "document": document_key,
                "added": draft.row["added"],
                "removed": STAYS,
                "terms": chunked(" ".join(terms)),
                "vector": vectors.vector.astype(np.float32),
                "weights": document_weights(Counter(terms)),
            }
        )
        return key

    def seal(self, document_key: int, origin: Origin) -> None:
        """Note that all passages of a document are there, and what it was made from."""
        draft = self._drafts.pop(document_key)
        own = {"digest": origin.digest, "size_bytes": origin.size_bytes, "modified_ns": origin.modified_ns}
        row = draft.row | {"sealed": 1, "digest_hash": number(origin.digest), "body": _parts(draft.body | own)}
        self._whole.append(row)

    def add_abbreviations(self, document_key: int, introduced: Iterable[Abbreviation]) -> None:
        """Keep the abbreviations that a document introduces."""
        for place, one in enumerate(introduced):
            self._rows["abbreviations"].append(
                {
                    "key": document_key << PLACE_BITS | place,
                    "document": document_key,
                    "short_hash": number(form_key(one.short)),
                    "long_hash": number(form_key(one.long)),
                    "body": _parts([one.short, one.long]),
                    "nothing": NOTHING,
                }
            )

    def put_abbreviations(self, document_id: str, introduced: Iterable[Abbreviation]) -> None:
        """Keep the abbreviations that a live document introduces, in place of those that are there."""
        for row in self._found([document_id], f"removed == {STAYS}"):
            self.milvus.delete("abbreviations", _of(row["key"]))
            self.add_abbreviations(row["key"], introduced)

    def remove_documents(self, ids: Iterable[str], *, revision: int) -> int:
        """Mark live documents as removed as of `revision` and return how many there were."""
        live = self._found(ids, f"removed == {STAYS}", DOCUMENT_FIELDS)
        self._delete([row["key"] for row in live if row["added"] >= revision])
        self._mark([row for row in live if row["added"] < revision], removed=revision)
        return len(live)

    def touch(self, document_id: str, origin: Origin) -> None:
        """Note that a live document's source has another place or time of modification and the same bytes."""
        own = {"source": origin.source, "modified_ns": origin.modified_ns, "size_bytes": origin.size_bytes}
        for row in self._found([document_id], f"removed == {STAYS}", DOCUMENT_FIELDS):
            body = self._parsed(row["body"]) | own
            document = Document(**{name: body[name] for name in HEAD}, text="")
            self.milvus.put(
                "documents", [{**row, "facets": facets(document), "body": _parts(body), "nothing": NOTHING}]
            )

    def discard_unsealed(self) -> None:
        """Delete documents whose passages are not all there, because a run was cut short."""
        self._drafts.clear()
        self._delete([row["key"] for row in self.milvus.rows("documents", "sealed == 0", ["key"])])

    def discard_staged(self, *, revision: int) -> None:
        """Take back all that a run that was cut short did towards `revision`."""
        self._drafts.clear()
        self._delete([row["key"] for row in self.milvus.rows("documents", f"added >= {revision}", ["key"])])
        if revision == 1 and self.has_passages():
            # Nothing has been published: another encoder may take over, whose vectors are of another size.
            self.milvus.call("drop_collection", self.milvus.named("passages"))
            self._has_passages = False
        gone = f"removed >= {revision} and removed < {STAYS}"
        self._mark(list(self.milvus.rows("documents", gone, ["key", *DOCUMENT_FIELDS])), removed=STAYS)

    def has_staged(self, *, revision: int) -> bool:
        """Tell whether anything was added or removed as of `revision`."""
        staged = f"added >= {revision} or (removed >= {revision} and removed < {STAYS})"
        return bool(self.milvus.first("documents", staged, ["key"], most=1))

    def purge(self, *, before: int) -> None:
        """Delete what was removed at or before revision `before`: no reader sees it any more."""
        self._delete([row["key"] for row in self.milvus.rows("documents", f"removed <= {before}", ["key"])])

    def _delete(self, keys: Sequence[int]) -> None:
        """Delete documents with all that is in them; themselves last, so that what was cut short is done again."""
        for some in batches(keys, 64):
            for kind in ("passages", "contents", "texts", "abbreviations"):
                if kind != "passages" or self.has_passages():
                    self.milvus.delete(kind, " or ".join(f"({_of(key)})" for key in some))
            self.milvus.delete("documents", among("key", some))

    def _mark(self, documents: Sequence[Row], *, removed: int) -> None:
        """Note by which revision documents are removed; servers before 2.6 take rows whole."""
        for some in batches(documents, 16):
            keys = [key for row in some for key in passage_keys(row)]
            passages = self.milvus.get("passages", keys, PASSAGE_FIELDS) if keys else []
            self.milvus.put("passages", ({**row, "removed": removed} for row in passages))
            self.milvus.put("documents", ({**row, "removed": removed, "nothing": NOTHING} for row in some))

    def has_passages(self) -> bool:
        """Tell whether there is a collection of passages: there is none before the first one."""
        self._has_passages = self._has_passages or self.milvus.has(self.milvus.named("passages"))
        return self._has_passages

    # -- reading, of what is written ----------------------------------------------------------------------------------

    def origins(self, ids: Iterable[str] | None = None) -> dict[str, Origin]:
        """Return the origins of live documents by document id: of all, or of those with some ids."""
        live = f"removed == {STAYS}"
        rows = self.milvus.rows("documents", live, ["body"]) if ids is None else self._found(ids, live, ["body"])
        bodies = [self._parsed(row["body"]) for row in rows]
        return {body["id"]: _origin(body) for body in bodies}

    def made_from(self, digest: str) -> list[StoredPassage]:
        """Return the passages of a document made from a source of that digest, also of one that has left."""
        made = self.milvus.first(
            "documents", among("digest_hash", [number(digest)]), ["key", "passages"], most=MOST_USES
        )
        if not made:
            return []
        keys = passage_keys(max(made, key=lambda row: int(row["key"])))
        found = self.passages(keys)
        return [found[key] for key in keys if key in found]

    def kept(self, keys: Sequence[int]) -> dict[int, PassageVectors]:
        """Return what is kept of the encodings of passages, by their numbers; of those that are not there nothing."""
        tokens = self.tokens(keys)
        rows = self.milvus.get("passages", keys, ["vector"]) if keys else []
        return {
            row["key"]: PassageVectors(np.asarray(row["vector"], np.float32), *tokens[row["key"]])
            for row in rows
            if row["key"] in tokens
        }

    def count_staged(self, *, after: int) -> int:
        """Return how many whole documents have been added since a revision."""
        return sum(1 for _ in self.milvus.rows("documents", f"added > {after} and sealed == 1", ["key"]))

    # -- reading, of a revision ---------------------------------------------------------------------------------------

    def documents(self, *, revision: int = LATEST) -> list[DocumentSummary]:
        """Return the documents of a revision by id."""
        rows = list(self.milvus.rows("documents", live(revision), ["passages", "body"]))
        bodies = sorted(((self._parsed(row["body"]), row["passages"]) for row in rows), key=lambda pair: pair[0]["id"])
        firsts: dict[str, str] = {}
        for body, _ in bodies:
            firsts.setdefault(body["digest"], body["id"])
        return [_summary(body, passages, firsts[body["digest"]]) for body, passages in bodies]

    def document(self, document_id: str, *, revision: int = LATEST) -> Document | None:
        """Return one document of a revision, or ``None`` when it has no such document."""
        rows = self._found([document_id], live(revision), ["body"])
        if not rows:
            return None
        body = self._parsed(rows[0]["body"])
        return Document(**{name: body[name] for name in HEAD}, text=self._text(rows[0]["key"], body))

    def _text(self, key: int, body: Row) -> str:
        kept = self._texts.get([key])
        if key in kept:
            return kept[key]
        parts = max(1, math.ceil(body["characters"] / MOST_CHARS))
        rows = self.milvus.get("texts", [key << PLACE_BITS | place for place in range(parts)], ["text"])
        text = "".join(row["text"] for row in sorted(rows, key=lambda row: int(row["key"])))
        if number(text) != body["text_hash"]:
            if not self.milvus.get("documents", [key], ["added"]):
                raise LibraryChanged
            raise LibraryDamaged(f"the text of document {body['id']!r} in {self.place} is not what was written")
        self._texts.put({key: text}, size=len(text))
        return text

    def origins_at(self, ids: Iterable[str], *, revision: int) -> dict[str, Origin]:
        """Return what some documents of a revision were made from, by id."""
        bodies = [self._parsed(row["body"]) for row in self._found(ids, live(revision), ["body"])]
        return {body["id"]: _origin(body) for body in bodies}

    def passages_of(self, *, revision: int = LATEST, document_id: str | None = None) -> Iterator[StoredPassage]:
        """Yield the passages of a revision, or of one document of it, in order of their numbers."""
        if document_id is None:
            rows: Iterable[Row] = self.milvus.rows("documents", live(revision), ["key", "passages"])
        else:
            rows = self._found([document_id], live(revision), ["passages"])
        for keys in batches((key for row in rows for key in passage_keys(row)), 256):
            found = self.passages(keys)
            yield from (found[key] for key in keys if key in found)

    def count_pages(self, ids: Iterable[str], *, revision: int) -> dict[str, int]:
        """Return the number of the last page that some documents of a revision have text on, by id, where they do."""
        bodies = [self._parsed(row["body"]) for row in self._found(ids, live(revision), ["body"])]
        return {body["id"]: body["pages"] for body in bodies if body["pages"]}

    def count_copies(self, *, revision: int) -> int:
        """Return how many documents of a revision are made from the same bytes as another one before them."""
        digests = [row["digest_hash"] for row in self.milvus.rows("documents", live(revision), ["digest_hash"])]
        return len(digests) - len(set(digests))

    def passages(self, keys: Sequence[int]) -> dict[int, StoredPassage]:
        """Return passages by number; numbers that are not there are left out."""
        recent = self._passages.get(keys)
        missing = [key for key in keys if key not in recent]
        if not missing:
            return recent
        rows = self.milvus.get("contents", missing, ["body"])
        heads = self.heads({row["key"] >> PLACE_BITS for row in rows})
        found = {
            row["key"]: _stored(row["key"], self._parsed(row["body"]), heads[row["key"] >> PLACE_BITS])
            for row in rows
            if row["key"] >> PLACE_BITS in heads
        }
        self._passages.put(found, size=len(found))
        return recent | found

    def tokens(self, keys: Sequence[int]) -> dict[int, tuple[bytes, NDArray[np.int64]]]:
        """Return packed token vectors and sentence starts by passage number; those read last are kept in memory."""
        recent = self._tokens.get(keys)
        missing = [key for key in keys if key not in recent]
        if not missing:
            return recent
        found = {}
        for row in self.milvus.get("contents", missing, ["body", "tokens"]):
            starts = np.array(self._parsed(row["body"])["starts"], dtype=np.int64)
            found[row["key"]] = (base64.b64decode("".join(row["tokens"])), starts)
        self._tokens.put(found, size=sum(len(packed) + starts.nbytes for packed, starts in found.values()))
        return recent | found

    def heads(self, keys: Collection[int]) -> dict[int, Row]:
        """Return what never changes of documents, by number: id, title, date, language, metadata."""
        recent = self._heads.get(keys)
        missing = [key for key in keys if key not in recent]
        if not missing:
            return recent
        rows = self.milvus.get("documents", missing, ["body"])
        found = {row["key"]: self._parsed(row["body"]) for row in rows}
        self._heads.put(found, size=len(found))
        return recent | found

    def abbreviations(self, keys: Collection[str], *, revision: int) -> list[tuple[Abbreviation, int]]:
        """Return the abbreviations of a revision of which either form is wanted, with the number of their documents."""
        numbers = [number(key) for key in keys]
        if not numbers:
            return []
        wanted = f"{among('short_hash', numbers)} or {among('long_hash', numbers)}"
        rows = self.milvus.first("abbreviations", wanted, ["document", "body"], most=16_384)
        documents = (
            self.milvus.get("documents", [row["document"] for row in rows], ["added", "removed"]) if rows else []
        )
        there = {row["key"] for row in documents if row["added"] <= revision < row["removed"]}
        counts = Counter(Abbreviation(*self._parsed(row["body"])) for row in rows if row["document"] in there)
        return sorted(counts.items(), key=lambda item: (-item[1], item[0].short, item[0].long))

    def _found(self, ids: Iterable[str], condition: str, fields: Sequence[str] = ()) -> list[Row]:
        """Return rows of documents by their ids."""
        rows: list[Row] = []
        for some in batches(ids, 256):
            wanted = f"{among('id_hash', [number(i) for i in some])} and {condition}"
            rows += self.milvus.first("documents", wanted, list(dict.fromkeys(["key", "added", *fields])), most=16_384)
        return rows

    def _parsed(self, parts: Sequence[str]) -> Any:
        try:
            return json.loads("".join(parts))
        except (ValueError, TypeError) as error:
            raise LibraryDamaged(
                f"a row in {self.place} cannot be read ({error}); index its documents again"
            ) from error


# What `Document` is made from, beside its text.
HEAD = ("id", "title", "date", "language", "source", "metadata")


def live(revision: int) -> str:
    """Return the condition that a row is of a revision."""
    return f"added <= {revision} and removed > {revision}"


def passage_keys(row: Row) -> range:
    """Return the numbers of a document's passages, in order."""
    first = int(row["key"]) << PLACE_BITS
    return range(first, first + int(row["passages"]))


def ranges(keys: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of each run of numbers that follow each other."""
    for _, run in groupby(enumerate(sorted(keys)), key=lambda pair: pair[1] - pair[0]):
        own = [key for _, key in run]
        yield own[0], own[-1]


def _of(document_key: int) -> str:
    """Return the condition that a row is in a document."""
    return f"key >= {document_key << PLACE_BITS} and key < {(document_key + 1) << PLACE_BITS}"


def _parts(value: Any) -> list[str]:
    return chunked(json.dumps(value, ensure_ascii=False))


def _origin(body: Row) -> Origin:
    return Origin(body["digest"], body["size_bytes"], body["modified_ns"], body["source"])


def _summary(body: Row, passages: int, first: str) -> DocumentSummary:
    own = {name: body[name] for name in ("id", "title", "date", "language", "source", "characters")}
    return DocumentSummary(**own, passages=passages, same_text_as=None if first == body["id"] else first)


def _passage_body(passage: Passage, vectors: PassageVectors) -> dict[str, Any]:
    return {
        "start_char": passage.start_char,
        "end_char": passage.end_char,
        "text": passage.text,
        "heading": passage.heading,
        "page": passage.page,
        "sentences": [[s.start_char, s.end_char] for s in passage.sentences],
        "starts": vectors.sentence_starts.tolist(),
    }


def _stored(key: int, own: Row, head: Row) -> StoredPassage:
    spans = tuple(Span(*pair) for pair in own["sentences"])
    place = (own["start_char"], own["end_char"], own["text"], own["heading"])
    passage = Passage(head["id"], *place, spans, own["page"])
    return StoredPassage(
        key, key >> PLACE_BITS, passage, head["title"], head["date"], head["language"], head["metadata"]
    )
