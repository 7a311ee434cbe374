"""A Chinese question word by word in English, for documents that have no Chinese; searches nothing.

Reference:
    Pirkola (1998), "The Effects of Query Structure and Dictionary Setups in Dictionary-Based Cross-Language
    Information Retrieval": the renderings of a word count as one word. That the library has to hold one of them to be
    meant is all that is done about words of several senses: to choose those that stand together in passages, as
    Ballesteros, Croft (1998), "Resolving Ambiguity for Cross-Language Retrieval", was no better.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from rag.cedict import MOST_CHARS, Cedict, load
from rag.snapshot import Snapshot
from rag.terms import FUNCTION_CHARACTERS, Term, query_terms

HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
# Kana and hangul: what Han characters mean among them is not what they mean in Chinese.
NOT_CHINESE = re.compile("[\u3040-\u30ff\u1100-\u11ff\uac00-\ud7a3]")
# What asks, as the encoder reads it: no word that documents have to hold.
ASKING = {
    "为什么": "why", "為什麼": "why", "为何": "why", "為何": "why", "什么时候": "when", "什麼時候": "when",
    "何时": "when", "何時": "when", "哪一年": "in which year", "哪年": "in which year", "哪里": "where",
    "哪裡": "where", "哪儿": "where", "何处": "where", "何處": "where", "在哪": "where", "谁": "who", "誰": "who",
    "多少": "how many", "几": "how many", "幾": "how many", "多久": "how long", "多长": "how long",
    "多長": "how long", "多长时间": "how long", "多大": "how large", "多高": "how high", "怎么": "how", "怎麼": "how",
    "怎样": "how", "怎樣": "how", "怎么样": "how", "如何": "how", "什么": "what", "什麼": "what", "何": "what",
    "什么样": "what kind of", "哪": "which", "哪些": "which", "哪个": "which", "哪個": "which",
    "哪种": "which kind of", "是否": "whether", "除了": "besides",
}  # fmt: skip
# Particles, measure words, and small words, which English has in other places or not at all.
SILENT = frozenset(
    "是 的 了 吗 嗎 呢 吧 着 過 过 地 得 被 把 所 就 都 也 又 才 还 還 而 于 於 以 之 为 為 会 會 能 将 將 已 曾 "
    "请问 請問 可以 能够 能夠 一个 一個 这个 這個 那个 那個 个 個 位 名 种 種 家 座 场 場 项 項 件 次 条 條 支 "
    "只 有 中 里 裡 上 时 時 当 當 来 來 在 和 与 與 及 以及 或 从 從 到 由 对 對 向 关于 關於 后 後 前 不 没有 "
    "沒有 他 她 它 其 他们 她们 它们 这 這 那 这些 那些".split()
)
# What a word costs when a run of characters is cut into as few as can be: one of several characters, one that only
# joins others, any other character alone, and one that the dictionary does not have.
WORD, JOINING, ALONE, UNKNOWN = 1.0, 0.7, 1.4, 1.8
# So many characters alone in a row are no words but the sounds of a foreign name.
SOUNDS = 3
# Shorter pinyin is an English word as often as not.
LEAST_PINYIN_CHARS, MOST_SYLLABLES = 5, 4


@dataclass(frozen=True)
class Gloss:
    """A word of a question and what it may be in English.

    Attributes:
        start_char: First character in the question.
        end_char: One past the last.
        renderings: What it may be, first what is meant; nothing where English has no word for it.
        content: Whether it says what is asked about.
    """

    start_char: int
    end_char: int
    renderings: tuple[str, ...]
    content: bool

    @property
    def read_as(self) -> str:
        """What the encoder reads."""
        return self.renderings[0] if self.renderings else ""


def is_needed(text: str) -> bool:
    """Tell whether a question has words of Chinese."""
    return not text.isascii() and HAN.search(text) is not None and not NOT_CHINESE.search(text)


def glosses(text: str, snapshot: Snapshot) -> list[Gloss]:
    """Return the Chinese words of a question with their English, in order.

    Args:
        text: The question.
        snapshot: The generation asked, whose words tell which renderings are meant.

    Returns:
        Glosses of all Chinese characters of the question.
    """
    cedict = load()
    return [gloss for run in HAN.finditer(text) for gloss in _glossed(run, cedict, snapshot)]


def bridged(terms: Sequence[Term], found: Sequence[Gloss], languages: Sequence[str]) -> dict[Term, str]:
    """Return the terms that glosses are searched by, each with how the encoder reads it.

    Args:
        terms: The question's terms as written.
        found: Its glosses.
        languages: Those of the documents.

    Returns:
        The terms of what says what is asked about, but for what is part of a number, as "亿" of "2亿".
    """
    written = [term for term in terms if term.spaced]
    return {
        Term(g.start_char, g.end_char, tuple(dict.fromkeys(_form(r, languages) for r in g.renderings))): g.read_as
        for g in found
        if g.content and not any(t.start_char <= g.start_char < t.end_char for t in written)
    }


def segment(run: str, cedict: Cedict) -> list[tuple[int, int]]:
    """Return the words of a run of Chinese characters, first character and one past the last, as few as can be."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(run) + 1):
        starts = range(max(0, end - MOST_CHARS), end)
        best.append(min((best[start][0] + _cost(run[start:end], cedict), start) for start in starts))
    words, end = [], len(run)
    while end:
        words.append((best[end][1], end))
        end = best[end][1]
    return words[::-1]


