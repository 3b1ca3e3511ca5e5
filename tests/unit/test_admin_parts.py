"""What the admin's pages tell, worked out without a browser: minutes, quantiles, concerns, two manifests, charts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.fakes import world
from tests.unit.test_charts import texts

from gateway import comparing, health, pictures
from gateway.languages import languages, speaking
from gateway.metrics import Metrics
from gateway.minutes import KEPT, SECONDS, Minutes, quantile, together
from gateway.overview import overview
from nevus.charts import CLASSES, LIGHT
from nevus.domain import CurvePoint, Role, RunState
from nevus.ports import Unavailable
from nevus.registry import Channel, Manifest

STATIC = Path(pictures.__file__).parent / "static"


def test_minutes_are_kept_for_an_hour() -> None:
    now = [600.0]
    minutes = Minutes(lambda: now[0])
    for _ in range(3):
        minutes.count(200, 0.03, assessed=True)
    minutes.count(503, 0.001, assessed=True)
    now[0] += 60
    minutes.count(200, 9.0, assessed=False)
    shown = minutes.shown()
    assert len(shown) == KEPT
    assert [(each.answers, each.errors, sum(each.times)) for each in shown[-2:]] == [(4, 1, 3), (1, 0, 0)]
    now[0] += 60 * KEPT
    assert sum(each.answers for each in minutes.shown()) == 0
    assert together(()) == [0] * (len(SECONDS) + 1)


def test_a_quantile_lies_between_its_bounds() -> None:
    counts = [0] * (len(SECONDS) + 1)
    assert quantile(counts, 0.5) is None
    counts[3] = 100  # 20 to 40 ms
    assert quantile(counts, 0.5) == pytest.approx(0.03)
    counts[-1] = 900
    assert quantile(counts, 0.99) == SECONDS[-1]


def test_health_is_read_from_the_processs_own_metrics() -> None:
    metrics = Metrics()
    for _ in range(20):
        metrics.answered("POST", "/v1/predictions", 201, 0.03)
    metrics.answered("POST", "/v1/predictions", 413, 0.001)
    metrics.answered("GET", "/", 500, 0.1)
    hour, (busiest, home) = health.last_hour(metrics), health.routes(metrics)
    assert (hour.answers, hour.errors, hour.photos) == (22, 1, 20)
    assert hour.times[0] == pytest.approx(0.03)
    assert (busiest.path, busiest.answers, busiest.refused, busiest.errors) == ("/v1/predictions", 21, 1, 0)
    assert busiest.times[1] is not None
    assert busiest.times[1] < 0.04
    assert (home.path, home.errors) == ("/", 1)
    assert health.queue(metrics) == health.Queue(0, 0, 0, 0)


async def test_concerns_are_told_and_a_part_that_is_down_hides_nothing(tmp_path: Path, models_dir: Path) -> None:
    async with world(tmp_path, models_dir) as made:
        assert (await overview(made.services)).concerns == ()
        made.classifier.is_ready = False
        made.services.metrics.audit_broken.set(1)

        class Down:
            async def counts(self) -> dict[str, int]:
                raise Unavailable("down")

        seen = await overview(dataclasses.replace(made.services, records=Down()))  # type: ignore[arg-type]
        assert seen.concerns == ("inference", "records", "audit")
        assert seen.champion is not None


async def manifest(models_dir: Path, tmp_path: Path) -> Manifest:
    async with world(tmp_path, models_dir) as made:
        registry = made.services.registry
        return await registry.manifest(await registry.resolve(Channel.CHAMPION))


async def test_two_versions_side_by_side(models_dir: Path, tmp_path: Path) -> None:
    first = await manifest(models_dir, tmp_path)
    worse: dict[str, Any] = {
        **first.metrics["overall"],
        "auroc": {"value": 0.5, "interval": [0.4, 0.6]},
        "ece": {"value": 0.0},
    }
    second = first.model_copy(update={"metrics": {"overall": worse}})
    found = {pair.name: pair for pair in comparing.pairs(first, second)}
    assert found["auroc"].better is False
    assert found["ece"].better is True
    assert (found["accuracy"].difference, found["accuracy"].better) == (0, None)
    assert comparing.same_photos(first, second)
    old = first.model_copy(update={"metrics": {}})
    assert all(pair.difference is None for pair in comparing.pairs(first, old))
    assert pictures.subgroups(old, "sex", "auroc") is None


def test_a_group_of_few_photos_has_no_figure() -> None:
    block = {"n": 60, "malignant": 20, "auroc": {"value": 0.9, "interval": [0.8, 1.0]}}
    assert comparing.of_group(block, "auroc") == comparing.Figure(0.9, 0.8, 1.0)
    for malignant in (19, 41):
        assert comparing.of_group(block | {"malignant": malignant}, "auroc") == comparing.Figure()


async def test_charts_speak_the_language_of_the_request(models_dir: Path, tmp_path: Path) -> None:
    known = await manifest(models_dir, tmp_path)
    with speaking(languages()["es"]):
        chart = pictures.subgroups(known, "source", "auroc")
        assert chart is not None
        assert any("0," in text and " a " in text for text in texts(chart))
        drawn = pictures.run_curves({"loss": [CurvePoint(step=1, value=0.5)], "auroc_x": []}, 10)
        (title,) = [ElementTree.fromstring(each).findtext("title") for each in drawn]  # noqa: S314  # our own
        assert title is not None
        assert "Pérdida" in title
        assert "0,500" in title


def test_every_series_has_its_colour_on_the_pages() -> None:
    sheet = (STATIC / "admin.css").read_text()
    for number in range(pictures.SHOWN):
        assert f".stroke-{number} " in sheet
        assert f".fill-{number} " in sheet
    assert len(LIGHT) >= pictures.SHOWN
    assert CLASSES.count("stroke:") == len(LIGHT)


async def test_a_run_that_is_active_is_gone_to(tmp_path: Path, models_dir: Path) -> None:
    async with world(tmp_path, models_dir) as made, made.client(Role.ADMIN, "ada") as client:
        first = await client.post("/admin/training")
        again = await client.post("/admin/training")
        assert first.status_code == again.status_code == 303
        assert first.headers["location"] == again.headers["location"]
        run = (await made.runs.page(limit=1)).items[0]
        assert run.state is RunState.QUEUED
        shown = await client.get(first.headers["location"])
        assert "<noscript><meta http-equiv" in shown.text
