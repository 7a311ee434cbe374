"""A revision of a library in Milvus made ready for its readers: counts of its terms, and the state they switch to.

All of it can be done again: what a run that was killed here has written is written anew by the next one.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from rag.errors import LibraryDamaged, LibraryError
from rag.milvus.client import ADMIN_S, NOTHING, Milvus, Row, among, batches, chunked
from rag.milvus.rows import PLACE_BITS, live, passage_keys
from rag.milvus.schema import COLLECTIONS, MANIFEST, make_collection
from rag.milvus.store import MilvusStore
from rag.milvus.terms import number
from rag.stored import Published

FORMAT_VERSION = 1
# Longer words are no misspelling of anything.
MOST_WORD_CHARS = 100
MANIFEST_KEY = 1


@dataclass(frozen=True)
class State:
    """What is known of a published revision without a look at its rows.

    Attributes:
        format_version: Version of how the library is kept.
        revision: Its number.
        build: What the library was built with.
        documents: Number of documents.
        passages: Number of passages.
        terms: Number of terms of all passages together, repeated ones counted.
        languages: Number of documents by language.
        newest_day: The newest document's day, YYYY-MM-DD, ``None`` where none has one.
    """

    format_version: int
    revision: int
    build: Mapping[str, Any]
    documents: int
    passages: int
    terms: int
    languages: Mapping[str, int]
    newest_day: str | None

    def published(self) -> Published:
        """Return it as the library knows it."""
        told = json.dumps(asdict(self), sort_keys=True)
        return Published(
            revision=self.revision,
            build=self.build,
            documents=self.documents,
            passages=self.passages,
            languages=tuple(sorted(self.languages)),
            recall=None,
            digest=hashlib.sha256(told.encode()).hexdigest(),
        )


NO_STATE = State(FORMAT_VERSION, 0, {}, 0, 0, 0, {}, None)


def version_name(milvus: Milvus, revision: int) -> str:
    """Return the name of the collection of a published revision."""
    return milvus.named(f"v{revision}")


def current(milvus: Milvus) -> str | None:
    """Return the name of the collection that readers see, ``None`` before the first revision."""
    return milvus.aliased(milvus.address.name)


def read_state(milvus: Milvus, collection: str) -> State:
    """Return what a published revision is.

    Args:
        milvus: The connection.
        collection: Its collection.

    Returns:
        The state.

    Raises:
        LibraryDamaged: It cannot be read.
    """
    # Which a server that was started anew has forgotten.
    milvus.call("load_collection", collection, timeout=ADMIN_S)
    rows = milvus.call("query", collection, among("key", [MANIFEST_KEY]), output_fields=["body"])
    try:
        state = State(**json.loads("".join(rows[0]["body"])))
    except (LookupError, TypeError, ValueError) as error:
        raise LibraryDamaged(f"{milvus.address}: {collection} does not describe a revision ({error!r})") from error
    if state.format_version != FORMAT_VERSION:
        raise LibraryDamaged(
            f"{milvus.address} is of format {state.format_version}, not {FORMAT_VERSION}; run: pip install --upgrade "
            "leadgoose"
        )
    return state


@dataclass(frozen=True)
class Publisher:
    """What whoever publishes a revision does on the way.

    Attributes:
        verified: Called once all of the revision is known to be there, before readers see it.
        check: Called before each step that others can see; raises where another one writes by now.
    """

    verified: Callable[[], None]
    check: Callable[[], None]


def publish(store: MilvusStore, before: State, *, revision: int, build: Mapping[str, Any], writer: Publisher) -> str:
    """Make a revision ready, and let readers see it by one switch of an alias.

    Args:
        store: The library's rows, all of that revision written.
        before: The revision that readers see.
        revision: The new one's number.
        build: What the library was built with.
        writer: Who publishes.

    Returns:
        The name of the collection that readers see now.

    Raises:
        LibraryBusy: Another one writes by now.
        LibraryDamaged: What was written does not read back as it should.
    """
    milvus = store.milvus
    came, left = _changes(store, before.revision, revision)
    state = _count(store, came, left, before=before, revision=revision, build=build)
    milvus.settle(kind for kind in COLLECTIONS if kind != "passages" or store.has_passages())
    _verify(store, came, revision)
    writer.check()
    writer.verified()
    name = version_name(milvus, revision)
    if not milvus.has(name):
        make_collection(milvus, name, MANIFEST)
    row = {"key": MANIFEST_KEY, "body": chunked(json.dumps(asdict(state))), "nothing": NOTHING}
    writer.check()
    milvus.call("upsert", name, [row])
    switch = "create_alias" if milvus.aliased(milvus.address.name) is None else "alter_alias"
    # Counting and reading back took their time: another one may have taken over meanwhile.
    writer.check()
    milvus.call(switch, name, milvus.address.name)
    _drop_old(milvus, revision)
    return name


def _changes(store: MilvusStore, before: int, revision: int) -> tuple[list[Row], list[Row]]:
    """Return the documents that came and those that left between two revisions."""
    milvus, fields = store.milvus, ["key", "day", "passages", "body"]
    came = f"added > {before} and {live(revision)}"
    left = f"added <= {before} and removed > {before} and removed <= {revision}"
    return list(milvus.rows("documents", came, fields)), list(milvus.rows("documents", left, fields))


def _count(
    store: MilvusStore, came: list[Row], left: list[Row], *, before: State, revision: int, build: Mapping[str, Any]
) -> State:
    holding: Counter[str] = Counter()
    terms = before.terms
    for rows, sign in ((came, 1), (left, -1)):
        for found, words in _terms_of(store, rows):
            terms += sign * len(found)
            for text in {*(f"t{term}" for term in found), *(f"w{word}" for word in words)}:
                holding[text] += sign
    _put_counts(store.milvus, holding, before=before.revision, revision=revision)
    languages = Counter(before.languages)
    languages.update(head["language"] for head in _heads(store, came))
    languages.subtract(head["language"] for head in _heads(store, left))
    return State(
        format_version=FORMAT_VERSION,
        revision=revision,
        build=dict(build),
        documents=before.documents + len(came) - len(left),
        passages=before.passages + _passages(came) - _passages(left),
        terms=terms,
        languages={language: count for language, count in languages.items() if count > 0},
        newest_day=_newest_day(store, came, left, before=before, revision=revision),
    )


def _passages(rows: Iterable[Row]) -> int:
    return sum(int(row["passages"]) for row in rows)


def _heads(store: MilvusStore, rows: Iterable[Row]) -> Iterator[Row]:
    return (json.loads("".join(row["body"])) for row in rows)


def _terms_of(store: MilvusStore, rows: Iterable[Row]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the terms of each passage of documents, repeated ones too, and its words."""
    for keys in batches((key for row in rows for key in passage_keys(row)), 512):
        words = {row["key"]: row["words"] for row in store.milvus.get("contents", keys, ["words"])}
        for row in store.milvus.get("passages", keys, ["terms"]):
            yield "".join(row["terms"]).split(), "".join(words.get(row["key"], ())).split()


