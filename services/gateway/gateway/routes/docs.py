"""The API's reference as a page of our own: nothing from elsewhere, no inline script."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.openapi_page import operations
from gateway.rendering import champion, page

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def show_docs(request: Request) -> Response:
    """Every operation with its parameters, answers and examples."""
    document = request.app.openapi()
    model = await champion(request.app.state.services)
    return page(request, "docs.html", model=model, document=document, operations=operations(document))
