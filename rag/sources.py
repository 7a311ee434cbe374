"""Files found under files and folders, archives included; opens only archives, and knows nothing of texts."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from rag.errors import SourceError, SourceNotFound, UnreadableSource
from rag.formats.archive import list_members
from rag.formats.parse_limits import ParseLimits
from rag.formats.suffixes import ARCHIVES, SUPPORTED
from rag.location import DATABASE, LOCK
from rag.opening import is_no_disk, open_regular

IGNORE_FILE, MAX_IGNORE_BYTES = ".ragignore", 1_000_000
DEFAULT_LIMITS = ParseLimits()


@dataclass(frozen=True)
class SourceFile:
    """A file found on disk, not read yet.

    Attributes:
        id: Path below the folder searched, ``/`` between its parts, Unicode NFC; for a file named outright, its name.
        path: Where it is.
        size_bytes: Its size when it was found.
        modified_ns: Its modification time in nanoseconds since the epoch.
        target: What it is read from, where `path` is a link: no link is followed once a file has been found.
        archive: The zip archive that it lies in, whose path `path` then begins with, or ``None``.
        member: Its name in the archive, or in each of several that lie in each other.
        address: Where it is, if that is on no disk of this machine: ``s3://bucket/key`` for one; `path` is then the
            path of that.
    """

    id: str
    path: Path
    size_bytes: int
    modified_ns: int
    target: Path | None = None
    archive: Path | None = None
    member: tuple[str, ...] = ()
    address: str = ""

    @property
    def named(self) -> str:
        """What people know it by: its address, or its path as it was given."""
        return self.address or str(self.path)

    @property
    def kept_place(self) -> str:
        """What a library knows it by: its address, or its absolute path."""
        return self.address or str(self.path.absolute())

    @property
    def place(self) -> Path:
        """Where its bytes are; those of what lies in an archive are in the archive."""
        return self.target or self.archive or self.path


@dataclass(frozen=True)
class _Found:
    """A source with what tells it apart from another of the same id, or from itself under another path."""

    source: SourceFile
    folder_name: str
    real_path: str


class _Entry(NamedTuple):
    """A file or folder found in a folder.

    Attributes:
        path: Where it is.
        below: Its path below the folder searched, ``/`` between its parts.
        real_path: Its path without links; ``""`` for a link.
        is_folder: Whether it is one, and no link to one.
    """

    path: str
    below: str
    real_path: str
    is_folder: bool


def find_files(paths: Sequence[Path], limits: ParseLimits = DEFAULT_LIMITS) -> tuple[list[SourceFile], dict[str, str]]:
    """Find the files to index under files and folders; folders and zip archives are searched recursively.

    Hidden files and folders are left out, and so is what a ``.ragignore`` in a searched folder names: one pattern a
    line, ``*`` and ``?`` as in a shell, ``#`` for comments; a pattern matches the path below the folder, the name, or
    a folder above. Libraries below the folder are none of its documents. Ids that clash between paths get their
    folder's name in front; a file reached twice counts once.

    Args:
        paths: Files and folders; relative ones start at the working directory, ``~`` is not expanded.
        limits: How large archives may be, and how deep.

    Returns:
        The files sorted by id, and for each path that was left out (except hidden and ignored ones) the reason.

    Raises:
        SourceNotFound: A path does not exist.
        SourceError: A path holds nothing to index, or two files end up with the same id.
    """
    found: dict[str, _Found] = {}
    left_out: dict[str, str] = {}
    for path in paths:
        below = list(_find_under(Path(path), left_out))
        if not below:
            raise SourceError(_nothing_to_index(Path(path), left_out))
        for one in below:
            # Some file systems take one name, composed differently, for two.
            first = found.setdefault(unicodedata.normalize("NFC", one.real_path), one)
            if first.real_path != one.real_path:
                left_out[str(one.source.path)] = f"would have the same id {one.source.id!r} as another; rename one"
    sources = list(_with_members(_without_clashes(list(found.values())), limits, left_out))
    if paths and not sources:
        raise SourceError(_nothing_to_index(Path(paths[0]), left_out))
    return sorted(sources, key=lambda source: source.id), left_out


def _with_members(sources: Iterable[SourceFile], limits: ParseLimits, left_out: dict[str, str]) -> Iterator[SourceFile]:
    """Yield the sources, in place of an archive the files in it."""
    for source in sources:
        if source.path.suffix.lower() not in ARCHIVES:
            yield source
            continue
        members, refused = list_members(source.place, limits)
        for name, reason in refused.items():
            left_out[_printable(f"{source.path}/{name}".removesuffix("/"))] = reason
        for member in members:
            yield replace(
                source,
                id=unicodedata.normalize("NFC", f"{source.id}/{member.path}"),
                path=source.path / member.path,
                size_bytes=member.size_bytes,
                archive=source.path,
                member=member.names,
            )


def _find_under(root: Path, left_out: dict[str, str]) -> Iterator[_Found]:
    """Yield the supported files under one path; write down the others."""
    try:
        mode = os.stat(root).st_mode
        real_root = os.path.realpath(root, strict=True)
    except (OSError, ValueError) as error:
        raise SourceNotFound(f"no such file or folder: {_printable(root)}; check the path ({error})") from error
    if stat.S_ISDIR(mode):
        ignored = _read_ignore_file(root)
        for entry in _walk(root, real_root, left_out):
            if not (ignored and _is_ignored(entry.below, ignored)):
                path, real_path = Path(entry.path), entry.real_path
                yield from _take(path, left_out, source_id=entry.below, real_root=real_root, real_path=real_path)
    else:
        real_path = "" if root.is_symlink() else real_root
        yield from _take(root, left_out, source_id=root.name, real_root="", real_path=real_path)


def _walk(root: Path, real_root: str, left_out: dict[str, str]) -> Iterator[_Entry]:
    """Yield everything below a folder but hidden entries, in order of names; links to folders are not entered."""
    # Not by recursion: folders may be nested deeper than that goes.
    open_folders = [iter(_entries(_Entry(str(root), "", real_root, is_folder=True), left_out))]
    while open_folders:
        entry = next(open_folders[-1], None)
        if entry is None:
            open_folders.pop()
        elif entry.is_folder:
            open_folders.append(iter(_entries(entry, left_out)))
        else:
            yield entry


def _entries(folder: _Entry, left_out: dict[str, str]) -> list[_Entry]:
    """Return what is in a folder; nothing where there are no documents."""
    reason = ""
    try:
        entries = sorted(os.scandir(folder.path), key=lambda entry: entry.name)
    except OSError as error:
        entries, reason = [], f"cannot open the folder: {error.strerror}"
    if is_no_disk(folder.real_path):
        reason = "shows processes and devices, not documents"
    elif {DATABASE, LOCK} <= {entry.name for entry in entries}:
        reason = "is a library, not documents"
    elif _printable(folder.path) != folder.path:
        reason = "its name is not valid Unicode; rename it"
    if reason:
        left_out[_printable(folder.path)] = reason
        return []
    before = f"{folder.below}/" if folder.below else ""
    return [
        _Entry(
            entry.path,
            before + entry.name,
            "" if entry.is_symlink() else os.path.join(folder.real_path, entry.name),
            is_folder=entry.is_dir(follow_symlinks=False),
        )
        for entry in entries
        if not entry.name.startswith(".")
    ]


def _take(path: Path, left_out: dict[str, str], *, source_id: str, real_root: str, real_path: str) -> Iterator[_Found]:
    """Yield the file if it can be indexed, else write down why not; nothing is opened.

    A link comes without a path that has no links.
    """
    is_link = not real_path
    try:
        real_path = real_path or os.path.realpath(path, strict=True)
        status = os.lstat(real_path)
        reason = _why_not(path, status.st_mode, link_to=real_path if is_link else "", real_root=real_root)
    except OSError as error:
        reason = f"broken link or unreadable: {error.strerror}"
    if reason:
        left_out[_printable(path)] = reason
        return
    target = Path(real_path) if is_link else None
    source_id = unicodedata.normalize("NFC", source_id)
    source = SourceFile(source_id, path, status.st_size, status.st_mtime_ns, target)
    folder_name = os.path.basename(real_root or os.path.dirname(real_path))
    yield _Found(source, folder_name, real_path)


def _why_not(path: Path, mode: int, *, link_to: str, real_root: str) -> str:
    """Return why a path is left out, or ``""``."""
    if _printable(path) != str(path):
        return "its name is not valid Unicode; rename it"
    if link_to and real_root and os.path.commonpath([link_to, real_root]) != real_root:
        return f"link to {_printable(link_to)}, outside the folder; name that path as well to index it"
    if stat.S_ISDIR(mode):
        return "link to a folder; its files are indexed where they are"
    if not stat.S_ISREG(mode):
        return "not a regular file"
    return "" if path.suffix.lower() in SUPPORTED else unsupported(path)


def unsupported(path: Path) -> str:
    """Return why a file with this suffix is not read."""
    return f"unsupported suffix {path.suffix!r}; supported are {' '.join(SUPPORTED)}"


def _printable(path: str | Path) -> str:
    """Return a path as text that can be written as UTF-8, whatever bytes its name has."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def _read_ignore_file(root: Path) -> list[str]:
    path = root / IGNORE_FILE
    if not path.exists():
        return []
    try:
        # It may be a link to one that several folders share.
        with open_regular(path.resolve()) as file:
            data = file.read(MAX_IGNORE_BYTES + 1)
        if len(data) > MAX_IGNORE_BYTES:
            raise SourceError(f"{path} is larger than {MAX_IGNORE_BYTES:,} bytes; list fewer patterns")
        lines = data.decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError, UnreadableSource) as error:
        raise SourceError(f"cannot read {path}: {error}; write it as UTF-8 or remove it") from error
    return [line.strip().strip("/") for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _is_ignored(relative: str, patterns: list[str]) -> bool:
    parts = relative.split("/")
    folders_and_file = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    return any(fnmatchcase(name, pattern) for name in folders_and_file + parts for pattern in patterns)


def _without_clashes(found: list[_Found]) -> Iterator[SourceFile]:
    """Yield the sources with unique ids."""
    counts = Counter(one.source.id for one in found)
    taken: dict[str, SourceFile] = {}
    for one in found:
        source = one.source
        if counts[source.id] > 1:
            source = replace(source, id=unicodedata.normalize("NFC", f"{one.folder_name}/{source.id}"))
        if source.id in taken:
            both = f"{taken[source.id].path} and {source.path}"
            raise SourceError(f"{both} would have the same id {source.id!r}; rename one or index a folder above both")
        taken[source.id] = source
        yield source


def _nothing_to_index(path: Path, left_out: Mapping[str, str]) -> str:
    message = f"nothing to index in {path}: supported are {' '.join(SUPPORTED)}"
    below = next(((name, why) for name, why in left_out.items() if Path(name).is_relative_to(path)), None)
    example = f"left out, for one: {below[0]} ({below[1]})" if below else "add such files or name another path"
    return f"{message}; {example}"
