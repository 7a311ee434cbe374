"""What a run adds to a library in Milvus and takes out of it, row by row, towards a revision that nobody sees yet.

A passage's number is that of its document and its place in it, so that what is written a second time takes the place of
the first. Knows nothing of how a question is searched.
"""

from __future__ import annotations

import base64
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from rag.abbreviations import Abbreviation, form_key
from rag.milvus.client import NOTHING, Milvus, Row, among, batches, chunked
from rag.milvus.facets import day, facets
from rag.milvus.rows import HEAD, PLACE_BITS, MilvusRows, parts, passage_keys
from rag.milvus.schema import STAYS, make_passages
from rag.milvus.terms import document_weights, number
from rag.schema import Document, Passage
from rag.stored import REVISION, Origin, PassageVectors
from rag.terms import document_terms, spelt_words

# Numbers of documents that are taken at a time: what is not used of them when a run ends never will be.
NUMBERS_TAKEN = 1_024
NEXT = "next_document"
DOCUMENT_FIELDS = ("id_hash", "digest_hash", "added", "removed", "sealed", "day", "passages", "facets", "body")
PASSAGE_FIELDS = ("document", "added", "removed", "terms", "vector", "weights")


@dataclass
class _Draft:
    """A document whose passages are not all there yet."""

    document: Document
    row: Row
    body: dict[str, Any]


class MilvusStore(MilvusRows):
    """The rows of one library; safe to share between threads."""

    def __init__(self, milvus: Milvus) -> None:
        """Take the connection."""
        super().__init__(milvus)
        self._lock = threading.RLock()
        self._depth = 0
        self._drafts: dict[int, _Draft] = {}
        self._numbers: list[int] = []
        # Rows that the transaction under way writes: documents not whole yet, what is in them, whole documents.
        self._begun: list[Row] = []
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._whole: list[Row] = []
        self._has_passages = False

    # -- writing ------------------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold together what is written within: what is added is written when the block ends, or not at all.

        Removals and notes are written at once, and are seen by nobody before they are published. A document counts as
        incomplete until all of it is written, also where the process is killed in between.
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
            "body": parts(body),
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
                "body": parts(_passage_body(passage, vectors)),
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
        row = draft.row | {"sealed": 1, "digest_hash": number(origin.digest), "body": parts(draft.body | own)}
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
                    "body": parts([one.short, one.long]),
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
            self.milvus.put("documents", [{**row, "facets": facets(document), "body": parts(body), "nothing": NOTHING}])

    def discard_unsealed(self) -> None:
        """Delete documents whose passages are not all there, because a run was cut short.

        What they were to replace stands again: no source need be there that it could be made from anew.
        """
        self._drafts.clear()
        staged = int(self.setting(REVISION) or 0) + 1
        torn = self.milvus.rows("documents", f"sealed == 0 and added >= {staged}", ["key", "id_hash"])
        for some in batches({row["id_hash"] for row in torn}, 256):
            replaced = f"{among('id_hash', some)} and {_gone(staged)}"
            self._unmark(list(self.milvus.rows("documents", replaced, ["key", *DOCUMENT_FIELDS])))
        # Last: what says that they were to be replaced.
        self._delete(self._keys("sealed == 0"))
        self._mark_again(_gone(staged))

    def discard_staged(self, *, revision: int) -> None:
        """Take back all that a run that was cut short did towards `revision`."""
        self._drafts.clear()
        self._delete(self._keys(f"added >= {revision} or sealed == 0"))
        if revision == 1 and self.has_passages():
            # Nothing has been published: another encoder may take over, whose vectors are of another size.
            self.milvus.before_writing()
            self.milvus.call("drop_collection", self.milvus.named("passages"))
            self._has_passages = False
        self._unmark(list(self.milvus.rows("documents", _gone(revision), ["key", *DOCUMENT_FIELDS])))

    def has_staged(self, *, revision: int) -> bool:
        """Tell whether anything was added or removed as of `revision`."""
        staged = f"added >= {revision} or ({_gone(revision)})"
        return bool(self.milvus.first("documents", staged, ["key"], most=1))

    def purge(self, *, before: int) -> None:
        """Delete what was removed at or before revision `before`: no reader sees it any more."""
        self._delete(self._keys(f"removed <= {before}"))

    def unseal(self, keys: Sequence[int]) -> None:
        """Note that documents are not whole, so that the next run makes them anew."""
        whole = (row for row in self.milvus.get("documents", keys, DOCUMENT_FIELDS) if row["sealed"])
        self.milvus.put("documents", ({**row, "sealed": 0, "nothing": NOTHING} for row in whole))

    def _keys(self, condition: str) -> list[int]:
        return [row["key"] for row in self.milvus.rows("documents", condition, ["key"])]

    def _delete(self, keys: Sequence[int]) -> None:
        """Delete documents with all that is in them; where that is cut short they count as incomplete."""
        for some in batches(keys, 64):
            self.unseal(some)
            for kind in ("passages", "contents", "texts", "abbreviations"):
                if kind != "passages" or self.has_passages():
                    self.milvus.delete(kind, " or ".join(f"({_of(key)})" for key in some))
            self.milvus.delete("documents", among("key", some))

    def _mark(self, documents: Sequence[Row], *, removed: int) -> None:
        """Note by which revision documents are removed: of their passages last, so that what is cut short is found."""
        for some in batches(documents, 16):
            self._put_marks(some, removed)
            self._mark_passages([key for row in some for key in passage_keys(row)], removed)

    def _unmark(self, documents: Sequence[Row]) -> None:
        """Take back that documents are removed: of their passages first, so that what is cut short is found."""
        for some in batches(documents, 16):
            self._mark_passages([key for row in some for key in passage_keys(row)], STAYS)
            self._put_marks(some, STAYS)

    def _mark_again(self, condition: str) -> None:
        """Note of passages what their documents say, where marking them or taking that back was cut short."""
        for row in list(self.milvus.rows("documents", condition, ["key", "removed", "passages"])):
            there = self.milvus.get("passages", passage_keys(row), ["removed"])
            self._mark_passages([p["key"] for p in there if p["removed"] != row["removed"]], row["removed"])

    def _put_marks(self, documents: Iterable[Row], removed: int) -> None:
        """Note it of documents themselves; servers before 2.6 take rows whole."""
        self.milvus.put("documents", ({**row, "removed": removed, "nothing": NOTHING} for row in documents))

    def _mark_passages(self, keys: Sequence[int], removed: int) -> None:
        passages = self.milvus.get("passages", keys, PASSAGE_FIELDS) if keys else []
        self.milvus.put("passages", ({**row, "removed": removed} for row in passages))

    def has_passages(self) -> bool:
        """Tell whether there is a collection of passages: there is none before the first one."""
        self._has_passages = self._has_passages or self.milvus.has(self.milvus.named("passages"))
        return self._has_passages


def _of(document_key: int) -> str:
    """Return the condition that a row is in a document."""
    return f"key >= {document_key << PLACE_BITS} and key < {(document_key + 1) << PLACE_BITS}"


def _gone(revision: int) -> str:
    """Return the condition that a document is removed as of a revision, or of a later one."""
    return f"removed >= {revision} and removed < {STAYS}"


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
