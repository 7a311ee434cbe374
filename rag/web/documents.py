"""The endpoints of a library's documents: listed, read whole or in part, removed; know no format and no storage."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from rag.errors import LibraryEmpty
from rag.library import Library
from rag.schema import Document
from rag.stored import DocumentSummary
from rag.web.access import caller_of
from rag.web.api_examples import HIT, SUMMARY, shown
from rag.web.collections import DEFAULT
from rag.web.discreet import shown_source
from rag.web.error_responses import Responses, beside_text, returns
from rag.web.excerpt import MOST_CONTEXT, ExcerptBody, excerpt
from rag.web.matching import matching
from rag.web.named import Readable, Writable
from rag.web.uploads import forget_upload

router = APIRouter(tags=["documents"])
READ = (403, 404, 409, 422, 503)
TEXT: Responses = {200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": HIT["text"]}}}}


class SummaryBody(BaseModel):
    """A document without its text."""

    model_config = shown(SUMMARY)
    id: str
    title: str
    date: str | None
    language: str
    source: str
    characters: int
    passages: int
    same_text_as: str | None


class DocumentBody(SummaryBody):
    """A document with its canonical text, which all offsets refer to."""

    model_config = shown({**SUMMARY, "text": HIT["text"]})
    text: str


class ListBody(BaseModel):
    """Documents by id, and how many there are in all."""

    model_config = shown({"documents": [SUMMARY], "total": 1})
    documents: list[SummaryBody]
    total: int


class RemovedBody(BaseModel):
    """How many documents were removed."""

    model_config = shown({"removed": 1})
    removed: int


@router.get("/v1/documents", summary="List the documents", response_model=None, responses=returns(ListBody, *READ))
def documents(
    library: Readable,
    request: Request,
    query: Annotated[str, Query(description="Only those whose title or id holds this text", examples=["pilots"])] = "",
    offset: Annotated[int, Query(ge=0, le=2**53, description="How many to pass over")] = 0,
    limit: Annotated[int | None, Query(ge=1, le=2**53, description="At most how many; all if left out")] = None,
) -> JSONResponse:
    """Return documents without their texts, by id; ``total`` counts those that the query lets through."""
    found = matching(library, query)
    page = found[offset : None if limit is None else offset + limit]
    return JSONResponse({"documents": [_summary(request, one) for one in page], "total": len(found)})


@router.get(
    "/v1/documents/{document_id:path}/text",
    summary="The text of a document",
    response_model=None,
    responses=TEXT | beside_text(*READ),
    response_class=PlainTextResponse,
)
def document_text(library: Readable, request: Request, document_id: str) -> PlainTextResponse | JSONResponse:
    """Return a document's canonical text, which all offsets refer to, as plain text."""
    if whole := _named_so(library, request, document_id, "text"):
        return whole
    return PlainTextResponse(_document(library, document_id).text)


@router.get(
    "/v1/documents/{document_id:path}/span",
    summary="A span of a document in its context",
    response_model=None,
    responses=returns(ExcerptBody, *READ),
)
def span(
    library: Readable,
    request: Request,
    document_id: str,
    start_char: Annotated[
        int | None, Query(ge=0, le=2**53, description="First character, as a citation gives it")
    ] = None,
    end_char: Annotated[int | None, Query(ge=0, le=2**53, description="One past the last character")] = None,
    context: Annotated[int, Query(ge=0, le=MOST_CONTEXT, description="Characters before and after it")] = 300,
) -> JSONResponse:
    """Return what a citation points to, with the text around it, page and heading."""
    if whole := _named_so(library, request, document_id, "span"):
        return whole
    document = _document(library, document_id)
    if start_char is None or end_char is None:
        raise HTTPException(422, "start_char and end_char: both have to be given")
    return JSONResponse(excerpt(library, document, start_char, end_char, context=context))


@router.get(
    "/v1/documents/{document_id:path}",
    summary="One document with its canonical text",
    response_model=None,
    responses=returns(DocumentBody, *READ),
)
def document(library: Readable, request: Request, document_id: str) -> JSONResponse:
    """Return a document with its text."""
    found = _document(library, document_id)
    summary = next((s for s in matching(library) if s.id == document_id), None)
    if summary is None:
        raise _unknown(document_id)
    return JSONResponse(_summary(request, summary) | {"text": found.text})


@router.delete(
    "/v1/documents/{document_id:path}",
    summary="Remove a document",
    response_model=None,
    responses=returns(RemovedBody, *READ),
)
def remove(library: Writable, document_id: str) -> JSONResponse:
    """Remove a document, and its file if it was uploaded; a file that was indexed elsewhere stays where it is."""
    _document(library, document_id)
    removed = library.remove([document_id])
    if not removed:
        raise _unknown(document_id)
    forget_upload(library, document_id)
    return JSONResponse({"removed": removed})


def _named_so(library: Library, request: Request, document_id: str, part: str) -> JSONResponse | None:
    """Return a document whose id ends as the address of a part of another one does, where there is one."""
    try:
        library.document(f"{document_id}/{part}")
    except (KeyError, LibraryEmpty):
        return None
    return document(library, request, f"{document_id}/{part}")


def _summary(request: Request, summary: DocumentSummary) -> dict[str, Any]:
    name = request.query_params.get("library", DEFAULT)
    return asdict(summary) | {"source": shown_source(caller_of(request), name, summary.source)}


def _document(library: Library, document_id: str) -> Document:
    try:
        return library.document(document_id)
    except (KeyError, LibraryEmpty):
        raise _unknown(document_id) from None


def _unknown(document_id: str) -> HTTPException:
    return HTTPException(404, f"no document {document_id!r} in this library; GET /v1/documents lists the ids")
