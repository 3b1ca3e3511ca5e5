"""Reading what is asked about a photo, as a form or as JSON, in memory: nothing of it is written to a disk."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from pydantic import Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from gateway.bodies import limited, read_body, too_slow
from gateway.consent import UNTOLD, check_version
from gateway.photo_size import MAX_BODY, MAX_FIELDS, check_size, too_large
from gateway.problem_handlers import invalid_request
from gateway.problems import Problem
from nevus.domain import Consent, Context

OTHER_FIELDS = frozenset({"consent_training", "consent_version", "idempotency_key"})
SANE_KEY = re.compile(r"[\x21-\x7e]{1,128}")


class UploadedPhoto(Context):
    """The JSON of a prediction: the facts, and which upload they are about."""

    upload_id: str = Field(max_length=64)
    consent_training: bool = False
    consent_version: str = UNTOLD

    @property
    def context(self) -> Context:
        """What was said of the photo."""
        said = self.model_dump(exclude={"upload_id", "consent_training", "consent_version"})
        return Context.model_validate(said)

    @property
    def consent(self) -> Consent:
        """To which text, and whether to training; raises Problem `invalid-request`."""
        return Consent(version=check_version(self.consent_version), training=self.consent_training)


class MemoryParser(MultiPartParser):
    """Keeps files in memory; they are smaller than the limit of the body."""

    spool_max_size = MAX_BODY


@dataclass(frozen=True)
class Upload:
    """A photo and the text fields beside it; an empty field counts as not sent."""

    image: bytes
    fields: dict[str, str]

    @property
    def context(self) -> Context:
        """What was said of the photo; raises Problem `invalid-request`, for a misspelled field too.

        A field that is passed over in silence could be the one that rules the photo out.
        """
        try:
            return Context.model_validate({name: v for name, v in self.fields.items() if name not in OTHER_FIELDS})
        except ValidationError as error:
            raise invalid_request(list(error.errors(include_url=False, include_input=False))) from None

    @property
    def consent(self) -> Consent:
        """To the text of `consent_version`, and to training only if that is said; raises Problem `invalid-request`."""
        said = self.fields.get("consent_training", "false").lower()
        if said not in {"true", "false", "1", "0"}:
            raise Problem("invalid-request", "consent_training: say true or false")
        version = check_version(self.fields.get("consent_version", UNTOLD))
        return Consent(version=version, training=said in {"true", "1"})


async def read_upload(request: Request, *, timeout: float) -> Upload:
    """Read the form; raises Problem: `photo-missing`, `photo-too-large`, `invalid-request`, `upload-timeout`."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Problem("photo-missing", "Send multipart/form-data with the photo in the field `image`, or JSON.")
    body = limited(request, MAX_BODY, too_large())
    try:
        async with asyncio.timeout(timeout):
            form = await MemoryParser(request.headers, body, max_files=1, max_fields=20).parse()
            try:
                return await from_form(form)
            finally:
                await form.close()
    except TimeoutError:
        raise too_slow() from None
    except (MultiPartException, ClientDisconnect) as error:
        raise Problem("invalid-request", "The form is damaged or incomplete.") from error


async def read_json(request: Request, *, timeout: float) -> UploadedPhoto:
    """Read the JSON; raises Problem: `invalid-request`, `upload-timeout`."""
    body = await read_body(request, MAX_FIELDS, Problem("invalid-request", "At most 64 KB of JSON."), timeout=timeout)
    try:
        return UploadedPhoto.model_validate_json(body)
    except ValidationError as error:
        raise invalid_request(list(error.errors(include_url=False, include_input=False))) from None


def is_json(request: Request) -> bool:
    """Whether the body is said to be JSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


async def from_form(form: FormData) -> Upload:
    """The photo and its fields; raises Problem `photo-missing`, `photo-unreadable`, `photo-too-large`."""
    image = form.get("image")
    if not isinstance(image, UploadFile):
        raise Problem("photo-missing", "Send the photo as a file in the field `image`.")
    fields = {name: value for name, value in form.items() if isinstance(value, str) and value.strip()}
    return Upload(check_size(await image.read()), fields)


def check_key(key: str | None) -> str | None:
    """An Idempotency-Key as it may be; raises Problem `invalid-request`."""
    if key is not None and not SANE_KEY.fullmatch(key):
        raise Problem("invalid-request", "Idempotency-Key: 1 to 128 visible ASCII characters")
    return key
