"""A release on a stand-in for gcloud that fails at every call in turn: the traffic always ends where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from deploy.cloud import smoke as smoking
from deploy.cloud.definitions import Images
from deploy.cloud.parts import Access, Place
from deploy.cloud.release import RESTORE_TRIES, Pace, Release
from deploy.cloud.runner import CommandFailed, Runner
from tests.conftest import ROOT
from tests.gcloud import Gcloud, stand_in

DIGEST = "@sha256:" + "0" * 64
IMAGES = Images(*(f"europe-west4-docker.pkg.dev/my-project/nevus/{name}{DIGEST}" for name in ("g", "i", "t")))
SERVICES = ("nevus-inference", "nevus-gateway")


@dataclass
class Site:
    """What the gateway's addresses answer; `broken` addresses begin with one of these."""

    url: str
    asked: list[str] = field(default_factory=list)
    broken: tuple[str, ...] = ()


class Answers(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        self.site.asked.append(self.path)
        body: object = {"status": "ready", "paths": {"/v1/predictions": {}}}
        status = 401 if self.path.endswith("/v1/predictions") else 200
        if any(self.path.startswith(path) for path in self.site.broken):
            status, body = 503, {}
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[Site]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    Answers.site = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Answers.site
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def gcloud(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> Gcloud:
    """Two services that have been released before, the gateway's traffic in two parts."""
    made = stand_in(tmp_path)
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(smoking, "TRIES", 1)
    made.put(
        services=before(site),
        jobs={"nevus-training": "name: nevus-training old", "nevus-score": "name: nevus-score old"},
    )
    made.put(url=site.url)
    return made


def before(site: Site) -> dict[str, object]:
    parts = {"nevus-inference": {"i-1": 100}, "nevus-gateway": {"g-1": 90, "g-0": 10}, "nevus-reconciler": {"r-1": 100}}
    return {
        name: {"url": site.url, "traffic": [{"revisionName": r, "percent": p} for r, p in shares.items()]}
        for name, shares in parts.items()
    }


def release(gcloud: Gcloud, access: Access = "public") -> bool:
    place = Place("my-project", "europe-west4", access, number="123456789")
    return Release(Runner(place, lambda _: None, gcloud.start), IMAGES, "b2", Pace(watch=0, again=0)).run()


def shares(gcloud: Gcloud, service: str) -> dict[str, int]:
    return {t["revisionName"]: t["percent"] for t in gcloud.state["services"][service]["traffic"] if t.get("percent")}


def assert_all_as_before(gcloud: Gcloud) -> None:
    assert shares(gcloud, "nevus-inference") == {"i-1": 100}
    assert shares(gcloud, "nevus-gateway") == {"g-1": 90, "g-0": 10}
    assert all(text.endswith("old") for text in gcloud.state["jobs"].values())


def test_a_release_ends_with_all_traffic_on_the_new_revisions(gcloud: Gcloud, site: Site) -> None:
    assert release(gcloud)
    for service in SERVICES:
        assert shares(gcloud, service) == {f"{service}-b2": 100}
    assert all(DIGEST in text for text in gcloud.state["jobs"].values())
    assert site.asked[0] == "/candidate/readyz"


def test_traffic_moves_in_steps_and_inference_goes_first(gcloud: Gcloud) -> None:
    release(gcloud)
    moves = [(call[3], call[-1]) for call in gcloud.calls if call[2] == "update-traffic"]
    parts = [next(w for w in call if w.startswith("--to-")) for call in gcloud.calls if call[2] == "update-traffic"]
    assert [move[0] for move in moves] == ["nevus-inference"] * 3 + ["nevus-gateway"] * 3
    assert parts[:3] == [
        "--to-revisions=nevus-inference-b2=10,i-1=90",
        "--to-revisions=nevus-inference-b2=50,i-1=50",
        "--to-revisions=nevus-inference-b2=100",
    ]
    replaced = [call for call in gcloud.calls if call[2] == "replace"]
    assert gcloud.calls.index(replaced[1]) < gcloud.calls.index(
        next(c for c in gcloud.calls if c[2] == "update-traffic")
    )


def count_calls(gcloud: Gcloud) -> int:
    assert release(gcloud)
    return len(gcloud.calls)


def test_whichever_call_fails_the_traffic_ends_where_it_was(gcloud: Gcloud, site: Site) -> None:
    number = count_calls(gcloud)
    assert number > 20
    start = gcloud.state | {"services": before(site)}
    start["jobs"] = {"nevus-training": "name: nevus-training old", "nevus-score": "name: nevus-score old"}
    for failing in range(number):
        (gcloud.folder / "calls").unlink()
        gcloud.put(**(start | {"fail": [failing]}))
        assert not release(gcloud), failing
        assert_all_as_before(gcloud)


@pytest.mark.parametrize("broken", ["/candidate/readyz", "/candidate/openapi.json", "/readyz", "/v1/predictions"])
def test_a_smoke_test_that_fails_leaves_all_as_it_was(gcloud: Gcloud, site: Site, broken: str) -> None:
    site.broken = (broken,)
    assert not release(gcloud)
    assert_all_as_before(gcloud)


def test_a_candidate_that_fails_never_got_traffic(gcloud: Gcloud, site: Site) -> None:
    site.broken = ("/candidate",)
    assert not release(gcloud)
    moved = [call for call in gcloud.calls if call[2] == "update-traffic"]
    assert all("-b2=" not in word for call in moved for word in call)


def test_a_restoration_is_tried_again_and_its_failure_is_loud(gcloud: Gcloud, site: Site) -> None:
    site.broken = ("/candidate",)
    first_restoring = 2 + 2 + 1  # two looks, two definitions, one look for the candidate's address
    gcloud.put(fail=[first_restoring, first_restoring + 1])
    assert not release(gcloud)
    assert_all_as_before(gcloud)
    gcloud.put(
        fail=list(range(len(gcloud.calls) + first_restoring, len(gcloud.calls) + first_restoring + RESTORE_TRIES))
    )
    with pytest.raises(CommandFailed):
        release(gcloud)


def test_behind_iap_the_reconciler_is_released_too(gcloud: Gcloud, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoking, "_expect", lambda url, statuses: b"" if 302 in statuses else pytest.fail(url))
    assert release(gcloud, "iap")
    assert shares(gcloud, "nevus-reconciler") == {"nevus-reconciler-b2": 100}


def test_a_terminated_release_restores(gcloud: Gcloud, site: Site) -> None:
    words = ["--project=my-project", "--region=europe-west4", "--number=123456789", "--name=b2"]
    images = [f"--{name}={getattr(IMAGES, name)}" for name in ("gateway", "inference", "training")]
    command = [sys.executable, "-m", "deploy.cloud", "release", *words, *images]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        try:
            deadline = time.monotonic() + 30
            while shares(gcloud, "nevus-inference") == {"i-1": 100} and time.monotonic() < deadline:
                time.sleep(0.05)
            assert shares(gcloud, "nevus-inference") == {"nevus-inference-b2": 10, "i-1": 90}
            run.send_signal(signal.SIGTERM)
            assert run.wait(30)
        finally:
            run.kill()
    assert_all_as_before(gcloud)


def test_an_image_by_its_tag_is_refused() -> None:
    with pytest.raises(ValueError, match="digest"):
        Images("a/b:latest", IMAGES.inference, IMAGES.training)
