"""The endpoints of the libraries of one service: listed, made, removed; know nothing of what is in them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from rag.web.access import Role, caller_of
from rag.web.api_examples import LIBRARY, shown
from rag.web.collections import NAME
from rag.web.error_responses import returns
from rag.web.figures import Figures
from rag.web.named import check_role, collections_of

router = APIRouter(tags=["libraries"])
PATTERN = f"^{NAME.pattern}$"


class NewLibrary(BaseModel):
    """The name of a library that is to be made."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "work"}]})
    name: Annotated[str, Field(pattern=PATTERN, description="Small letters, digits, - and _, at most 64")]


class LibraryBody(BaseModel):
    """A library and what it holds."""

    model_config = shown(LIBRARY)
    name: str
    documents: int
    passages: int


class LibrariesBody(BaseModel):
    """The libraries that the caller may read."""

    model_config = shown({"libraries": [LIBRARY]})
    libraries: list[LibraryBody]


class DeletedBody(BaseModel):
    """The name of the library that was removed."""

    model_config = shown({"deleted": "work"})
    deleted: str


@router.get("/v1/libraries", summary="List the libraries", response_model=None, responses=returns(LibrariesBody))
def libraries(request: Request) -> JSONResponse:
    """Return the libraries that the caller may read, with what each holds."""
    caller = caller_of(request)
    names = [name for name in collections_of(request).names() if caller.may(Role.READ, name)]
    figures: Figures = request.app.state.figures
    return JSONResponse({"libraries": [_shown(name, figures.now(name)) for name in names]})


@router.post(
    "/v1/libraries",
    summary="Make a library",
    status_code=201,
    response_model=None,
    responses=returns(LibraryBody, 403, 409, 422, 503, status=201),
)
def create(new: NewLibrary, request: Request) -> JSONResponse:
    """Make an empty library beside the others."""
    check_role(request, Role.ADMIN, new.name)
    collections_of(request).create(new.name)
    return JSONResponse(_shown(new.name, {}), status_code=201)


@router.delete(
    "/v1/libraries/{name}",
    summary="Remove a library",
    response_model=None,
    responses=returns(DeletedBody, 403, 404, 409, 422, 503),
)
def delete(
    name: Annotated[str, Path(description="Its name; default is the one that stays", examples=["work"])],
    request: Request,
) -> JSONResponse:
    """Remove a library with all it holds, uploaded files too; files that were indexed elsewhere stay."""
    check_role(request, Role.ADMIN, name)
    collections_of(request).delete(name)
    figures: Figures = request.app.state.figures
    figures.forget(name)
    return JSONResponse({"deleted": name})


def _shown(name: str, held: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "documents": held.get("documents", 0), "passages": held.get("passages", 0)}
