"""A text taken apart once, for all claims that are compared with it: words, sentences, values, names and denials."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from rag.grounding.names import Name, find_names
from rag.grounding.polarity import Denial, find_denials
from rag.grounding.values import Value, find_values
from rag.grounding.wording import Word, find_sentences, find_words, folded_sentences

# Passages whose parts are kept: those of a few answers.
KEPT = 128


@dataclass(frozen=True)
class Reading:
    """A text and its parts, each worked out when it is first asked for."""

    text: str

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """Start and end of its sentences."""
        return find_sentences(self.text)

    @cached_property
    def words(self) -> list[Word]:
        """Its words, in order."""
        return find_words(self.text, self.spans)

    @cached_property
    def content(self) -> list[Word]:
        """Those of its words that say what is told."""
        return [word for word in self.words if word.content]

    @cached_property
    def values(self) -> list[Value]:
        """Its numbers and dates."""
        return find_values(self.text)

    @cached_property
    def value_places(self) -> frozenset[int]:
        """Characters that are parts of its values."""
        return frozenset(place for value in self.values for place in range(value.start_char, value.end_char))

    @cached_property
    def names(self) -> list[Name]:
        """Its names."""
        return find_names(self.text, self.words, self.value_places)

    @cached_property
    def denials(self) -> list[Denial]:
        """The words that deny something."""
        return find_denials(self.text, self.words)

    @cached_property
    def folded(self) -> str:
        """Its sentences without signs, case and accents, a bar between them."""
        return folded_sentences(self.text, self.spans)

    @cached_property
    def sentences_as_written(self) -> frozenset[str]:
        """Its sentences and itself, without white space around them."""
        return frozenset({self.text.strip(), *(self.sentence(n) for n in range(len(self.spans)))})

    @cached_property
    def sentence_stems(self) -> list[frozenset[str]]:
        """Stems of the content words of each sentence."""
        stems: list[set[str]] = [set() for _ in self.spans]
        for word in self.content:
            stems[word.sentence].add(word.stem)
        return [frozenset(found) for found in stems]

    def sentence(self, number: int) -> str:
        """Return a sentence as it is written."""
        start, end = self.spans[number]
        return self.text[start:end].strip()


@lru_cache(maxsize=KEPT)
def read(text: str) -> Reading:
    """Return a text's reading; the same for the same text while it is kept."""
    return Reading(text)
