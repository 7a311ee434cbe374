"""The HTTP API over libraries; knows requests, status codes and JSON, not how answers are made or shown."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from rag.conversation import MOST_TURNS
from rag.errors import FilterError, QuestionError, RagError
from rag.filters import check_filters
from rag.schema import Answer, Citation, Span

if TYPE_CHECKING:
    from rag.library import Library
    from rag.web.collections import Collections


# Longer ones are refused: only the last few answers of a conversation are read.
MOST_HISTORY = 100
# Of an earlier answer so many citations are read, more than an answer has.
MOST_CITATIONS = 10


def _encodable(text: str) -> str:
    text.encode()  # JSON can spell half a surrogate pair, which is no character and cannot be sent back
    return text


def _comparable(filters: dict[str, Any]) -> dict[str, Any]:
    check_filters(filters)
    return filters


Text = Annotated[str, AfterValidator(_encodable)]
Filters = Annotated[dict[str, Any], AfterValidator(_comparable)]


class EarlierMark(BaseModel):
    """What was marked in a citation, in offsets of its document."""

    start_char: int
    end_char: int


class EarlierCitation(BaseModel):
    """A citation of an earlier answer, as it was returned; only what a follow-up may point back to is read."""

    quote: Text
    title: Text = ""
    start_char: int = 0
    highlight: EarlierMark | None = None

    def citation(self, number: int) -> Citation:
        """Return it as a citation under a number."""
        start, mark = self.start_char, self.highlight
        span = Span(mark.start_char, mark.end_char) if mark else None
        return Citation(number, "", self.title, start, start + len(self.quote), self.quote, None, None, 0.0, span)


class EarlierAnswer(BaseModel):
    """An earlier answer of the conversation, as it was returned, or no more of it than its question and text."""

    question: Text
    query: Text = ""
    text: Text = ""
    abstained: bool = False
    citations: list[EarlierCitation] = []

    def answer(self) -> Answer:
        """Return it as an answer that a follow-up may be asked after."""
        cited = tuple(c.citation(number) for number, c in enumerate(self.citations[:MOST_CITATIONS], start=1))
        return Answer(self.question, self.text, citations=cited, abstained=self.abstained, query=self.query)


class AskRequest(BaseModel):
    """A question to the documents that ``filters`` let through.

    Below the confidence ``threshold``, by default the library's own, the answer abstains. ``history`` is the
    conversation before it, oldest first: a follow-up is searched as it would stand alone, and ``query`` says how.
    """

    model_config = ConfigDict(extra="forbid")
    question: Text
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    filters: Filters | None = None
    history: Annotated[list[EarlierAnswer], Field(max_length=MOST_HISTORY)] = []


class SearchRequest(BaseModel):
    """A query for the ``k`` best passages among those that ``filters`` let through."""

    model_config = ConfigDict(extra="forbid")
    query: Text
    k: Annotated[int, Field(ge=1, le=1000)] = 10
    filters: Filters | None = None


def create_api(collections: Collections) -> FastAPI:
    """Return the application that serves libraries; every error is ``{"error": "one line"}``.

    The endpoints are synchronous on purpose: they run in the thread pool, so a slow question delays no other.
    """
    # The interactive pages load their scripts from a public network; the schema itself stays at /openapi.json.
    app = FastAPI(title="leadgoose", version="1", docs_url=None, redoc_url=None)
    _add_error_handlers(app)
    _add_questions(app, collections.first)
    _add_documents(app, collections.first)
    return app


def _add_questions(app: FastAPI, library: Library) -> None:
    @app.post("/v1/ask", summary="Answer a question with exact citations")
    def ask(request: AskRequest) -> dict[str, Any]:
        history = [earlier.answer() for earlier in request.history[-MOST_TURNS:]]
        answer = library.ask(request.question, threshold=request.threshold, filters=request.filters, history=history)
        return answer.to_dict()

    @app.post("/v1/search", summary="Rank passages")
    def search(request: SearchRequest) -> dict[str, Any]:
        hits = library.search(request.query, request.k, filters=request.filters)
        return {"hits": [hit.to_dict() for hit in hits]}


def _add_documents(app: FastAPI, library: Library) -> None:
    @app.get("/v1/documents", summary="List the documents")
    def documents() -> dict[str, Any]:
        return {"documents": [asdict(summary) for summary in library.documents()]}

    @app.get("/v1/documents/{document_id:path}", summary="One document with its canonical text")
    def document(document_id: str) -> dict[str, Any]:
        summary = next((s for s in library.documents() if s.id == document_id), None)
        if summary is None:
            raise HTTPException(404, f"no document {document_id!r} in this library; GET /v1/documents lists the ids")
        return asdict(summary) | {"text": library.document(document_id).text}

    @app.api_route("/v1/{path:path}", methods=["GET", "POST", "PUT", "DELETE"], include_in_schema=False)
    def unknown(request: Request) -> None:
        raise HTTPException(404, f"no endpoint {request.method} {request.url.path}; GET /openapi.json lists them")

    @app.get("/health", summary="Whether the service answers, and what it holds")
    def health() -> dict[str, Any]:
        return {"status": "ok", "statistics": library.statistics()}


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        named = ((".".join(part for part in e["loc"][1:] if isinstance(part, str)), e["msg"]) for e in error.errors())
        return _error(422, "; ".join(f"{where or 'body'}: {what}" for where, what in named))

    @app.exception_handler(FilterError)
    @app.exception_handler(QuestionError)
    def unanswerable(_: Request, error: RagError) -> JSONResponse:
        return _error(422, str(error))

    @app.exception_handler(RagError)
    def unavailable(_: Request, error: RagError) -> JSONResponse:
        return _error(503, str(error))

    @app.exception_handler(StarletteHTTPException)
    def refused(_: Request, error: StarletteHTTPException) -> JSONResponse:
        return _error(error.status_code, error.detail)

    @app.exception_handler(Exception)
    def broken(_: Request, error: Exception) -> JSONResponse:
        # The server still logs the traceback; only its kind leaves the process.
        return _error(500, f"internal error ({type(error).__name__}); the server's log says more")


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": " ".join(message.split())}, status_code=status)
