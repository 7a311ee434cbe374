"""The documents of a library as a list that is searched, filtered, sorted and paged; knows no page and no HTML."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from rag.files import replace_file
from rag.library import Library
from rag.staleness import staleness
from rag.stored import DocumentSummary
from rag.web.discreet import shown_source, without_folders
from rag.web.matching import matching
from rag.web.roles import Caller, Role

Status = Literal["indexed", "changed", "gone", "copies", "failures"]
STATUSES: tuple[Status, ...] = ("indexed", "changed", "gone", "copies", "failures")
FILTERS = ("query", "language", "status")
SORTS = ("title", "passages", "date")
# So many rows are shown at a time: what is sent for 10,000 documents is no more than for these.
PAGE_ROWS = 50
MOST_QUERY_CHARS = 200
# Files that could not be read the last time, beside the library.
FAILED, MOST_FAILED = "failed.json", 1_000


@dataclass(frozen=True)
class View:
    """What a reader looks at.

    Attributes:
        library: Name of the library.
        query: What titles and ids hold; ``""`` for anything.
        language: Language of the documents; ``""`` for any.
        status: Their status; ``""`` for any.
        sort: By what they are sorted.
        descending: Whether the other way round.
        page: Which page of the list, from 0.
    """

    library: str = "default"
    query: str = ""
    language: str = ""
    status: str = ""
    sort: str = "title"
    descending: bool = False
    page: int = 0

    def changed(self, wish: Mapping[str, Any]) -> View:
        """Return the view with what a browser asked for, as far as that can be asked for; else on the first page."""
        sort = wish.get("sort")
        if sort in SORTS:
            return replace(self, sort=sort, descending=sort == self.sort and not self.descending, page=0)
        if "page" in wish:
            return replace(self, page=max(_whole(wish["page"]), 0))
        texts: dict[str, Any] = {n: str(wish[n])[:MOST_QUERY_CHARS] for n in FILTERS if n in wish}
        return replace(self, **texts, page=0)


@dataclass(frozen=True)
class Row:
    """One document of the list, or a file that could not be read.

    Attributes:
        id: Id of the document, or the file.
        title: Its title.
        date: Its ISO 8601 day, or ``""``.
        language: Its language.
        passages: Number of its passages.
        status: Its status.
        source: Where it came from.
        detail: The document whose text it shares, or why it failed.
        pages: Number of its pages; 0 where it has none.
    """

    id: str
    title: str
    date: str
    language: str
    passages: int
    status: Status
    source: str = ""
    detail: str = ""
    pages: int = 0


@dataclass(frozen=True)
class Listing:
    """A page of the list.

    Attributes:
        rows: What is on it.
        total: How many there are on all pages.
        first: Number of its first row, from 1; 0 where there is none.
        page: Which page it is, from 0.
        pages: How many pages there are.
        documents: Documents in the library.
        passages: Passages in the library.
        languages: Languages of its documents.
    """

    rows: Sequence[Row]
    total: int
    first: int
    page: int
    pages: int
    documents: int
    passages: int
    languages: Sequence[str]


def list_documents(library: Library, view: View) -> Listing:
    """Return the page of the list that a reader looks at.

    Args:
        library: The library.
        view: What is looked at.

    Returns:
        The page; the last one where there are not so many.

    Raises:
        LibraryError: The library is damaged.
    """
    summaries = matching(library)
    rows = [_row(summary) for summary in summaries]
    by_status = view.status in ("changed", "gone", "indexed", "copies")
    if by_status:
        rows = _looked_at(library, rows)
    failures = [Row(i, i, "", "", 0, "failures", detail=reason) for i, reason in read_failures(library).items()]
    wanted = [row for row in (*failures, *rows) if _matches(row, view)]
    wanted.sort(key=lambda row: _sort_key(row, view.sort), reverse=view.descending)
    pages = max(1, -(-len(wanted) // PAGE_ROWS))
    page = min(view.page, pages - 1)
    shown = wanted[page * PAGE_ROWS : (page + 1) * PAGE_ROWS]
    shown = _with_pages(library, shown if by_status else _looked_at(library, shown))
    return Listing(
        rows=shown,
        total=len(wanted),
        first=page * PAGE_ROWS + 1 if shown else 0,
        page=page,
        pages=pages,
        documents=len(summaries),
        passages=sum(summary.passages for summary in summaries),
        languages=sorted({summary.language for summary in summaries}),
    )


def find_row(library: Library, document_id: str) -> Row | None:
    """Return one document as the list shows it; ``None`` where there is none of that id."""
    rows = [_row(summary) for summary in matching(library) if summary.id == document_id]
    return next(iter(_with_pages(library, _looked_at(library, rows))), None)


def discreet_row(row: Row, caller: Caller, library: str) -> Row:
    """Return a row as a caller may see it: where files lie on the machine is for those who administer the library."""
    if row.status == "failures" and not caller.may(Role.ADMIN, library):
        named = shown_source(caller, library, row.id)
        return replace(row, id=named, title=named, detail=without_folders(row.detail))
    return replace(row, source=shown_source(caller, library, row.source))


def read_failures(library: Library) -> dict[str, str]:
    """Return why files could not be read the last time that their folder was, by file."""
    with suppress(OSError, ValueError):
        kept = json.loads((library.path / FAILED).read_text("utf-8"))
        return {str(name): str(reason) for name, reason in kept.items()}
    return {}


def keep_failures(library: Library, folder: Path, failed: Mapping[str, str]) -> None:
    """Keep why files below a folder could not be read, in place of what was kept of that folder."""
    below = f"{folder}{os.sep}"
    others = {name: reason for name, reason in read_failures(library).items() if not name.startswith(below)}
    kept = dict(list((others | dict(failed)).items())[-MOST_FAILED:])
    replace_file(library.path / FAILED, json.dumps(kept, ensure_ascii=False).encode(errors="replace"), durable=False)


def _row(summary: DocumentSummary) -> Row:
    copied = summary.same_text_as or ""
    return Row(
        summary.id,
        summary.title or summary.id,
        summary.date or "",
        summary.language,
        summary.passages,
        "copies" if copied else "indexed",
        summary.source,
        copied,
    )


def _looked_at(library: Library, rows: Sequence[Row]) -> list[Row]:
    """Return rows with the status of those whose files are not what was indexed."""
    ids = [row.id for row in rows if row.status != "failures"]
    origins = library.origins(ids) if ids else {}
    limits = library.settings.parse_limits
    stale = {i: found for i, origin in origins.items() if (found := staleness(origin, limits))}
    return [replace(row, status=stale[row.id]) if row.id in stale else row for row in rows]


def _with_pages(library: Library, rows: Sequence[Row]) -> list[Row]:
    ids = [row.id for row in rows if row.passages]
    counts = library.count_pages(ids) if ids else {}
    return [replace(row, pages=counts.get(row.id, 0)) for row in rows]


def _matches(row: Row, view: View) -> bool:
    wanted = view.query.casefold().strip()
    named = wanted in row.title.casefold() or wanted in row.id.casefold()
    return named and view.language in ("", row.language) and view.status in ("", row.status)


def _sort_key(row: Row, sort: str) -> tuple[Any, str]:
    value = {"title": row.title.casefold(), "passages": row.passages, "date": row.date}[sort]
    return value, row.id


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
