"""Libraries, lists of documents and how they came about to the documents page's escaped HTML; knows no Gradio.

Names, titles, texts and reasons come from anywhere: all of it is escaped here, and signs that turn the direction of
writing are shown as what they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from rag import printable
from rag.schema import Document
from rag.web.documents_words import Words
from rag.web.folder_reading import FolderReading
from rag.web.inert import language_html, name_html
from rag.web.listing import STATUSES, Listing, Row, View
from rag.web.said import worded

# A document is shown in parts of so many characters.
PART_CHARS = 20_000
FAILED_SHOWN = 100
_STAGES = {"read": "sync_reading", "embed": "sync_embedding", "index": "sync_building"}
_SENT = ("waiting", "sending", "indexing", "added", "updated", "unchanged", "failed", "stopped", "stop", "lost")


@dataclass(frozen=True)
class Offer:
    """What a reader may do: choose among libraries, write to the one they look at, administer it, make new ones."""

    libraries: Sequence[str]
    write: bool
    admin: bool
    create: bool
    folders: Sequence[str] = ()


def head_html(view: View, listing: Listing, offer: Offer, words: Words) -> str:
    """Return the top of the page: what the library holds, and which one it is."""
    held = words["held"].format(documents=f"{listing.documents:,}", passages=f"{listing.passages:,}")
    line = held if listing.documents else words["held_none"]
    heading = f'<header class="lg-header"><h1>{escape(words["title"])}</h1><p>{escape(line)}</p></header>'
    return f'<div class="lg-doc-head">{heading}{_libraries_html(view, offer, words)}</div>'


def _libraries_html(view: View, offer: Offer, words: Words) -> str:
    parts = []
    if len(offer.libraries) > 1:
        options = _options(((one, one) for one in offer.libraries), view.library)
        parts.append(
            f'<span><label for="lg-library">{escape(words["library"])}</label> '
            f'<select id="lg-library" name="library" data-act="library">{options}</select></span>'
        )
    if offer.create:
        parts.append(
            f'<details><summary>{escape(words["new_library"])}</summary><form data-act="create"><label>'
            f'{escape(words["new_library_name"])} <input name="name" required maxlength="64" '
            f'pattern="[a-z0-9][a-z0-9_\\-]*" autocomplete="off" spellcheck="false"></label>'
            f"<button>{escape(words['create'])}</button></form></details>"
        )
    if offer.admin and view.library != "default":
        typed = words["delete_library_type"].format(name=view.library)
        parts.append(
            f'<details><summary>{escape(words["delete_library"])}</summary><form data-act="destroy"><label>'
            f'{name_html(typed)} <input name="name" required autocomplete="off" spellcheck="false"></label>'
            f'<button class="lg-danger">{escape(words["delete_library_now"])}</button></form></details>'
        )
    return f'<div class="lg-libraries">{"".join(parts)}</div>'


def add_html(view: View, offer: Offer, words: Words) -> str:
    """Return where files are dropped and folders named; nothing for who may not write."""
    if not offer.write:
        return ""
    said = escape(json.dumps({key: words[key] for key in _SENT}, ensure_ascii=False))
    drop = (
        f'<section class="lg-drop" aria-labelledby="lg-upload" data-library="{escape(view.library)}" '
        f'data-words="{said}">'
        f'<h2 id="lg-upload">{escape(words["upload"])}</h2><label class="lg-zone"><span>{escape(words["drop"])}</span>'
        f'<input type="file" multiple aria-describedby="lg-upload-note"></label>'
        f'<p id="lg-upload-note" class="lg-facts">'
        f'{escape(words["upload_note"])}</p><ul class="lg-files"></ul>'
        f'<p class="lg-hidden" role="status"></p></section>'
    )
    return f'<div class="lg-add">{drop}{_folder_html(offer, words) if offer.admin else ""}</div>'


def _folder_html(offer: Offer, words: Words) -> str:
    heading = f'<h2 id="lg-folder">{escape(words["sync"])}</h2>'
    if not offer.folders:
        none = escape(words["sync_none"])
        return f'<section aria-labelledby="lg-folder">{heading}<p class="lg-facts">{none}</p></section>'
    options = "".join(f'<option value="{escape(folder)}">' for folder in offer.folders)
    return (
        f'<section aria-labelledby="lg-folder">{heading}<form data-act="sync"><label>{escape(words["sync_path"])} '
        f'<input name="folder" list="lg-folders" required value="{escape(offer.folders[0])}" spellcheck="false">'
        f"</label>"
        f'<datalist id="lg-folders">{options}</datalist><button>{escape(words["sync_now"])}</button></form>'
        f'<p class="lg-facts">{escape(words["sync_note"])}</p></section>'
    )


def tools_html(view: View, languages: Iterable[str], words: Words) -> str:
    """Return what a list is searched and filtered with."""
    tongues = _options([("", words["any_language"]), *((one, one) for one in languages)], view.language)
    states = _options([("", words["any_status"]), *((one, words[one]) for one in STATUSES)], view.status)
    searched = (
        f'<label><span class="lg-hidden">{escape(words["search"])}</span><input type="search" name="query" '
        f'value="{escape(view.query)}" placeholder="{escape(words["search"])}" maxlength="200"></label>'
    )
    chosen = "".join(
        f'<label><span class="lg-hidden">{escape(words[one])}</span>'
        f'<select name="{one}" data-act="look">{options}</select></label>'
        for one, options in (("language", tongues), ("status", states))
    )
    return f'<form class="lg-tools" role="search" data-act="look">{searched}{chosen}</form>'


def list_html(listing: Listing, view: View, words: Words, *, write: bool) -> str:
    """Return a page of the list as a table, with what turns its pages and deletes what is selected."""
    if not listing.rows:
        return f'<p class="lg-empty" role="status">{escape(words["none_found"])}</p>' if listing.documents else ""
    boxes = (
        f'<th class="lg-pick"><input type="checkbox" data-all aria-label="{escape(words["select_all"])}"></th>'
        if write
        else ""
    )
    heads = boxes + _sorted_head("title", view, words) + f'<th scope="col">{escape(words["status"])}</th>'
    heads += f'<th scope="col" class="lg-number">{escape(words["column_pages"])}</th>'
    heads += _sorted_head("passages", view, words) + _sorted_head("date", view, words)
    heads += f'<th scope="col">{escape(words["language"])}</th>'
    rows = "".join(_row_html(row, words, write=write) for row in listing.rows)
    return (
        f'<div class="lg-list"><table><caption class="lg-hidden">{escape(words["table"])}</caption><thead><tr>{heads}'
        f"</tr></thead><tbody>{rows}</tbody></table>{_pager_html(listing, words, write=write)}</div>"
    )


def _sorted_head(column: str, view: View, words: Words) -> str:
    here = view.sort == column
    sort = f' aria-sort="{"descending" if view.descending else "ascending"}"' if here else ""
    mark = (" ▾" if view.descending else " ▴") if here else ""
    number = ' class="lg-number"' if column == "passages" else ""
    label = escape(words[f"column_{column}"])
    return (
        f'<th scope="col"{number}{sort}><button data-act="look" data-sort="{column}">{label}'
        f'<span aria-hidden="true">{mark}</span></button></th>'
    )


def _row_html(row: Row, words: Words, *, write: bool) -> str:
    failed = row.status == "failures"
    box = ""
    if write:
        label = escape(words["select"].format(name=printable.shown(row.id)))
        picked = f'<input type="checkbox" value="{escape(row.id)}" aria-label="{label}">'
        box = f'<td class="lg-pick">{"" if failed else picked}</td>'
    where = f'<span class="lg-id">{name_html(row.id)}</span>' if row.id != row.title else ""
    opened = name_html(row.title)
    if not failed:
        opened = f'<button class="lg-open" data-act="open" data-id="{escape(row.id)}">{opened}</button>'
    detail = name_html(words["copy"].format(other=row.detail) if row.status == "copies" else words[row.status])
    if failed:
        detail += f": {name_html(worded(row.detail, words['code']))}"
    cells = (
        f'<td class="lg-name" dir="auto">{opened}{where}</td><td class="lg-state lg-{row.status}">{detail}</td>'
        f'<td class="lg-number">{row.pages or ""}</td><td class="lg-number">{row.passages or ""}</td>'
        f'<td class="lg-date">{escape(row.date)}</td><td class="lg-tongue">{escape(row.language)}</td>'
    )
    return f"<tr>{box}{cells}</tr>"


def _pager_html(listing: Listing, words: Words, *, write: bool) -> str:
    last = listing.first + len(listing.rows) - 1
    said = words["range"].format(first=f"{listing.first:,}", last=f"{last:,}", total=f"{listing.total:,}")
    delete = f'<button class="lg-danger" data-act="remove">{escape(words["delete"])}</button>' if write else ""
    turns = ""
    if listing.pages > 1:
        turns = _turn(words["previous"], listing.page - 1, off=listing.page == 0)
        turns += _turn(words["next"], listing.page + 1, off=listing.page + 1 >= listing.pages)
    return f'<div class="lg-pager">{delete}<span role="status">{escape(said)}</span>{turns}</div>'


def _turn(label: str, page: int, *, off: bool) -> str:
    disabled = " disabled" if off else ""
    return f'<button data-act="look" data-page="{page}"{disabled}>{escape(label)}</button>'


def document_html(document: Document, row: Row, offset: int, words: Words) -> str:
    """Return a part of a document's text, with what it is made from."""
    text = document.text
    start = min(max(offset, 0), max(len(text) - 1, 0)) // PART_CHARS * PART_CHARS
    part = text[start : start + PART_CHARS]
    facts = [name_html(document.id), escape(row.date), escape(document.language if document.language != "und" else "")]
    facts += [words["pages_of"].format(n=row.pages) if row.pages else "", words["passages_of"].format(n=row.passages)]
    facts.append(name_html(words["from"].format(source=row.source)) if row.source else escape(words["given"]))
    turns = ""
    if len(text) > PART_CHARS:
        said = words["part"].format(first=f"{start + 1:,}", last=f"{start + len(part):,}", total=f"{len(text):,}")
        turns = (
            f'<div class="lg-pager">{_part_turn(document.id, start - PART_CHARS, words["previous"], off=start == 0)}'
        )
        turns += f"<span>{escape(said)}</span>"
        over = start + PART_CHARS >= len(text)
        turns += f"{_part_turn(document.id, start + PART_CHARS, words['next'], off=over)}</div>"
    return (
        f'<section class="lg-drawer" role="dialog" aria-labelledby="lg-document" tabindex="-1"><div class="lg-bar">'
        f'<h2 id="lg-document" dir="auto">{name_html(document.title or document.id)}</h2>'
        f'<button data-act="close">{escape(words["close"])}</button></div>'
        f'<p class="lg-facts">{" · ".join(fact for fact in facts if fact)}</p>{turns}'
        f'<div class="lg-text" tabindex="0" dir="auto"{language_html(document.language)}>{escape(part)}</div></section>'
    )


