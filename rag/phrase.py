"""An extractive answer to one in a chat model's words, each sentence of it checked; the extractive one is the fallback.

Whatever the model does, there is an answer, within the deadline, and one line that says why it is not the model's.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from rag import cite
from rag.evidence import Candidate
from rag.expected import expected_kind, holds
from rag.phrasing.chat import Chat
from rag.phrasing.chat_model import ChatFailure, Message
from rag.phrasing.prompt import CountTokens, Given, Source, fit, messages
from rag.phrasing.relay import Relay
from rag.phrasing.reply import Said, is_no_answer, says_no_answer, sentences
from rag.phrasing.support import SUPPORTED, Carried, Check, Quote, carry
from rag.schema import Answer, AnswerSentence, Citation, Disagreement, Span

# The extractive answer is shown when no sentence of the model's has come by then.
SLOW_S = 1.5
# Kept back of the deadline for giving up: a share, and at most so many seconds.
RESERVE, MOST_RESERVE_S = 0.1, 1.0
# "No, it was built in 1874"; "no pilots work there" says something itself.
OPENS = re.compile(r"(?P<word>yes|no|是的?|不是?|否|没有)\s*[,，:：;；—–-]+\s*(?=\S)", re.IGNORECASE)
OWN_WORDS = "the answer is in the documents' own words"


@dataclass(frozen=True)
class Phrasing:
    """What phrases answers.

    Attributes:
        chat: The model.
        most_tokens: Most tokens of a prompt.
        mark: Whether unsupported sentences stay and are marked; otherwise they are left out.
        count_tokens: Returns the tokens in each of several texts.
        check: Tells how far evidence carries a claim.
        spent_s: Seconds of the model's deadline that making the question stand alone has taken.
    """

    chat: Chat
    most_tokens: int
    mark: bool
    count_tokens: CountTokens
    check: Check
    spent_s: float = 0.0


def sources(answer: Answer, candidates: Sequence[Candidate]) -> list[Source]:
    """Return the fewest passages that hold the evidence: those an extractive answer is from, and the best ranked.

    Args:
        answer: The extractive answer.
        candidates: Passages its sentences may be from, best first.

    Returns:
        Passages in the order of the candidates.
    """
    found = []
    for rank, candidate in enumerate(candidates):
        stored, passage = candidate.stored, candidate.stored.passage
        cited = [c for c in answer.citations if c.document_id == passage.document_id]
        needed = tuple(s for s in passage.sentences if any(_overlaps(c, s) for c in cited))
        if needed or rank == 0:
            found.append(Source(passage, stored.title, stored.date, needed))
    return found


def phrase(answer: Answer, found: Sequence[Source], phrasing: Phrasing) -> Iterator[Answer]:
    """Yield the answer as the model phrases it; the last one is complete.

    Args:
        answer: The extractive answer, which does not abstain.
        found: Passages that hold its evidence, best first.
        phrasing: What phrases it.

    Yields:
        The extractive answer when the model is slow; then one checked sentence more each time; at last the answer, in
        the model's words or, with a notice that says why not, the extractive one.
    """
    start_s = time.monotonic()
    reserve_s = min(RESERVE * phrasing.chat.timeout_s, MOST_RESERVE_S)
    ends_s = start_s + phrasing.chat.timeout_s - phrasing.spent_s - reserve_s
    given = fit(_asked(answer), found, most_tokens=phrasing.most_tokens, count_tokens=phrasing.count_tokens)
    relay = Relay[Answer]()
    work = _Phrased(answer, given, phrasing, ends_s, relay.abandoned)
    try:
        if not given:
            raise ChatFailure("was not asked: no passage fits into chat_tokens")
        # Half of the reserve is for a check that is under way when the time is over: it cannot be stopped, only left.
        yield from relay.values(lambda: work.grow(start_s + SLOW_S), ends_s=ends_s + reserve_s / 2)
    except TimeoutError:
        yield replace(answer, notice=_also(answer, _notice(phrasing.chat, _late(phrasing.chat))))
    except ChatFailure as failure:
        yield replace(answer, notice=_also(answer, _notice(phrasing.chat, failure.why)))


@dataclass
class _Phrased:
    """A reply as far as it has come, and its sentences as far as they are checked."""

    answer: Answer
    given: Sequence[Given]
    phrasing: Phrasing
    ends_s: float
    abandoned: threading.Event

    def __post_init__(self) -> None:
        self.reply = ""
        self.checked: dict[Said, Carried] = {}
        self.left_out = 0

    def grow(self, slow_s: float) -> Iterator[Answer]:
        """Read the reply to its end, and yield what can be shown meanwhile and at last."""
        shown = False
        told = 0
        with closing(self.phrasing.chat.reply(self._messages(), deadline_s=self.ends_s)) as pieces:
            for piece in pieces:
                if self.abandoned.is_set():
                    return
                self.reply += piece
                kept = self._kept(finished=False) if piece else []
                if len(kept) > told:
                    told = len(kept)
                    yield self._compose(kept)
                if not told and not shown and time.monotonic() >= slow_s:
                    shown = True
                    yield replace(
                        self.answer, notice=_also(self.answer, _notice(self.phrasing.chat, "is still writing"))
                    )

        yield self.complete()

    def _messages(self) -> list[Message]:
        return messages(_asked(self.answer), self.given)

    def complete(self) -> Answer:
        """Return the whole reply as an answer, or raise why there is none."""
        kept = self._kept(finished=True)
        if any(c.support >= SUPPORTED for c in kept):
            if not self._says_what_is_asked_for(kept):
                raise ChatFailure("does not say what is asked for", down=False)
            return self._compose(kept)
        if says_no_answer(self.reply):
            # The extractive answer is sure enough, by a threshold that was calibrated, and shows what the documents
            # say; small models give up on much that stands in front of them.
            raise ChatFailure("finds no answer in the passages", down=False)
        raise ChatFailure("said nothing that the passages support", down=False)

    def _says_what_is_asked_for(self, kept: Sequence[Carried]) -> bool:
        """Tell whether the reply has the number, day, person or place asked for, where the documents' words have it."""
        question = _asked(self.answer)
        kind = expected_kind(question)
        if kind == "other" or not any(holds(kind, c.quote, question=question) for c in self.answer.citations):
            return True
        return any(holds(kind, c.text, question=question) for c in kept if c.support >= SUPPORTED)

    def _unsupported(self) -> str:
        if not self.left_out:
            return ""
        count = "One sentence" if self.left_out == 1 else f"{self.left_out} sentences"
        done = "marked" if self.phrasing.mark else "left out"
        return f"{count} of {_name(self.phrasing.chat)} {done}: not supported by the passages."

    def _check(self, claim: str, evidence: Sequence[str]) -> float:
        if time.monotonic() >= self.ends_s:
            raise ChatFailure(_late(self.phrasing.chat))
        return self.phrasing.check(claim, evidence)

    def _kept(self, *, finished: bool) -> list[Carried]:
        said = [self._worded(s) for s in sentences(self.reply, finished=finished) if not is_no_answer(s)]
        for sentence in said:
            if sentence not in self.checked:
                # A yes or no that is left is the documents' own, and no passage says it in so many words.
                claim = replace(sentence, text=_without_opening(sentence.text))
                self.checked[sentence] = replace(carry(claim, self.given, self._check), text=sentence.text)
        carried = [self.checked[s] for s in said]
        self.left_out = sum(c.support < SUPPORTED for c in carried)
        return [c for c in carried if c.support >= SUPPORTED or self.phrasing.mark]

    def _worded(self, said: Said) -> Said:
        """Return a sentence without a yes or no in front that the documents' own words do not begin with too.

        No passage says it, and beside the rest of the sentence it is too little to be seen in the check.
        """
        word = OPENS.match(said.text)
        first = self.answer.sentences[0].text.rstrip(".。").casefold() if self.answer.sentences else ""
        if word is None or word["word"].casefold() == first:
            return said
        return replace(said, text=_without_opening(said.text))

    def _compose(self, kept: Sequence[Carried]) -> Answer:
        quotes = {q: n for n, q in enumerate(dict.fromkeys(q for c in kept for q in c.quotes), start=1)}
        scores = {q: max(c.support for c in kept if q in c.quotes) for q in quotes}
        cited = [_citation(n, q, scores[q]) for q, n in quotes.items()]
        citations, disagreements = _carried_over(self.answer, cited)
        return replace(
            self.answer,
            text=cite.join([c.text for c in kept]),
            sentences=tuple(AnswerSentence(c.text, tuple(quotes[q] for q in c.quotes), c.support) for c in kept),
            citations=citations,
            disagreements=disagreements,
            models={**self.answer.models, "answerer": self.phrasing.chat.id},
            notice=_also(self.answer, self._unsupported()),
        )


