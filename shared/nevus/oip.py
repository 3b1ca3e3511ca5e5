"""The Open Inference Protocol v2 over HTTP: messages to bytes and back, at both ends, without any I/O.

A body is a JSON object; with the binary tensor extension the raw bytes of its tensors follow it, and the
`Inference-Header-Content-Length` header says where the JSON ends.
Specification: kserve/open-inference-protocol `inference_rest.md`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from numpy.typing import NDArray

from nevus.oip_tensors import BYTES, DTYPES, MAX_RANK, MAX_SIZE, OipError, Tensor, from_list, from_raw, to_list, to_raw

HEADER_LENGTH = "Inference-Header-Content-Length"
Json = dict[str, Any]
_TO_JSON = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True)
class Wanted:
    """A requested output and whether its data is wanted as raw bytes."""

    name: str
    binary: bool


@dataclass(frozen=True)
class Request:
    """An inference request. Without `outputs` all are wanted, as `binary_default` says."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Wanted, ...] = ()
    binary_default: bool = False
    id: str | None = None


@dataclass(frozen=True)
class Response:
    """An inference response."""

    model_name: str
    model_version: str | None
    outputs: tuple[Tensor, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None


class Body(NamedTuple):
    """The bytes to send; `header_length` is that of the JSON part when raw tensors follow it."""

    data: bytes
    header_length: int | None

    def headers(self) -> dict[str, str]:
        """The HTTP headers that describe the body."""
        if self.header_length is None:
            return {"Content-Type": "application/json"}
        return {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(self.header_length)}


def encode_request(request: Request, *, binary: bool = True) -> Body:
    """The client's side; inputs go as raw bytes when `binary`, else within the JSON."""
    head: Json = {"parameters": {"binary_data_output": request.binary_default}}
    if request.id is not None:
        head["id"] = request.id
    if request.outputs:
        head["outputs"] = [{"name": w.name, "parameters": {"binary_data": w.binary}} for w in request.outputs]
    return _encode(head, "inputs", request.inputs, lambda _: binary)


def decode_request(body: bytes, header_length: str | None = None) -> Request:
    """The server's side; raises OipError."""
    head, raw = _split(body, header_length)
    binary_default = _flag(_parameters(head), "binary_data_output", default=False)
    inputs = _tensors(head, "inputs", raw)
    outputs = tuple(_wanted(item, binary_default) for item in _objects(head.get("outputs", []), "outputs"))
    return Request(inputs, outputs, binary_default, _text(head, "id"))


def encode_response(response: Response, request: Request) -> Body:
    """The server's side: the wanted outputs in the wanted form; raises OipError on one that there is not."""
    have = {tensor.name: tensor for tensor in response.outputs}
    wanted = {w.name: w.binary for w in request.outputs} or dict.fromkeys(have, request.binary_default)
    unknown = wanted.keys() - have.keys()
    if unknown:
        raise OipError(f"no output named {', '.join(sorted(unknown))[:200]}")
    head: Json = {"model_name": response.model_name, "model_version": response.model_version}
    head |= {"id": request.id} if request.id is not None else {}
    head |= {"parameters": dict(response.parameters)} if response.parameters else {}
    return _encode(head, "outputs", [have[name] for name in wanted], lambda tensor: wanted[tensor.name])


def decode_response(body: bytes, header_length: str | None = None) -> Response:
    """The client's side; raises OipError."""
    head, raw = _split(body, header_length)
    name = _text(head, "model_name")
    if name is None:
        raise OipError("model_name is missing")
    version, identifier = _text(head, "model_version"), _text(head, "id")
    return Response(name, version, _tensors(head, "outputs", raw), _parameters(head), identifier)


def _encode(head: Json, key: str, tensors: Iterable[Tensor], binary: Callable[[Tensor], bool]) -> Body:
    raw: list[bytes] = []
    head[key] = []
    for tensor in tensors:
        item: Json = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.array.shape)}
        if binary(tensor):
            raw.append(to_raw(tensor))
            item["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            item["data"] = to_list(tensor)
        head[key].append(item)
    text = _TO_JSON(head).encode()
    return Body(b"".join([text, *raw]), len(text) if raw else None)


def _split(body: bytes, header_length: str | None) -> tuple[Json, memoryview]:
    """The JSON object and the raw bytes behind it."""
    length = len(body)
    if header_length is not None:
        if not (header_length.isascii() and header_length.isdigit() and len(header_length) < 12):
            raise OipError(f"{HEADER_LENGTH} is not a number")
        length = int(header_length)
    if not 0 < length <= len(body):
        raise OipError(f"{HEADER_LENGTH} does not lie within the body" if header_length else "empty body")
    try:
        head = json.loads(body[:length])
    except (ValueError, RecursionError) as error:
        raise OipError("not JSON") from error
    if not isinstance(head, dict):
        raise OipError("not a JSON object")
    return head, memoryview(body)[length:]


def _tensors(head: Json, key: str, raw: memoryview) -> tuple[Tensor, ...]:
    """Every tensor under `key`; together they use all of `raw`."""
    tensors = []
    for item in _objects(head.get(key), key):
        size = _parameters(item).get("binary_data_size")
        if size is None:
            tensors.append(_tensor(item, item.get("data"), from_list))
            continue
        if type(size) is not int or not 0 <= size <= len(raw):
            raise OipError("binary_data_size does not lie within the body")
        tensors.append(_tensor(item, raw[:size], from_raw))
        raw = raw[size:]
    if raw:
        raise OipError(f"{len(raw)} bytes behind the last tensor")
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise OipError(f"two {key} of one name")
    return tuple(tensors)


def _tensor(item: Json, data: Any, read: Callable[[Any, str, list[int]], NDArray[Any]]) -> Tensor:
    name, datatype, shape = _text(item, "name"), item.get("datatype"), item.get("shape")
    if name is None or not isinstance(datatype, str) or datatype not in {BYTES, *DTYPES}:
        raise OipError("a tensor needs a name and a datatype of the protocol")
    if not isinstance(shape, list) or len(shape) > MAX_RANK or not all(map(_is_size, shape)):
        raise OipError("the shape of a tensor is not a list of sizes")
    return Tensor(name, datatype, read(data, datatype, shape))


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < MAX_SIZE


def _wanted(item: Json, binary_default: bool) -> Wanted:
    name = _text(item, "name")
    if name is None:
        raise OipError("a requested output needs a name")
    return Wanted(name, _flag(_parameters(item), "binary_data", default=binary_default))


def _objects(value: Any, key: str) -> list[Json]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise OipError(f"{key} is not a list of objects")
    return value


def _parameters(item: Json) -> Json:
    value = item.get("parameters", {})
    if not isinstance(value, dict):
        raise OipError("parameters is not an object")
    return value


def _flag(parameters: Json, key: str, *, default: bool) -> bool:
    value = parameters.get(key, default)
    if not isinstance(value, bool):
        raise OipError(f"{key} is not a boolean")
    return value


def _text(item: Json, key: str) -> str | None:
    value = item.get(key)
    if value is not None and not isinstance(value, str):
        raise OipError(f"{key} is not a string")
    return value
