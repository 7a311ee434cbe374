"""Office documents and books to text, by xberg; the one module that knows it.

Only bytes are handed over, never a path or an address; no models, no OCR, no cache on disk.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import xberg

from rag.formats.extracted import Extracted, UnreadableError, heading, leading_day, paged, unpaged
from rag.formats.parse_limits import ParseLimits, beyond
from rag.formats.rows import rows_to_lines
from rag.formats.slides import Places, slide_places

_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument"
KINDS = {
    ".docx": f"{_OPEN_XML}.wordprocessingml.document",
    ".pptx": f"{_OPEN_XML}.presentationml.presentation",
    ".xlsx": f"{_OPEN_XML}.spreadsheetml.sheet",
    ".xls": "application/vnd.ms-excel",
    ".odt": f"{_OPEN_DOCUMENT}.text",
    ".ods": f"{_OPEN_DOCUMENT}.spreadsheet",
    ".odp": f"{_OPEN_DOCUMENT}.presentation",
    ".rtf": "application/rtf",
    ".epub": "application/epub+zip",
}
_EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.+?)\s*\1")
_FOOTNOTE = re.compile(r"\[\^\d+\]")
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)$")


def office_to_text(data: bytes, suffix: str, limits: ParseLimits) -> Extracted:
    """Return the text of a document.

    Args:
        data: The whole file.
        suffix: Its suffix in lower case, one of `KINDS`.
        limits: What it may take.

    Returns:
        Its text, with pages where it has slides.

    Raises:
        UnreadableError: It is damaged, encrypted or of another format.
    """
    try:
        result = asyncio.run(_extract(data, KINDS[suffix], limits))
    except (xberg.XbergError, RuntimeError) as error:
        raise UnreadableError(_reason(str(error), suffix)) from None
    nodes = list(result.document.nodes) if result.document else []
    if suffix == ".pptx":
        extracted = paged(_slides(result.pages or [], nodes, slide_places(data)))
    elif suffix == ".odp":
        extracted = paged(_presentation(nodes))
    else:
        extracted = unpaged(_blocks(nodes))
    if not extracted.text:
        extracted = unpaged([result.content or ""])
    title = getattr(result.metadata, "title", None) or ""
    # Only a book says when it was published; other files say when they were last begun or saved.
    published = leading_day(str(getattr(result.metadata, "created_at", None) or "")) if suffix == ".epub" else None
    return replace(extracted, title=" ".join(str(title).split()), date=published)


async def _extract(data: bytes, kind: str, limits: ParseLimits) -> Any:
    config = xberg.ExtractionConfig(
        use_cache=False,
        enable_quality_processing=False,
        disable_ocr=True,
        include_document_structure=True,
        output_format="markdown",
        pages=xberg.PageConfig(extract_pages=True),
        concurrency=xberg.ConcurrencyConfig(max_threads=1),
        security_limits=xberg.SecurityLimits(
            # Of each part, of which a small one may well be packed to a thousandth; the whole is checked before.
            max_compression_ratio=10 * limits.parse_ratio,
            # An element of text in a table of a document lies a dozen elements deep.
            max_nesting_depth=10 * limits.parse_depth,
            max_xml_depth=10 * limits.parse_depth,
            max_content_size=limits.parse_memory_mb * 1_000_000,
            max_table_cells=limits.parse_chars,
            max_pages=limits.parse_pages,
        ),
        # Attached archives and messages are not opened.
        max_archive_depth=0,
    )
    found = await xberg.extract(xberg.ExtractInput(kind="bytes", bytes=data, mime_type=kind), config)
    if not found.results:
        errors = [str(getattr(item, "message", item)) for item in found.errors]
        raise UnreadableError(f"cannot be read: {'; '.join(errors) or 'nothing came out'}")
    return found.results[0]


def _reason(message: str, suffix: str) -> str:
    """Return why a file cannot be read, by what xberg says."""
    line = (message.strip().splitlines() or ["nothing came out"])[0][:200]
    if "limit" in line.lower():
        about = {"ratio": "parse_ratio", "zip bomb": "parse_ratio", "nest": "parse_depth", "depth": "parse_depth"}
        about |= {"page": "parse_pages", "cell": "parse_chars"}
        setting = next((name for word, name in about.items() if word in line.lower()), "parse_memory_mb")
        return beyond(f"is beyond a limit ({line})", setting)
    return f"is damaged, or no {suffix[1:].upper()} file at all ({line}); save it anew"


def _blocks(nodes: Sequence[Any]) -> Iterator[str]:
    """Yield the blocks of a document's nodes that are no furniture."""
    for node in nodes:
        content = json.loads(str(node.content))
        if str(node.content_layer).rpartition(".")[2].lower() not in ("body", "footnote"):
            continue
        if not str(content.get("format", "")).endswith("master-page"):
            yield from _block(content)


def _block(content: dict[str, Any]) -> Iterator[str]:
    kind = content.get("node_type")
    text = _FOOTNOTE.sub("", str(content.get("text") or content.get("content") or ""))
    if kind == "heading":
        yield heading(text, int(content.get("level", 1)))
    elif kind == "table":
        yield from rows_to_lines(_grid(content["grid"]))
    elif kind == "list_item":
        yield f"- {' '.join(text.split())}"
    elif kind != "group" and not _IMAGE.match(text):
        yield text


def _grid(grid: dict[str, Any]) -> list[list[str]]:
    rows: list[list[str]] = [[] for _ in range(int(grid["rows"]))]
    for cell in sorted(grid["cells"], key=lambda cell: (cell["row"], cell["col"])):
        row = rows[cell["row"]]
        row += [""] * (cell["col"] - len(row)) + [str(cell["content"])]
    return rows


def _presentation(nodes: Sequence[Any]) -> list[list[str]]:
    """Return the blocks of each slide of a presentation whose nodes say where a slide begins."""
    slides: list[list[str]] = []
    for node in nodes:
        content = json.loads(str(node.content))
        if content.get("node_type") == "slide":
            slides.append([heading(str(content.get("title") or ""), 2)])
        elif slides:
            title = slides[-1][0].lstrip("# ")
            slides[-1] += [block for block in _blocks([node]) if block != title]
    return slides


def _slides(pages: Sequence[Any], nodes: Sequence[Any], places: Places) -> list[list[str]]:
    """Return the blocks of each slide as they are shown, with the speaker's notes; xberg counts the slides' files."""
    slides: defaultdict[int, list[str]] = defaultdict(list)
    for node in nodes:
        number = int(node.page or 1)
        slides[places.of_slide.get(number, number)] += [_plain(block) for block in _blocks([node])]
    for page in pages:
        number = int(page.page_number)
        place = places.of_notes.get(number, places.of_slide.get(number, number))
        notes = str(getattr(page, "speaker_notes", None) or "")
        slides[place] += [_without_number(line, place) for line in notes.split("\n")]
    return [slides[place] for place in range(1, max(slides, default=0) + 1)]


def _without_number(line: str, place: int) -> str:
    """Return a line of notes without the number of the slide, which stands at the foot of their page."""
    return re.sub(rf"\s*(?:<number>|(?<!\d){place})\s*$", "", line)


def _plain(line: str) -> str:
    return _EMPHASIS.sub(r"\2", line)