def _part_turn(document_id: str, offset: int, label: str, *, off: bool) -> str:
    disabled = " disabled" if off else ""
    where = f'data-id="{escape(document_id)}" data-offset="{offset}"'
    return f'<button data-act="open" {where}{disabled}>{escape(label)}</button>'


def reading_html(reading: FolderReading | None, words: Words) -> str:
    """Return how far the reading of a folder is, or what came of it."""
    if reading is None:
        return ""
    folder = name_html(str(reading.folder))
    if reading.state == "running":
        said = escape(words[_STAGES.get(reading.stage, "sync_embedding")]).format(folder=folder)
        value = f' value="{reading.done}" max="{reading.total}"' if reading.total and reading.stage != "index" else ""
        return (
            f'<div class="lg-job"><label>{said} <progress{value}></progress></label>'
            f'<span class="lg-facts">{escape(_rate(reading, words))}</span>'
            f'<button data-act="cancel">{escape(words["cancel"])}</button></div>'
        )
    if reading.state == "cancelled":
        return f'<p class="lg-job" role="status">{escape(words["sync_cancelled"])}</p>'
    if reading.state == "failed":
        return f'<p class="lg-job lg-error" role="alert">{name_html(worded(reading.error, words["code"]))}</p>'
    took = duration(reading.seconds, words)
    said = escape(words["sync_done"]).format(folder=folder, seconds=escape(took), **reading.counts)
    failed = list(reading.failed.items())[:FAILED_SHOWN]
    listed = "".join(f"<li>{name_html(_once(file, worded(reason, words['code'])))}</li>" for file, reason in failed)
    return f'<div class="lg-job" role="status"><p>{said}</p>{f"<ul>{listed}</ul>" if listed else ""}</div>'


