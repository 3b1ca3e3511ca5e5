"""How long a caller waits, as it says so."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from tests.fakes import world
from tests.unit.test_predict import order

from gateway.deadline import NEVER, Deadline, deadline_of
from gateway.predict import predict
from gateway.problems import Problem
from nevus.domain import Measurement, ModelRef, Status
from nevus.ports import Late


def request(*prefer: str) -> Request:
    headers = [(b"prefer", each.encode("latin-1")) for each in prefer]
    return Request({"type": "http", "headers": headers, "method": "POST", "path": "/"})


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (("wait=10",), 10),
        (('respond-async, Wait = "7"; foo=1',), 7),
        (("return=minimal", "wait=3"), 3),
        (("wait=5, wait=9",), 5),
        (("wait=601",), None),
        (("wait=0",), None),
        (("wait",), None),
        (("wait=-1",), None),
        ((), None),
    ],
)
def test_the_first_wait_counts(prefer: tuple[str, ...], seconds: int | None) -> None:
    found = deadline_of(request(*prefer))
    assert found.wait == seconds
    if seconds is None:
        assert found is NEVER
        assert found.headers == {}
    else:
        assert seconds - 1 < found.left() <= seconds
        assert found.headers == {"Preference-Applied": f"wait={seconds}"}


@settings(max_examples=30)
@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_whatever_a_header_says_it_is_read(prefer: str) -> None:
    assert deadline_of(request(prefer)).left() >= 0


async def test_a_photo_whose_caller_is_gone_is_not_kept(tmp_path: Path, models_dir: Path) -> None:
    async with world(tmp_path, models_dir) as nevus:
        with pytest.raises(Problem, match="busy"):
            await predict(nevus.services, dataclasses.replace(order(), deadline=Deadline(time.monotonic() - 1, 1)))
        assert not nevus.classifier.calls
        assert await nevus.photos.list("") == []


async def test_inference_gets_what_is_left_and_the_photo_is_pending_when_it_is_over(
    tmp_path: Path, models_dir: Path
) -> None:
    told: list[float] = []

    async def late(photo: bytes, *, timeout: float, by: ModelRef | None = None) -> Measurement:
        told.append(timeout)
        raise Late("late")

    async with world(tmp_path, models_dir) as nevus:
        nevus.classifier.measure = late  # type: ignore[method-assign]
        asked = dataclasses.replace(order(), deadline=Deadline(time.monotonic() + 2, 2))
        record = await predict(nevus.services, asked)
        assert record.status is Status.PENDING
        await predict(nevus.services, order())
    assert 1 < told[0] < 2
    assert told[1] == pytest.approx(5)


async def test_an_answer_repeats_what_it_was_given(tmp_path: Path, models_dir: Path) -> None:
    async with world(tmp_path, models_dir) as nevus, nevus.client() as client:
        photo = order().image
        told: Mapping[str, str] = (await send(client, photo, {"Prefer": "wait=9"})).headers
        assert told["preference-applied"] == "wait=9"
        assert "preference-applied" not in (await send(client, photo, {})).headers


async def send(client: httpx.AsyncClient, photo: bytes, headers: dict[str, str]) -> httpx.Response:
    answer = await client.post("/v1/predictions", files={"image": photo}, headers=headers)
    assert answer.status_code == 201
    return answer
