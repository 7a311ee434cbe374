"""The documents page: what stands on it and what its events do; knows no stage, no storage and no HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from rag.errors import AccessError, RagError
from rag.web.access import EVERY_LIBRARY, Caller, Role, check_page, page_caller
from rag.web.acting_page import ActingPage, Parts, lay_out
from rag.web.collections import DEFAULT
from rag.web.documents_html import (
    Offer,
    add_html,
    document_html,
    head_html,
    list_html,
    notice_html,
    reading_html,
    tools_html,
)
from rag.web.documents_words import WORDS
from rag.web.folder_reading import FolderReadings, permitted, permitted_folders
from rag.web.listing import PAGE_ROWS, View, discreet_row, find_row, list_documents
from rag.web.removals import Removals, TooManyToKeep

if TYPE_CHECKING:
    from rag.library import Library
    from rag.web.collections import Collections

# Fields that browsers send with what they ask for.
FIELDS = ("act", "query", "language", "status", "sort", "page", "library", "name", "folder", "ids", "id", "offset")


def documents_page(collections: Collections, removals: Removals) -> gr.Blocks:
    """Return the documents page.

    Args:
        collections: The libraries whose documents are listed.
        removals: Holds what can be undone.

    Returns:
        The page, to be rendered into one that is served.
    """
    documents = _Documents(collections, FolderReadings(), removals)
    return lay_out(documents, View(), key="doc", scripts=["documents.js"])


@dataclass(frozen=True)
class _Documents(ActingPage):
    """What happens on the page's events; holds nothing of a session but what can be undone, under unguessable names."""

    parts = ("view", "head", "add", "job", "notice", "tools", "list", "text", "timer")
    fields = FIELDS
    language_words = WORDS

    collections: Collections
    readings: FolderReadings
    removals: Removals

    def progress(self, view: View, request: gr.Request) -> Parts:
        """Return how far the reading of a folder is; once it has ended, what came of it."""
        return self._job(view, request, ended=True)

    # -- what can be asked for: each checks who asks -------------------------------------------------------------------

    def _do_look(self, view: View, request: gr.Request, wish: Mapping[str, Any]) -> Parts:
        return self._list(view.changed(wish), request)

    def _do_refresh(self, view: View, request: gr.Request, _: Mapping[str, Any]) -> Parts:
        return self._list(view, request, languages=True)

    def _do_library(self, _: View, request: gr.Request, wish: Mapping[str, Any]) -> Parts:
        return self.whole(View(library=str(wish.get("library", DEFAULT))), request)

    def _do_open(self, view: View, request: gr.Request, wish: Mapping[str, Any]) -> Parts:
        library, words = self._library(view, request, Role.READ), self.words(request)
        row = find_row(library, str(wish.get("id", "")))
        if row is None:
            raise RagError(words["no_text"])
        document = library.document(row.id)
        row = discreet_row(row, page_caller(request), view.library)
        return {"text": document_html(document, row, _offset(wish.get("offset", 0)), words)}

    def _do_close(self, _view: View, _request: gr.Request, _wish: Mapping[str, Any]) -> Parts:
        return {"text": ""}

    def _do_remove(self, view: View, request: gr.Request, wish: Mapping[str, Any]) -> Parts:
        library, words = self._library(view, request, Role.WRITE), self.words(request)
        ids = _ids(wish)
        if not ids:
            return {"notice": notice_html(words["nothing_selected"])}
        try:
            removal = self.removals.remove(library, ids)
        except TooManyToKeep as error:
            said = words["too_many"].format(passages=f"{error.passages:,}")
            return {"notice": notice_html(said, act="finally", label=words["delete_final"], ids=ids)}
        said = words["removed"].format(n=removal.count)
        if removal.from_folders:
            said += f" {words['removed_files']}"
        undo = words["undo"] if removal.token else ""
        notice = notice_html(said, act="undo" if undo else "", label=undo, ids=[removal.token])
        return self._list(view, request, languages=True) | {"notice": notice, "text": ""}

    def _do_finally(self, view: View, request: gr.Request, wish: Mapping[str, Any]) -> Parts:
        library, words = self._library(view, request, Role.WRITE), self.words(request)
        removal = self.removals.remove(library, _ids(wish), for_good=True)
        said = notice_html(words["removed"].format(n=removal.count))
        return self._list(view, request, languages=True) | {"notice": said, "text": ""}

    def _do_undo(self, view: View, request: gr.Request, wish: Mapping[str, Any]) -> Parts:
        library, words = self._library(view, request, Role.WRITE), self.words(request)
        count = sum(self.removals.undo(library, token) for token in _ids(wish))
        said = words["undone"].format(n=count) if count else words["undo_gone"]
        return self._list(view, request, languages=True) | {"notice": notice_html(said)}

    def _do_sync(self, view: View, request: gr.Request, wish: Mapping[str, Any]) -> Parts:
        library = self._library(view, request, Role.ADMIN)
        self.readings.start(library, view.library, permitted(library, str(wish.get("folder", ""))))
        return self._job(view, request)

    def _do_cancel(self, view: View, request: gr.Request, _: Mapping[str, Any]) -> Parts:
        self._library(view, request, Role.ADMIN)
        if reading := self.readings.latest(view.library):
            reading.cancelled.set()
        return self._job(view, request)

    def _do_create(self, _: View, request: gr.Request, wish: Mapping[str, Any]) -> Parts:
        name = str(wish.get("name", ""))
        check_page(request, Role.ADMIN, name)
        self.collections.create(name)
        said = notice_html(self.words(request)["created"].format(name=name))
        return self.whole(View(library=name), request) | {"notice": said}

    def _do_destroy(self, view: View, request: gr.Request, wish: Mapping[str, Any]) -> Parts:
        check_page(request, Role.ADMIN, view.library)
        words = self.words(request)
        if wish.get("name") != view.library:
            return {"notice": notice_html(words["not_typed"], error=True)}
        self.collections.delete(view.library)
        said = notice_html(words["deleted_library"].format(name=view.library))
        return self.whole(View(), request) | {"notice": said}

    # -- what is shown -------------------------------------------------------------------------------------------------

    def _library(self, view: View, request: gr.Request, role: Role) -> Library:
        check_page(request, role, view.library)
        return self.collections.library(view.library)

    def whole(self, view: View, request: gr.Request) -> Parts:
        """Return the whole page."""
        view = self._readable(view, page_caller(request))
        library, offer = self._library(view, request, Role.READ), self._offer(view, request)
        if offer.write:
            self.removals.tidy(library)
        folders = [str(folder) for folder in permitted_folders(library)] if offer.admin else []
        added = add_html(view, replace(offer, folders=folders), self.words(request))
        shown = {"view": view, "add": added, "text": ""}
        return shown | self._list(view, request, languages=True) | self._job(view, request)

    def _list(self, view: View, request: gr.Request, *, languages: bool = False) -> Parts:
        library, words = self._library(view, request, Role.READ), self.words(request)
        offer, listing = self._offer(view, request), list_documents(library, view)
        view = replace(view, page=listing.page)
        rows = [discreet_row(row, page_caller(request), view.library) for row in listing.rows]
        listed = list_html(replace(listing, rows=rows), view, words, write=offer.write)
        shown = {"view": view, "head": head_html(view, listing, offer, words), "list": listed}
        if languages:
            shown["tools"] = tools_html(view, listing.languages, words) if listing.documents else ""
        return shown

    def _job(self, view: View, request: gr.Request, *, ended: bool = False) -> Parts:
        self._library(view, request, Role.READ)
        if not page_caller(request).may(Role.ADMIN, view.library):
            return {"job": "", "timer": gr.Timer(active=False)}
        reading = self.readings.latest(view.library)
        running = reading is not None and reading.state == "running"
        shown = {"job": reading_html(reading, self.words(request)), "timer": gr.Timer(active=running)}
        if ended and not running:
            shown |= self._list(view, request, languages=True)
        return shown

    def _offer(self, view: View, request: gr.Request) -> Offer:
        caller = page_caller(request)
        libraries = [name for name in self.collections.names() if caller.may(Role.READ, name)]
        make = self.collections.root is not None and caller.may(Role.ADMIN, EVERY_LIBRARY)
        may_write, may_all = caller.may(Role.WRITE, view.library), caller.may(Role.ADMIN, view.library)
        return Offer(libraries, write=may_write, admin=may_all, create=make)

    def _readable(self, view: View, caller: Caller) -> View:
        """Return the view, of the first library that the caller may read where it is of none such."""
        names = [name for name in self.collections.names() if caller.may(Role.READ, name)]
        if not names:
            raise AccessError("this token may read no library")
        return view if view.library in names else View(library=names[0])


def _ids(wish: Mapping[str, Any]) -> list[str]:
    asked = wish.get("ids")
    return [str(one) for one in asked][:PAGE_ROWS] if isinstance(asked, list) else []


def _offset(value: Any) -> int:
    try:
        return max(int(value), 0)
    except (TypeError, ValueError):
        return 0
