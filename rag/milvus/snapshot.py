"""One published revision of a library in Milvus as a question sees it: searched there, scored here."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import LibraryChanged, LibraryDamaged, LibraryError
from rag.milvus.client import among
from rag.milvus.facets import condition, named
from rag.milvus.publish import State, count_at, current
from rag.milvus.rows import PLACE_BITS, live, passage_keys, ranges
from rag.milvus.store import MilvusStore
from rag.milvus.terms import dimension, number, rarity, score
from rag.recent import Recent
from rag.snapshot import Snapshot
from rag.spelling import TWO_EDITS_CHARS, Near, beginnings, nearest
from rag.stored import Published

# Candidates that are scored exactly for each that is wanted: with 1.5 the best 100 were those of the index in a folder,
# but for equal scores; with 1 they held 96 to 98 of these, and always the first ten.
CANDIDATES, LEAST_CANDIDATES, MOST_CANDIDATES = 2, 200, 2_000
# What is kept in memory of one revision: terms whose counts, passages whose terms, filters whose passages were read.
MOST_TERMS, MOST_PASSAGES, BEGINNINGS_KEPT, FILTERS_KEPT = 200_000, 8_000, 32, 32
MOST_WORDS = 16_384
# Shorter runs of documents are named one by one.
LEAST_RUN = 3


class MilvusSnapshot(Snapshot):
    """What every question of one revision reads; safe to share between threads."""

    store: MilvusStore

    def __init__(self, store: MilvusStore, state: State) -> None:
        """Take the library's rows, and the state of the revision."""
        self.store = store
        self._milvus = store.milvus
        self._state = state
        self._live = live(state.revision)
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._terms = Recent[Counter[str]](MOST_PASSAGES)
        self._words = lru_cache(BEGINNINGS_KEPT)(self._read_words)
        self._selected = lru_cache(FILTERS_KEPT)(self._select)
        self._published = state.published()

    @property
    def published(self) -> Published:
        """What is known of it without a look at its documents."""
        return self._published

    # -- search -------------------------------------------------------------------------------------------------------

    def dense(self, vector: NDArray[np.float32], k: int, *, allowed: NDArray[np.int64] | None) -> dict[int, float]:
        """Return cosines of the `k` nearest passages by passage number, best first."""
        if allowed is not None and not len(allowed):
            return {}
        found = self._milvus.search("passages", {"vector": vector}, k, condition=self._among(allowed))
        return {key: cosine for _, key, cosine in sorted((-cosine, key, cosine) for key, cosine, _ in found)}

    def lexical(
        self, terms: Sequence[tuple[str, ...]], k: int, *, allowed: NDArray[np.int64] | None, every: bool = False
    ) -> dict[int, float]:
        """Return BM25 scores of the best `k` passages, of those with every term if asked, by number, best first."""
        wanted = list(dict.fromkeys(terms))
        if not wanted or k < 1 or (allowed is not None and not len(allowed)):
            return {}
        singles = {part for variants in wanted for variant in variants for part in variant.split(" ")}
        counts = self._holding(singles)
        rarities = {term: rarity(count, self._state.passages) for term, count in counts.items()}
        query, most = self._sparse(wanted, counts, rarities, k, every=every)
        if not query:
            return {}
        found = self._milvus.search(
            "passages", {"weights": query}, most, condition=self._among(allowed), fields=["terms"]
        )
        held = {key: Counter("".join(row["terms"]).split()) for key, _, row in found}
        self._terms.put(held, size=len(held))
        mean = self._state.terms / max(1, self._state.passages)
        scores = [(-score(wanted, own, rarities, mean, every=every), key) for key, own in held.items()]
        return {key: -negative for negative, key in sorted(s for s in scores if s[0] < 0)[:k]}

    def _sparse(
        self,
        terms: Sequence[tuple[str, ...]],
        counts: Mapping[str, int],
        rarities: Mapping[str, float],
        k: int,
        *,
        every: bool,
    ) -> tuple[dict[int, float], int]:
        """Return the sparse vector that finds candidates, and how many are wanted."""
        if not every:
            weights: Mapping[str, float] = {term: rarities[term] for term, count in counts.items() if count}
            most = max(LEAST_CANDIDATES, CANDIDATES * k)
        else:
            # All passages of the rarest term, of which those that hold the others are left. Where it is in more than
            # are looked at, all terms find them, so that passages that hold each come before those that hold one.
            choices = [[part for variant in variants for part in variant.split(" ")] for variants in terms]
            rarest = min(choices, key=lambda parts: sum(counts[part] for part in parts))
            weights = {part: 1.0 for part in rarest if counts[part]}
            most = max(LEAST_CANDIDATES, sum(counts[part] for part in rarest))
            if most > MOST_CANDIDATES:
                weights = {term: rarities[term] for term, count in counts.items() if count}
        query: dict[int, float] = {}
        for term, weight in weights.items():
            query[dimension(term)] = query.get(dimension(term), 0.0) + weight
        return query, min(most, MOST_CANDIDATES)

    def _among(self, allowed: NDArray[np.int64] | None) -> str:
        """Return the condition that a passage is of this revision, and of the documents of some passages."""
        if allowed is None:
            return self._live
        runs = list(ranges(np.unique(allowed >> PLACE_BITS).tolist()))
        few = [key for first, last in runs if last - first < LEAST_RUN for key in range(first, last + 1)]
        clauses = [f"(document >= {a} and document <= {b})" for a, b in runs if b - a >= LEAST_RUN]
        clauses += [among("document", few)] if few else []
        return f"{self._live} and ({' or '.join(clauses)})"

    def coverage(
        self, terms: Sequence[tuple[str, ...]], weights: Sequence[float], keys: Sequence[int]
    ) -> dict[int, float]:
        """Return the share of a query's terms, by weight, that each of some passages holds, by number."""
        total = sum(weights)
        if not keys or total <= 0:
            return {}
        counted = [(term, weight / total) for term, weight in zip(terms, weights, strict=True) if weight > 0]
        held = self._held(keys)
        return {key: min(1.0, sum(share for term, share in counted if _holds(term, held[key]))) for key in held}

    def _held(self, keys: Sequence[int]) -> dict[int, Counter[str]]:
        recent = self._terms.get(keys)
        missing = [key for key in keys if key not in recent]
        if not missing:
            return recent
        rows = self._milvus.get("passages", missing, ["terms"])
        found = {row["key"]: Counter("".join(row["terms"]).split()) for row in rows}
        self._terms.put(found, size=len(found))
        return recent | found

    # -- terms --------------------------------------------------------------------------------------------------------

    def rarity(self, variants: Sequence[str]) -> float:
        """Return the inverse document frequency of a term, in nats; of its variants the most common counts."""
        counts = self._holding({part for variant in variants for part in variant.split(" ")})
        holding = (min(counts[part] for part in variant.split(" ")) for variant in variants)
        return min(rarity(count, self._state.passages) for count in holding)

    def holds(self, variants: Sequence[str]) -> bool:
        """Tell whether a passage holds any of a term's variants."""
        counts = self._holding({part for variant in variants for part in variant.split(" ")})
        return any(all(counts[part] for part in variant.split(" ")) for variant in variants)

    def _holding(self, terms: Collection[str], *, kind: str = "t") -> dict[str, int]:
        """Return how many passages hold each of some terms."""
        known = self._counts
        missing = {number(kind + term): kind + term for term in terms if kind + term not in known}
        if missing:
            rows = {row["key"]: row["counts"] for row in self._milvus.get("terms", list(missing), ["counts"])}
            found = {text: count_at(rows.get(key, ()), self.revision) for key, text in missing.items()}
            with self._lock:
                # Put in place anew: another thread may be reading.
                kept = self._counts if len(self._counts) < MOST_TERMS else {}
                self._counts = known = {**known, **kept, **found}
        return {term: known[kind + term] for term in terms}

    def near(self, word: str) -> tuple[Near, ...]:
        """Return the words of the library that a word, in lower case, may be a misspelling of, the likeliest first."""
        edits = 2 if len(word) >= TWO_EDITS_CHARS else 1
        lengths = (len(word) - edits, len(word) + edits)
        known = [found for start in beginnings(word) for found in self._words(start, *lengths)]
        return nearest(word, known)

    def _read_words(self, beginning: str, least: int, most: int) -> tuple[tuple[str, int], ...]:
        wanted = f'word like "{beginning}%" and chars >= {least} and chars <= {most}'
        # At once, not in order of their keys, which takes Milvus Lite ten times as long. Of more words than a server
        # gives at a time some are not looked at.
        rows = self._milvus.first("terms", wanted, ["word", "counts"], most=MOST_WORDS)
        counted = ((row["word"], count_at(row["counts"], self.revision)) for row in rows)
        return tuple((word, count) for word, count in counted if count)

    # -- passages and documents ---------------------------------------------------------------------------------------

    def _lost(self) -> LibraryError:
        """Return the error for a passage that is not there, after the commits that may take it away or without."""
        newest = current(self._milvus) or ""
        if newest != self._milvus.named(f"v{self.revision}"):
            return LibraryChanged()
        return LibraryDamaged(f"passages are missing in {self.store.place}; index its documents again")

    def _passing(self, filters: Mapping[str, Any]) -> NDArray[np.int64]:
        wanted = condition(filters)
        return np.empty(0, np.int64) if wanted is None else self._selected(wanted)

    def _select(self, wanted: str) -> NDArray[np.int64]:
        rows = self._milvus.rows("documents", f"{self._live} and {wanted}", ["key", "passages"])
        keys = [np.arange(own.start, own.stop, dtype=np.int64) for own in map(passage_keys, rows)]
        return np.sort(np.concatenate(keys)) if keys else np.empty(0, np.int64)

    def _has_metadata(self, name: str) -> bool:
        wanted = f"{self._live} and array_contains_any(facets, [{named(name)}])"
        return bool(self._milvus.first("documents", wanted, ["key"], most=1))

    def _metadata_names(self) -> list[str]:
        bodies = (json.loads("".join(row["body"])) for row in self._milvus.rows("documents", self._live, ["body"]))
        return sorted({name for body in bodies for name in body["metadata"]})

    def same_text(self, one: int, other: int) -> bool:
        """Tell whether two documents, by the numbers of their rows, have the same text."""
        heads = self.store.heads((one, other))
        told = {(head["characters"], head["text_hash"]) for head in heads.values()}
        return len(heads) == len({one, other}) and len(told) == 1

    def newest_date(self) -> str | None:
        """Return the newest document's day, YYYY-MM-DD, or ``None`` where no document has a date."""
        return self._state.newest_day


def _holds(variants: Sequence[str], counts: Mapping[str, int]) -> bool:
    return any(all(part in counts for part in variant.split(" ")) for variant in variants)
