"""The endpoint that takes files into a library; knows forms and status codes, not how files are kept or read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, HTTPException, Request, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from rag.web.error_responses import returns
from rag.web.named import Writable
from rag.web.said import PAGE_LANGUAGE, worded
from rag.web.uploads import Uploaded, add_uploads

router = APIRouter(tags=["documents"])
# What a client is told where no file could be taken, by what is wrong with the first.
STATUSES = {"large": 413, "unsupported": 415, "unreadable": 422}


class UploadedBody(BaseModel):
    """What became of one file."""

    name: str
    status: Literal["added", "updated", "unchanged", "failed"]
    reason: str
    documents: list[str]


class UploadsBody(BaseModel):
    """What became of each file, in order."""

    files: list[UploadedBody]


FILES = {
    "files": [
        {"name": "report.pdf", "status": "added", "reason": "", "documents": ["uploads/report.pdf"]},
        {"name": "broken.pdf", "status": "failed", "reason": "broken.pdf is damaged or no PDF", "documents": []},
    ]
}
EXAMPLE = {"application/json": {"example": FILES}}


@router.post(
    "/v1/documents",
    summary="Upload files",
    response_model=None,
    responses=returns(UploadsBody, 400, 403, 404, 409, 413, 415, 422, 503, content=EXAMPLE),
)
def upload(
    request: Request,
    library: Writable,
    files: Annotated[list[UploadFile], File(min_length=1, description="One file, or several under this name")],
) -> JSONResponse:
    """Index files and keep them with the library under the ids ``uploads/NAME``, each taken or refused by itself.

    A file of a name that was uploaded before replaces it. Where none of them can be taken, the response is an error.
    """
    uploaded = add_uploads(library, [(file.filename or "", file.file) for file in files])
    failed = [one for one in uploaded if one.status == "failed"]
    if failed and len(failed) == len(uploaded):
        raise HTTPException(STATUSES[failed[0].why], "; ".join(_line(one) for one in failed))
    return JSONResponse({"files": [_shown(one, request.headers.get(PAGE_LANGUAGE, "")) for one in uploaded]})


def _shown(one: Uploaded, language: str) -> dict[str, Any]:
    values = asdict(one) | {"reason": worded(one.reason, language)}
    del values["why"]
    return values | {"documents": list(one.documents)}


def _line(one: Uploaded) -> str:
    return one.reason if one.name and one.name in one.reason else f"{one.name}: {one.reason}"
