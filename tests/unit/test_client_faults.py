"""The client where the service is busy, away, late or not itself, over real connections."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from tests.inference_process import free_port
from tests.scripted import Answer, Asked, Scripted, as_json, in_turn, scripted

from gateway.problems import MEDIA_TYPE
from gateway.views import EXAMPLE, PENDING_EXAMPLE
from nevus_client import Busy, Nevus, Refused, Unexpected, Unreachable
from nevus_client.answers import Status

DONE, PENDING = as_json(EXAMPLE, 201), as_json(PENDING_EXAMPLE, 202, Retry_After="0", Location="/")
KEY = "nvs_a-key-that-is-never-shown"


def problem(status: int, kind: str, **headers: str) -> Answer:
    told = as_json({"type": f"/problems/{kind}", "title": "No", "detail": "Why", "request_id": "b7"}, status, **headers)
    return Answer(told.status, told.body, told.headers | {"Content-Type": MEDIA_TYPE})


@contextmanager
def served(*answers: Answer | None, patience: float = 20.0) -> Iterator[tuple[Nevus, Scripted]]:
    with scripted(in_turn(*answers)) as server, Nevus(server.url, KEY, patience=patience, timeout=5) as nevus:
        yield nevus, server


def keys(server: Scripted) -> set[str]:
    return {each.headers["idempotency-key"] for each in server.asked}


@pytest.mark.parametrize(
    "busy", [problem(503, "busy", Retry_After="1"), problem(429, "too-many-requests", Retry_After="1")]
)
def test_busy_is_asked_again_after_the_time_that_it_says_with_the_same_key(busy: Answer) -> None:
    with served(busy, DONE) as (nevus, server):
        began = time.monotonic()
        assert nevus.predict(b"photo").id == EXAMPLE["id"]
    assert 1.0 <= time.monotonic() - began < 3.0
    assert len(server.asked) == 2
    assert len(keys(server)) == 1


def test_the_time_may_be_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    with served(problem(503, "busy", Retry_After=soon), DONE) as (nevus, server):
        assert nevus.predict(b"photo").id == EXAMPLE["id"]
    assert len(server.asked) == 2


def test_a_time_beyond_patience_is_not_waited_for() -> None:
    with served(problem(503, "busy", Retry_After="30"), DONE) as (nevus, server), pytest.raises(Busy, match="No: Why"):
        nevus.predict(b"photo")
    assert len(server.asked) == 1


@pytest.mark.parametrize("lost", [None, Answer(502), Answer(503), Answer(504)])
def test_what_was_lost_is_sent_again_as_it_was(lost: Answer | None) -> None:
    with served(lost, lost, DONE) as (nevus, server):
        assert nevus.predict(b"photo", age=54, consent_training=True).id == EXAMPLE["id"]
    assert len(keys(server)) == 1
    assert all(b"photo" in each.body and b"54" in each.body and b"true" in each.body for each in server.asked)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "unauthorized"), (415, "photo-unsupported"), (429, "too-many-uploads"), (500, "x")]
)
def test_what_will_not_change_is_not_asked_again(status: int, kind: str) -> None:
    with served(problem(status, kind)) as (nevus, server), pytest.raises(Refused) as caught:
        nevus.predict(b"photo")
    assert (caught.value.status, caught.value.type, caught.value.request_id) == (status, kind, "b7")
    assert len(server.asked) == 1


def test_pending_is_looked_at_until_it_is_assessed() -> None:
    with served(PENDING, as_json(PENDING_EXAMPLE), as_json(EXAMPLE)) as (nevus, server):
        assert nevus.predict(b"photo").status is Status.COMPLETE
    assert [each.method for each in server.asked] == ["POST", "GET", "GET"]
    assert server.asked[1].path == f"/v1/predictions/{EXAMPLE['id']}"


def test_pending_is_told_as_such_when_time_is_up() -> None:
    with served(PENDING) as (nevus, _):
        answer = nevus.predict(b"photo", wait=0)
    assert (answer.status, answer.result) == (Status.PENDING, None)
    assert "Not assessed" in answer.advice[0]


def test_nobody_there() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with Nevus(address, KEY, patience=0.5) as nevus, pytest.raises(Unreachable, match=f"{address} does not answer"):
        nevus.prediction("a")


def test_a_deletion_whose_answer_was_lost_is_done() -> None:
    with served(None, problem(410, "erased")) as (nevus, server):
        nevus.delete("a")
    assert len(server.asked) == 2
    with served(problem(410, "erased")) as (nevus, _), pytest.raises(Refused, match="No: Why"):
        nevus.delete("a")


def test_a_training_run_is_not_started_twice() -> None:
    with served(None, problem(409, "training-run-active")) as (nevus, server), pytest.raises(Unreachable):
        nevus.training.start()
    assert len(server.asked) == 1


def test_something_else_answers() -> None:
    with served(Answer(200, b"<p>Welcome</p>")) as (nevus, _), pytest.raises(Unexpected, match="not answer as Nevus"):
        nevus.prediction("a")
    with served(Answer(302, headers={"Location": "/x"})) as (nevus, _), pytest.raises(Refused, match="HTTP status 302"):
        nevus.prediction("a")


def test_fields_that_are_new_are_passed_over() -> None:
    with served(as_json(EXAMPLE | {"new": 1}, 201)) as (nevus, _):
        assert nevus.predict(b"photo").id == EXAMPLE["id"]


def test_pages_are_asked_for_as_they_are_needed() -> None:
    pages = [as_json({"items": [EXAMPLE, EXAMPLE], "next": "a b"}), as_json({"items": [EXAMPLE], "next": None})]
    with served(*pages) as (nevus, server):
        found = nevus.predictions(case_id="left", page_size=2)
        assert server.asked == []
        next(found)
        assert len(server.asked) == 1
        assert len(list(found)) == 2
    first, second = (each.path for each in server.asked)
    assert first == "/v1/predictions?order=time&limit=2&case_id=left"
    assert second == first + "&cursor=a+b"


def test_a_signed_url_is_sent_no_key_and_an_expired_one_is_replaced() -> None:
    uploads: list[Asked] = []

    def behave(asked: Asked) -> Answer | None:
        if asked.path == "/v1/uploads":
            grant = {"upload_id": "u", "url": f"http://{asked.headers['host']}/signed", "method": "PUT"}
            return as_json(grant | {"headers": {"X": "y"}, "expires_at": "2026-01-31T09:45:00Z", "max_bytes": 9}, 201)
        uploads.append(asked)
        return [problem(403, "upload-refused"), None, Answer(412)][len(uploads) - 1]

    with scripted(behave) as server, Nevus(server.url, KEY) as nevus:
        assert nevus.upload(b"\x89PNG") == "u"
    assert [each.body for each in server.asked if each.path == "/v1/uploads"] == [b'{"content_type":"image/png"}'] * 2
    assert all("authorization" not in each.headers and each.headers["x"] == "y" for each in uploads)
    assert len(uploads) == 3


@pytest.mark.parametrize("key", ["", "nvs_a\nb", "nvs_é"])
def test_a_key_that_cannot_be_one_is_refused_unseen(key: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII") as caught:
        Nevus("http://127.0.0.1", key)
    assert "nvs_" not in str(caught.value)
    assert KEY not in repr(Nevus("http://127.0.0.1", KEY))
    with pytest.raises(ValueError, match="must begin with http"):
        Nevus("127.0.0.1:8080", KEY)


@pytest.mark.parametrize("name", ["", "..", "."])
def test_an_id_that_is_none_asks_nothing(name: str) -> None:
    with served(DONE) as (nevus, server), pytest.raises(ValueError, match="an id is missing"):
        nevus.delete(name)
    assert server.asked == []
