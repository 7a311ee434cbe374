"""What happens on the chat page: events of a browser in, messages for it out; knows no HTML and no Gradio.

Nothing here belongs to a session. What comes from the browser may be anything: libraries are those the caller may
read, places in documents are compared with the documents, conversations are read as `rag.web.history` does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.dialogue.conversation import MOST_TURNS
from rag.errors import RagError
from rag.schema import Answer, Document
from rag.web.chat_sent import verdict_of, whole_number
from rag.web.collections import DEFAULT
from rag.web.discreet import without_folders
from rag.web.examples import suggest_questions
from rag.web.export import answer_markdown, answer_text, conversation_json, conversation_markdown
from rag.web.feedback import give_feedback
from rag.web.history import HistoryError, Turn, Turns, kept_turn, read_turns
from rag.web.menu_html import form_html, header_html, keys_html
from rag.web.navigation import navigation_html
from rag.web.panel_html import chosen_citation, evidence, no_sources_html, shelf_html, sources_html
from rag.web.said import worded
from rag.web.turn_html import said_of, turn_html, welcome_html
from rag.web.words import ENGLISH, WORDS, Words, browser_words, language_of

if TYPE_CHECKING:
    from rag.library import Library
    from rag.web.collections import Collections

Message = dict[str, Any]
# For questions that wait for nobody, as in a test.
NO_LINE: AbstractContextManager[Any] = nullcontext()


@dataclass(frozen=True)
class Place:
    """Where a session is: which library it asks, in which language its page speaks, and whether it names folders."""

    library: str = DEFAULT
    language: str = ENGLISH
    folders: bool = False

    def told(self, error: RagError) -> str:
        """What is said of an error: where files lie is for readers who run the service."""
        return worded(str(error) if self.folders else without_folders(str(error)), self.language)

    @property
    def words(self) -> Words:
        """What the page says."""
        return WORDS[self.language]


@dataclass(frozen=True)
class Shown:
    """What a browser is to show; ``None`` leaves it as it is.

    Attributes:
        turns: The conversation.
        talk: New turns of it.
        panel: The source panel.
    """

    turns: Turns
    talk: Message | None = None
    panel: Message | None = None


class Chat:
    """The chat over libraries."""

    def __init__(self, collections: Collections, examples: Sequence[str] | None) -> None:
        """Serve a chat.

        Args:
            collections: Its libraries.
            examples: Questions offered at the start in the first one; ``None`` for some that it is seen to answer.
        """
        self._collections = collections
        self._examples: dict[str, tuple[str, ...]] = {} if examples is None else {DEFAULT: tuple(examples)}
        self._suggesting = threading.Lock()

    def enter(
        self, data: Any, readable: Sequence[str], *, leave: bool = False, folders: bool = False
    ) -> tuple[Place, Shown, Message]:
        """Return where a session begins, and the whole page.

        Args:
            data: ``language``, ``library`` and ``turns``, as the browser remembers them.
            readable: Names of the libraries that the caller may read, at least one.
            leave: Whether the caller has logged in and may log out.
            folders: Whether they may know where files lie.

        Returns:
            The place, the conversation, and what stands around it.
        """
        wanted = data if isinstance(data, Mapping) else {}
        library = next((name for name in readable if name == wanted.get("library")), None)
        place = Place(library or readable[0], language_of(wanted.get("language")), folders)
        note, turns = "", Turns()
        # A conversation goes with its library: what was cited in one does not stand in another.
        if wanted.get("turns") and wanted.get("library") in {None, place.library}:
            try:
                turns = read_turns(wanted["turns"])
            except HistoryError:
                note = place.words.not_restored
        shown = Shown(turns, self._talk(place, turns, since=1, whole=True), self._panel(place, turns))
        words = place.words
        around: Message = {
            "kind": "page",
            "nav": navigation_html("chat", place.language, leave=leave),
            "header": header_html(self._held(place), readable, place.library, place.language),
            "form": form_html(words),
            "keys": keys_html(words),
            "words": browser_words(place.language),
            "language": place.language,
            "library": place.library,
            "suggest": place.library not in self._examples and not turns,
            "note": note,
        }
        return place, shown, _stamped(around)

    def suggest(self, place: Place) -> Message:
        """Return the welcome with questions that the library is seen to answer."""
        with self._suggesting:  # once for all who come at the same time
            if place.library not in self._examples:
                try:
                    found = tuple(suggest_questions(self.library(place)))
                except RagError:  # the header says it
                    found = ()
                self._examples[place.library] = found
        return _stamped({"kind": "welcome", "html": self._welcome(place)})

    def example(self, place: Place, data: Any) -> str:
        """Return one of the questions that are offered, or ``""``."""
        offered, index = self._examples.get(place.library, ()), whole_number(data, "index")
        return offered[index] if 0 <= index < len(offered) else ""

    def missing(self, place: Place) -> Message:
        """Return what is said where there is no question."""
        return _stamped({"kind": "note", "note": place.words.empty})

    def ask(
        self, question: str, turns: Turns, place: Place, line: AbstractContextManager[Any] = NO_LINE
    ) -> Iterator[Shown]:
        """Yield the conversation while a question that is not blank is answered, once it is its turn."""
        yield self._show(turns, Turn(question), place)
        answer = None
        history = [turn.answer for turn in turns[-MOST_TURNS:] if turn.answer and turn.done]
        try:
            with line as held:
                for answer in self.library(place).stream(question, history=history):
                    yield self._show(turns, Turn(question, answer), place)
                    if held:
                        held.check()  # the service may be ending
        except RagError as error:
            yield self._show(turns, Turn(question, error=place.told(error)), place)
        else:
            yield self._show(turns, Turn(question, answer, done=True), place)

    def fail(self, turns: Turns, place: Place) -> Shown:
        """Show that a bug, not the documents, is why there is no answer; the traceback is on the server's stderr."""
        if not turns:
            return Shown(turns)
        return self._show(turns[:-1], Turn(turns[-1].question, error=place.words.broken), place)

    def choose(self, turns: Turns, place: Place, data: Any) -> Message | None:
        """Return the panel with the citation that was chosen, ``None`` where there is no such."""
        turn, number = whole_number(data, "turn"), whole_number(data, "number")
        answer = turns[turn - 1].answer if 0 < turn <= len(turns) else None
        if answer is None or number not in {c.number for c in evidence(answer)}:
            return None
        html = show_sources(self.library(place), answer, place.words, turn=turn, number=number)
        return _stamped({"html": html, "jump": True})

    def judge(self, turns: Turns, place: Place, data: Any) -> Message:
        """Keep what a reader says of an answer, and return what became of it."""
        turn = whole_number(data, "turn")
        answer = turns[turn - 1].answer if 0 < turn <= len(turns) and turns[turn - 1].done else None
        words = place.words
        if answer is None:
            return _stamped({"kind": "note", "note": words.not_kept.format("?")})
        library = self.library(place)
        try:
            verdict = verdict_of(data)
            outcome = give_feedback(library.path, answer, verdict, lambda name: _text_of(library, name))
        except RagError as error:
            return _stamped(
                {"kind": "judged", "turn": turn, "kept": False, "note": words.not_kept.format(place.told(error))}
            )
        said = {"question": words.thanks, "complaint": words.noted, "taken back": words.taken_back}[outcome]
        right = {True: "right", False: "wrong", None: ""}[verdict.right]
        sent = data.get("sent") is True
        return _stamped({"kind": "judged", "turn": turn, "kept": True, "verdict": right, "note": said, "sent": sent})

    def export(self, turns: Turns, place: Place, data: Any) -> Message | None:
        """Return an answer, or with ``turn`` 0 the conversation, as a file or as text to copy; ``None`` for neither."""
        turn, words = whole_number(data, "turn"), place.words
        form = data.get("form") if isinstance(data, Mapping) else None
        if turn == 0 and turns:
            text = conversation_json(turns) if form == "json" else conversation_markdown(turns, words=words)
            return _file("conversation", form, text)
        answer = turns[turn - 1].answer if 0 < turn <= len(turns) else None
        if answer is None:
            return None
        if form == "copy":
            return _stamped({"kind": "copy", "text": answer_text(answer, words=words)})
        text = answer.to_json(indent=2) + "\n" if form == "json" else answer_markdown(answer, words=words)
        return _file(f"answer-{turn}", form, text)

    def restart(self, place: Place) -> Shown:
        """Return an empty conversation."""
        return Shown((), self._talk(place, (), since=1, whole=True), self._panel(place, ()))

    def library(self, place: Place) -> Library:
        """Return the library that is asked."""
        return self._collections.library(place.library)

    def names(self) -> list[str]:
        """Return the names of all libraries."""
        return self._collections.names()

    def _show(self, earlier: Turns, last: Turn, place: Place) -> Shown:
        turns = (*earlier, last)
        since = len(turns)
        # The turn before it comes along once: what the browser last got of it may have been overtaken.
        talk = self._talk(place, turns, since=since if last.answer or since == 1 else since - 1)
        return Shown(turns, talk, self._panel(place, turns))

    def _talk(self, place: Place, turns: Turns, *, since: int, whole: bool = False) -> Message:
        words = place.words
        last = turns[-1] if turns else None
        ended = last is not None and bool(last.done or last.error)
        return _stamped(
            {
                "whole": whole,
                "since": since,
                "turns": [turn_html(n, t, words) for n, t in enumerate(turns[since - 1 :], start=since)],
                "welcome": "" if turns else self._welcome(place),
                "kept": kept_turn(last) if last and ended and not whole else None,
                "said": said_of(last, words) if last and (ended or last.answer is None) and not whole else "",
            }
        )

    def _welcome(self, place: Place) -> str:
        return welcome_html(self._examples.get(place.library, ()), place.words)

    def _panel(self, place: Place, turns: Turns) -> Message:
        if not turns:
            return _stamped({"html": self._shelf(place)})
        last = turns[-1]
        html = no_sources_html(place.words)
        if last.answer is not None and (last.done or evidence(last.answer)):
            html = show_sources(self.library(place), last.answer, place.words, turn=len(turns))
        return _stamped({"html": html})

    def _held(self, place: Place) -> str:
        words = place.words
        try:
            counts = self.library(place).statistics()
        except RagError as error:
            return place.told(error)
        documents, passages = counts["documents"], counts["passages"]
        return (
            f"{documents:,} {words.document if documents == 1 else words.documents} · "
            f"{passages:,} {words.passage if passages == 1 else words.passages}"
        )

    def _shelf(self, place: Place) -> str:
        try:
            return shelf_html([(d.title or d.id, d.date or "") for d in self.library(place).documents()], place.words)
        except RagError:  # the header says it
            return no_sources_html(place.words)


