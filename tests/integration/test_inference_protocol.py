"""The stock Triton client and hostile callers against a real process."""

from __future__ import annotations

import io
import json
import os
import socket
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from PIL import Image
from tests.inference_process import InferenceProcess, inference
from tritonclient.utils import InferenceServerException

from inference.model import warm_up_photo
from nevus.imaging import decode, to_input
from nevus.oip import Request, encode_request
from nevus.oip_tensors import Tensor
from nevus.pointers import Pointer

INFER = "/v2/models/champion/infer"


@pytest.fixture(scope="module")
def server(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InferenceProcess]:
    with inference(models_dir, tmp_path_factory.mktemp("inference")) as process:
        process.wait_for("/v2/health/ready")
        yield process


@pytest.fixture(scope="module")
def pointer(models_dir: Path) -> Pointer:
    return Pointer.model_validate_json((models_dir / "channels" / "champion.json").read_bytes())


@pytest.fixture
def client(server: InferenceProcess) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        yield client


def photo_input(*, binary: bool) -> triton.InferInput:
    tensor = triton.InferInput("image", [1], "BYTES")
    photo = warm_up_photo() if binary else b64encode(warm_up_photo())
    tensor.set_data_from_numpy(np.array([photo], dtype=np.object_), binary_data=binary)
    return tensor


def pixel_input(*, binary: bool, dtype: Any) -> triton.InferInput:
    pixels = to_input(decode(warm_up_photo()))[np.newaxis].astype(dtype)
    tensor = triton.InferInput("pixels", list(pixels.shape), "FP32" if dtype is np.float32 else "UINT8")
    tensor.set_data_from_numpy(pixels, binary_data=binary)
    return tensor


def test_triton_client_learns_what_there_is(client: triton.InferenceServerClient, pointer: Pointer) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(pointer.name)
    assert client.is_model_ready(pointer.name, pointer.version)
    assert not client.is_model_ready(pointer.name, "other")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    found = client.get_model_metadata(pointer.name, pointer.version)
    assert (found["name"], found["versions"]) == (pointer.name, [pointer.version])
    assert [tensor["name"] for tensor in found["inputs"]] == ["image", "pixels"]


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_triton_client_gets_the_same_answer_in_every_form(
    client: triton.InferenceServerClient, pointer: Pointer, binary: bool
) -> None:
    metadata = client.get_model_metadata(pointer.name)
    outputs = [triton.InferRequestedOutput(t["name"], binary_data=binary) for t in metadata["outputs"]]
    inputs = [photo_input(binary=binary), *(pixel_input(binary=binary, dtype=d) for d in (np.float32, np.uint8))]
    results = [client.infer(pointer.name, [each], outputs=outputs, request_id="7") for each in inputs]
    for result in results:
        answer = result.get_response()
        assert (answer["id"], answer["model_version"]) == ("7", pointer.version)
        assert answer["parameters"] == {"manifest_sha256": pointer.manifest_sha256}
        for tensor in metadata["outputs"]:
            array = result.as_numpy(tensor["name"])
            assert list(array.shape) == tensor["shape"]
            assert np.array_equal(array, results[0].as_numpy(tensor["name"]), equal_nan=True)


def test_triton_client_takes_a_subset_or_all(client: triton.InferenceServerClient, pointer: Pointer) -> None:
    asked = [triton.InferRequestedOutput("cam"), triton.InferRequestedOutput("logit", binary_data=False)]
    result = client.infer(pointer.name, [photo_input(binary=True)], pointer.version, outputs=asked)
    assert [tensor["name"] for tensor in result.get_response()["outputs"]] == ["cam", "logit"]
    assert result.as_numpy("quality") is None
    assert len(client.infer(pointer.name, [photo_input(binary=True)]).get_response()["outputs"]) == 7


def test_triton_client_is_told_what_is_wrong(client: triton.InferenceServerClient, pointer: Pointer) -> None:
    with pytest.raises(InferenceServerException, match="no such model") as caught:
        client.infer("other", [photo_input(binary=True)])
    assert caught.value.status() == "404"
    with pytest.raises(InferenceServerException, match="no such output"):
        client.infer(pointer.name, [photo_input(binary=True)], outputs=[triton.InferRequestedOutput("other")])


def post(server: InferenceProcess, data: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.post(server.url + INFER, content=data, headers=headers, trust_env=False)


def post_photo(server: InferenceProcess, photo: bytes, **headers: str) -> httpx.Response:
    body = encode_request(Request((Tensor.of_bytes("image", photo),)))
    return post(server, body.data, body.headers() | headers)


def image(form: str, size: tuple[int, int] = (300, 200), mode: str = "RGB", **options: Any) -> bytes:
    data = io.BytesIO()
    Image.new(mode, size, 120).save(data, form, **options)
    return data.getvalue()


PNG = image("PNG")
HUGE = PNG[:16] + (60_000).to_bytes(4, "big") * 2 + PNG[24:]


@pytest.mark.parametrize(
    ("photo", "status"),
    [
        (b"", 422),
        (b"no photo", 422),
        (warm_up_photo()[:2000], 422),
        (PNG[:-30], 422),
        (HUGE, 422),
        (image("GIF"), 422),
        (image("TIFF"), 422),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 422),
        (PNG, 200),
        (image("WEBP"), 200),
        (image("JPEG", mode="CMYK"), 200),
        (image("JPEG", mode="L"), 200),
        (image("PNG", mode="I;16"), 200),
        (image("PNG", (1, 1)), 200),
        (image("PNG", (5000, 1)), 200),
        (image("JPEG", (1, 5000)), 200),
        (image("WEBP", save_all=True, append_images=[Image.new("RGB", (300, 200))]), 200),
    ],
    ids=range(17),
)
def test_a_photo_is_measured_or_refused(server: InferenceProcess, photo: bytes, status: int) -> None:
    answer = post_photo(server, photo)
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["error"]