def _without_opening(text: str) -> str:
    """Return a sentence without a yes or no in front."""
    word = OPENS.match(text)
    rest = text[word.end() :] if word else text
    return rest[:1].upper() + rest[1:]


def _citation(number: int, quote: Quote, score: float) -> Citation:
    passage = quote.given.source.passage
    return Citation(
        number=number,
        document_id=passage.document_id,
        title=quote.given.source.title,
        start_char=quote.span.start_char,
        end_char=quote.span.end_char,
        quote=quote.text,
        page=passage.page,
        heading=passage.heading,
        score=score,
    )


def _carried_over(answer: Answer, cited: Sequence[Citation]) -> tuple[tuple[Citation, ...], tuple[Disagreement, ...]]:
    """Return the citations with those that the extractive answer's disagreements rest on, and these renumbered."""
    wanted = {r.citation for d in answer.disagreements for r in d.readings}
    places = {(c.document_id, c.start_char, c.end_char): c for c in cited}
    numbers: dict[int, int] = {}
    for citation in answer.citations:
        if citation.number in wanted:
            place = (citation.document_id, citation.start_char, citation.end_char)
            kept = places.setdefault(place, replace(citation, number=len(places) + 1))
            numbers[citation.number] = kept.number
    renumbered = tuple(
        Disagreement(tuple(replace(r, citation=numbers[r.citation]) for r in d.readings)) for d in answer.disagreements
    )
    return tuple(places.values()), renumbered


def _asked(answer: Answer) -> str:
    """Return the question as it stands alone."""
    return answer.query or answer.question


def _overlaps(citation: Citation, sentence: Span) -> bool:
    return citation.start_char < sentence.end_char and sentence.start_char < citation.end_char


def _name(chat: Chat) -> str:
    return f"the chat model {chat.id}"


def _late(chat: Chat) -> str:
    return f"did not finish its reply within {chat.timeout_s:g} s"


def _notice(chat: Chat, why: str) -> str:
    name = _name(chat)
    return f"{name[0].upper()}{name[1:]} {why}; {OWN_WORDS}."


def _also(answer: Answer, notice: str) -> str:
    return f"{answer.notice} {notice}".strip()
