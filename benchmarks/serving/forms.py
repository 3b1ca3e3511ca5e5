"""A photo as each kind of server takes it, and the logit in what it answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

from nevus.oip import HEADER_LENGTH, Request, decode_response, encode_request
from nevus.oip_tensors import Tensor

BOUNDARY = "nevus-bench-0f7c1a"
Headers = dict[str, str]


@dataclass(frozen=True)
class Form:
    """How a photo becomes headers and a body, and how an answer's headers and body tell the logit, if they do."""

    pack: Callable[[bytes], tuple[Headers, bytes]]
    logit: Callable[[Headers, bytes], float | None]


def multipart(photo: bytes) -> tuple[Headers, bytes]:
    """A form with one file, `image`."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
    body = f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()
    return {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, body


def in_base64(photo: bytes) -> tuple[Headers, bytes]:
    """The Open Inference Protocol with the photo in JSON, as MLServer takes bytes."""
    content = {"name": "image", "shape": [1, 1], "datatype": "BYTES", "parameters": {"content_type": "base64"}}
    body = json.dumps({"inputs": [content | {"data": [base64.b64encode(photo).decode()]}]})
    return {"Content-Type": "application/json"}, body.encode()


def binary(photo: bytes) -> tuple[Headers, bytes]:
    """The Open Inference Protocol with raw bytes, as the gateway asks."""
    packed = encode_request(Request((Tensor.of_bytes("image", photo),), binary_default=True))
    return packed.headers(), packed.data


def of_json(_: Headers, body: bytes) -> float | None:
    """`{"logit": …}`."""
    return float(json.loads(body)["logit"])


def of_protocol(headers: Headers, body: bytes) -> float | None:
    """An output tensor of that name."""
    found = decode_response(body, headers.get(HEADER_LENGTH.lower()))
    return next(float(tensor.array.item()) for tensor in found.outputs if tensor.name == "logit")


def of_prediction(_: Headers, body: bytes) -> float | None:
    """Not told: a record has the calibrated probability."""
    json.loads(body)["id"]
    return None


MULTIPART = Form(multipart, of_json)
UPLOAD = Form(multipart, of_prediction)
BASE64 = Form(in_base64, of_protocol)
BINARY = Form(binary, of_protocol)
