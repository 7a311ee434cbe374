"""Errors as responses: status, one line, in OpenAI's shape where its clients ask; knows no endpoint's work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException

from rag.errors import (
    AccessError,
    CollectionError,
    CollectionNotFound,
    FilterError,
    GoldError,
    LibraryBusy,
    LibraryEmpty,
    QuestionError,
    RagError,
    SourceError,
    SpanError,
)
from rag.web.access import caller_of
from rag.web.discreet import told
from rag.web.queueing import Busy
from rag.web.said import PAGE_LANGUAGE, worded

# The first that fits; what is wrong with the service itself is a 503.
STATUSES: tuple[tuple[type[RagError], int], ...] = (
    (Busy, 429),
    (AccessError, 403),
    (CollectionNotFound, 404),
    (CollectionError, 409),
    (LibraryBusy, 409),
    (LibraryEmpty, 409),
    (FilterError, 422),
    (QuestionError, 422),
    (SpanError, 422),
    (SourceError, 422),
    (GoldError, 422),
)
UNAVAILABLE = 503
# What pydantic calls a body that is no object, as bytes of no known type are.
NO_OBJECT = ("model_attributes_type", "model_type", "dict_type")
# When it is worth while to try again.
BUSY_S, UNAVAILABLE_S = 2, 10
# What OpenAI's clients ask, which read errors of another shape.
OPENAI_PATHS = ("/v1/chat/completions", "/v1/models")
KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}

Responses = dict[int | str, dict[str, Any]]


class ErrorBody(BaseModel):
    """What went wrong, in one line."""

    error: str


def error_response(
    request: Request, status: int, message: str, *, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return an error.

    Args:
        request: What was asked; it tells the shape, and whether its caller may know where files are.
        status: The HTTP status.
        message: What is wrong and what to do.
        headers: Further headers.

    Returns:
        ``{"error": "one line"}``, or the same in OpenAI's shape.
    """
    line = worded(public(request, message), request.headers.get(PAGE_LANGUAGE, ""))
    if not request.url.path.startswith(OPENAI_PATHS):
        return JSONResponse({"error": line}, status_code=status, headers=headers)
    status = 400 if status == 422 else status
    return JSONResponse({"error": openai_error(status, line)}, status_code=status, headers=headers)


def openai_error(status: int, message: str) -> dict[str, Any]:
    """Return an error as OpenAI's clients read it."""
    kind = KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"message": message, "type": kind, "param": None, "code": "model_not_found" if status == 404 else None}


def public(request: Request, message: str) -> str:
    """Return a message in one line; to those who may not administer the service it names no folder of the machine."""
    return told(caller_of(request), message)


def status_of(error: RagError) -> int:
    """Return the HTTP status that says what kind of error it is."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), UNAVAILABLE)


def returns(model: type[BaseModel], *errors: int, status: int = 200, **described: Any) -> Responses:
    """Return what an endpoint's description says of what it answers with.

    Args:
        model: The JSON that it answers with.
        *errors: The statuses of its errors.
        status: The status if all goes well.
        **described: Further fields of the description of that.

    Returns:
        What FastAPI takes as ``responses``.
    """
    return {status: {"model": model, **described}} | documented(*errors)


def _wait_s(error: RagError, status: int) -> int | None:
    """Return after how many seconds it is worth while to try again; ``None`` where nothing is known of that."""
    if isinstance(error, Busy):
        return error.retry_after_s
    if isinstance(error, LibraryBusy):
        return BUSY_S
    return UNAVAILABLE_S if status == UNAVAILABLE else None


def documented(*statuses: int) -> Responses:
    """Return what an endpoint's description says of the errors it answers with."""
    meanings = {
        400: "Something in the form cannot be used",
        403: "The caller may not do this with the library",
        404: "There is no such library or document",
        409: "The library is being written to, or holds nothing yet; Retry-After says when to try again",
        413: "A file is larger than is accepted",
        415: "A format that is not read",
        422: "Something in the request cannot be used",
        429: "Too many questions are waiting; Retry-After says when to ask again",
        503: "The service cannot answer now",
    }
    return {status: {"model": ErrorBody, "description": meanings[status]} for status in statuses}


def beside_text(*statuses: int) -> Responses:
    """Return the same for an endpoint that answers with text when all goes well; its errors are JSON all the same."""
    body = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}}}
    return {
        status: {"description": said["description"], "content": body} for status, said in documented(*statuses).items()
    }


def add_error_handlers(app: FastAPI) -> None:
    """Let every error that an endpoint raises become a response.

    Args:
        app: The application.
    """

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        named = ((".".join(part for part in e["loc"][1:] if isinstance(part, str)), e["msg"]) for e in error.errors())
        said = "; ".join(f"{where or 'body'}: {what}" for where, what in named)
        whole = any(e["type"] in NO_OBJECT and len(e["loc"]) == 1 for e in error.errors())
        if whole and "json" not in request.headers.get("content-type", ""):
            said += "; send JSON, with the header Content-Type: application/json"
        return error_response(request, 422, said)

    @app.exception_handler(RagError)
    def wrong(request: Request, error: RagError) -> JSONResponse:
        status = status_of(error)
        wait_s = _wait_s(error, status)
        headers = {"Retry-After": str(wait_s)} if wait_s else None
        return error_response(request, status, str(error), headers=headers)

    @app.exception_handler(StarletteHTTPException)
    def refused(request: Request, error: StarletteHTTPException) -> JSONResponse:
        return error_response(request, error.status_code, error.detail, headers=error.headers)

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> JSONResponse:
        # The server still logs the traceback; only its kind leaves the process.
        return error_response(request, 500, f"internal error ({type(error).__name__}); the server's log says more")
