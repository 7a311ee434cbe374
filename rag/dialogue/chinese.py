"""Chinese follow-ups made to stand alone: fragments that end in 呢, bare question words, and words that point back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.dialogue import antecedent
from rag.dialogue.conversation import Turn
from rag.dialogue.ellipsis import YEAR
from rag.dialogue.mentions import head_word, names

_ASKS = re.compile(r"谁|什么|哪|多少|几|何|吗|怎|为什么")
_FRAGMENT = re.compile(r"^(?:那么|那|然后|还有|而)?[，, ]*(?P<rest>.+?) *呢[？?]?$")
_BARE = re.compile(
    r"^(?:那|那么)?[，, ]*(?P<word>为什么|为何|什么时候|何时|在哪里|在哪儿|哪里|谁|怎么样|多少|怎么)呢?[？?]?$"
)
_POINTING = re.compile(
    r"它们|他们|她们|它|(?<!其)他(?!们)|她(?!们)|其(?![他它中实余次])|"
    r"(?:该|[这那](?:个|家|次|项|些|位|座|所|场|届|份))(?=[\s\w])|[这那](?:里|儿)|那时|当时"
)
_OWNED = re.compile(r"^(?P<whose>.+?) ?的 ?(?P<what>.+?) ?(?P<asked>(?:是|有|在|叫|为)?(?:谁|什么|多少|几|哪).*)$")
_PEOPLE = re.compile(
    r"(?:长|人|员|者|师|总|理|席|家|CEO|[Cc]hairman|[Dd]irector|[Mm]anager|[Pp]resident|[Ss]ecretary)$"
)
_SUBJECT_END = re.compile(
    r"[位属处建设始源毕]于|来自|雇|生产|出售|谁|什么|哪|多少|几|何时|为何|怎|吗|是|在|有|于|会|了|叫|为什么"
)


def rewritten(question: str, turns: Sequence[Turn]) -> str:
    """Return a Chinese follow-up as a question that stands alone.

    Args:
        question: The question.
        turns: The turns before it, oldest first; at least one.

    Returns:
        The question; `question` itself where it stands alone.
    """
    text = question.strip()
    query = turns[-1].query.rstrip(" ?？")
    if match := _BARE.match(text):
        return f"{match['word']}：{query}？"
    match = _FRAGMENT.match(text)
    if match and not _ASKS.search(match["rest"]):
        rest = _pointed(match["rest"], turns)
        return _replaced(rest, query) or f"{rest}（{query}）？"
    return _pointed(question, turns)


def _replaced(rest: str, query: str) -> str | None:
    """Return the last question with a fragment in place of what is of the same kind."""
    years = YEAR.findall(rest)
    if len(years) == 1 and YEAR.search(query) and len(rest) <= len("在 2021 年的时候"):
        return YEAR.sub(years[0], query, count=1) + "？"
    owned = _OWNED.match(query)
    if "的" in rest:
        asked = owned["asked"] if owned else "是谁" if _PEOPLE.search(rest) else "是什么"
        return f"{rest} {asked}？"
    return _same_head(rest, query) or _name(rest, query) or (owned and f"{rest} 的 {owned['what']} {owned['asked']}？")


def _same_head(rest: str, query: str) -> str | None:
    head = head_word(rest)
    if not head.isascii() or len(rest.split()) < 2:
        return None
    pattern = rf"(?:[A-Za-z][\w&’'-]* ){{1,3}}{re.escape(head)}(?![\w-])"
    match = re.search(pattern, query, re.IGNORECASE | re.ASCII)
    return f"{query[: match.start()]}{rest}{query[match.end() :]}？" if match else None


def _name(rest: str, query: str) -> str | None:
    given, known = names(rest), names(query)
    if not given or given[0].text != rest.strip() or not known:
        return None
    alike = [n for n in known if n.person == given[0].person] or known
    same = [n for n in alike if len(n.text.split()) == len(rest.split())] or alike
    return f"{query[: same[-1].start_char]}{rest}{query[same[-1].end_char :]}？"


def _pointed(text: str, turns: Sequence[Turn]) -> str:
    for match in _POINTING.finditer(text):
        if _says_something(text[: match.start()]):
            return text
        if meant := _meant(match[0], turns):
            space = " " if meant[-1].isascii() and text[match.end() : match.end() + 1] not in (" ", "") else ""
            return text[: match.start()] + meant + space + text[match.end() :]
    return text


def _says_something(before: str) -> bool:
    """Tell whether a question has named what its pronoun means: "自从华沙成为一座城市以来，她"."""
    said = re.sub(r"[\d年月日截至到在从，, ]", "", before)
    return bool(names(before)) or (len(said) >= 4 and not _ASKS.search(said))


def _meant(word: str, turns: Sequence[Turn]) -> str | None:
    if word in ("他", "她"):
        return antecedent.person(turns) or _subject(turns)
    if word.endswith("们") or word.endswith("些"):
        return antecedent.several(turns) or _subject(turns)
    if word in ("那时", "当时"):
        year = YEAR.search(turns[-1].query)
        return f"{year[0]} 年" if year else None
    if word.endswith(("里", "儿")):
        place = antecedent.place(turns)
        return place.partition(" ")[2] if place else _subject(turns)
    return antecedent.thing(turns) or _subject(turns)


def _subject(turns: Sequence[Turn]) -> str | None:
    """Return what the last question begins with, up to its verb or question word: Chinese has no capitals."""
    for turn in reversed(turns):
        end = _SUBJECT_END.search(turn.query)
        subject = turn.query[: end.start()].strip(" ，,：:") if end else ""
        if len(subject) >= 2:
            return subject
    return None
