"""What a service consists of beside its routes, and what requests may take; knows no request."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from rag.settings import Settings
from rag.web import needed
from rag.web.known import Known
from rag.web.queueing import Gate
from rag.web.rate import Rate
from rag.web.request_log import Requests

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """What requests may take.

    Attributes:
        body_bytes: Of what one sends.
        upload_bytes: Of what one sends where documents are uploaded.
        begins_s: Seconds until its answer begins.
    """

    body_bytes: int
    upload_bytes: int
    begins_s: float

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return those of settings."""
        upload = settings.serve_upload_mb * MEGABYTE
        return cls(settings.serve_body_mb * MEGABYTE, upload, settings.serve_timeout_s)


@dataclass(frozen=True)
class House:
    """What a service consists of beside its routes.

    Attributes:
        needed: Its paths.
        known: Who has a token or has logged in.
        gate: What questions pass.
        rate: How often each caller may ask.
        limits: What requests may take.
        requests: Where requests are logged.
        names: Names it is asked under.
        addresses: Whether it may be asked under any IP address.
        closing: Set when answers that still run are to end.
    """

    needed: needed.Needed
    known: Known
    gate: Gate
    rate: Rate
    limits: Limits
    requests: Requests
    names: Collection[str]
    addresses: bool = False
    closing: asyncio.Event = field(default_factory=asyncio.Event)