def show_sources(library: Library, answer: Answer, words: Words, *, turn: int, number: int = 0) -> str:
    """Return the source panel of one answer as HTML.

    Args:
        library: Holds the documents.
        answer: The answer whose citations, or nearest passages, are shown.
        words: What the page says.
        turn: Its place in the conversation, from 1.
        number: The chosen citation; 0 is the first.

    Returns:
        The panel, also when the document is gone or cannot be read: then it says so.
    """
    chosen = chosen_citation(answer, number)
    if chosen is None:
        return no_sources_html(words, words.cites_none)
    source: Document | str
    try:
        source = library.document(chosen.document_id)
    except KeyError:
        source = words.removed
    except RagError as error:
        source = words.unreadable.format(worded(without_folders(str(error)), words.code))
    return sources_html(answer, chosen, source, words, turn=turn)


def _text_of(library: Library, document_id: str) -> str | None:
    try:
        return library.document(document_id).text
    except KeyError:
        return None


def _file(name: str, form: Any, text: str) -> Message:
    suffix, kind = ("json", "application/json") if form == "json" else ("md", "text/markdown")
    return _stamped({"kind": "file", "name": f"{name}.{suffix}", "type": kind, "text": text})


def _stamped(message: Message) -> Message:
    # The same message twice is two messages: a browser is told of a value only when it differs.
    return message | {"at": time.monotonic_ns()}
