"""Questions that a document answers, with one thing changed so that it does not: a number, a name or a word.

The same seed gives the same changes.

Reference:
    Jia, Liang (2017), "Adversarial Examples for Evaluating Reading Comprehension Systems", section 3.1, change
    questions so.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from eval.perturb import find_names
from eval.questions import Question
from rag.terms import FUNCTION_WORDS

NUMBER = re.compile(r"(?<![\w.,])\d{1,4}(?![\w,]|\.\d)")
CHANGES = (-20, -10, -9, -7, -5, -3, -2, -1, 1, 2, 3, 5, 7, 9, 10, 20)
WORD = re.compile(r"(?<![\w'’-])[a-z]{4,}(?![\w'’-])")
# A word is changed for one with the same last letters, so that the question stays one, and with other first ones, so
# that it means something else.
ENDING_CHARS, STEM_CHARS = 2, 4
# Of fewer words a document's questions give no choice, and those of all are drawn from.
LEAST_WORDS = 60


@dataclass(frozen=True)
class Pool:
    """What is put in the place of what questions say: names and words of other questions.

    Attributes:
        names: Names of all questions.
        words: Words of all questions.
        own_names: Names of the questions about each document, by its id.
        own_words: Words of those.
    """

    names: Sequence[str]
    words: Sequence[str]
    own_names: Mapping[str, Sequence[str]]
    own_words: Mapping[str, Sequence[str]]


def pool_of(questions: Sequence[Question]) -> Pool:
    """Return the names and words of questions."""
    about: dict[str, list[str]] = {}
    for question in questions:
        about.setdefault(_document(question), []).append(question.question)
    own_names = {document: _all(texts, find_names) for document, texts in about.items()}
    own_words = {document: _all(texts, _words) for document, texts in about.items()}
    return Pool(_joined(own_names), _joined(own_words), own_names, own_words)


def changed(question: Question, pool: Pool, *, seed: int) -> dict[str, str]:
    """Return a question with one thing changed, by what was changed.

    Args:
        question: A question that its document answers.
        pool: What others say.
        seed: Gives the same changes again.

    Returns:
        ``number``, ``word``, ``name`` for one of the same document's questions or ``other_name`` for one of any;
        without what it has not, and what has no other to be changed for.
    """
    text, document = question.question, _document(question)
    # A string as seed is digested the same way in every process.
    chance = random.Random(f"{seed} {text}")  # noqa: S311
    name_kind = chance.choice(["name", "other_name"])
    names = pool.own_names[document] if name_kind == "name" else pool.names
    words = pool.own_words[document]
    made = {
        "number": _other_number(text, chance),
        name_kind: _other_name(text, names, chance),
        "word": _other_word(text, words if len(words) >= LEAST_WORDS else pool.words, chance),
    }
    return {kind: other for kind, other in made.items() if other}


def _document(question: Question) -> str:
    return question.document_ids[0] if question.document_ids else ""


def _all(texts: Sequence[str], find: Callable[[str], Sequence[str]]) -> list[str]:
    return sorted({found for text in texts for found in find(text)})


def _joined(found: Mapping[str, Sequence[str]]) -> list[str]:
    return sorted({one for own in found.values() for one in own})


def _words(text: str) -> list[str]:
    return [word for word in WORD.findall(text) if word not in FUNCTION_WORDS]


def _other_number(question: str, chance: random.Random) -> str:
    found = list(NUMBER.finditer(question))
    if not found:
        return ""
    match = chance.choice(found)
    other = chance.choice([change for change in CHANGES if int(match[0]) + change >= 0]) + int(match[0])
    return f"{question[: match.start()]}{other}{question[match.end() :]}"


def _other_name(question: str, names: Sequence[str], chance: random.Random) -> str:
    own, said = find_names(question), set(question.casefold().split())
    others = [name for name in names if not said & set(name.casefold().split())]
    return question.replace(chance.choice(own), chance.choice(others), 1) if own and others else ""


def _other_word(question: str, words: Sequence[str], chance: random.Random) -> str:
    own = _words(question)
    stems = {word[:STEM_CHARS] for word in own}
    for word in chance.sample(own, len(own)):
        alike = (other for other in words if other[-ENDING_CHARS:] == word[-ENDING_CHARS:])
        others = [other for other in alike if other[:STEM_CHARS] not in stems]
        if others:
            return re.sub(rf"(?<![\w'’-]){word}(?![\w'’-])", chance.choice(others), question, count=1)
    return ""