def tensor(**changes: Any) -> bytes:
    return json.dumps(
        {"inputs": [{"name": "pixels", "datatype": "FP32", "shape": [1], "data": [1]} | changes]}
    ).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"inputs": []}',
        b'{"inputs": {"name": "image"}}',
        tensor(),
        tensor(name="other"),
        tensor(name="\ud800"),
        tensor(datatype="BF16"),
        tensor(shape=[1, 2, 3, 4]),
        tensor(shape=[2**31, 2**31, 2**31, 2**31]),
        tensor(shape=[1, 0, 2**30, 3], data=[]),
        tensor(name="image", datatype="BYTES", data=["not base64!"]),
        tensor(parameters={"binary_data_size": 99}),
        tensor(parameters={"shared_memory_region": "r"}, data=None),
        b"[" * 50_000,
        b'{"inputs": ' + b"1" * 50_000 + b"}",
    ],
    ids=range(18),
)
def test_what_is_no_request_is_refused(server: InferenceProcess, body: bytes) -> None:
    answer = post(server, body)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["error"]


@pytest.mark.parametrize("length", ["-1", "x", "99999", "0", "1e3", "٣", "9" * 5000])
def test_a_false_header_length_is_refused(server: InferenceProcess, length: str) -> None:
    headers = {b"Inference-Header-Content-Length": length.encode()}
    answer = httpx.post(server.url + INFER, content=tensor(), headers=headers, trust_env=False)
    assert answer.status_code == 400


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_compressed_body_is_refused(server: InferenceProcess, encoding: str) -> None:
    assert post(server, b"x", {"Content-Encoding": encoding}).status_code == 415


def test_a_body_over_the_limit_is_refused(server: InferenceProcess) -> None:
    assert post(server, bytes(26 * 1024 * 1024)).status_code == 413


def test_a_chunked_body_over_the_limit_is_refused(server: InferenceProcess) -> None:
    chunks = (bytes(1024 * 1024) for _ in range(26))
    assert httpx.post(server.url + INFER, content=chunks, trust_env=False).status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/", 404),
        ("GET", INFER, 405),
        ("POST", "/v2/models/%2e%2e/infer", 404),
        ("POST", "/v2/models/champion/versions/%00/infer", 404),
        ("GET", "/v2/models/" + "x" * 5000, 404),
    ],
)
def test_other_paths_and_methods(server: InferenceProcess, method: str, path: str, status: int) -> None:
    answer = httpx.request(method, server.url + path, trust_env=False)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_raw_noise_does_not_harm(server: InferenceProcess) -> None:
    for noise in (os.urandom(300), b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"GET /v2 HTTP/9.9\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(noise)
    assert server.status("/v2/health/ready") == 200


@pytest.mark.parametrize("timeout", ["", "-5", "1.5", "soon", "9" * 30])
def test_a_false_timeout_is_refused(server: InferenceProcess, timeout: str) -> None:
    assert post_photo(server, PNG, **{"Nevus-Timeout-Ms": timeout}).status_code == 400


def test_the_request_id_is_passed_on_and_logged(server: InferenceProcess) -> None:
    answer = post_photo(server, PNG, **{"X-Request-Id": "abc-1"})
    assert answer.headers["X-Request-Id"] == "abc-1"
    line = next(line for line in server.log() if line.get("request_id") == "abc-1")
    assert line["outcome"] == "ok"
    assert post_photo(server, PNG, **{"X-Request-Id": "no good"}).headers["X-Request-Id"] != "no good"


def test_metrics_tell_outcomes_and_time(server: InferenceProcess) -> None:
    before = server.metric("nevus_inference_seconds_count")
    post_photo(server, PNG)
    assert server.metric("nevus_inference_seconds_count") == before + 1
    assert server.metric('nevus_inference_requests_total{outcome="ok"}') > 0
    assert server.metric("nevus_inference_waiting") == 0
    assert server.metric("nevus_inference_ready") == 1


def test_nothing_was_answered_with_a_server_error(server: InferenceProcess) -> None:
    """Runs last in this module: the process has seen everything above."""
    assert server.metric('nevus_inference_requests_total{outcome="error"}') == 0
    assert not [line for line in server.log() if line["severity"] == "ERROR"]
    assert server.process.poll() is None
