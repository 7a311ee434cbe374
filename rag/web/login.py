"""Logging in on the page, and out: a form of this machine's own, and a cookie that no script reads."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from rag.web.known import COOKIE, HTTPS_COOKIE, session_secret
from rag.web.needed import LOGIN, LOGOUT
from rag.web.tokens import digest

if TYPE_CHECKING:
    from rag.web.known import Known

WORDS = {
    "en": {
        "title": "Log in",
        "token": "Token",
        "button": "Log in",
        "wrong": "This token is not known here.",
        "hint": "Whoever runs this service makes one with: rag token add NAME",
    },
    "zh": {
        "title": "登录",
        "token": "令牌",
        "button": "登录",
        "wrong": "此处没有这个令牌。",
        "hint": "令牌由服务的管理员创建：rag token add NAME",
    },
}
STYLE = """
body{font-family:system-ui,"Noto Sans",sans-serif;margin:0;min-height:100vh;display:grid;place-items:center;
background:#f8fafc;color:#0f172a}
form{display:grid;gap:.75rem;width:min(22rem,90vw);padding:1.5rem;background:#fff;border:1px solid #cbd5e1;
border-radius:.5rem}
h1{font-size:1.25rem;margin:0}p{margin:0;font-size:.875rem;color:#475569}p[role=alert]{color:#b91c1c}
input{font:inherit;padding:.5rem;border:1px solid #64748b;border-radius:.25rem;width:100%;box-sizing:border-box;
background:transparent;color:inherit}
button{font:inherit;padding:.5rem;border:0;border-radius:.25rem;background:#0f766e;color:#fff;cursor:pointer}
@media(prefers-color-scheme:dark){body{background:#0f172a;color:#e2e8f0}form{background:#1e293b;border-color:#475569}
p{color:#94a3b8}p[role=alert]{color:#fca5a5}}
"""
# It needs no script at all.
LOGIN_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "img-src data:"
)


def login_page(headers: Mapping[str, str], *, wrong: bool = False) -> str:
    """Return the form.

    Args:
        headers: Of the request, which say what language its reader reads.
        wrong: Whether a token was given that is not known.

    Returns:
        A page of HTML.
    """
    language = "zh" if headers.get("accept-language", "").lower().startswith("zh") else "en"
    words = {name: escape(text) for name, text in WORDS[language].items()}
    alert = f'<p role="alert">{words["wrong"]}</p>' if wrong else ""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>leadgoose · {words['title']}</title><style>{STYLE}</style></head><body><main>"
        f'<form method="post" action="{LOGIN}"><h1>leadgoose</h1>{alert}'
        f'<label for="token">{words["token"]}</label><input id="token" name="token" type="password" required '
        f'autofocus autocomplete="current-password" spellcheck="false">'
        f"<button>{words['button']}</button><p>{words['hint']}</p></form></main></body></html>"
    )


def login_routes(known: Known) -> APIRouter:
    """Return the routes for logging in and out.

    Args:
        known: Who has a token, and whose browsers have logged in.

    Returns:
        The routes.
    """
    router = APIRouter(include_in_schema=False)

    @router.get(LOGIN)
    def form(request: Request) -> Response:
        if not known.tokens.needed:
            return RedirectResponse("/", status_code=303)
        return _form(request)

    @router.post(LOGIN)
    async def log_in(request: Request) -> Response:
        given = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=10).get("token", [""])[0]
        sha256 = digest(given.strip())
        if known.tokens.find(sha256) is None:
            return _form(request, wrong=True)
        known.sessions.end(session_secret(request.headers))
        response = RedirectResponse("/", status_code=303)
        _set(request, response, known.sessions.begin(sha256), lasts_s=int(known.sessions.lasts_s))
        return response

    @router.post(LOGOUT)
    def log_out(request: Request) -> Response:
        known.sessions.end(session_secret(request.headers))
        response = RedirectResponse(LOGIN, status_code=303)
        _set(request, response, "", lasts_s=0)
        return response

    return router


def _form(request: Request, *, wrong: bool = False) -> Response:
    headers = {"content-security-policy": LOGIN_POLICY}
    return HTMLResponse(login_page(request.headers, wrong=wrong), status_code=401 if wrong else 200, headers=headers)


def _set(request: Request, response: Response, secret: str, *, lasts_s: int) -> None:
    https = request.url.scheme == "https"
    response.set_cookie(
        HTTPS_COOKIE if https else COOKIE,
        secret,
        max_age=lasts_s,
        path="/",
        secure=https,
        httponly=True,
        samesite="strict",
    )
