"""Lexical search (BM25) over passages with tantivy; knows terms and numbers, never text or documents."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial, wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar, cast

import tantivy

from rag.errors import LibraryDamaged, LibraryError

WRITER_HEAP_BYTES = 64_000_000
P = ParamSpec("P")
T = TypeVar("T")
BODY, KEY, WORDS = "body", "key", "words"
# Beginnings whose words are kept, some 140 bytes a word: reading them takes longer than comparing them, and all
# misspelt words with one first letter ask for the same.
BEGINNINGS_KEPT = 32


@dataclass(frozen=True)
class LexicalPassage:
    """The terms of one passage and its number.

    Attributes:
        key: Its number.
        terms: What it is found by.
        words: Its words as they are spelt, to compare misspelt ones with.
    """

    key: int
    terms: Sequence[str]
    words: Collection[str] = ()


def _read(method: Callable[Concatenate[LexicalIndex, P], T]) -> Callable[Concatenate[LexicalIndex, P], T]:
    """Let a method say that the index cannot be read, as one can be that somebody else made and vouched for."""

    @wraps(method)
    def told(self: LexicalIndex, /, *arguments: P.args, **options: P.kwargs) -> T:
        try:
            return method(self, *arguments, **options)
        except BaseException as error:
            known = _unreadable(self.folder, error)
            if known is error:
                raise
            raise known from error

    return told


class LexicalIndex:
    """An immutable BM25 index in a folder; what is asked of one that cannot be read raises `LibraryDamaged`.

    Attributes:
        folder: The folder.

    Reference:
        Robertson, Zaragoza (2009), "The Probabilistic Relevance Framework: BM25 and Beyond", equation 3.15, with
        tantivy's k1 = 1.2 and b = 0.75.
    """

    def __init__(self, index: tantivy.Index, folder: Path) -> None:
        """Wrap an open tantivy index and the folder it is in."""
        # Until tantivy merges them, passages that have left count among those of their terms.
        self._counts_left = any(folder.glob("*.del"))
        self.folder = folder
        self._index = index
        self._searcher = index.searcher()
        # Not of a method, which would keep the index alive until garbage is collected.
        self._words = lru_cache(BEGINNINGS_KEPT)(partial(_read_words, self._searcher))

    @classmethod
    def build(cls, folder: Path, passages: Iterable[LexicalPassage]) -> LexicalIndex:
        """Write a new index into an empty folder and return it."""
        folder.mkdir(parents=True, exist_ok=True)
        index = _create(folder)
        _commit(index, folder, passages, removed=())
        return cls(index, folder)

    @classmethod
    def extend(cls, folder: Path, passages: Iterable[LexicalPassage], *, removed: Iterable[int]) -> LexicalIndex:
        """Change the index in a folder, whose files may be links: new ones take the place of those that change.

        Args:
            folder: A folder with what `build` wrote.
            passages: Passages to add.
            removed: Numbers of passages that are not found any more. Until tantivy merges what held them, they still
                count among the passages of their terms, which scores them as a little more common.

        Returns:
            The index, changed.

        Raises:
            LibraryDamaged: The folder does not hold a readable index.
        """
        index = _open(folder)
        _commit(index, folder, passages, removed=removed)
        return cls(index, folder)

    @classmethod
    def open(cls, folder: Path) -> LexicalIndex:
        """Open an index that `build` wrote.

        Args:
            folder: The folder.

        Returns:
            The index.

        Raises:
            LibraryDamaged: The folder does not hold a readable index.
        """
        return cls(_open(folder), folder)

    def __len__(self) -> int:
        """Return the number of passages."""
        return int(self._searcher.num_docs)

    @_read
    def rarity(self, term: str) -> float:
        """Return the inverse document frequency of a term, at least 0, in nats.

        Reference:
            Robertson, Zaragoza (2009), equation 3.3, with one added inside the logarithm so that it is never negative.
        """
        # Of several terms that have to be there together the rarest counts; passages that have left may count too.
        count = min(len(self), *(self._searcher.doc_freq(BODY, one) for one in term.split(" ")))
        return math.log(1.0 + (len(self) - count + 0.5) / (count + 0.5))

    @_read
    def holds(self, term: str) -> bool:
        """Tell whether a passage holds a term."""
        there = all(self._searcher.doc_freq(BODY, one) for one in term.split(" "))
        return there and (not self._counts_left or bool(self.search([(term,)], 1)))

    @_read
    def words(self, beginning: str) -> tuple[tuple[str, int], ...]:
        """Return the words that begin so, each with how many passages hold it; some of those may have left."""
        return self._words(beginning)

    @_read
    def spells(self, word: str) -> bool:
        """Tell whether a passage that has not left holds a word, as `words` gives it."""
        if not self._counts_left:
            return bool(self._searcher.doc_freq(WORDS, word))
        query = tantivy.Query.term_query(self._index.schema, WORDS, word, "basic")
        return bool(self._searcher.search(query, limit=1, count=False).hits)

    @_read
    def search(
        self,
        terms: Sequence[tuple[str, ...]],
        k: int,
        *,
        allowed: Collection[int] | None = None,
        every: bool = False,
    ) -> dict[int, float]:
        """Return the BM25 scores of the best `k` passages by passage number, best first, ties by number.

        Args:
            terms: The query's terms; the variants of one term count once, by the best of them.
            k: At most this many passages.
            allowed: Numbers of the passages that may be found; all when ``None``.
            every: Whether a passage has to hold every term, in one of its variants.

        Returns:
            Scores by passage number; nothing where nothing matches.
        """
        if not terms or k < 1 or not len(self):
            return {}
        query = _query(self._index.schema, terms, allowed, every=every)
        # tantivy takes memory for as many as are asked for, and ends the process where there is none left.
        found = self._searcher.search(query, limit=min(k, len(self)), count=False).hits
        # Not doc(address), which unpacks what is stored and takes five times as long.
        keys = cast("list[int]", self._searcher.fast_field_values(KEY, [address for _, address in found]))
        ordered = sorted(zip([-float(score) for score, _ in found], keys, strict=True))
        return {key: -score for score, key in ordered}

    @_read
    def coverage(
        self, terms: Sequence[tuple[str, ...]], weights: Sequence[float], keys: Collection[int]
    ) -> dict[int, float]:
        """Return the share of a query's terms, by weight, that each of some passages holds.

        Args:
            terms: The query's terms; one is held in any of its variants.
            weights: How much each term counts, from 0.
            keys: Numbers of passages.

        Returns:
            Shares in [0, 1] by passage number; nothing where no term has a weight.
        """
        schema, total = self._index.schema, sum(weights)
        if not keys or total <= 0:
            return {}
        counted = [(term, weight / total) for term, weight in zip(terms, weights, strict=True) if weight > 0]
        members = tantivy.Query.const_score_query(tantivy.Query.term_set_query(schema, KEY, sorted(keys)), 0.0)
        held = [
            (tantivy.Occur.Should, tantivy.Query.const_score_query(_term(schema, term), share))
            for term, share in counted
        ]
        query = tantivy.Query.boolean_query([(tantivy.Occur.Must, members), *held])
        found = self._searcher.search(query, limit=len(keys), count=False).hits
        numbers = cast("list[int]", self._searcher.fast_field_values(KEY, [address for _, address in found]))
        return {key: min(1.0, float(share)) for (share, _), key in zip(found, numbers, strict=True)}


def _unreadable(folder: Path, error: BaseException) -> BaseException:
    """Return the error for an index that tantivy cannot read, or the same one where it is of another kind."""
    # A panic in tantivy comes as an exception of no class that can be named here.
    if not isinstance(error, ValueError) and type(error).__name__ != "PanicException":
        return error
    said = " ".join(str(error).split())[:200]
    return LibraryDamaged(f"{folder} is not a readable lexical index ({said}); run: rag doctor")


def _create(folder: Path) -> tantivy.Index:
    try:
        return tantivy.Index(_schema(), path=str(folder))
    except ValueError as error:
        raise _unwritable(folder, error) from error


def _open(folder: Path) -> tantivy.Index:
    try:
        return tantivy.Index.open(str(folder))
    except BaseException as error:
        raise _unreadable(folder, error) from error


def _commit(index: tantivy.Index, folder: Path, passages: Iterable[LexicalPassage], *, removed: Iterable[int]) -> None:
    try:
        _write(index, passages, removed=removed)
    except ValueError as error:
        # All that tantivy says of a disk that is full or fails.
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: ValueError) -> LibraryError:
    return LibraryError(f"{folder} cannot be written ({error}); make room or mend the disk, then try again")


def _write(index: tantivy.Index, passages: Iterable[LexicalPassage], *, removed: Iterable[int]) -> None:
    writer = index.writer(WRITER_HEAP_BYTES, 1)
    if gone := sorted(removed):
        # Not delete_documents_by_term, which takes a number for a signed one and finds nothing.
        writer.delete_documents_by_query(tantivy.Query.term_set_query(index.schema, KEY, gone))
    for passage in passages:
        entry = tantivy.Document()
        entry.add_unsigned(KEY, passage.key)
        entry.add_text(BODY, " ".join(passage.terms))
        entry.add_text(WORDS, " ".join(passage.words))
        writer.add_document(entry)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field(KEY, stored=True, indexed=True, fast=True)
    builder.add_text_field(BODY, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field(WORDS, tokenizer_name="whitespace", index_option="basic")
    return builder.build()


def _query(
    schema: tantivy.Schema, terms: Sequence[tuple[str, ...]], allowed: Collection[int] | None, *, every: bool
) -> tantivy.Query:
    occurs = tantivy.Occur.Must if every else tantivy.Occur.Should
    query = tantivy.Query.boolean_query([(occurs, _term(schema, t)) for t in dict.fromkeys(terms)])
    if allowed is None:
        return query
    members = tantivy.Query.const_score_query(tantivy.Query.term_set_query(schema, KEY, sorted(allowed)), 0.0)
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, members)])


def _term(schema: tantivy.Schema, variants: tuple[str, ...]) -> tantivy.Query:
    queries = [_together(schema, v.split(" ")) for v in variants]
    return queries[0] if len(queries) == 1 else tantivy.Query.disjunction_max_query(queries)


def _together(schema: tantivy.Schema, terms: Sequence[str]) -> tantivy.Query:
    queries = [tantivy.Query.term_query(schema, BODY, term, "freq") for term in terms]
    if len(queries) == 1:
        return queries[0]
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, query) for query in queries])


def _read_words(searcher: tantivy.Searcher, beginning: str) -> tuple[tuple[str, int], ...]:
    return tuple(searcher.terms_with_prefix(WORDS, beginning))
