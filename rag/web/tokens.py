"""The tokens of a service, kept in a file as digests only; knows neither requests nor pages.

A token is 32 random bytes, so its SHA-256 is kept and no slow password hash: those make guessing dear where secrets are
guessable, and nobody guesses 256 random bits, while every request would pay for it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rag.errors import AccessError
from rag.files import replace_file
from rag.web.roles import EVERY_LIBRARY, Caller, Role

FILE = "tokens.json"
PREFIX = "lg_"  # so that scanners for leaked secrets, and people, see what it is
FORMAT = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Writers hold the file for milliseconds.
LOCK_S = 10


@dataclass(frozen=True)
class Token:
    """What is kept of a token.

    Attributes:
        name: What it is called; it stands in logs.
        sha256: Digest of the token, in hexadecimal.
        role: ``read``, ``write`` or ``admin``.
        only: Names of the libraries it is for; empty for all.
        created: When it was made, in UTC.
    """

    name: str
    sha256: str
    role: str
    only: tuple[str, ...] = ()
    created: str = ""

    @property
    def caller(self) -> Caller:
        """Who has it."""
        return Caller(self.name, dict.fromkeys(self.only or (EVERY_LIBRARY,), Role[self.role.upper()]))


def digest(secret: str) -> str:
    """Return what is kept of a secret of 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


class Tokens:
    """The tokens in a file, read again whenever it has changed; safe to share between threads.

    A service that has once seen a token stays closed to whoever has none, also when the file is emptied, removed or
    damaged while it runs: an accident must not open it.
    """

    def __init__(self, path: Path) -> None:
        """Read them.

        Args:
            path: The file; none needs to be there.

        Raises:
            AccessError: It is there and cannot be read.
        """
        self.path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] | None = ()
        self._tokens: tuple[Token, ...] = ()
        self._needed = False
        self._refresh()

    @property
    def needed(self) -> bool:
        """Whether a caller has to have one."""
        with self._lock:
            self._refresh()
            return self._needed

    def find(self, sha256: str) -> Token | None:
        """Return the token of a digest, if there is one.

        Args:
            sha256: What `digest` returns for the token that a caller sent.

        Returns:
            It, or ``None``; finding none takes as long as finding any.

        Raises:
            AccessError: The file has changed and cannot be read.
        """
        with self._lock:
            self._refresh()
            tokens = self._tokens
        found = None
        for token in tokens:
            if hmac.compare_digest(token.sha256, sha256):
                found = token
        return found

    def _refresh(self) -> None:
        state = _state(self.path)
        if state == self._seen:
            return
        self._tokens = ()  # nobody gets in by what stood there before, whatever is wrong with it now
        self._tokens = tuple(read(self.path))
        self._needed = self._needed or bool(self._tokens)
        self._seen = state


def read(path: Path) -> list[Token]:
    """Return the tokens of a file; none where there is no file.

    Args:
        path: The file.

    Returns:
        The tokens, by name.

    Raises:
        AccessError: It cannot be read, is no such file, or others may write to it.
    """
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o022:
            raise AccessError(f"others may write to {path}, and so let themselves in; correct it: chmod 600 {path}")
        kept = json.loads(path.read_text("utf-8"))
        if kept["format"] != FORMAT:
            raise AccessError(f"{path} is of format {kept['format']!r}, which this version does not know")
        return sorted((_checked(token) for token in kept["tokens"]), key=lambda token: token.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise AccessError(f"cannot read the tokens in {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise AccessError(f"{path} holds no tokens that can be read; restore it, or remove it and make new ones") from (
            error
        )


def add(path: Path, name: str, role: str, *, only: Sequence[str] = ()) -> str:
    """Make a token and keep its digest.

    Args:
        path: The file, made if it is missing, which nobody else may read.
        name: A new name.
        role: ``read``, ``write`` or ``admin``.
        only: Names of the libraries it is for; none for all.

    Returns:
        The token, which nobody can find out later.

    Raises:
        AccessError: The name is none, or taken, or the file cannot be written.
    """
    if not NAME.fullmatch(name):
        raise AccessError(f"{name!r} is no name for a token; use 1 to 64 letters, digits, '.', '-' and '_'")
    secret = PREFIX + secrets.token_urlsafe(32)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    with _writing(path):
        tokens = read(path)
        if any(token.name == name for token in tokens):
            raise AccessError(f"there is a token {name!r} already; choose another name, or remove it first")
        _write(path, [*tokens, Token(name, digest(secret), role, tuple(only), made)])
    return secret


def remove(path: Path, name: str) -> None:
    """Take a token back, at once.

    Args:
        path: The file.
        name: Its name.

    Raises:
        AccessError: There is none of that name, or the file cannot be written.
    """
    with _writing(path):
        tokens = read(path)
        if not any(token.name == name for token in tokens):
            raise AccessError(f"there is no token {name!r}; there are {', '.join(t.name for t in tokens) or 'none'}")
        _write(path, [token for token in tokens if token.name != name])


def _checked(kept: Mapping[str, Any]) -> Token:
    token = Token(**{**kept, "only": tuple(kept["only"])})
    if not re.fullmatch(r"[0-9a-f]{64}", token.sha256) or not NAME.fullmatch(token.name):
        raise ValueError("no token")
    Role[token.role.upper()]
    if not all(isinstance(name, str) for name in token.only):
        raise ValueError("no libraries")
    return token


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode, found.st_ctime_ns


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    lock = FileLock(f"{path}.lock", timeout=LOCK_S, mode=0o600)
    try:
        lock.acquire()
    except Timeout as error:
        raise AccessError(f"another process keeps writing to {path}; try again when it is done") from error
    except OSError as error:
        raise AccessError(f"cannot keep the tokens in {path}: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()


def _write(path: Path, tokens: Sequence[Token]) -> None:
    content = json.dumps({"format": FORMAT, "tokens": [asdict(token) for token in tokens]}, indent=1)
    try:
        replace_file(path, f"{content}\n".encode(), mode=0o600)
    except OSError as error:
        raise AccessError(f"cannot keep the tokens in {path}: {error.strerror}") from error
