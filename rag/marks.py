"""What is marked in an answer, and what its sources disagree on, as plain values for every surface; knows no markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag.schema import Answer, AnswerSentence, Citation, Reading


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


def disagreement_lines(answer: Answer) -> Iterator[str]:
    """Yield one line for each thing that the sources of an answer disagree on, newest first."""
    for disagreement in answer.disagreements:
        yield f"Sources disagree: {'; '.join(map(_in_words, disagreement.readings))}."


def _in_words(reading: Reading) -> str:
    day = f"{reading.date}, the newest" if reading.date and reading.newest else reading.date or "no date"
    return f"{reading.value} ({day}) [{reading.citation}]"
