"""What the OpenAPI document says beside the types: problem answers, examples, the bodies of a prediction."""

from __future__ import annotations

from typing import Any

from gateway.consent import UNTOLD, VERSIONS
from gateway.problems import MEDIA_TYPE, TYPES

ABOUT: dict[str, Any] = {
    "title": "Nevus",
    "version": "1",  # of the API: another one may break what the one before promised, see deploy/contract
    "summary": "Skin-lesion triage. Not a medical device.",
    "license_info": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "servers": [{"url": "/", "description": "where this document comes from"}],
    "openapi_tags": [
        {"name": "predictions", "description": "Photos in, triage decisions out."},
        {"name": "uploads", "description": "Photos ahead of the question about them."},
        {"name": "models", "description": "The registry, and which version answers."},
        {"name": "training", "description": "Retraining, for admins."},
        {"name": "operations", "description": "For whoever runs the service."},
    ],
    "generate_unique_id_function": lambda route: route.name,  # what generated clients call it
}
OPEN_TO_ALL: dict[str, Any] = {"security": []}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
    },
}
EVERYWHERE = ("internal-error", "unavailable")
SMALL_BODY = ("body-too-large", "request-timeout")
TO_CALLERS = ("unauthorized", "invalid-request", "too-many-failures")

FACTS: dict[str, Any] = {
    "modality": {"type": "string", "enum": ["dermoscopic", "clinical"]},
    "age": {"type": "integer", "minimum": 0, "maximum": 120},
    "sex": {"type": "string", "enum": ["female", "male", "unknown"]},
    "site": {"type": "string", "maxLength": 60},
    "fitzpatrick": {"type": "integer", "minimum": 1, "maximum": 6},
    "case_id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    "consent_training": {"type": "boolean", "default": False},
    "consent_version": {
        "type": "string",
        "enum": list(VERSIONS),
        "default": UNTOLD,
        "description": "the consent text that was shown; `GET /consent/{edition}` has it",
    },
}
IMAGE = {
    "type": "string",
    "format": "binary",
    "description": "in a form: JPEG, PNG, WebP or HEIC; 20 MB, 50 megapixels",
}
UPLOAD = {"type": "string", "maxLength": 64, "description": "in JSON: the direct upload that the facts are about"}


def only(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """An object of this property, which must be there, and of the facts, and of no other."""
    properties = {name: schema} | FACTS
    return {"type": "object", "required": [name], "properties": properties, "additionalProperties": False}


UPLOAD_ID = "0d3cb2ce40j6hs2vq8s5m1n0tk"
UPLOAD_EXTRA: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": only("image", IMAGE), "example": {"modality": "clinical", "age": 54}},
            "application/json": {"schema": only("upload_id", UPLOAD), "example": {"upload_id": UPLOAD_ID, "age": 54}},
        },
    }
}


def answers(
    *types: str, example: Any = None, status: int = 200, public: bool = False
) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation: its example, and the problems that it may answer with."""
    found: dict[int | str, dict[str, Any]] = {}
    for name in dict.fromkeys((*types, *(() if public else TO_CALLERS), *EVERYWHERE)):
        code, title = TYPES[name]
        known = found.setdefault(code, {"description": title, "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}})
        if title not in known["description"]:
            known["description"] += "; " + title
        known["content"][MEDIA_TYPE].setdefault("examples", {})[name] = {"value": problem_example(name)}
    if example is not None:
        found[status] = {"description": "Done", "content": {"application/json": {"example": example}}}
    return found


def problem_example(name: str) -> dict[str, Any]:
    """A problem document of a type."""
    code, title = TYPES[name]
    return {"type": f"/problems/{name}", "title": title, "status": code, "request_id": "b7f0c2d4e6a81935"}


def image_answer(*types: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation that answers with a JPEG."""
    image = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}
    return answers(*types) | {200: {"description": "A JPEG image", "content": image}}
