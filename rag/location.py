"""The folder of a library: which it is, and whether it holds one or can; knows nothing of what is inside."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path

from rag.errors import LibraryNotFound

DATABASE, LOCK = "library.sqlite3", "writer.lock"
# Where files are kept that were given to the service rather than named by their place; their ids begin with it.
UPLOADS = "uploads"
# Where is kept what readers say of answers.
FEEDBACK = "feedback"


def default_path() -> Path:
    """Return the folder of the default library: ``RAG_LIBRARY``, else the per-user data folder."""
    named = os.environ.get("RAG_LIBRARY")
    return absolute(named) if named else user_data_path("leadgoose") / "library"


def absolute(path: str | Path) -> Path:
    """Return a path from the root, with the user's home folder in place of ``~``."""
    # Path.expanduser raises for a user who does not exist; this leaves such a name as it is.
    return Path(os.path.expanduser(path)).absolute()


def is_upload(folder: Path, document_id: str) -> bool:
    """Tell whether a document of the library in a folder is made from a file, or an archive, that it was given."""
    first, _, rest = document_id.partition("/")
    return first == UPLOADS and bool(rest) and os.path.lexists(folder / UPLOADS / rest.split("/")[0])


def check_folder(folder: Path, *, create: bool) -> None:
    """Refuse a folder that holds no library and, if one may be created, cannot become one.

    Args:
        folder: Where the library is to be; made when it is missing and `create` is true.
        create: Whether a missing library may be made.

    Raises:
        LibraryNotFound: There is none and `create` is false, or none can be made there.
    """
    if os.path.isfile(folder / DATABASE):
        return
    if not create:
        if os.path.isdir(folder) and os.listdir(folder):
            raise LibraryNotFound(
                f"{folder} is a folder of documents or other things, not a library; index it into one: "
                f"rag --library NEW index {folder}"
            )
        raise LibraryNotFound(f"there is no library at {folder}; make one: rag --library {folder} index PATH")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The database may be coming into being this moment, opened by another process.
        occupied = any(not p.name.startswith(DATABASE) for p in folder.iterdir())
    except OSError as error:
        raise LibraryNotFound(f"no library can be made at {folder} ({error.strerror}); name another folder") from error
    if occupied:
        raise LibraryNotFound(f"{folder} holds other things and no library; name a new or empty folder")
