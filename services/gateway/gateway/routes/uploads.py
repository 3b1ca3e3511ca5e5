"""`/v1/uploads`: photos straight into the store, as apps on a phone send them; a prediction then names the upload."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urljoin

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway import quarantine
from gateway.auth import AnyCaller
from gateway.bodies import read_body
from gateway.deadline import deadline_of
from gateway.door import size_of
from gateway.openapi import OPEN_TO_ALL, SMALL_BODY, UPLOAD_ID, answers
from gateway.photo_size import MAX_PHOTO, check_size, too_large
from gateway.problems import Problem
from gateway.services import Services
from nevus import clock
from nevus.domain import Frozen
from nevus.ports import PreconditionFailed
from nevus.signed_uploads import UploadGrant, UploadVerifier

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])
PhotoType = Literal["image/jpeg", "image/png", "image/webp", "image/heic"]
URL = f"https://nevus.example/v1/uploads/content?key=quarantine%2F{UPLOAD_ID}.8c1f&content_type=image%2Fjpeg"
EXAMPLE: dict[str, Any] = {
    "upload_id": UPLOAD_ID,
    "url": f"{URL}&max_bytes={MAX_PHOTO}&expires=1769852700&signature=5e1a",
    "method": "PUT",
    "headers": {"Content-Type": "image/jpeg"},
    "expires_at": "2026-01-31T09:45:00Z",
    "max_bytes": MAX_PHOTO,
}
PHOTO_BODY = {
    "requestBody": {"required": True, "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}
}
REFUSALS = (
    "upload-refused",
    "not-found",
    "upload-timeout",
    "upload-exists",
    "photo-too-large",
    "photo-unreadable",
    "too-many-uploads",
    "too-many-requests",
    "busy",
)


class UploadIn(Frozen):
    """What will be sent."""

    content_type: PhotoType = "image/jpeg"


class UploadView(Frozen):
    """How to send it: this method and these headers, once, until `expires_at`."""

    upload_id: str
    url: str
    method: str
    headers: dict[str, str]
    expires_at: datetime
    max_bytes: int


@router.post(
    "",
    status_code=201,
    responses=answers("cross-site-request", "too-many-uploads", *SMALL_BODY, example=EXAMPLE, status=201),
    openapi_extra={"requestBody": {"content": {"application/json": {"example": {"content_type": "image/jpeg"}}}}},
)
async def create_upload(request: Request, caller: AnyCaller, wanted: UploadIn | None = None) -> UploadView:
    """A signed URL for one photo. The photo is kept a day at most, unless `POST /v1/predictions` names the upload."""
    services: Services = request.app.state.services
    upload_id = quarantine.new_upload_id(clock.now())
    key = quarantine.key_of(caller, upload_id)
    await quarantine.refuse_more(services, key)
    signed = await services.photos.sign_upload(
        key,
        content_type=(wanted or UploadIn()).content_type,
        max_bytes=MAX_PHOTO,
        lifetime=timedelta(seconds=services.settings.upload_lifetime),
    )
    return UploadView(
        upload_id=upload_id,
        url=urljoin(str(request.base_url), signed.url),
        method=signed.method,
        headers=dict(signed.headers),
        expires_at=signed.expires_at,
        max_bytes=MAX_PHOTO,
    )


@router.put(
    "/content",
    response_class=Response,
    responses=answers(*REFUSALS, "invalid-request", public=True) | {200: {"description": "Uploaded"}},
    openapi_extra=PHOTO_BODY | OPEN_TO_ALL,
)
async def put_content(
    request: Request,
    key: Annotated[str, Query(max_length=200)],
    content_type: Annotated[str, Query(max_length=100)],
    max_bytes: int,
    expires: int,
    signature: Annotated[str, Query(max_length=100)],
) -> Response:
    """Where an upload's signed URL leads when photos are kept in files. The signature alone opens it."""
    services: Services = request.app.state.services
    grant = UploadGrant(key, content_type, max_bytes, expires)
    check_grant(services, grant, signature, request.headers.get("content-type"))
    async with services.intake.place(quarantine.owner_of(key), size_of(request), deadline_of(request)) as place:
        await quarantine.refuse_more(services, key)
        photo = await read_body(request, max_bytes, too_large(), timeout=services.settings.upload_timeout)
        place.received(len(photo))
        try:
            await services.photos.put(key, check_size(photo), if_generation=0)
        except PreconditionFailed:
            raise Problem("upload-exists", "An upload is sent once. It is there.") from None
    return Response()


def check_grant(services: Services, grant: UploadGrant, signature: str, content_type: str | None) -> None:
    """Raises Problem: `upload-refused`; `not-found` where clients upload to the cloud's own store."""
    if not isinstance(services.photos, UploadVerifier):
        raise Problem("not-found", "Uploads go to the store itself: take the URL that POST /v1/uploads gives.")
    if not services.photos.verify(grant, signature):
        raise Problem("upload-refused", "The URL is not as it was signed.")
    if clock.now().timestamp() >= grant.expires:
        raise Problem("upload-refused", "The URL has expired: ask for another.")
    if content_type != grant.content_type:
        raise Problem("upload-refused", f"It was signed for Content-Type: {grant.content_type}.")
