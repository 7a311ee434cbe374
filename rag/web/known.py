"""Who sent a request, by its token or by the cookie of who has logged in; knows headers, not routes."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import cookie_parser

from rag.web.roles import LOCAL, Caller
from rag.web.sessions import Sessions
from rag.web.tokens import Tokens, digest

# A browser keeps a name with this beginning to the very host and path that set it, and to https.
COOKIE, HTTPS_COOKIE = "leadgoose_session", "__Host-leadgoose_session"


class Known:
    """Tells who sent a request."""

    def __init__(self, tokens: Tokens, sessions: Sessions) -> None:
        """Ask tokens and sessions.

        Args:
            tokens: The tokens there are.
            sessions: Who has logged in.
        """
        self.tokens = tokens
        self.sessions = sessions

    def caller(self, headers: Mapping[str, str]) -> Caller | None:
        """Return who sent a request.

        Args:
            headers: Its headers, by small names.

        Returns:
            The caller; ``None`` for one who needs a token and has none that is right.

        Raises:
            AccessError: The tokens cannot be read.
        """
        if not self.tokens.needed:
            return LOCAL
        sha256 = _bearer(headers) if _is_bearer(headers) else self._session(headers)
        token = self.tokens.find(sha256) if sha256 else None
        return token.caller if token else None

    def _session(self, headers: Mapping[str, str]) -> str | None:
        return self.sessions.token(session_secret(headers))


def session_secret(headers: Mapping[str, str]) -> str:
    """Return the secret of a session that a browser sent; empty where it sent none."""
    # All services of a host share its cookies, whatever their port; Python's own reader stops at one it cannot read.
    cookies = cookie_parser(headers.get("cookie", ""))
    return cookies.get(HTTPS_COOKIE) or cookies.get(COOKIE, "")


def _is_bearer(headers: Mapping[str, str]) -> bool:
    # A browser that a proxy asked for a password sends that along with its cookie.
    return headers.get("authorization", "").partition(" ")[0].lower() == "bearer"


def _bearer(headers: Mapping[str, str]) -> str | None:
    secret = headers["authorization"].partition(" ")[2].strip()
    return digest(secret) if secret else None