def _put_counts(milvus: Milvus, changes: Mapping[str, int], *, before: int, revision: int) -> None:
    """Note of every term that changed how many passages hold it as of a revision, and as of those still read."""
    for texts in batches((text for text, change in changes.items() if change), 4_096):
        numbers = {number(text): text for text in texts}
        known = {row["key"]: row["counts"] for row in milvus.get("terms", list(numbers), ["counts"])}
        milvus.put(
            "terms",
            (_counts(key, text, known.get(key, ()), changes[text], before, revision) for key, text in numbers.items()),
        )


def _counts(key: int, text: str, known: Iterable[int], change: int, before: int, revision: int) -> Row:
    flat = list(known)
    # What a run that was cut short has written is of no revision that readers have seen.
    history = [(at, count) for at, count in zip(flat[::2], flat[1::2], strict=True) if at <= before]
    history = [*history[-2:], (revision, max(0, (history[-1][1] if history else 0) + change))]
    word = text[1 : MOST_WORD_CHARS + 1] if text[0] == "w" else ""
    counts = [value for pair in history for value in pair]
    return {"key": key, "word": word, "chars": len(text) - 1, "counts": counts, "nothing": NOTHING}


def count_at(counts: Iterable[int], revision: int) -> int:
    """Return how many passages of a revision hold a term, from what was noted of it."""
    flat = list(counts)
    known = [count for at, count in zip(flat[::2], flat[1::2], strict=True) if at <= revision]
    return known[-1] if known else 0


def _newest_day(store: MilvusStore, came: list[Row], left: list[Row], *, before: State, revision: int) -> str | None:
    days = [int(row["day"]) for row in came]
    if before.newest_day:
        newest = int(before.newest_day.replace("-", ""))
        if any(int(row["day"]) == newest for row in left):
            dated = f"day > 0 and {live(revision)}"
            days = [int(row["day"]) for row in store.milvus.rows("documents", dated, ["day"])]
        else:
            days.append(newest)
    digits = f"{max(days, default=0):08d}"
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if int(digits) else None


def _verify(store: MilvusStore, came: list[Row], revision: int) -> None:
    """Read back that every passage that came is there, to be searched and to be read, before anybody is told so."""
    missing: set[int] = set()
    for keys in batches((key for row in came for key in passage_keys(row)), 512):
        for kind in ("passages", "contents"):
            missing.update(set(keys) - {row["key"] for row in store.milvus.get(kind, keys, [])})
    if missing:
        store.unseal(list({key >> PLACE_BITS for key in missing}))
        raise LibraryDamaged(
            f"{store.place}: {len(missing)} passages of revision {revision} are not there; index again"
        )


def _drop_old(milvus: Milvus, revision: int) -> None:
    """Drop what no reader sees any more, also where a commit was cut short before."""
    for name in milvus.call("list_collections"):
        number_of = name.removeprefix(milvus.named("v"))
        if name != number_of and number_of.isdecimal() and int(number_of) < revision - 1:
            # It takes space, no more.
            with suppress(LibraryError):
                milvus.call("drop_collection", name)
