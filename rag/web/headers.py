"""What browsers are told of every response: what it may load and who may show it; knows no page."""

from __future__ import annotations

import base64
import hashlib
import re

from starlette.types import Message

# No resource of any other host is ever loaded. Gradio compiles its templates, and the scripts of a page's parts, in the
# browser, hence unsafe-eval, without which nothing on the page works; its styles stand in the page.
SCRIPTS = "script-src 'self' 'unsafe-eval'"
POLICY = (
    f"default-src 'none'; {SCRIPTS}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' blob:; connect-src 'self'; "
    "worker-src 'self' blob:; manifest-src 'self'; frame-src 'self'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # With no-referrer, browsers send forms of our own with the origin null, which is refused.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
}
# A browser that has once come by https comes back by nothing else.
HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
_ENCODED = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


def page_policy(html: bytes) -> str:
    """Return the policy of a page with the digests of the scripts that it is sent with: none that is put there runs.

    Args:
        html: The page.

    Returns:
        The value of the header.

    Reference: https://www.w3.org/TR/CSP3/#match-element-to-source-list
    """
    scripts = re.findall(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", html, re.DOTALL)
    # Parsers of HTML make one of every line's end.
    digests = (hashlib.sha256(script.replace(b"\r\n", b"\n")).digest() for script in scripts)
    allowed = "".join(f" 'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return POLICY.replace(SCRIPTS, SCRIPTS + allowed)


def is_page(message: Message) -> bool:
    """Return whether a response that starts so is a page, without a policy of its own."""
    headers = {name.lower(): value for name, value in message.get("headers", ())}
    return headers.get(b"content-type", b"").startswith(b"text/html") and b"content-security-policy" not in headers


def with_headers(message: Message, *, https: bool, request_id: str, kept: bool) -> Message:
    """Return the start of a response with what browsers are told.

    Args:
        message: The start as it was, whose own headers of the same names go before.
        https: Whether it was asked for by https.
        request_id: What logs call the request.
        kept: Whether browsers may keep the response.

    Returns:
        The start of the response.
    """
    own = list(message.get("headers", ()))
    names = {name.lower() for name, _ in own}
    added = [(name, value) for name, value in _ENCODED if name not in names]
    added.append((b"x-request-id", request_id.encode()))
    if https:
        added.append(HTTPS_ONLY)
    if not kept and b"cache-control" not in names:
        added.append((b"cache-control", b"no-store"))
    # Gradio lets any site of this machine read its answers, which none needs to.
    own = [(name, value) for name, value in own if not name.lower().startswith(b"access-control-")]
    return {**message, "headers": [*own, *added]}