def _cost(word: str, cedict: Cedict) -> float:
    if len(word) > 1:
        return WORD if _asks(word) or cedict.entry(word) else float("inf")
    if word in FUNCTION_CHARACTERS:
        return JOINING
    return ALONE if cedict.entry(word) else UNKNOWN


def _asks(word: str) -> bool:
    return word in ASKING or word in SILENT


def _glossed(run: re.Match[str], cedict: Cedict, snapshot: Snapshot) -> Iterator[Gloss]:
    words, first = segment(run[0], cedict), 0
    while first < len(words):
        alone = len(list(takewhile(lambda w: _is_alone(run[0][slice(*w)]), words[first:])))
        taken, renderings = _spelt(run[0], words[first : first + min(alone, MOST_SYLLABLES)], cedict, snapshot)
        if not taken and alone >= SOUNDS:
            taken = alone
        taken = taken or 1
        start, end = words[first][0], words[first + taken - 1][1]
        word = run[0][start:end]
        if taken == 1 and not renderings:
            renderings = _rendered(word, cedict, snapshot)
        yield Gloss(run.start() + start, run.start() + end, renderings, bool(renderings) and not _asks(word))
        first += taken


def _is_alone(word: str) -> bool:
    return len(word) == 1 and not _asks(word) and word not in FUNCTION_CHARACTERS


def _spelt(
    run: str, words: Sequence[tuple[int, int]], cedict: Cedict, snapshot: Snapshot
) -> tuple[int, tuple[str, ...]]:
    """Return how many of some characters are, by their pinyin, a name that the library holds, and that name.

    "临港" is found as "Lingang", "李刚" as "Li Gang": the dictionary has neither.
    """
    entries = [cedict.entry(run[start:end]) for start, end in words]
    syllables = [entry.pinyin[0] for entry in takewhile(bool, entries) if entry]
    for count in range(len(syllables), 1, -1):
        joined, given = "".join(syllables[:count]), "".join(syllables[1:count])
        forms = (joined.title(), f"{syllables[0]} {given}".title())
        held = tuple(f for f in forms if len(joined) >= LEAST_PINYIN_CHARS and _held(f, snapshot))
        if held:
            return count, held
    return 0, ()


def _rendered(word: str, cedict: Cedict, snapshot: Snapshot) -> tuple[str, ...]:
    """Return what a word may be, first what the library holds, then in the dictionary's order."""
    if _asks(word):
        return (ASKING[word],) if word in ASKING else ()
    entry = cedict.entry(word)
    if entry is None:
        return ()
    spelt = ("".join(entry.pinyin).title(),) if entry.is_name else ()
    return tuple(sorted((*entry.renderings, *spelt), key=lambda rendering: not _held(rendering, snapshot)))


def _held(rendering: str, snapshot: Snapshot) -> bool:
    return snapshot.holds((_form(rendering, snapshot.languages),))


def _form(rendering: str, languages: Sequence[str]) -> str:
    """Return the index terms of a rendering that have to be there together."""
    terms = query_terms(rendering, languages=languages)
    return " ".join(dict.fromkeys(t.variants[0] for t in [t for t in terms if t.content] or terms))
