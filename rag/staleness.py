"""Whether the files that an answer cites are still what was indexed, and what to say where they are not."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from rag.errors import UnreadableSource
from rag.formats.archive import archive_of, member_digest
from rag.formats.parse_limits import ParseLimits
from rag.language import question_language
from rag.opening import file_digest
from rag.printable import shown
from rag.recent import Recent
from rag.schema import Answer
from rag.stored import Origin

Stale = Literal["changed", "gone"]
# In English and in Chinese; of one file and of several.
CHANGED = (
    ("{files} has changed since it was indexed: what is quoted may no longer stand there; run: rag index",
     "{files} have changed since they were indexed: what is quoted may no longer stand there; run: rag index"),
    ("{files} 在建立索引之后已被修改，引文可能已不在其中；请运行 rag index。",) * 2,
)  # fmt: skip
GONE = (
    ("{files} is no longer where it was indexed; run: rag index",
     "{files} are no longer where they were indexed; run: rag index"),
    ("{files} 已不在建立索引时的位置；请运行 rag index。",) * 2,
)  # fmt: skip
SAYINGS: Mapping[Stale, tuple[tuple[str, str], tuple[str, str]]] = {"changed": CHANGED, "gone": GONE}
# Files whose time alone has changed are read once a process, not for every question.
DIGESTS = Recent[str](1_000)
DEFAULT_LIMITS = ParseLimits()


def marked(answer: Answer, origins: Mapping[str, Origin], limits: ParseLimits = DEFAULT_LIMITS) -> Answer:
    """Return an answer with its citations marked whose files are not what was indexed, and a notice that says so.

    A file costs a look at its size and time; it is read only where its time has changed and its size has not.

    Args:
        answer: The answer.
        origins: What the cited documents were made from, by id; those that are missing are left alone.
        limits: What was read of archives when they were indexed.

    Returns:
        The answer; the same one where nothing is stale.
    """
    cited = dict.fromkeys(citation.document_id for citation in answer.citations)
    stale = {i: found for i in cited if i in origins and (found := staleness(origins[i], limits))}
    if not stale:
        return answer
    citations = tuple(replace(c, stale=stale.get(c.document_id)) for c in answer.citations)
    notices = [answer.notice] if answer.notice else []
    for kind in SAYINGS:
        if files := [i for i, found in stale.items() if found == kind]:
            notices.append(saying(kind, files, question=answer.question))
    return replace(answer, citations=citations, notice=" ".join(notices))


def saying(kind: Stale, files: Iterable[str], *, question: str) -> str:
    """Return in a sentence what is the matter with files, in Chinese where the question is, else in English."""
    named = [shown(file) for file in files]
    chinese = question_language(question) == "zh"
    one, several = SAYINGS[kind][chinese]
    return (one if len(named) == 1 else several).format(files=("、" if chinese else ", ").join(named))


def staleness(origin: Origin, limits: ParseLimits = DEFAULT_LIMITS) -> Stale | None:
    """Return how a document's file differs from what was indexed.

    Args:
        origin: What the document was made from.
        limits: As for `marked`.

    Returns:
        ``"changed"``, ``"gone"``, or ``None`` where it does not, cannot be told, or the document was given as text.
    """
    # A document given as text has no size; what it names as its source may be anything.
    # At an address it is not looked for: an answer must not wait for a network, nor need one.
    if not origin.size_bytes or "://" in origin.source:
        return None
    try:
        found = os.stat(origin.source)
    except (FileNotFoundError, NotADirectoryError):
        archive = archive_of(Path(origin.source))
        return _staleness_in(archive, origin, limits) if archive else "gone"
    except (OSError, ValueError):
        return None
    return "changed" if _differs(origin, found) else None


def _staleness_in(archive: Path, origin: Origin, limits: ParseLimits) -> Stale | None:
    """Return how a file in an archive differs from what was indexed."""
    try:
        found = archive.stat()
        if found.st_mtime_ns == origin.modified_ns:
            return None
        digest = _digest(origin.source, found, lambda: _in_archive(archive, origin, limits))
    except (OSError, UnreadableSource):
        return None
    return None if digest == origin.digest else "changed" if digest else "gone"


def _in_archive(archive: Path, origin: Origin, limits: ParseLimits) -> str:
    path = Path(origin.source).relative_to(archive).as_posix()
    return member_digest(archive.resolve(), path, limits) or ""


def _differs(origin: Origin, found: os.stat_result) -> bool:
    if not stat.S_ISREG(found.st_mode) or found.st_size != origin.size_bytes:
        return True
    if found.st_mtime_ns == origin.modified_ns:
        return False
    # The place as it was indexed may be a link.
    path = os.path.realpath(origin.source)
    try:
        return _digest(path, found, lambda: file_digest(path)) != origin.digest
    except UnreadableSource:
        return False


def _digest(path: str, found: os.stat_result, digest_of: Callable[[], str]) -> str:
    key = hash((path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino))
    digest = DIGESTS.get([key]).get(key)
    if digest is None:
        digest = digest_of()
        DIGESTS.put({key: digest}, size=1)
    return digest
