"""What is marked in an answer, and what its sources disagree on, as plain values for every surface; knows no markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag.schema import Answer, AnswerSentence, Citation, Reading

# Of the documents with the same text so many are named.
COPIES_SHOWN = 5


def around_mark(sentence: AnswerSentence, citations: Sequence[Citation]) -> tuple[str, str, str]:
    """Return a sentence of an answer in three parts, the middle one what its citation marks; that is ``""`` for none.

    Args:
        sentence: The sentence.
        citations: The answer's.

    Returns:
        What stands before the mark, the mark, what stands after it: together the sentence.
    """
    for citation in citations:
        at = citation.quote.find(sentence.text)
        if citation.number in sentence.citations and citation.highlight and at >= 0:
            start = citation.highlight.start_char - citation.start_char - at
            end = citation.highlight.end_char - citation.start_char - at
            if 0 <= start < end <= len(sentence.text):
                return sentence.text[:start], sentence.text[start:end], sentence.text[end:]
    return sentence.text, "", ""


def around_mark_in_quote(citation: Citation) -> tuple[str, str, str]:
    """Return a quote in three parts, the middle one what is marked; that is ``""`` for none."""
    if citation.highlight is None:
        return citation.quote, "", ""
    start = citation.highlight.start_char - citation.start_char
    end = citation.highlight.end_char - citation.start_char
    return citation.quote[:start], citation.quote[start:end], citation.quote[end:]


def source_notes(citation: Citation) -> Iterator[str]:
    """Yield what is to be known of a citation's source, in few words: that its file has changed, where else it is."""
    if citation.stale == "changed":
        yield "the file has changed since it was indexed; run: rag index"
    if citation.stale == "gone":
        yield "the file is no longer there; run: rag index"
    if others := copies_note(citation.also_in):
        yield others


def copies_note(also_in: Sequence[str]) -> str:
    """Return which other documents have the same text, ``""`` where none has."""
    more = len(also_in) - COPIES_SHOWN
    named = ", ".join(also_in[:COPIES_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"same text in {named}" if named else ""


def disagreement_lines(answer: Answer) -> Iterator[str]:
    """Yield one line for each thing that the sources of an answer disagree on, newest first."""
    for disagreement in answer.disagreements:
        yield f"Sources disagree: {'; '.join(map(_in_words, disagreement.readings))}."


def _in_words(reading: Reading) -> str:
    day = f"{reading.date}, the newest" if reading.date and reading.newest else reading.date or "no date"
    return f"{reading.value} ({day}) [{reading.citation}]"
