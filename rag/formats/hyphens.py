"""Words that were divided at the end of a line, made whole: with their hyphen where it is their own."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Stands between the parts of a divided word until the whole document is known; no text has this character.
DIVIDED = "\ufffe"
_SITE = re.compile(rf"([^\W\d_]+){DIVIDED}([^\W\d_]+)")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


def undivided(pages: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the blocks of pages with divided words made whole.

    A word that stands elsewhere in the document is written as it is there. Others lose the hyphen where words are
    divided as they are in set type, of which those that stand elsewhere tell, and keep it else: a browser and most word
    processors break lines only at hyphens that are there.

    Args:
        pages: The blocks of each page, `DIVIDED` where a word was divided.

    Returns:
        The same blocks without it.
    """
    whole = "\n".join(block for page in pages for block in page)
    sites = _SITE.findall(whole)
    if not sites:
        return [[block.replace(DIVIDED, "-") for block in page] for page in pages]
    known = {word.lower() for word in _WORD.findall(whole)}
    closed = sum(f"{a}{b}".lower() in known for a, b in sites)
    hyphenated = sum(f"{a}-{b}".lower() in known for a, b in sites)
    set_type = closed > hyphenated

    def written(match: re.Match[str]) -> str:
        first, second = match[1], match[2]
        if f"{first}-{second}".lower() in known:
            return f"{first}-{second}"
        return first + second if set_type or f"{first}{second}".lower() in known else f"{first}-{second}"

    return [[_SITE.sub(written, block).replace(DIVIDED, "-") for block in page] for page in pages]
