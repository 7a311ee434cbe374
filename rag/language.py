"""The language of a question, which is too short for a classifier: by its script, then by its function words.

On questions of three to ten words py3langid is often sure of a wrong language; who, what and of are not.
"""

from __future__ import annotations

import re
from collections import Counter

# Scripts that tell a language, or one so likely that no other is worth asking for.
_SCRIPTS = {
    "ja": re.compile("[\u3040-\u30ff]"),
    "ko": re.compile("[\uac00-\ud7a3\u1100-\u11ff]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "zh": re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"),
    "ru": re.compile("[\u0400-\u04ff]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "ar": re.compile("[\u0600-\u06ff]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "hi": re.compile("[\u0900-\u097f]"),
}
# Chinese characters that put a question or join its parts, and hardly stand in names.
_PARTICLES = re.compile("[的是谁什么哪吗呢几怎何]|多少")
_LATIN = {
    "en": "a about an and any are at be by can did do does for from had has have he her his how in is it its many "
    "much of on or she that the their them there these they this those to was were what when where which who "
    "whom whose why will with would you",
    "de": "als an auf aus bei das dem den der des die ein eine einem einen einer für hat haben hatte im ist kann mit "
    "nach nicht oder sich sind über und unter von vom wann war waren warum was welche welchem welchen welcher "
    "welches wem wen wer werden wie wird wo wurde wurden zu zum zur",
    "fr": "a à au aux avec ce cette combien comment dans de des du elle en est et il ils la le les leur où ou par pour "
    "pourquoi qu quand que quel quelle quelles quels qui quoi sa ses son sont sur un une",
    "es": "a al como cómo con cual cuál cuando cuándo cuanto cuánto cuántos cuántas de del donde dónde el ella en es "
    "están fue ha hay la las lo los más no para por porque qué que quien quién se son su sus un una y",
    "it": "a al alla che chi come con cosa da dal dei del della delle di dove e è gli ha i il in la le lo nel nella "
    "per perché più quale quali quando quanti quanto quante si sono su un una",
    "pt": "a ao as com como da das de do dos e em é foi há mais na nas no nos o onde os para pela pelo por porque "
    "qual quais quando quantas quantos que quem são se sua um uma",
    "nl": "aan bij dat de deze die door een en er haar hebben heeft het hoe hoeveel in is kan met naar niet of om op "
    "te uit van voor waar waarom wanneer was wat welk welke werd wie wordt zijn",
}
_WORDS = {code: frozenset(words.split()) for code, words in _LATIN.items()}
# Characters that one language of the Latin script has and English has not.
_LETTERS = {"de": "ßäöü", "es": "ñ¿¡", "pt": "ãõ", "fr": "œçêëûù"}


def question_language(text: str) -> str:
    """Return the language a question is put in, whatever the names in it are written in.

    Args:
        text: A question, of one word or many.

    Returns:
        ISO 639-1, or ``"und"`` where neither script nor function words tell. Chinese, Japanese, Korean, Thai, Russian,
        Greek, Arabic, Hebrew and Hindi are told by script; English, German, French, Spanish, Italian, Portuguese and
        Dutch by function words.
    """
    found = {code: len(script.findall(text)) for code, script in _SCRIPTS.items()}
    if found["ja"]:
        return "ja"
    most = max(found, key=lambda code: found[code])
    latin = _by_words(re.findall(r"[^\W\d_]+", text.casefold()), text)
    # Whole names are quoted in another script, particles are not: "Geespace 的 CEO 是谁", "Who wrote 红楼梦?"
    return most if found[most] and (latin == "und" or _PARTICLES.search(text)) else latin


def _by_words(words: list[str], text: str) -> str:
    counts = Counter({code: sum(word in known for word in words) for code, known in _WORDS.items()})
    for code, letters in _LETTERS.items():
        counts[code] += sum(letter in text.casefold() for letter in letters)
    (best, most), (_, second) = counts.most_common(2)
    # Those of several languages, such as "in" and "de", tell nothing when nothing else does.
    return best if most > second else "und"
