from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from nevus.oip import (
    Request,
    Response,
    Wanted,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)
from nevus.oip_tensors import DTYPES, OipError, Tensor

names = st.text(max_size=8)


@st.composite
def numbers(draw: st.DrawFn) -> Tensor:
    datatype = draw(st.sampled_from(sorted(DTYPES)))
    shape = draw(npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    return Tensor(draw(names), datatype, draw(npst.arrays(DTYPES[datatype], shape)))


texts = st.builds(lambda name, parts: Tensor.of_bytes(name, *parts), names, st.lists(st.binary(), max_size=4))
tensor_lists = st.lists(numbers() | texts, max_size=4, unique_by=lambda tensor: tensor.name)


def assert_same(left: Tensor, right: Tensor, *, finite_only: bool) -> None:
    assert (left.name, left.datatype, left.array.shape) == (right.name, right.datatype, right.array.shape)
    if left.array.dtype.kind == "f" and finite_only:
        finite = np.isfinite(left.array)
        assert np.array_equal(left.array[finite], right.array[finite])
        assert np.isnan(right.array[~finite]).all()
    else:
        assert left.array.tobytes() == right.array.tobytes() or list(left.array.flat) == list(right.array.flat)


@given(tensor_lists, st.booleans(), st.none() | st.text())
def test_request_survives_the_way(tensors: list[Tensor], binary: bool, identifier: str | None) -> None:
    wanted = (Wanted("a", True), Wanted("b", False))
    body = encode_request(Request(tuple(tensors), wanted, binary, identifier), binary=binary)
    length = None if body.header_length is None else str(body.header_length)
    found = decode_request(body.data, length)
    assert (found.id, found.outputs, found.binary_default) == (identifier, wanted, binary)
    for sent, read in zip(tensors, found.inputs, strict=True):
        assert_same(sent, read, finite_only=not binary)


@given(tensor_lists, st.booleans())
def test_response_survives_the_way(tensors: list[Tensor], binary: bool) -> None:
    response = Response("m", "1", tuple(tensors), {"k": "v"})
    body = encode_response(response, Request((), binary_default=binary, id="7"))
    found = decode_response(body.data, None if body.header_length is None else str(body.header_length))
    assert (found.model_name, found.model_version, found.id, found.parameters) == ("m", "1", "7", {"k": "v"})
    for sent, read in zip(tensors, found.outputs, strict=True):
        assert_same(sent, read, finite_only=not binary)


def decodes_or_refuses(body: bytes, length: str | None) -> None:
    for decode in (decode_request, decode_response):
        with suppress(OipError):
            decode(body, length)


@given(st.binary(max_size=200), st.none() | st.text(max_size=20) | st.integers(-5, 300).map(str))
def test_any_bytes_are_read_or_refused(body: bytes, length: str | None) -> None:
    decodes_or_refuses(body, length)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
sizes = st.lists(st.integers(-1, 2**70) | st.integers(0, 3), max_size=10)
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4), max_leaves=8)
tensor_like = st.fixed_dictionaries(
    {"name": st.just("x") | scalars, "datatype": st.sampled_from([*DTYPES, "BYTES", "?"]) | scalars},
    optional={
        "shape": sizes | anything,
        "data": anything,
        "parameters": scalars | st.fixed_dictionaries({"binary_data_size": st.integers(-1, 40) | scalars}),
    },
)
message_like = st.fixed_dictionaries(
    {"inputs": st.lists(tensor_like, max_size=3) | scalars},
    optional={"outputs": st.lists(tensor_like) | anything, "id": scalars, "parameters": scalars, "model_name": scalars},
)


@given(message_like, st.binary(max_size=40))
def test_any_json_is_read_or_refused(message: dict[str, Any], raw: bytes) -> None:
    head = json.dumps(message).encode()
    decodes_or_refuses(head + raw, str(len(head)))


DEEP = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":' + b"[" * 990 + b"1" + b"]" * 990 + b"}]}"
BODIES = {"deep": b"[" * 100_000, "deep-data": DEEP, "long-number": b'{"inputs": ' + b"9" * 5000 + b"}"}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_bodies_made_to_break_parsers_are_refused(body: bytes) -> None:
    with pytest.raises(OipError):
        decode_request(body)


def test_bytes_in_json_are_base64() -> None:
    body = b'{"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"data":["/9j/"]}]}'
    assert decode_request(body).inputs[0].array.item() == b"\xff\xd8\xff"
    with pytest.raises(OipError, match="base64"):
        decode_request(body.replace(b"/9j/", b"no base64"))


def test_a_subset_of_outputs_in_mixed_form_and_in_the_order_asked_for() -> None:
    response = Response("m", None, tuple(Tensor(n, "FP32", np.array([i], "<f4")) for i, n in enumerate("abc")))
    body = encode_response(response, Request((), (Wanted("c", True), Wanted("a", False))))
    assert body.header_length is not None
    head = json.loads(body.data[: body.header_length])
    assert [output["name"] for output in head["outputs"]] == ["c", "a"]
    assert head["outputs"][1]["data"] == [0.0]
    assert body.data[body.header_length :] == np.float32(2).tobytes()
    with pytest.raises(OipError, match="no output named d"):
        encode_response(response, Request((), (Wanted("d", True),)))


def test_nan_is_null_in_json() -> None:
    response = Response("m", None, (Tensor("ita", "FP32", np.array([math.nan], "<f4")),))
    body = encode_response(response, Request(()))
    assert json.loads(body.data)["outputs"][0]["data"] == [None]
    assert math.isnan(decode_response(body.data).outputs[0].array.item())


def test_bytes_behind_the_last_tensor_are_refused() -> None:
    body = encode_request(Request((Tensor.of_bytes("image", b"x"),)))
    with pytest.raises(OipError, match="behind the last tensor"):
        decode_request(body.data + b"y", str(body.header_length))


def test_many_tiny_elements_are_refused_before_they_are_read() -> None:
    body = encode_request(Request((Tensor.of_bytes("image", *[b""] * 2000),)))
    with pytest.raises(OipError, match="BYTES elements"):
        decode_request(body.data, str(body.header_length))
