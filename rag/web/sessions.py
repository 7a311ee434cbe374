"""Who has logged in on the page, by what their browser sends back; knows tokens by digest alone, and no cookies.

A session lives in memory and ends with the service. Only its digest is kept, so that nothing that is read out of the
process lets anybody in, and it stands for a token, so that taking back the token ends it.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from rag.web.tokens import digest

LASTS_S = 12 * 3600
MOST = 10_000


@dataclass(frozen=True)
class _Session:
    token_sha256: str
    ends_s: float


class Sessions:
    """Sessions of browsers; safe to share between threads."""

    def __init__(self, *, lasts_s: float = LASTS_S, most: int = MOST) -> None:
        """Begin with none.

        Args:
            lasts_s: Seconds after which one ends.
            most: As many are kept; the oldest goes for a new one.
        """
        self.lasts_s = lasts_s
        self._most = most
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def begin(self, token_sha256: str) -> str:
        """Return a new secret that stands for a token.

        Args:
            token_sha256: Digest of the token that was given.

        Returns:
            256 random bits, as text.
        """
        secret = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._sessions) >= self._most:
                self._sessions.popitem(last=False)
            self._sessions[digest(secret)] = _Session(token_sha256, time.monotonic() + self.lasts_s)
        return secret

    def token(self, secret: str) -> str | None:
        """Return the digest of the token that a secret stands for, or ``None``.

        Args:
            secret: What a browser sent.

        Returns:
            The digest, while the session lasts.
        """
        with self._lock:
            # Looked up by digest: how long that takes tells nothing of the secret.
            found = self._sessions.get(digest(secret))
            if found and found.ends_s < time.monotonic():
                del self._sessions[digest(secret)]
                found = None
        return found.token_sha256 if found else None

    def end(self, secret: str) -> None:
        """End the session of a secret, if there is one."""
        with self._lock:
            self._sessions.pop(digest(secret), None)
