"""A copy of a library at one moment, made while it serves and is written to, and a library made from such a copy.

    BACKUP/library.sqlite3   the database, without what a run under way had only begun
    BACKUP/uploads/          files that were given to the service
    BACKUP/feedback/         what readers said of answers
    BACKUP/backup.json       what it holds, the size and SHA-256 of each file, and the version of this layout

The indexes are left out: they are made from the database, embedding nothing, so that there is one file to be
consistent with itself, and half as much to keep. Knows how copies are made and trusted, not what is in them.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePath

from rag.engine import unwritable
from rag.errors import LibraryDamaged, LibraryError, LibraryMismatch, LibraryNotFound
from rag.files import read_json, replace_file, sync
from rag.folder.backup_files import copy_kept, kept_files, read_listed, restore_kept
from rag.folder.engine import FolderEngine
from rag.folder.manifest import FileDigest, digest
from rag.folder.store import Store
from rag.location import DATABASE, UPLOADS
from rag.settings import Settings
from rag.stored import REVISION

# Version 1 had the database alone.
BACKUP, BACKUP_VERSION = "backup.json", 2


@dataclass(frozen=True)
class Backup:
    """What a backup holds.

    Attributes:
        format_version: Version of its layout.
        revision: Revision of the library.
        documents: Number of documents.
        passages: Number of passages.
        size_bytes: Size of its database.
        sha256: SHA-256 of that, in hexadecimal.
        files: Size and SHA-256 of the files beside it, by ``FOLDER/NAME``.
    """

    format_version: int
    revision: int
    documents: int
    passages: int
    size_bytes: int
    sha256: str
    files: Mapping[str, FileDigest] = field(default_factory=dict)


def make_backup(store: Store, destination: Path) -> Backup:
    """Write a backup of a library, whole and verified or not at all.

    Args:
        store: The library's store; others may read and write meanwhile.
        destination: A folder that is not there yet.

    Returns:
        What it holds.

    Raises:
        LibraryError: The destination is there, cannot be written, or the library holds no documents.
        LibraryDamaged: Something in the database is not what was written.
    """
    with _new_folder(destination) as draft:
        copied = draft / DATABASE
        store.copy_to(copied)
        copy = Store(copied)
        try:
            revision = int(copy.setting(REVISION) or 0)
            if not revision:
                raise LibraryError(f"the library of {store.path} holds no documents; there is nothing to keep")
            with copy.transaction():
                # Of a run that is under way.
                copy.discard_staged(revision=revision + 1)
            copy.check_whole()
            documents, _ = copy.count_documents(revision=revision)
            passages = copy.count_passages(revision=revision)
            copy.leave_one_file()
        finally:
            copy.close()
        sync(copied)
        found = digest(copied)
        # Afterwards, since a file takes its place when its document is committed. What is replaced or removed between
        # the two is told of its document as ever: changed, or gone.
        files = copy_kept(store.path.parent, draft, kept_files(store.path.parent))
        made = Backup(BACKUP_VERSION, revision, documents, passages, found.size_bytes, found.sha256, files)
        replace_file(draft / BACKUP, json.dumps(asdict(made), indent=1).encode())
    return made


def restore(source: Path, path: Path) -> Backup:
    """Make a library from a backup, whole or not at all.

    Args:
        source: The backup's folder.
        path: The library's folder, which is not there yet or empty.

    Returns:
        What the backup holds.

    Raises:
        LibraryNotFound: There is no backup.
        LibraryMismatch: It is of a later version's layout.
        LibraryDamaged: It is not what was written.
        LibraryError: The library's folder holds something, or cannot be written.
    """
    backup = read_backup(source)
    with _new_folder(path) as draft:
        shutil.copyfile(source / DATABASE, draft / DATABASE)
        sync(draft / DATABASE)
        if digest(draft / DATABASE).sha256 != backup.sha256:
            raise LibraryDamaged(f"{source / DATABASE} changed while it was read; try again")
        restore_kept(source, draft, backup.files)
        engine = FolderEngine(draft, Settings())
        try:
            engine.store.check_whole()
            _move_uploads(engine.store, path.absolute(), backup.files)
            engine.rebuild()
        finally:
            engine.close()
    return backup


def _move_uploads(store: Store, path: Path, files: Collection[str]) -> None:
    """Note where the files of uploaded documents are now, which are known by their whole paths."""
    for document_id, origin in store.origins().items():
        # Of a document from an archive, the file is the archive.
        file = "/".join(document_id.split("/")[:2])
        if file in files and file.startswith(f"{UPLOADS}/") and _ends_with(origin.source, document_id):
            store.touch(document_id, replace(origin, source=str(path / document_id)))


def _ends_with(place: str, document_id: str) -> bool:
    return PurePath(place).as_posix().endswith(f"/{document_id}")


def read_backup(source: Path) -> Backup:
    """Return what a backup holds, once its database is known to be what was written.

    Args:
        source: Its folder.

    Returns:
        What it says of itself.

    Raises:
        LibraryNotFound: There is none.
        LibraryMismatch: It is of a later version's layout.
        LibraryDamaged: It is not what was written.
    """
    if not (source / BACKUP).is_file():
        raise LibraryNotFound(f"there is no backup at {source}; name the folder that rag backup made")
    data = read_json(source / BACKUP)
    version = data.get("format_version")
    if isinstance(version, int) and version > BACKUP_VERSION:
        raise LibraryMismatch(
            f"{source / BACKUP} is of format {version}, and this version reads up to {BACKUP_VERSION}; "
            "run: pip install --upgrade leadgoose"
        )
    try:
        backup = Backup(**data | {"files": read_listed(data.get("files", {}))})
    except TypeError as error:
        raise LibraryDamaged(f"{source / BACKUP} does not describe a backup ({error}); take another backup") from error
    if (source / DATABASE).is_symlink():
        raise LibraryDamaged(f"{source / DATABASE} is a link, not a backup; take another backup")
    found = digest(source / DATABASE)
    if (found.size_bytes, found.sha256) != (backup.size_bytes, backup.sha256):
        raise LibraryDamaged(f"{source / DATABASE} does not match its digest in {BACKUP}; take another backup")
    return backup


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """Yield a folder beside a path that takes its place when all went well, and is gone when not."""
    if os.path.lexists(path) and (path.is_symlink() or not path.is_dir() or any(path.iterdir())):
        raise LibraryError(f"{path} is there already and is never overwritten; name a new folder")
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir()
        yield draft
        sync(draft)
        # Takes the place of an empty folder, and of nothing else.
        draft.rename(path)
        sync(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
