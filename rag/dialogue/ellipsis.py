"""A fragment such as "And in Shanghai?" put into the question before it, in place of what is of the same kind.

"What about 2021?" after a question on 2022 is that question with the other year; appended instead, both years would be
searched, and the passage on the wrong one found.
"""

from __future__ import annotations

import re

from rag.dialogue.mentions import PREPOSITIONS, Mention, head_word, is_person, names

YEAR = re.compile(r"(?<![\d.,])(?:1[5-9]|20)\d\d(?![\d,]|\.\d)")
_POSSESSIVE = re.compile(r"(?P<whose>.+?)[’']s?$")
_DETERMINER = re.compile(r"^(?:the|a|an|for|on|of) ", re.IGNORECASE)


def replaced(fragment: str, query: str) -> str | None:
    """Return the last question with a fragment in place of what is of the same kind.

    Args:
        fragment: What the follow-up says, without its connective and question mark.
        query: The last question, standing alone.

    Returns:
        The question, or ``None`` where nothing in it is of the fragment's kind.
    """
    for way in (_year, _possessive, _placed, _same_head, _name, _object):
        if found := way(fragment, query):
            return found
    return None


def _year(fragment: str, query: str) -> str | None:
    years = YEAR.findall(fragment)
    if len(years) != 1 or len(fragment.split()) > 3:
        return None
    if YEAR.search(query):
        return YEAR.sub(years[0], query, count=1)
    preposition = "" if fragment.split(maxsplit=1)[0].lower() in PREPOSITIONS else "in "
    return _appended(query, f"{preposition}{fragment}")


def _appended(query: str, words: str) -> str:
    stem = query.rstrip(" ?？.")
    return f"{stem} {words}?"


def _possessive(fragment: str, query: str) -> str | None:
    match = _POSSESSIVE.match(fragment)
    if not match:
        return None
    whose = match["whose"]
    owner = re.search(r"(?:\b[\w&-]+ )?(?:[A-Z][\w&-]*(?: [A-Z][\w&-]*)*)(?=[’']s? )", query)
    if owner:
        known = [n.start_char for n in names(query) if n.start_char < owner.end() <= n.end_char + 1]
        start = known[0] if known else owner.start()
        return query[:start] + whose + query[owner.end() :]
    return _name(whose, query)


def _placed(fragment: str, query: str) -> str | None:
    """Replace what stands behind the same preposition: "in Xiamen" by "in Shanghai"."""
    first, _, rest = fragment.partition(" ")
    if first.lower() not in PREPOSITIONS or not rest:
        return None
    pattern = rf"\b{first}(?: the)? (?P<place>[A-Z\d][\w&’'-]*(?: (?:of (?:the )?)?[A-Z\d][\w&’'-]*)*)"
    found = list(re.finditer(pattern, query, re.IGNORECASE if first[:1].isupper() else 0))
    found = [match for match in found if match["place"][:1].isupper() or match["place"][:1].isdigit()]
    if not found:
        return _appended(query, fragment[:1].lower() + fragment[1:])
    last = found[-1]
    return query[: last.start()] + fragment[:1].lower() + fragment[1:] + query[last.end() :]


def _same_head(fragment: str, query: str) -> str | None:
    """Replace what ends in the same word: "the Mainland side" by "the Taiwan side"."""
    head = head_word(fragment)
    bare = _DETERMINER.sub("", fragment)
    if not head or len(bare.split()) < 2:
        return None
    # Its qualifiers: words before it, back to a determiner, a preposition or a verb, which none of them is.
    qualifier = r"(?!(?:the|a|an|of|in|at|is|are|was|were|did|does|do|has|have|and|by|to|for) )[\w&’'-]+ "
    match = re.search(rf"(?<![\w-])(?:{qualifier}){{1,6}}{re.escape(head)}(?![\w-])", query, re.IGNORECASE)
    if not match:
        return None
    start = match.start()
    owned = " of " in bare
    end = match.end()
    if owned and (tail := re.match(r" of (?:the )?[A-Z][\w&’'-]*(?: [A-Z][\w&’'-]*)*", query[end:])):
        end += tail.end()
    return query[:start] + bare + query[end:]


def _name(fragment: str, query: str) -> str | None:
    """Replace a name by another of its kind: a person by a person, else the last that is none."""
    bare = _DETERMINER.sub("", fragment)
    given = names(f"x {bare}")
    if not given or len(given[0].text) < len(bare) - 1:
        return None
    known = names(query)
    alike = [n for n in known if n.person == is_person(bare)]
    chosen = _most_alike(bare, alike or known)
    return query[: chosen.start_char] + bare + query[chosen.end_char :] if chosen else None


def _most_alike(name: str, known: list[Mention]) -> Mention | None:
    """Return the name of the same number of words, or the last."""
    same = [n for n in known if len(n.text.split()) == len(name.split())]
    return (same or known)[-1] if known else None


def _object(fragment: str, query: str) -> str | None:
    """Replace what the last question ends in, behind its last preposition: "the side effects of ibuprofen"."""
    match = re.search(r"\b(?:of|for|in|about|with) (?P<object>[\w'’ -]+?)(?=[ ?.!]*$)", query)
    if not match or not re.fullmatch(r"[a-z][\w'’-]*(?: [a-z][\w'’-]*)?", fragment) or fragment.startswith("the "):
        return None
    return query[: match.start("object")] + fragment + query[match.end("object") :]
