"""What a library in Milvus holds, row by row: of what is written, and of a revision that readers see.

A passage's number is that of its document and its place in it. Knows nothing of how rows come there, nor of searches.
"""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.abbreviations import Abbreviation
from rag.errors import LibraryChanged, LibraryDamaged
from rag.milvus.client import MOST_CHARS, NOTHING, Milvus, Row, among, batches, chunked
from rag.milvus.schema import STAYS
from rag.milvus.terms import number
from rag.recent import Recent
from rag.schema import Document, Passage, Span
from rag.stored import LATEST, DocumentSummary, Origin, PassageVectors, StoredPassage

# Bits of a passage's number that say its place in its document; the others are its document's number.
PLACE_BITS = 20
# As for libraries in folders: what questions read is kept in memory up to so much.
MOST_RECENT, MOST_TOKEN_BYTES, MOST_TEXT_CHARS, MOST_DOCUMENTS = 4_000, 50_000_000, 20_000_000, 10_000
MOST_USES = 100


class MilvusRows:
    """The part of a store that reads, and that keeps settings; safe to share between threads."""

    def __init__(self, milvus: Milvus) -> None:
        """Take the connection."""
        self.milvus = milvus
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
        rows = ({"key": number(n), "name": n, "body": parts(v), "nothing": NOTHING} for n, v in values.items())
        self.milvus.put("settings", rows)

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


def _origin(body: Row) -> Origin:
    return Origin(body["digest"], body["size_bytes"], body["modified_ns"], body["source"])


def _summary(body: Row, passages: int, first: str) -> DocumentSummary:
    own = {name: body[name] for name in ("id", "title", "date", "language", "source", "characters")}
    return DocumentSummary(**own, passages=passages, same_text_as=None if first == body["id"] else first)


def _stored(key: int, own: Row, head: Row) -> StoredPassage:
    spans = tuple(Span(*pair) for pair in own["sentences"])
    place = (own["start_char"], own["end_char"], own["text"], own["heading"])
    passage = Passage(head["id"], *place, spans, own["page"])
    return StoredPassage(
        key, key >> PLACE_BITS, passage, head["title"], head["date"], head["language"], head["metadata"]
    )


def parts(value: Any) -> list[str]:
    """Return a JSON value in parts that Milvus takes for strings."""
    return chunked(json.dumps(value, ensure_ascii=False))
