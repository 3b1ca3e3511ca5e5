"""A page tells of an error in plain words and in its language; a program is told the problem."""

from __future__ import annotations

from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI

from gateway import html_problems
from gateway.metrics import Metrics
from gateway.middleware import Telemetry
from gateway.problems import Problem
from gateway.speaking import Speaking

BROWSER = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "es-ES,es;q=0.9"}


def app() -> FastAPI:
    made = FastAPI(openapi_url=None)
    made.state.services = SimpleNamespace(metrics=Metrics())
    made.add_middleware(Telemetry)
    made.add_middleware(Speaking)
    html_problems.install(made)

    @made.get("/fault")
    async def fault() -> None:
        raise RuntimeError("not foreseen")

    @made.get("/{type}")
    async def problem(type: str) -> None:
        raise Problem(type, "told to programs")

    return made


async def get(path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app()), base_url="http://nevus.test") as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/fault", 500, "Algo ha fallado por nuestra parte"),
        ("/forbidden", 403, "No puedes hacer eso"),
        ("/photo-too-large", 413, "La foto es demasiado grande"),
        ("/busy", 503, "Ahora hay mucha gente"),
        ("/unavailable", 503, "que la vea un médico"),
        ("/headers-too-large", 431, "No ha funcionado"),
    ],
)
async def test_a_person_reads_it_in_plain_words(path: str, status: int, words: str) -> None:
    answer = await get(path, BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert '<html lang="es"' in answer.text
    assert words in answer.text
    assert ("not foreseen" in answer.text) is False


async def test_a_program_reads_the_problem() -> None:
    answer = await get("/fault")
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error")
    assert (await get("/busy")).json()["detail"] == "told to programs"
