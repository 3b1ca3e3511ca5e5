"""`GET /v1/export`: one's own photos and answers, as one file."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from gateway import export
from gateway.auth import AnyCaller
from gateway.openapi import answers

router = APIRouter(prefix="/v1/export", tags=["predictions"])
FILE = {
    "description": "A ZIP file",
    "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
}


@router.get("", response_class=Response, responses=answers() | {200: FILE})
async def get_export(request: Request, caller: AnyCaller) -> Response:
    """The caller's own photos and answers as a ZIP file, whatever the role: `photos/*.jpg` and `answers/*.json`.

    It is written while it is sent, so that its length is not known before; a transfer that breaks is no valid file.
    """
    parts = await export.export(request.app.state.services, caller)
    headers = {"Content-Disposition": 'attachment; filename="nevus-export.zip"'}
    return StreamingResponse(parts, media_type="application/zip", headers=headers)
