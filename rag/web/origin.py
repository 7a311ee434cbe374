"""Whether a request was meant for this service by whoever sent it; knows addresses and headers, no tokens.

A web site can make a browser send requests here, under its own name pointed at this machine (DNS rebinding) or with
the cookies of whoever is logged in (forgery). The names it is asked under and the headers that browsers add tell.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITE = frozenset({"same-origin", "none"})  # none: the address was typed, or is a bookmark
FORWARDED = (b"forwarded", b"x-forwarded-", b"x-real-ip", b"x-direct-url", b"x-original-", b"x-rewrite-", b"x-ip-token")


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches what listens at a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def named_host(header: str) -> str:
    """Return the name in a ``Host`` header, small, without port and brackets; empty where there is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def host_fault(header: str, *, names: Collection[str], addresses: bool) -> str:
    """Return what is wrong with the name a service is asked under; empty if nothing is.

    Args:
        header: The ``Host`` header.
        names: Names it is known by.
        addresses: Whether any IP address does as well: no web site can point one here.

    Returns:
        One line.
    """
    host = named_host(header)
    if host in names or (addresses and _is_address(host)):
        return ""
    return f"this service is not known as {host[:100]!r}; name it with --allowed-host where it is"


def origin_fault(method: str, headers: Mapping[str, str]) -> str:
    """Return what is wrong with where a request comes from; empty if nothing is, as without a browser.

    Args:
        method: Of the request.
        headers: Its headers, by small names.

    Returns:
        One line.
    """
    origin, site = headers.get("origin", ""), headers.get("sec-fetch-site", "")
    if method in SAFE_METHODS:
        # A page of another site may link here, and no more.
        followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        fine = site in OWN_SITE or not site or followed
    else:
        fine = (not origin or _same(origin, headers.get("host", ""))) and (site in OWN_SITE or not site)
    return "" if fine else "requests of other web sites are refused"


def is_forwarded(name: bytes) -> bool:
    """Return whether a header tells what a proxy was asked, which anybody can write."""
    return name.startswith(FORWARDED)


def _same(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and parts.netloc.lower() == host.lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
