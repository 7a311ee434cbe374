"""The address of a library, as it is typed: a folder, or where in Milvus it is; opens nothing.

PATH                                  a folder
milvus+file:///folder/x.db#NAME       the library NAME in a file of Milvus Lite, which one process opens at a time
milvus+http://HOST:19530/NAME         the library NAME on a Milvus server
milvus+https://HOST/NAME              the same, encrypted
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from platformdirs import user_state_path

from rag.errors import ConfigurationError, LibraryError
from rag.location import absolute, default_path

SCHEME = "milvus+"
FORMS = "milvus+file:///folder/x.db#NAME, milvus+http://HOST:19530/NAME or milvus+https://HOST/NAME"
# Milvus takes 255 characters for the name of a collection, of which ours need some.
MOST_PLACE_CHARS = 120
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True)
class MilvusAddress:
    """Where in Milvus a library is.

    Attributes:
        uri: What a client connects to: a file's path, or the address of a server.
        name: The library's name there.
    """

    uri: str
    name: str

    @property
    def is_file(self) -> bool:
        """Whether it is a file of Milvus Lite."""
        return "://" not in self.uri

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"milvus+file://{self.uri}#{self.name}" if self.is_file else f"{SCHEME}{self.uri}/{self.name}"

    @property
    def state(self) -> Path:
        """Folder of this machine for what stands beside the library: below ``RAG_STATE``, else the user's own state."""
        named = os.environ.get("RAG_STATE")
        root = absolute(named) if named else user_state_path("leadgoose")
        place = re.sub(r"[^A-Za-z0-9_.]+", "-", f"{self.uri}-{self.name}").strip("-.")
        if len(place) > MOST_PLACE_CHARS:
            place = f"{place[-MOST_PLACE_CHARS:]}-{hashlib.sha256(str(self).encode()).hexdigest()[:12]}"
        # http-milvus-19530-manual: so that a file can be put there before anything has been opened.
        return root / place


def read_address(given: str | Path | None) -> Path | MilvusAddress:
    """Return where a library is.

    Args:
        given: An address; ``None`` for ``RAG_LIBRARY``, else the per-user data folder.

    Returns:
        The folder, from the root, or the place in Milvus.

    Raises:
        ConfigurationError: It is ``""``, or begins as one in Milvus does and is none.
    """
    if given is None:
        given = os.environ.get("RAG_LIBRARY") or default_path()
    if given == "":
        raise ConfigurationError("'' names no library; name a folder, or leave it out for the default library")
    if isinstance(given, Path) or not is_milvus(given):
        return absolute(given)
    if "@" in given and not given.startswith("milvus+file:///"):
        # Not repeated: it may hold a password.
        raise ConfigurationError(
            "the address of a library in Milvus holds no user or password; give them as RAG_MILVUS_TOKEN"
        )
    parts = _split(given)
    if parts.scheme == "file":
        return _in_file(parts, given)
    if parts.scheme in ("http", "https"):
        return _on_server(parts, given)
    raise _refused(given, "is no address of a library")


def folder_of(given: str | Path | None, done: str) -> Path:
    """Return the folder of a library that has to be in one.

    Args:
        given: Its address, as for `read_address`.
        done: What is to be done with it, as a participle.

    Returns:
        The folder, from the root.

    Raises:
        LibraryError: It is not in a folder.
    """
    place = read_address(given)
    if isinstance(place, MilvusAddress):
        raise LibraryError(
            f"{place} cannot be {done}; Milvus has its own tools for that, or name a folder: --library PATH"
        )
    return place


def is_milvus(given: str | Path) -> bool:
    """Tell whether what was typed is meant as an address in Milvus."""
    return isinstance(given, str) and given.startswith((SCHEME, "milvus:"))


def _split(given: str) -> SplitResult:
    try:
        parts = urlsplit(given.removeprefix(SCHEME))
        parts.port  # noqa: B018 - a port that is no number shows when it is asked for
    except ValueError as error:
        raise _refused(given, f"is no address of a library ({error})") from error
    return parts


def _in_file(parts: SplitResult, given: str) -> MilvusAddress:
    path = unquote(parts.path)
    if parts.netloc or parts.query or not path.endswith(".db"):
        raise _refused(given, "does not name a file that ends in .db by its path from the root")
    return MilvusAddress(path, _name(parts.fragment, given))


def _on_server(parts: SplitResult, given: str) -> MilvusAddress:
    if not parts.hostname or parts.query or parts.fragment:
        raise _refused(given, "does not name a server and a library on it")
    return MilvusAddress(f"{parts.scheme}://{parts.netloc}", _name(parts.path.strip("/"), given))


def _name(name: str, given: str) -> str:
    if not NAME.fullmatch(name):
        raise _refused(given, f"names the library {name!r}; letters, digits and _ make a name, at most 100")
    return name


def _refused(given: str, what: str) -> ConfigurationError:
    # Of what follows a question mark nothing is repeated: it may be a token.
    shown = given.split("?", maxsplit=1)[0] + "?…" * ("?" in given)
    return ConfigurationError(f"{shown!r} {what}; write {FORMS}")
