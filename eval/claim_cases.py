"""Claims with texts that carry them, and such as do not: made from gold questions by rules; knows no claim check."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.locate import FoldedText, locate
from eval.perturb import NUMBER_WORDS, changed_answer, changes, find_names
from eval.questions import Evidence, Question

PASSAGE_CHARS = 900
SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’)]*\s+(?=[A-Z\"“(\d])|\n+")
# A clause that can stand without what follows it.
CLAUSE = re.compile(r"^(?:\S+ ){6,40}?\S+?(?=; |, (?:which|who|where|whose|including|and|but|with) )")
ASKING = re.compile(
    r"^(?P<before>.*?)(?P<asked>\b(?:who|whom|when|where|how (?:many|much|long|old|far)(?: \w+)?|"
    r"(?:what|which)(?: (?!is|was|are|were|did|does|do|has|had|can)\w+)?)\b|什么时候|何时|什么|"
    r"哪(?:一?[个位家年天]|里|儿)?|谁|多少|几(?=[个位家名年月日次]))(?P<rest>.*?)[?？. ]*$",
    re.IGNORECASE,
)
# "The director is X" as well as "X is the director".
IDENTITY = re.compile(r"^ (?P<verb>is|was|are|were) (?P<subject>the .+)$", re.IGNORECASE)
# What a statement repeats of its question and the evidence may lack: numbers, and words that are capitalised inside.
TELLING = re.compile(rf"\d[\d,.]*\d|\d|(?<=[^.!?:] )[A-Z][\w’'-]+|\b(?:{'|'.join(NUMBER_WORDS)})\b", re.ASCII)
# Beyond what the evidence says: a statement that repeats what only the question says.
BEYOND = "statement beyond the passage"
NO_SPACES = re.compile("[\u3400-\u9fff]")
# Names of a document near a sentence, from which another one is taken for it.
NEAR_CHARS = 4_000


@dataclass(frozen=True)
class Case:
    """A claim, and what it is checked against.

    Attributes:
        kind: How it was made.
        true: Whether the evidence carries it.
        claim: The claim.
        evidence: The texts that should carry it.
        question: What it answers, or ``""``.
        source: Name of the set.
    """

    kind: str
    true: bool
    claim: str
    evidence: tuple[str, ...]
    question: str = ""
    source: str = ""


def question_cases(
    questions: Sequence[Question], texts: Mapping[str, str], *, source: str, seed: int = 0
) -> Iterator[Case]:
    """Yield the true and the changed claims of gold questions.

    Args:
        questions: The questions; those without an answer or a quote give nothing.
        texts: The documents by id.
        source: Name of the set.
        seed: Gives the same changes again.

    Yields:
        True ones: the sentence, its first clause, the answer, the question made a statement by the answer; a statement
        with a number or a name that the evidence has not is of a kind of its own, and no change is made of it. Changed
        ones: sentence, answer and statement with one number, date, name or denial changed.
    """
    folded: dict[str, FoldedText] = {}
    done: set[str] = set()
    for question in questions:
        found = [(e, s) for e in question.evidence if (s := _place(e, texts, folded))]
        if not question.answerable or not found or not question.answers:
            continue
        evidence = tuple(dict.fromkeys(_passage(texts[e.document_id], *span) for e, span in found))
        document, (start, end) = texts[found[0][0].document_id], found[0][1]
        names = tuple(find_names(document[max(0, start - NEAR_CHARS) : end + NEAR_CHARS]))
        for sentence in _sentences(document, start, end):
            if sentence not in done:
                done.add(sentence)
                yield from _sentence_cases(sentence, evidence, names, source, seed)
        yield from _answer_cases(question, evidence, names, source, seed)


def _place(evidence: Evidence, texts: Mapping[str, str], folded: dict[str, FoldedText]) -> tuple[int, int] | None:
    if evidence.document_id not in texts:
        return None
    if evidence.start_char is not None and evidence.end_char is not None:
        return evidence.start_char, evidence.end_char
    text = folded.setdefault(evidence.document_id, FoldedText(texts[evidence.document_id]))
    span = locate(evidence.quote, text, near=0)
    return (span.start_char, span.end_char) if span else None


def _bounds(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the sentences of the paragraph around a span."""
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    last = len(text) if last < 0 else last
    breaks = [first, *(first + m.end() for m in SENTENCE_END.finditer(text[first:last])), last]
    return [(a, b) for a, b in itertools.pairwise(breaks) if text[a:b].strip()]


