"""Files that callers upload: kept with the library, each indexed or refused by itself; knows no requests.

    LIBRARY/uploads/NAME        the file as it was given; its document has the id ``uploads/NAME``
    LIBRARY/uploads/.coming-…   files of an upload under way

A file takes its place only when its document has been committed: one that cannot be read leaves an earlier one of its
name, and the document made from that, as they are.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import time
import unicodedata
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from rag import pipeline
from rag.engine import unwritable
from rag.errors import SourceError
from rag.files import sync
from rag.formats.suffixes import SUPPORTED
from rag.location import UPLOADS, is_upload
from rag.printable import shown
from rag.sources import SourceFile, find_files
from rag.web.matching import matching

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rag.library import Library

Status = Literal["added", "updated", "unchanged", "failed"]
Why = Literal["", "large", "unsupported", "unreadable"]
COMING = ".coming-"
LEFT_S = 24 * 3600.0
# What file systems take for a name, in bytes, less what is put behind some of them.
MOST_NAME_BYTES = 200


@dataclass(frozen=True)
class Uploaded:
    """What became of one file.

    Attributes:
        name: Its name, as it was given.
        status: Whether its documents are new, replaced, or as they were.
        reason: Why it could not be indexed, in one line; of an archive also why some of its files could not.
        documents: Ids of its documents: one, or of an archive several.
        why: What kind of reason that is.
    """

    name: str
    status: Status
    reason: str = ""
    documents: tuple[str, ...] = ()
    why: Why = ""


@dataclass
class _Coming:
    """A file that has arrived and is not indexed yet."""

    name: str
    path: Path
    final: Path
    sources: list[SourceFile] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def add_uploads(library: Library, files: Iterable[tuple[str, IO[bytes]]]) -> list[Uploaded]:
    """Index files and keep them, each by itself, in one commit.

    Args:
        library: Where to.
        files: Names and contents.

    Returns:
        What became of each, in order.

    Raises:
        LibraryBusy: Another process, or another request, is writing to the library; nothing is kept.
        LibraryError: The library cannot be written to.
    """
    try:
        return _add(library, files)
    except OSError as error:
        raise unwritable(library.path, error) from error


def _add(library: Library, files: Iterable[tuple[str, IO[bytes]]]) -> list[Uploaded]:
    with _arriving(library) as folder:
        results: dict[int, Uploaded] = {}
        coming: dict[int, _Coming] = {}
        for number, (name, content) in enumerate(files):
            arrived = _arrive(library, folder, name, content, taken={c.final.name for c in coming.values()})
            if isinstance(arrived, Uploaded):
                results[number] = arrived
            else:
                coming[number] = arrived
        known = _ids(library)
        for number, one in list(coming.items()):
            results[number] = _examine(library, one, known)
        wanted = {n: one for n, one in coming.items() if one.sources and results[n].status in ("added", "updated")}
        failed = _commit(library, [source for one in wanted.values() for source in one.sources])
        for number, one in wanted.items():
            results[number] = _settle(one, results[number], failed)
        _remove_left(library, [one for n, one in wanted.items() if results[n].status == "updated"], known)
    return [results[number] for number in sorted(results)]


def forget_upload(library: Library, document_id: str) -> None:
    """Delete the file that a removed document was made from, if it was uploaded and no other document is from it.

    Args:
        library: The library.
        document_id: The document.
    """
    if not is_upload(library.path, document_id):
        return
    name = document_id.split("/")[1]
    if not any(i.split("/")[:2] == [UPLOADS, name] for i in _ids(library)):
        with suppress(OSError):
            (library.path / UPLOADS / name).unlink()


def file_name(given: str) -> str:
    """Return the name to keep a file under, whatever path or characters it came with.

    Args:
        given: The name as it was sent.

    Returns:
        A plain name.

    Raises:
        SourceError: It is none.
    """
    name = unicodedata.normalize("NFC", given.replace("\\", "/").rpartition("/")[2]).strip()
    if not name or name.startswith("."):
        raise SourceError(f"{given!r} is no name for a file; give it one that begins with no dot")
    if shown(name) != name or not name.isprintable():
        raise SourceError(f"{given!r} holds characters that do not show; give it another name")
    if len(name.encode()) > MOST_NAME_BYTES:
        raise SourceError(f"its name is longer than {MOST_NAME_BYTES} bytes; give it a shorter one")
    return name


@contextmanager
def _arriving(library: Library) -> Iterator[Path]:
    """Give a folder for the files of one upload, beside their place, so that they can be moved there in one step."""
    folder = library.path / UPLOADS / f"{COMING}{uuid.uuid4().hex[:12]}"
    folder.mkdir(parents=True)
    _sweep(folder.parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Delete what uploads left behind that were cut short, once they are surely over."""
    for left in folder.glob(f"{COMING}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFT_S:
                shutil.rmtree(left, ignore_errors=True)


def _arrive(
    library: Library, folder: Path, name: str, content: IO[bytes], *, taken: Collection[str]
) -> _Coming | Uploaded:
    limits = library.settings.parse_limits
    try:
        plain = file_name(name)
    except SourceError as error:
        return Uploaded(name, "failed", str(error), why="unreadable")
    if Path(plain).suffix.lower() not in SUPPORTED:
        supported = " ".join(SUPPORTED)
        reason = f"unsupported suffix {Path(plain).suffix!r}; supported are {supported}"
        return Uploaded(name, "failed", reason, why="unsupported")
    if plain in taken:
        return Uploaded(name, "failed", "a file of this name came before it in the same upload", why="unreadable")
    path = folder / plain
    with path.open("xb") as file:
        shutil.copyfileobj(content, file)
        file.flush()
        os.fsync(file.fileno())
    if path.stat().st_size > limits.file_bytes:
        path.unlink()
        return Uploaded(name, "failed", f"is larger than {limits.file_mb:,} MB, the setting file_mb", why="large")
    return _Coming(name, path, library.path / UPLOADS / plain)


def _examine(library: Library, one: _Coming, known: Collection[str]) -> Uploaded:
    """Find the sources in a file, and say what is to become of it."""
    limits = library.settings.parse_limits
    document_id = f"{UPLOADS}/{one.final.name}"
    before = {i for i in known if i == document_id or i.startswith(f"{document_id}/")}
    if before and one.final.is_file() and filecmp.cmp(one.path, one.final, shallow=False):
        return Uploaded(one.name, "unchanged", documents=tuple(sorted(before)))
    try:
        found, left_out = find_files([one.path], limits)
    except SourceError as error:
        return Uploaded(one.name, "failed", _named(str(error), one), why="unreadable")
    one.reasons.extend(_named(f"{path}: {reason}", one) for path, reason in left_out.items())
    for source in (_kept(source, one) for source in found):
        # What it replaces would be gone by the time that it turns out to be unreadable.
        reason = _fault(library, source) if source.id in known else ""
        if reason:
            one.reasons.append(_named(reason, one))
        else:
            one.sources.append(source)
    if not one.sources:
        return Uploaded(one.name, "failed", "; ".join(one.reasons), why="unreadable")
    return Uploaded(one.name, "updated" if before else "added")


def _kept(source: SourceFile, one: _Coming) -> SourceFile:
    """Return a source under the id and place that it will have, read from where it is now."""
    final = one.final / source.path.relative_to(one.path)
    return replace(
        source,
        id=f"{UPLOADS}/{source.id}",
        path=final,
        target=source.place,
        archive=one.final if source.archive else None,
    )


def _fault(library: Library, source: SourceFile) -> str:
    try:
        pipeline.read(source, library.settings.parse_limits)
    except (OSError, SourceError) as error:
        return str(error)
    return ""


def _commit(library: Library, sources: Sequence[SourceFile]) -> Mapping[str, str]:
    """Index sources and return the reason by id for those that could not be."""
    if not sources:
        return {}
    try:
        return library.add_sources(sources).failed
    except SourceError as error:
        # Raised only where none of them can be read.
        return {source.id: str(error) if len(sources) == 1 else _again(library, source) for source in sources}


def _again(library: Library, source: SourceFile) -> str:
    return _fault(library, source) or "could not be read; upload it by itself"


def _settle(one: _Coming, result: Uploaded, failed: Mapping[str, str]) -> Uploaded:
    """Put a file whose documents are there into its place, and say what became of it."""
    reasons = [*one.reasons, *(_named(failed[s.id], one) for s in one.sources if s.id in failed)]
    documents = tuple(s.id for s in one.sources if s.id not in failed)
    if not documents:
        return Uploaded(one.name, "failed", "; ".join(reasons), why="unreadable")
    os.replace(one.path, one.final)
    sync(one.final.parent)
    return replace(result, reason="; ".join(reasons), documents=documents)


def _remove_left(library: Library, replaced: Sequence[_Coming], known: Collection[str]) -> None:
    """Remove documents of an archive that the one in its place does not hold."""
    held = {source.id for one in replaced for source in one.sources}
    places = tuple(f"{UPLOADS}/{one.final.name}/" for one in replaced)
    left = [i for i in known if places and i.startswith(places) and i not in held]
    if left:
        library.remove(left)


def _ids(library: Library) -> set[str]:
    return {summary.id for summary in matching(library)}


def _named(message: str, one: _Coming) -> str:
    """Return a message that names a file as it was given, not where it lies."""
    for place in (one.path, one.final):
        message = message.replace(str(place), one.final.name)
    return message
