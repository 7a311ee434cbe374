"""What marks an item of a list or a clause: "1.", "(a)", "iv.", "4.2", "§ 3", "二、", a bullet; knows no lists.

An ITEM is one wherever a line begins with it. A CLAUSE mark may as well be the end of a reference or a quantity that a
wrapped line begins with ("by § 3", "4.2 million"), so it counts only where a sentence has ended before.
"""

from __future__ import annotations

import re

_ROMAN = r"(?:(?=[ivx])x{0,3}(?:ix|iv|v?i{0,3})|(?=[IVX])X{0,3}(?:IX|IV|V?I{0,3}))"
_CHINESE = r"[一二三四五六七八九十]{1,3}"
_STRONG = r"(?:\*\*|__)?"
_WORDS = (
    r"(?:§{1,2} ?|(?:Art(?:icle|ikel)?|Section|Clause|Chapter|Part|Step|Rule|Item|Point|Note|"
    r"Abschnitt|Kapitel|Teil|Schritt|Regel|Punkt|Nr|No)\.? )"
)
_HAN = "\u3040-\u30ff\u4e00-\u9fff"
BULLET = r"[-*+•‣·▪◦]"
# What follows a mark keeps it apart from "1.5 million", "-5 degrees" and "三、四个".
ITEM = (
    rf"(?:[-*+](?=\s|\Z)|[•‣·▪◦]|{_CHINESE}、(?!{_CHINESE})|（(?:\d{{1,3}}|{_CHINESE})）|"
    rf"{_STRONG}(?:[(（]?(?:\d{{1,3}}|{_CHINESE})[.)）．]\)?|[(（]?(?:[A-Za-z]|{_ROMAN})[)）]){_STRONG}(?=[\s{_HAN}]|\Z))"
)
_NEXT = r"(?=[\s\"“„«(*_]*(?!\d)\w)(?=[\s\"“„«(*_]*[^a-zß-ÿ])"
CLAUSE = (
    rf"{_STRONG}(?:§{{1,2}} ?\d{{1,4}}[a-z]?\.?|\d{{1,3}}(?:\.\d{{1,3}}){{1,4}}\.?|[a-z]\.|{_ROMAN}\.){_STRONG}"
    rf"(?=\s){_NEXT}"
)
# "1.", "- 4.2", "## 3.", "**§ 3**", "Step 2.": at most so many characters, all of them a mark.
MARK_CHARS = 40
_LEADING = re.compile(rf"(?:{ITEM}|{CLAUSE})\s*")
_MARK = re.compile(
    rf"(?:#{{1,6}} +)?(?:> ?)*(?:{BULLET}\s+)?{_STRONG}{_WORDS}?[(（\[]?"
    rf"(?:\d{{1,3}}(?:\.\d{{1,3}}){{0,4}}|{_ROMAN}|[A-Za-z]|{_CHINESE})[a-z]?[.)\]）．、:]{{0,2}}{_STRONG}|{BULLET}"
)


def is_mark(piece: str) -> bool:
    """Tell whether a text is nothing but the mark of a list's item.

    Args:
        piece: A text without white space at its ends.

    Returns:
        Whether all of it is a mark.
    """
    return len(piece) <= MARK_CHARS and _MARK.fullmatch(piece) is not None


def without_mark(sentence: str) -> str:
    """Return what an item of a list says.

    Args:
        sentence: A sentence, perhaps an item.

    Returns:
        The sentence without the mark that it begins with; all of it where it is nothing else.
    """
    found = _LEADING.match(sentence)
    return (found and sentence[found.end() :]) or sentence
