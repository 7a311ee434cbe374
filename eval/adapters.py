"""Other systems behind two small protocols: loaded by the name of their factory, and held to what they promise.

Knows documents and hits; nothing of gold sets, metrics and settings.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib import import_module
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from eval.locate import FoldedText, locate
from rag import Answer, Document, Hit, Library, Passage
from rag.errors import ConfigurationError, RagError
from rag.schema import Span

SHOWN_CHARS = 60
BY_NAME = (Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


@runtime_checkable
class Searcher(Protocol):
    """A system that ranks passages for a query."""

    def search(self, query: str, k: int) -> Sequence[Hit]:
        """Return at most ``k`` hits, best first, ranked from 1."""


@runtime_checkable
class Asker(Searcher, Protocol):
    """A system that answers questions too."""

    def ask(self, question: str) -> Answer:
        """Return the answer, or an abstention."""


if TYPE_CHECKING:
    # mypy refuses this line when a library is no longer a system.
    _LIBRARY: type[Asker] = Library


def load_adapter(reference: str, documents: Sequence[Document], **offered: Any) -> Searcher:
    """Return the system that an adapter's factory makes of documents; all it gives is checked.

    Args:
        reference: ``module:factory``; the module is importable, or in the current folder.
        documents: What the factory gets.
        **offered: What it gets by name as well, as far as it has parameters of these names.

    Returns:
        The system, an `Asker` when the adapter's has a method ``ask``. Its methods raise ``ConfigurationError`` for
        whatever the adapter raises, and for hits that are not exact spans of the documents.

    Raises:
        ConfigurationError: The factory cannot be imported, raises, or gives what cannot search.
    """
    place = f"adapter {reference!r}"
    with _blamed(place), _current_folder_importable():
        factory = _find_factory(reference)
        system = factory(documents, **_wanted(factory, offered))
    if not isinstance(system, Searcher):
        kind = type(system).__name__
        raise ConfigurationError(f"{place} gave a {kind}; it has to be an object with a method search(query, k)")
    checked = _CheckedAsker if isinstance(system, Asker) else _CheckedSearcher
    return checked(system, place=place, documents=documents)


def passage_at(document: Document, text: str) -> Passage:
    """Return the passage of a document that holds a text, for adapters of systems that keep no offsets.

    Args:
        document: The document.
        text: What it holds; white space, quotation marks and dashes may differ.

    Returns:
        The first such span, with the document's own characters.

    Raises:
        ValueError: The document does not hold the text, or the text is blank.
    """
    start = document.text.find(text) if text.strip() else -1
    span = Span(start, start + len(text)) if start >= 0 else locate(text, _folded(document.text))
    if span is None:
        raise ValueError(f"document {document.id!r} does not hold the text {_shown(text)}")
    return Passage(document.id, span.start_char, span.end_char, document.text[span.start_char : span.end_char])


# A document is folded once for all its passages, which come one after the other.
_folded = lru_cache(maxsize=32)(FoldedText)


class _CheckedSearcher:
    """An adapter's system whose hits are known to be exact spans of the documents."""

    def __init__(self, system: Any, *, place: str, documents: Iterable[Document]) -> None:
        self._system = system
        self._place = place
        self._texts = {document.id: document.text for document in documents}

    def search(self, query: str, k: int) -> tuple[Hit, ...]:
        """Return what the system finds."""
        with _blamed(f"{self._place}, search({_shown(query)}, {k})"):
            hits = self._checked(self._system.search(query, k))
            if len(hits) > k:
                raise ValueError(f"{len(hits)} hits are more than the {k} asked for")
        return hits

    def _checked(self, hits: Any) -> tuple[Hit, ...]:
        if not isinstance(hits, Sequence):
            raise ValueError(f"it gave a {type(hits).__name__}; it has to be a sequence of rag.Hit")
        for rank, hit in enumerate(hits, start=1):
            if problem := _problem(hit, rank, self._texts):
                raise ValueError(f"hit {rank}: {problem}")
        return tuple(hits)


class _CheckedAsker(_CheckedSearcher):
    """One that answers too. Whether its citations are exact is not checked here: that is measured."""

    def ask(self, question: str) -> Answer:
        """Return what the system answers."""
        with _blamed(f"{self._place}, ask({_shown(question)})"):
            answer = self._system.ask(question)
            if not isinstance(answer, Answer):
                raise ValueError(f"it gave a {type(answer).__name__}; it has to be a rag.Answer")
            if not 0.0 <= answer.confidence <= 1.0:
                raise ValueError(f"confidence = {answer.confidence}; it has to be from 0 to 1")
            self._checked(answer.hits)
            for citation in answer.citations:
                if citation.document_id not in self._texts:
                    raise ValueError(f"citation {citation.number}: {_stranger(citation.document_id)}")
        return answer


def _problem(hit: Any, rank: int, texts: Mapping[str, str]) -> str:
    """Return what is wrong with a hit; ``""`` when it is an exact span in its place."""
    if not isinstance(hit, Hit):
        return f"it is a {type(hit).__name__}; it has to be a rag.Hit"
    if hit.rank != rank:
        return f"its rank is {hit.rank}; ranks count from 1"
    passage = hit.passage
    text = texts.get(passage.document_id)
    if text is None:
        return _stranger(passage.document_id)
    place = f"[{passage.start_char}, {passage.end_char}) of document {passage.document_id!r}"
    if not 0 <= passage.start_char < passage.end_char <= len(text):
        return f"{place} is no span of its {len(text)} characters"
    stands = text[passage.start_char : passage.end_char]
    if passage.text != stands:
        rule = "give the document's own text, as eval.systems.passage_at does"
        return f"{place} holds {_shown(stands)}, not {_shown(passage.text)}; {rule}"
    return ""


def _stranger(document_id: str) -> str:
    return f"document {document_id!r} is none of those the factory got"


def _find_factory(reference: str) -> Callable[..., Any]:
    module, _, name = reference.partition(":")
    factory = import_module(module)
    for part in name.split("."):
        factory = getattr(factory, part)
    if not callable(factory):
        raise TypeError(f"{name} is a {type(factory).__name__}; it has to be a function of the documents")
    return factory


def _wanted(factory: Callable[..., Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    try:
        parameters = signature(factory).parameters
    except (TypeError, ValueError):
        # Some callables written in C tell no signature.
        return {}
    return {name: value for name, value in offered.items() if name in parameters and parameters[name].kind in BY_NAME}


@contextmanager
def _current_folder_importable() -> Iterator[None]:
    # Where a console script runs, the current folder is not on the path as it is for ``python -m``.
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(here)


@contextmanager
def _blamed(place: str) -> Iterator[None]:
    """Turn whatever code that is not ours raises into one line that names it."""
    try:
        yield
    except RagError:
        raise
    except Exception as error:  # it may raise anything, and a question that failed must not count as a refusal
        kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
        raise ConfigurationError(f"{place}: {kind}{' '.join(str(error).split())}") from error


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…")