def _once(file: str, reason: str) -> str:
    return reason if file in reason else f"{file}: {reason}"


def _rate(reading: FolderReading, words: Words) -> str:
    rate = reading.rate()
    if not rate or reading.stage != "embed":
        return ""
    left = duration((reading.total - reading.done) / rate, words)
    megabytes = {
        "done": f"{reading.done / 1e6:.1f}",
        "total": f"{reading.total / 1e6:.1f}",
        "rate": f"{rate / 1e6:.2f}",
    }
    return words["sync_rate"].format(left=left, **megabytes)


def duration(seconds: float, words: Words) -> str:
    """Return a time in words, in seconds or in minutes."""
    if seconds < 100:
        return words["seconds"].format(n=f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}")
    return words["minutes"].format(n=f"{seconds / 60:.0f}")


def notice_html(text: str, *, act: str = "", label: str = "", ids: Sequence[str] = (), error: bool = False) -> str:
    """Return a line that says what was done or what is wrong, with a button where something can be done about it."""
    if not text:
        return ""
    given = escape(json.dumps(list(ids)))
    button = f'<button data-act="{act}" data-ids="{given}">{escape(label)}</button>' if act else ""
    kind, role = ("lg-error", "alert") if error else ("", "status")
    return f'<p class="lg-notice-bar {kind}" role="{role}"><span>{name_html(" ".join(text.split()))}</span>{button}</p>'


def _options(choices: Iterable[tuple[str, str]], chosen: str) -> str:
    return "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{name_html(label)}</option>'
        for value, label in choices
    )
