"""What the API's description shows as examples: one small library, the same in all of them."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

SUMMARY: dict[str, Any] = {
    "id": "harbour/pilots.md",
    "title": "Pilots of Norrwick harbour",
    "date": "2023-05-02",
    "language": "en",
    "source": "/home/me/documents/harbour/pilots.md",
    "characters": 197,
    "passages": 1,
    "same_text_as": None,
}
QUOTE = "The harbour of Norrwick employs 41 pilots."
EXCERPT: dict[str, Any] = {
    "document_id": "harbour/pilots.md",
    "title": "Pilots of Norrwick harbour",
    "start_char": 0,
    "end_char": 42,
    "text": QUOTE,
    "before": "",
    "after": " They brought 6,200 ships into the port in 2022.",
    "page": None,
    "heading": None,
}
HIT: dict[str, Any] = {
    "rank": 1,
    "score": 0.94,
    "document_id": "harbour/pilots.md",
    "title": "Pilots of Norrwick harbour",
    "heading": None,
    "page": None,
    "start_char": 0,
    "end_char": 90,
    "text": f"{QUOTE} They brought 6,200 ships into the port in 2022.",
    "sentences": [[0, 42], [43, 90]],
    "signals": {"dense": 0.61, "lexical": 7.2, "late": 0.82},
    "also_in": [],
}
LIBRARY: dict[str, Any] = {"name": "default", "documents": 3, "passages": 3}
EVALUATION: dict[str, Any] = {
    "id": "5f2c9a1b7e04",
    "library": "default",
    "gold": "my-questions",
    "status": "running",
    "stage": "asking default",
    "done": 12,
    "total": 100,
    "seconds": 1.9,
    "error": "",
    "result": None,
}
MODEL: dict[str, Any] = {"id": "leadgoose", "object": "model", "created": 0, "owned_by": "leadgoose"}
HEALTH: dict[str, Any] = {"status": "ok", "statistics": {"documents": 3, "passages": 3, "generation": 7}}
METRICS = 'leadgoose_http_requests_total{method="POST",route="/v1/ask",status="200"} 12.0\n'


def shown(example: dict[str, Any], *, forbid: bool = False) -> ConfigDict:
    """Return the configuration of a model that shows an example.

    Args:
        example: JSON values.
        forbid: Whether the model has no other fields than its own.

    Returns:
        The configuration.
    """
    return ConfigDict(json_schema_extra={"examples": [example]}, extra="forbid" if forbid else "ignore")
