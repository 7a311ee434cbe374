"""Other systems behind two small protocols: loaded by the name of their factory, and blamed for what they raise.

Knows documents and adapters; nothing of gold sets, metrics and settings.
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

from eval.checked import checked_answer, checked_hits, shown
from eval.locate import FoldedText, locate
from rag import Answer, Document, Hit, Library, Passage
from rag.errors import ConfigurationError, RagError
from rag.schema import Span

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
        reference: ``module:factory``; one in the current folder is found within `importable`.
        documents: What the factory gets.
        **offered: What it gets by name as well, as far as it has parameters of these names.

    Returns:
        The system, an `Asker` when the adapter's has a method ``ask``. Its methods raise ``ConfigurationError`` for
        whatever the adapter raises, and for hits that are not exact spans of the documents.

    Raises:
        ConfigurationError: The factory cannot be imported, raises, or gives what cannot search.
    """
    place = f"adapter {reference!r}"
    with _blamed(place):
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
        raise ValueError(f"document {document.id!r} does not hold the text {shown(text)}")
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
        with _blamed(f"{self._place}, search({shown(query)}, {k})"):
            hits = checked_hits(self._system.search(query, k), self._texts)
            if len(hits) > k:
                raise ValueError(f"{len(hits)} hits are more than the {k} asked for")
        return hits


class _CheckedAsker(_CheckedSearcher):
    """One that answers too."""

    def ask(self, question: str) -> Answer:
        """Return what the system answers."""
        with _blamed(f"{self._place}, ask({shown(question)})"):
            return checked_answer(self._system.ask(question), self._texts)


@contextmanager
def importable(reference: str) -> Iterator[None]:
    """Let an adapter import from the current folder, for as long as the context lasts.

    A console script does not have that folder on its path. It comes last there, so that no file in it takes the place
    of an installed package.

    Args:
        reference: ``module:factory``; those of the package ``eval`` need nothing of that folder.

    Yields:
        Nothing.
    """
    here = os.getcwd()
    if reference.partition(":")[0].split(".")[0] == "eval" or here in sys.path:
        yield
        return
    sys.path.append(here)
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(here)


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
def _blamed(place: str) -> Iterator[None]:
    """Turn whatever code that is not ours raises into one line that names it."""
    try:
        yield
    except (Exception, SystemExit) as error:  # it may raise anything, and leave; a failure must not count as a refusal
        plain = type(error) is ValueError or isinstance(error, RagError)
        kind = "" if plain else f"{type(error).__name__}: "
        raise ConfigurationError(f"{place}: {kind}{' '.join(str(error).split())}") from error
