"""Start, overload, departure and end of a real process."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path

import httpx
from tests.inference_process import InferenceProcess, inference, slow_photo

from inference.model import warm_up_photo
from nevus.adapters.files import FileStore
from nevus.oip import Body, Request, encode_request
from nevus.oip_tensors import Tensor
from nevus.registry import Channel, FileEntry, Registry, sha256

INFER = "/v2/models/champion/infer"


def body(photo: bytes) -> Body:
    return encode_request(Request((Tensor.of_bytes("image", photo),)))


SLOW = body(slow_photo())
QUICK = body(warm_up_photo())


@dataclass(frozen=True)
class Answer:
    """What came back, and after how many seconds."""

    status: int
    headers: Message
    body: bytes
    seconds: float


def post(server: InferenceProcess, sent: Body, **headers: str) -> Answer:
    """By the standard library, which takes the least time itself."""
    begun = time.monotonic()
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.request("POST", INFER, sent.data, sent.headers() | headers)
        answer = connection.getresponse()
        body = answer.read()
    return Answer(answer.status, answer.headers, body, time.monotonic() - begun)


def raw(sent: Body) -> bytes:
    headers = {"Host": "x", "Content-Length": len(sent.data)} | sent.headers()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {INFER} HTTP/1.1\r\n{lines}\r\n".encode() + sent.data


def in_hand(server: InferenceProcess, threads: ThreadPoolExecutor, count: int) -> list[Future[Answer]]:
    """Slow photos that keep the one worker busy for a while."""
    futures = [threads.submit(post, server, SLOW) for _ in range(count)]
    time.sleep(0.2)
    assert not all(future.done() for future in futures)
    return futures


def test_ready_within_a_second_and_lean(models_dir: Path, tmp_path: Path) -> None:
    with inference(models_dir, tmp_path) as server:
        begun = time.monotonic()
        server.wait_for("/v2/health/ready")
        assert time.monotonic() - begun < 3, "1.0 s on a quiet machine"
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        assert resident * 1024 < 200e6
        (line,) = [line for line in server.log() if line["message"] == "ready"]
        assert line["sha256"] == json.loads((models_dir / "channels/champion.json").read_bytes())["manifest_sha256"]


def test_a_full_queue_says_so_at_once(models_dir: Path, tmp_path: Path) -> None:
    with inference(models_dir, tmp_path, WORKERS=1, QUEUE=4) as server, ThreadPoolExecutor(8) as threads:
        server.wait_for("/v2/health/ready")
        taken = in_hand(server, threads, 5)
        refused = [post(server, QUICK) for _ in range(5)]
        assert server.metric("nevus_inference_waiting") >= 1
        assert [answer.status for answer in refused] == [503] * 5
        assert max(answer.seconds for answer in refused) < 0.25
        assert refused[0].headers["Retry-After"] == "1"
        assert json.loads(refused[0].body) == {"error": "the queue is full"}
        assert [future.result().status for future in taken] == [200] * 5


def test_a_passed_deadline_and_a_caller_who_left_cost_nothing(models_dir: Path, tmp_path: Path) -> None:
    with inference(models_dir, tmp_path, WORKERS=1) as server, ThreadPoolExecutor(8) as threads:
        server.wait_for("/v2/health/ready")
        taken = in_hand(server, threads, 4)
        with socket.create_connection(("127.0.0.1", server.port)) as leaving:
            leaving.sendall(raw(QUICK))
            time.sleep(0.05)
        answer = post(server, QUICK, **{"Nevus-Timeout-Ms": "60"})
        assert (answer.status, json.loads(answer.body)) == (503, {"error": "the deadline has passed"})
        assert answer.seconds < 0.3
        assert server.metric('nevus_inference_requests_total{outcome="gone"}') == 1
        assert [future.result().status for future in taken] == [200] * 4
        assert server.metric("nevus_inference_seconds_count") == 4


def test_sigterm_finishes_what_is_in_flight(models_dir: Path, tmp_path: Path) -> None:
    with inference(models_dir, tmp_path, WORKERS=1) as server, ThreadPoolExecutor(8) as threads:
        server.wait_for("/v2/health/ready")
        with socket.create_connection(("127.0.0.1", server.port)) as idle:
            idle.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in idle.recv(1000)
            taken = in_hand(server, threads, 4)
            server.process.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            with suppress(OSError):
                assert post(server, QUICK).status == 503
            assert [future.result().status for future in taken] == [200] * 4
            assert server.process.wait(8) == 0
            assert time.monotonic() - begun < 8


def test_sigterm_does_not_wait_for_ever_for_a_slow_sender(models_dir: Path, tmp_path: Path) -> None:
    with inference(models_dir, tmp_path) as server:
        server.wait_for("/v2/health/ready")
        with socket.create_connection(("127.0.0.1", server.port)) as slow:
            slow.sendall(raw(QUICK)[:-100])
            time.sleep(0.1)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(8) == 0


def test_a_wrong_hash_is_refused_until_it_is_mended(models_dir: Path, tmp_path: Path) -> None:
    models = shutil.copytree(models_dir, tmp_path / "models")
    (model,) = models.glob("*/versions/*/model.tflite")
    good = model.read_bytes()
    model.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with inference(models, tmp_path, RELOAD_SECONDS=0.2) as server:
        server.wait_for("/v2/health/live")
        time.sleep(1)
        answer = httpx.get(server.url + "/v2/health/ready", trust_env=False)
        assert (answer.status_code, answer.json()) == (503, {"error": "no model version is loaded"})
        assert post(server, QUICK).status == 503
        assert "does not have the hash" in server.log()[-2]["message"] + server.log()[-1]["message"]
        model.write_bytes(good)
        server.wait_for("/v2/health/ready", seconds=5)
        assert post(server, QUICK).status == 200


async def publish_broken(models: Path) -> None:
    """A version whose hashes are right and whose model is none."""
    registry = Registry(FileStore(models))
    pointer, generation = await registry.pointer(Channel.CHAMPION)
    good = await registry.load(await registry.resolve(Channel.CHAMPION))
    files = {**good.files, "model.tflite": b"no model"}
    entries = {name: FileEntry(sha256=sha256(data), size=len(data)) for name, data in files.items()}
    manifest = good.manifest.model_copy(update={"version": "broken", "files": entries, "parent": pointer.version})
    await registry.point(Channel.CHAMPION, await registry.publish(manifest, files), if_generation=generation)


def test_a_version_that_does_not_run_is_not_served(models_dir: Path, tmp_path: Path) -> None:
    models = shutil.copytree(models_dir, tmp_path / "models")
    asyncio.run(publish_broken(models))
    with inference(models, tmp_path, RELOAD_SECONDS=0.2) as server:
        server.wait_for("/v2/health/live")
        time.sleep(1)
        assert server.status("/v2/health/ready") == 503
        assert any("broken does not load" in line["message"] for line in server.log())
        assert server.process.poll() is None


def test_no_registry_at_all(tmp_path: Path) -> None:
    with inference(tmp_path / "models", tmp_path) as server:
        server.wait_for("/v2/health/live")
        assert server.status("/v2/health/ready") == 503
        assert server.status("/v2/models/champion") == 503


def test_a_socket_is_for_its_owner_alone(models_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "inference.sock"
    with inference(models_dir, tmp_path, UDS=path) as server:
        transport = httpx.HTTPTransport(uds=str(path), retries=0)
        with httpx.Client(transport=transport, base_url="http://inference") as client:
            for _ in range(250):
                if path.exists() and client.get("/v2/health/ready").status_code == 200:
                    break
                time.sleep(0.02)
            assert client.get("/v2/health/ready").status_code == 200
        assert path.stat().st_mode & 0o777 == 0o600
        assert server.process.poll() is None


def test_a_false_setting_stops_the_start_and_is_named(models_dir: Path, tmp_path: Path) -> None:
    with inference(models_dir, tmp_path, QUEUE="many") as server:
        assert server.process.wait(10) == 2
        assert "QUEUE" in server.log_file.read_text()
