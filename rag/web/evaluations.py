"""The endpoints that evaluate a library on a gold set: begun, followed, given up, read; know no metric."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, HTTPException, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel

from rag.errors import SourceError
from rag.web.access import Role, caller_of
from rag.web.api_examples import EVALUATION, shown
from rag.web.collections import DEFAULT
from rag.web.error_responses import beside_text, returns
from rag.web.evaluation_jobs import Evaluation, EvaluationRunning, Evaluations, read_gold_set
from rag.web.named import Writable
from rag.web.uploads import file_name

router = APIRouter(tags=["evaluations"])
MOST_GOLD_BYTES = 50_000_000
RUNNING_S = 30
# What a report quotes comes from documents and gold sets: its script runs, yet with nothing of this service at hand.
REPORT = {
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}


class EvaluationBody(BaseModel):
    """An evaluation; its result is what ``rag eval --json`` prints."""

    model_config = shown(EVALUATION)
    id: str
    library: str
    gold: str
    status: Literal["running", "done", "failed", "cancelled"]
    stage: str
    done: int
    total: int
    seconds: float
    error: str
    result: dict[str, Any] | None


class EvaluationsBody(BaseModel):
    """Evaluations, newest first, without their results."""

    model_config = shown({"evaluations": [EVALUATION]})
    evaluations: list[EvaluationBody]


@router.post(
    "/v1/evaluations",
    summary="Evaluate a library on a gold set",
    status_code=202,
    response_model=None,
    responses=returns(EvaluationBody, 400, 403, 404, 409, 413, 422, 503, status=202),
)
def start(
    request: Request,
    library: Writable,
    gold: Annotated[UploadFile, File(description="JSON Lines: one question of the gold set a line")],
    threshold: Annotated[float | None, Form(ge=0, le=1, description="Confidence below which it abstains")] = None,
    limit: Annotated[int | None, Form(ge=1, le=10**9, description="Questions to ask, spread over the set")] = None,
) -> JSONResponse:
    """Begin to ask the library every question; one evaluation runs at a time, and is followed by its id."""
    content = gold.file.read(MOST_GOLD_BYTES + 1)
    if len(content) > MOST_GOLD_BYTES:
        raise HTTPException(413, f"the gold set is larger than {MOST_GOLD_BYTES // 1_000_000} MB")
    questions = read_gold_set(_gold_name(gold.filename), content)
    name = request.query_params.get("library", DEFAULT)
    try:
        begun = _jobs(request).start(library, name, questions, threshold=threshold, limit=limit)
    except EvaluationRunning as error:
        raise HTTPException(409, str(error), headers={"Retry-After": str(RUNNING_S)}) from None
    return JSONResponse(begun.to_dict(), status_code=202)


@router.get(
    "/v1/evaluations",
    summary="List the evaluations",
    response_model=None,
    responses=returns(EvaluationsBody),
)
def evaluations(request: Request) -> JSONResponse:
    """Return the evaluations of libraries that the caller may read, newest first; the last ten of each are kept."""
    caller = caller_of(request)
    found = [e for e in _jobs(request).all() if caller.may(Role.READ, e.library)]
    return JSONResponse({"evaluations": [e.to_dict() | {"result": None} for e in found]})


@router.get(
    "/v1/evaluations/{evaluation_id}",
    summary="One evaluation",
    response_model=None,
    responses=returns(EvaluationBody, 403, 404, 422),
)
def evaluation(evaluation_id: str, request: Request) -> JSONResponse:
    """Return how far an evaluation is, and once it is done its result."""
    return JSONResponse(_found(request, evaluation_id, Role.READ).to_dict())


@router.get(
    "/v1/evaluations/{evaluation_id}/report",
    summary="The report of an evaluation",
    response_model=None,
    response_class=HTMLResponse,
    responses=beside_text(403, 404, 409, 422),
)
def report(
    evaluation_id: str,
    request: Request,
    download: Annotated[bool, Query(description="Whether a browser is to keep it as a file")] = False,
) -> HTMLResponse:
    """Return the report as one HTML page that needs no other file."""
    found = _found(request, evaluation_id, Role.READ)
    page = found.report()
    if page is None:
        raise HTTPException(409, f"the evaluation {evaluation_id} has no report: it is {found.status}")
    name = f'attachment; filename="evaluation-{found.id}.html"'
    return HTMLResponse(page, headers=REPORT | ({"Content-Disposition": name} if download else {}))


@router.delete(
    "/v1/evaluations/{evaluation_id}",
    summary="Give up an evaluation",
    response_model=None,
    responses=returns(EvaluationBody, 403, 404, 422),
)
def cancel(evaluation_id: str, request: Request) -> JSONResponse:
    """Let an evaluation end after the question that it is at; one that has ended is left as it is."""
    found = _found(request, evaluation_id, Role.WRITE)
    found.cancelled.set()
    return JSONResponse(found.to_dict())


def _jobs(request: Request) -> Evaluations:
    jobs: Evaluations = request.app.state.evaluations
    return jobs


def _found(request: Request, evaluation_id: str, role: Role) -> Evaluation:
    found = _jobs(request).get(evaluation_id)
    # Who may not read it is not told that it exists.
    if found is None or not caller_of(request).may(role, found.library):
        raise HTTPException(404, f"no evaluation {evaluation_id!r}; GET /v1/evaluations lists them")
    return found


def _gold_name(given: str | None) -> str:
    try:
        return file_name(given or "gold.jsonl")
    except SourceError:
        return "gold.jsonl"