def _sentences(text: str, start: int, end: int) -> list[str]:
    return [text[a:b].strip() for a, b in _bounds(text, start, end) if a < end and start < b and 30 < b - a < 600]


def _passage(text: str, start: int, end: int) -> str:
    """Return the sentences around a span, as many as a passage has room for."""
    around = _bounds(text, start, end)
    inside = [n for n, (a, b) in enumerate(around) if a < end and start < b]
    first, last = (inside[0], inside[-1]) if inside else (0, 0)
    while True:
        for step in ((first - 1, last), (first, last + 1)):
            if step[0] >= 0 and step[1] < len(around) and around[step[1]][1] - around[step[0]][0] <= PASSAGE_CHARS:
                first, last = step
                break
        else:
            return text[around[first][0] : around[last][1]].strip()


def _sentence_cases(
    sentence: str, evidence: tuple[str, ...], names: tuple[str, ...], source: str, seed: int
) -> Iterator[Case]:
    yield Case("sentence", True, sentence, evidence, source=source)
    for change in changes(sentence, seed=seed, names=names):
        hard = change.kind in ("name", "number", "date") and any(change.after in text for text in evidence)
        kind = f"{change.kind} of the passage" if hard else change.kind
        yield Case(kind, False, change.text, evidence, source=source)
    if clause := CLAUSE.match(sentence):
        yield Case("clause", True, f"{clause[0]}.", evidence, source=source)


def _answer_cases(
    question: Question, evidence: tuple[str, ...], names: tuple[str, ...], source: str, seed: int
) -> Iterator[Case]:
    answer = min(question.answers, key=len)
    if answer.casefold() in ("yes", "no", "maybe"):
        return
    yield Case("answer", True, answer, evidence, question.question, source)
    stated = statement(question.question, answer)
    if stated:
        kind = "statement" if told(stated, evidence) else BEYOND
        yield Case(kind, True, stated, evidence, question.question, source)
        stated = stated if kind == "statement" else ""
    for denied in changes(stated, seed=seed):
        if denied.kind == "negation":
            yield Case("negation, statement", False, denied.text, evidence, question.question, source)
    change = changed_answer(answer, seed=seed, names=names)
    if change is None:
        return
    hard = any(change.after in text for text in evidence)
    kind = f"{change.kind} of the passage" if hard else change.kind
    yield Case(f"{kind}, answer", False, change.text, evidence, question.question, source)
    if stated and (changed := statement(question.question, change.text)):
        yield Case(f"{kind}, statement", False, changed, evidence, question.question, source)


def statement(question: str, answer: str) -> str:
    """Return a question made a statement: the answer in the place of what asks for it; "" where nothing does."""
    match = ASKING.match(question.strip())
    # A sentence in two languages states nothing.
    if not match or (NO_SPACES.search(question) and not NO_SPACES.search(answer) and re.search("[A-Za-z]", answer)):
        return ""
    identity = IDENTITY.match(match["rest"])
    if identity and not match["before"].strip():
        return f"{identity['subject'][0].upper()}{identity['subject'][1:]} {identity['verb']} {answer}."
    words = f"{match['before']}{answer}{match['rest']}".strip()
    return f"{words}{'。' if NO_SPACES.search(words) else '.'}"


def told(claim: str, evidence: Sequence[str]) -> bool:
    """Tell whether the evidence has every number and every capitalised word inside a claim, in any bent form."""
    known = re.sub(r"[,’']", "", " ".join(evidence)).casefold()
    numbers = set(re.findall(r"\d[\d.]*\d|\d", known))
    parts = [re.sub(r"[,’']", "", match[0]).casefold() for match in TELLING.finditer(claim)]
    return all(part in numbers if part[0].isdigit() else part[: max(4, len(part) - 2)] in known for part in parts)


def attribution_cases(path: Path, *, source: str) -> list[Case]:
    """Return the pairs of a file of ``evidence``, ``claim`` and ``label``; only "Fully attributable" ones are true."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [
        Case(row["label"], row["label"] == "Fully attributable", row["claim"], (row["evidence"],), "", source)
        for row in rows
    ]
