"""HTML to the blocks of its main text; scripts, navigation and forms are left out, and nothing is ever fetched."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

from rag.formats.extracted import Extracted, heading, leading_day, unpaged
from rag.formats.rows import rows_to_lines

SKIPPED = frozenset(
    "script style noscript template svg math canvas nav aside form button select textarea iframe object embed audio "
    "video map dialog menu".split()
)
SKIPPED_ROLES = frozenset("navigation banner contentinfo complementary search menu menubar toolbar dialog".split())
VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
BLOCKS = frozenset(
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer header hgroup "
    "h1 h2 h3 h4 h5 h6 html legend li main ol p pre section summary table tbody td tfoot th thead tr ul caption".split()
)
# Without an end tag these end where the next of their kind begins.
SELF_ENDING = {
    "p": {"p"},
    "li": {"li"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "tr": {"tr", "td", "th"},
    "td": {"td", "th", "tr"},
    "th": {"td", "th", "tr"},
    "option": {"option"},
}
CLOSES_P = BLOCKS - {"html", "body", "td", "th", "tr", "tbody", "thead", "tfoot", "caption"}
DATES = ("article:published_time", "datepublished", "date", "dc.date", "dcterms.date", "dcterms.created", "pubdate")
# A block most of whose text is links is a menu, unless it is as long as prose.
LINK_SHARE, LINK_CHARS = 0.7, 400
MOST_OPEN = 10_000


@dataclass
class _Block:
    """A block under construction."""

    kind: str
    text: list[str] = field(default_factory=list)
    in_main: bool = False
    linked_chars: int = 0
    rows: list[list[str]] = field(default_factory=list)
    headed: bool = False


def html_to_text(markup: str) -> Extracted:
    """Return the main text of a page.

    Args:
        markup: HTML, however broken.

    Returns:
        Its main text: what is in ``main`` or ``article`` where there is enough of it, else all that is no navigation.
    """
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    reader.end()
    title = " ".join("".join(reader.title).split())
    return unpaged(_main(reader.blocks), title=title, date=reader.date)


def _main(blocks: Iterable[_Block]) -> list[str]:
    """Return the text of the blocks that belong to the page's subject."""
    kept = [(block, text) for block in blocks if (text := _text(block)) and not _is_menu(block, text)]
    main = [text for block, text in kept if block.in_main]
    # A page of previews has an article for each; one with an empty article has its text elsewhere.
    return main if sum(map(len, main)) * 3 >= sum(len(text) for _, text in kept) else [text for _, text in kept]


def _is_menu(block: _Block, text: str) -> bool:
    if block.kind.startswith("h"):
        return False
    return (
        block.linked_chars > LINK_SHARE * len(text.removeprefix("- ")) and len(text) < LINK_CHARS and not block.in_main
    )


def _text(block: _Block) -> str:
    if block.rows:
        return "\n\n".join(rows_to_lines(block.rows, headed=block.headed or None))
    if block.kind == "pre":
        return "".join(block.text).strip("\n")
    lines = [" ".join(line.split()) for line in "".join(block.text).split("\n")]
    text = "\n".join(line for line in lines if line)
    if re.fullmatch(r"h[1-6]", block.kind):
        return heading(text, int(block.kind[1]))
    return f"- {text}" if text and block.kind == "li" else text


class _Reader(HTMLParser):
    """Collects blocks while it reads; no tree is built, so that depth costs nothing."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[_Block] = []
        self.title: list[str] = []
        self.date: str | None = None
        self._open: list[tuple[str, bool]] = []
        self._skipping = 0
        self._main = 0
        self._links = 0
        self._current = _Block("div")
        # Tables that are open, each with what its cell held before it.
        self._tables: list[tuple[_Block, _Block]] = []
        self._names: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "meta":
            self._note_date(attributes)
        self._close_before(tag)
        if tag in VOID:
            if tag == "br":
                self._current.text.append("\n")
            elif tag == "hr":
                self._begin("div")
            return
        if len(self._open) >= MOST_OPEN:
            return
        skipped = self._is_skipped(tag, attributes)
        self._open.append((tag, skipped))
        self._names[tag] += 1
        self._skipping += skipped
        self._main += tag in ("main", "article")
        self._links += tag == "a"
        if tag == "table" and not self._skipping:
            self._begin_table()
        elif tag in BLOCKS and not self._skipping:
            self._begin_inside(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._names[tag] and self._pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][0] == "title" and not self._skipping:
            self.title.append(data)
        elif not self._skipping:
            self._current.text.append(data if self._current.kind == "pre" else data.replace("\n", " "))
            self._current.linked_chars += len(data.strip()) if self._links else 0

    def end(self) -> None:
        """Close all that is open."""
        while self._open:
            self._pop()
        self._begin("div")

    def _is_skipped(self, tag: str, attributes: dict[str, str]) -> bool:
        hidden = "hidden" in attributes or attributes.get("aria-hidden") == "true"
        hidden = hidden or bool(re.search(r"display\s*:\s*none", attributes.get("style", ""), re.I))
        # A header or footer of the page is furniture, that of an article may hold its title.
        furniture = tag in ("header", "footer") and not self._main
        return tag in SKIPPED or furniture or hidden or attributes.get("role", "") in SKIPPED_ROLES

    def _close_before(self, tag: str) -> None:
        """Close what the tag ends without saying so."""
        if not self._open:
            return
        last = self._open[-1][0]
        if tag in SELF_ENDING.get(last, ()) or (last == "p" and tag in CLOSES_P):
            self._pop()
            if last in ("td", "th") and tag == "tr":
                self._close_before(tag)

    def _pop(self) -> str:
        tag, skipped = self._open.pop()
        self._names[tag] -= 1
        if tag in BLOCKS and not self._skipping:
            self._end_block(tag)
        self._skipping -= skipped
        self._main -= tag in ("main", "article")
        self._links -= tag == "a"
        return tag

    def _begin(self, kind: str) -> None:
        if self._current.text:
            self.blocks.append(self._current)
        self._current = _Block(kind, in_main=self._main > 0)

    def _begin_table(self) -> None:
        table = _Block("table", in_main=self._main > 0)
        if not self._tables:
            self._begin("div")
            self.blocks.append(table)
        self._tables.append((table, self._current))
        self._current = _Block("td")

    def _begin_inside(self, tag: str) -> None:
        if not self._tables:
            self._begin(tag)
            return
        table, _ = self._tables[-1]
        if tag == "tr":
            table.rows.append([])
        elif tag in ("td", "th"):
            if not table.rows:
                table.rows.append([])
            table.headed = table.headed or (tag == "th" and len(table.rows) == 1)
            self._current = _Block(tag)
        else:
            self._current.text.append(" ")

    def _end_block(self, tag: str) -> None:
        if not self._tables:
            self._begin("div")
        elif tag == "table":
            table, cell = self._tables.pop()
            self._current = cell
            if self._tables:
                # One table in another is how old pages are laid out.
                cell.text += [" ", " ".join(rows_to_lines(table.rows, headed=table.headed or None))]
        elif tag in ("td", "th"):
            rows = self._tables[-1][0].rows
            rows[-1:] = [[*rows[-1], "".join(self._current.text)]] if rows else []
            self._current = _Block("td")
        elif tag == "caption" and len(self._tables) == 1:
            self.blocks.insert(-1, replace(self._current, kind="div", in_main=self._main > 0))
            self._current = _Block("td")
        else:
            self._current.text.append(" ")

    def _note_date(self, attributes: dict[str, str]) -> None:
        name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop") or ""
        if name.lower() in DATES and self.date is None:
            self.date = leading_day(attributes.get("content", ""))
