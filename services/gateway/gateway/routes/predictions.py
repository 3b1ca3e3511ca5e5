"""`/v1/predictions`: photos in, predictions out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.routing import APIRoute
from pydantic import Field
from starlette.responses import Response

from gateway import drain, heatmap, lookup, quarantine
from gateway.auth import AnyCaller, ClinicianCaller, any_caller
from gateway.deadline import Deadline, deadline_of
from gateway.door import size_of
from gateway.openapi import SMALL_BODY, UPLOAD_EXTRA, answers, image_answer
from gateway.photo_size import MAX_BODY
from gateway.predict import Order, predict
from gateway.predict_upload import predict_upload
from gateway.problems import Problem, come_again
from gateway.services import Services
from gateway.uploads import check_key, is_json, read_json, read_upload
from gateway.views import EXAMPLE, PENDING_EXAMPLE, PageView, PredictionView, show, show_page
from nevus.domain import Caller, Frozen, Status

router = APIRouter(prefix="/v1/predictions", tags=["predictions"])
RecordId = Annotated[str, Path(pattern="^[a-z2-7]{26}$", examples=[EXAMPLE["id"]])]
CaseId = Annotated[str | None, Query(pattern="^[A-Za-z0-9_-]{1,64}$")]
DIAGNOSIS = {"label": "melanoma", "malignant": True}
PENDING_ANSWER = {
    "description": "Stored, not assessed yet: look again at `Location`",
    "model": PredictionView,
    "content": {"application/json": {"example": PENDING_EXAMPLE}},
}
REFUSALS = (
    "forbidden", "cross-site-request", "upload-timeout", "erased", "photo-too-large", "photo-too-many-pixels",
    "photo-unsupported", "photo-animated", "invalid-request", "photo-missing", "photo-unreadable", "photo-too-small",
    "idempotency-key-reused", "upload-missing", "busy", "too-many-requests",
)  # fmt: skip


class DiagnosisIn(Frozen):
    """What a clinician has found."""

    label: str = Field(min_length=1, max_length=60, examples=["melanoma"])
    malignant: bool


class Direct(APIRoute):
    """Serves `create_prediction` without solving its signature, which is for the document and took 0.4 ms a photo."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What the framework calls; its problems and hooks are as everywhere."""

        async def handle(request: Request) -> Response:
            caller = await any_caller(request, None, None)
            return await create_prediction(request, caller, request.headers.get("idempotency-key"))

        return handle


async def create_prediction(
    request: Request, caller: AnyCaller, idempotency_key: Annotated[str | None, Header()] = None
) -> Response:
    """Assess a photo, sent here as a form or before by a direct upload, which JSON then names.

    The same Idempotency-Key and body give the same answer; another body is refused. An `upload_id` is such a key too.
    """
    services: Services = request.app.state.services
    key, deadline = check_key(idempotency_key), deadline_of(request)
    size = MAX_BODY if is_json(request) else size_of(request)  # JSON names a photo of any size
    async with services.intake.place(quarantine.digest_of(caller), size, deadline) as place:
        if is_json(request):
            order = await order_of_upload(request, caller, key, deadline)
            place.received(MAX_BODY)
            record = await predict_upload(services, order)
        else:
            upload = await read_upload(request, timeout=deadline.left(services.settings.upload_timeout))
            place.received(len(upload.image))
            order = Order(caller, upload.image, upload.context, upload.consent, key, deadline=deadline)
            record = await predict(services, order)
        if record.result:
            place.assessed()
    pending = record.status is Status.PENDING
    headers = {"Location": f"/v1/predictions/{record.id}"} | deadline.headers
    headers |= come_again(drain.seconds_left(services)) if pending else {}
    return Response(show(record).model_dump_json(), 202 if pending else 201, headers, "application/json")


router.add_api_route(
    "",
    create_prediction,
    methods=["POST"],
    status_code=201,
    response_model=PredictionView,
    openapi_extra=UPLOAD_EXTRA,
    responses=answers(*REFUSALS, example=EXAMPLE, status=201) | {202: PENDING_ANSWER},
    route_class_override=Direct,
)


async def order_of_upload(request: Request, caller: Caller, key: str | None, deadline: Deadline) -> Order:
    """From JSON."""
    services: Services = request.app.state.services
    said = await read_json(request, timeout=deadline.left(services.settings.upload_timeout))
    return Order(caller, b"", said.context, said.consent, key, said.upload_id, deadline)


@router.get(
    "",
    response_model=PageView,
    responses=answers("forbidden", "invalid-request", example={"items": [EXAMPLE], "next": "MjAyNjAxMzE"}),
)
async def list_predictions(
    request: Request,
    caller: AnyCaller,
    case_id: CaseId = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    order: Literal["time", "review"] = "time",
) -> PageView:
    """Newest first: one's own, for clinicians and admins everyone's.

    Clinicians and admins may ask for `order=review`: what the model was unsure of or contradicted on comes first.
    """
    listed = lookup.review if order == "review" else lookup.page
    return show_page(await listed(request.app.state.services, caller, case_id, cursor, limit))


@router.get("/{record_id}", response_model=PredictionView, responses=answers("not-found", "erased", example=EXAMPLE))
async def get_prediction(request: Request, caller: AnyCaller, record_id: RecordId) -> PredictionView:
    """One prediction."""
    return show(await lookup.find(request.app.state.services, caller, record_id))


@router.get("/{record_id}/photo", response_class=Response, responses=image_answer("not-found", "erased"))
async def get_photo(request: Request, caller: AnyCaller, record_id: RecordId) -> Response:
    """The clean photo, without any metadata."""
    services: Services = request.app.state.services
    record = await lookup.find(services, caller, record_id)
    tag = f'"{record.photo.sha256}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    return Response(await lookup.photo(services, record), media_type="image/jpeg", headers=headers)


@router.get(
    "/{record_id}/heatmap", response_class=Response, responses=image_answer("not-found", "no-heatmap", "erased")
)
async def get_heatmap(request: Request, caller: AnyCaller, record_id: RecordId) -> Response:
    """The photo under the model's evidence, drawn on request."""
    services: Services = request.app.state.services
    record = await lookup.find(services, caller, record_id)
    if not record.cam:
        raise Problem("no-heatmap", "It was not assessed.")
    drawn = await asyncio.to_thread(heatmap.draw, await lookup.photo(services, record), record)
    return Response(drawn, media_type="image/jpeg")


@router.put(
    "/{record_id}/diagnosis",
    response_model=PredictionView,
    responses=answers("forbidden", "not-found", "erased", "precondition-failed", *SMALL_BODY, example=EXAMPLE),
    openapi_extra={"requestBody": {"content": {"application/json": {"example": DIAGNOSIS}}}},
)
async def put_diagnosis(
    request: Request, caller: ClinicianCaller, record_id: RecordId, found: DiagnosisIn
) -> PredictionView:
    """A clinician's confirmed diagnosis."""
    services: Services = request.app.state.services
    return show(await lookup.diagnose(services, caller, record_id, found.label, found.malignant))


@router.delete(
    "/{record_id}", status_code=204, response_class=Response, responses=answers("forbidden", "not-found", "erased")
)
async def delete_prediction(request: Request, caller: AnyCaller, record_id: RecordId) -> Response:
    """Remove photo, heat map and record for good."""
    await lookup.erase(request.app.state.services, caller, record_id)
    return Response(status_code=204)
