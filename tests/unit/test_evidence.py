"""The evidence's arithmetic, and the pictures that it makes from photos."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.photos import draw_lesion

from nevus.quality import measure_quality
from training_job.data import Row
from training_job.evaluate import Answered, as_answers
from training_job.evidence import corruptions, curves, drawing, gate, hard, leaks, operating, targets
from training_job.evidence.altering import enough, sample, seeded
from training_job.evidence.figures import drop, share, specificity, wilson
from training_job.evidence.ordinary import crops, photographs
from training_job.evidence.unfamiliar import free_corner, ood_auroc

PHOTO = draw_lesion((300, 225), 1)


def told(number: int, *, malignant: int = 0, probability: float = 0.1, decision: str = "routine") -> Answered:
    row = Row(file=f"{number}.jpg", path=Path(f"{number}.jpg"), malignant=malignant, source="a", group_id=f"g{number}")
    return Answered(row, probability, {"sensitivity_90": 0.5, "sensitivity_95": 0.3}, decision, ood=1.0)


def mixed() -> list[Answered]:
    """40 photos: half malignant, three of four on the right side of 0.5."""
    rows = [told(i, malignant=i % 2, probability=0.4 + 0.2 * ((i % 2) ^ (i % 8 < 2))) for i in range(40)]
    return [replace(each, decision="refer" if each.probability > 0.5 else "routine") for each in rows]


def test_a_share_without_a_miss_is_not_certain() -> None:
    low, high = wilson(1.0, 7)
    assert low == pytest.approx(0.6457, abs=1e-3)
    assert high == 1.0
    assert wilson(float("nan"), 0) == [None, None]


def test_photos_of_one_lesion_count_once_for_the_interval() -> None:
    hits = np.array([True, True, False, False] * 5)
    alone, together = share(hits, np.arange(20).astype(str)), share(hits, np.repeat(np.arange(5), 4).astype(str))
    assert alone["value"] == together["value"] == 0.5
    assert together["interval"][1] - together["interval"][0] > alone["interval"][1] - alone["interval"][0]


def test_a_drop_is_paired() -> None:
    before = as_answers(mixed())
    worse = replace(before, probabilities=np.where(before.labels == 0, 0.9, before.probabilities))
    found = drop(before, worse, specificity)
    assert found["value"] == pytest.approx(0.75)
    assert found["interval"][0] > 0.5
    assert drop(before, before, specificity) == {"value": 0.0, "interval": [0.0, 0.0]}


def test_the_roc_curve_runs_from_corner_to_corner_and_counts_ties_as_one_step() -> None:
    labels, scores = np.array([0, 1, 0, 1]), np.array([0.1, 0.9, 0.5, 0.5])
    assert curves.roc(labels, scores) == [[0.0, 0.0], [0.0, 0.5], [0.5, 1.0], [1.0, 1.0]]
    many = np.random.default_rng(0).random(5000)
    points = curves.roc((many > 0.5).astype(int), many)
    assert len(points) <= 100
    assert (points[0], points[-1]) == ([0.0, 0.0], [1.0, 1.0])


def test_curves_are_drawn_where_both_classes_are() -> None:
    found = curves.measure(mixed())
    assert [each["n"] for each in found["a"]["reliability"]] == [10] * 4
    assert curves.measure([told(i) for i in range(30)]) == {}


def test_confusion_at_both_points_and_what_it_is_worth() -> None:
    found = operating.measure(mixed())
    at = found["sensitivity_90"]["a"]
    assert (at["tp"], at["fn"], at["fp"], at["tn"]) == (15, 5, 5, 15)
    assert at["predictive_values"]["0.20"]["npv"] == pytest.approx(0.6 / 0.65, abs=1e-4)
    assert found["sensitivity_95"]["a"]["specificity"]["value"] == 0.0
    assert operating.measure([told(1)])["sensitivity_90"]["a"]["predictive_values"] == {}


def test_the_table_of_targets_takes_diagnoses_and_leaves_too_few_open() -> None:
    def cancer(number: int, label: str, decision: str) -> Answered:
        each = told(number, malignant=1, decision=decision)
        return replace(each, row=replace(each.row, diagnosis=label))

    melanomas = [cancer(i, "mel", "routine" if i == 0 else "refer") for i in range(40)]
    rest = [cancer(50, "SCC", "refer"), cancer(51, "mel", "rejected"), told(52)]
    found = {row["measure"]: row for row in targets.measure([*melanomas, *rest])}
    melanoma = found["sensitivity, melanoma"]
    assert (melanoma["n"], melanoma["value"], melanoma["met"]) == (40, 0.975, True)
    assert found["sensitivity, squamous cell carcinoma"]["met"] is None
    assert "sensitivity, basal cell carcinoma" not in found
    assert found["sensitivity, all that is malignant"]["n"] == 41


def test_hard_examples_lead_to_no_photo() -> None:
    found = hard.measure(mixed(), most=4)
    assert [each["malignant"] for each in found] == [1, 1, 0, 0]
    assert [each["index"] for each in found] == [1, 2, 3, 4]
    assert set(found[0]) == {"index", "source", "malignant", "probability", "decision"}


def test_a_sample_is_the_same_in_any_order_and_has_both_classes() -> None:
    answered = [told(i, malignant=int(i < 12)) for i in range(200)]
    chosen = sample(answered, 24)
    assert chosen == sample(answered[::-1], 24)
    assert sum(each.row.malignant for each in chosen) == 12
    assert enough(chosen)
    assert not enough(sample(answered, 10))


@pytest.mark.parametrize("kind", drawing.KINDS)
def test_overlays_are_drawn_alike_for_one_photo_and_unlike_for_two(kind: str) -> None:
    draw = drawing.KINDS[kind]
    first, again = (np.asarray(draw(PHOTO, seeded(told(1).row, kind)), int) for _ in range(2))
    other = np.asarray(draw(PHOTO, seeded(told(2).row, kind)), int)
    changed = np.abs(first - np.asarray(PHOTO, int)).max(axis=-1) > 12
    assert first.shape == (225, 300, 3)
    assert (first == again).all()
    assert (first != other).any()
    assert 0.004 < changed.mean() < (0.9 if kind == "vignette" else 0.4)


def test_corruptions_are_worse_with_severity() -> None:
    for kind, (corrupt, levels) in corruptions.KINDS.items():
        pixels = [np.asarray(corrupt(PHOTO, level, np.random.default_rng(0)), float) for level in levels]
        away = [np.abs(each - np.asarray(PHOTO, float)).mean() for each in pixels]
        assert 0 < away[0] < away[1] < away[2], kind


def test_what_the_gate_is_shown_is_spoilt() -> None:
    rng = np.random.default_rng(0)
    good = measure_quality(np.asarray(PHOTO))
    found = {name: measure_quality(np.asarray(spoil(PHOTO, rng))) for name, spoil in gate.KINDS.items()}
    assert found["blurred"].sharpness < good.sharpness / 4
    assert found["dark"].brightness < 0.1
    assert found["glared"].glare > 0.15
    assert found["empty"].contrast < 0.02


def saved(folder: Path, name: str, photo: Image.Image, split: str) -> Row:
    photo.save(folder / name, quality=70)
    return Row(file=name, path=folder / name, malignant=0, group_id=name, split=split)


def test_a_picture_in_other_bytes_in_another_split_is_a_leak(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)

    def photo() -> Image.Image:
        coarse = Image.fromarray(rng.integers(0, 255, (9, 12, 3), np.uint8))
        return coarse.resize((240, 180), Image.Resampling.BICUBIC)

    first = photo()
    rows = [saved(tmp_path, f"{i}.jpg", photo(), "train") for i in range(12)]
    rows += [saved(tmp_path, f"v{i}.jpg", photo(), "test") for i in range(6)]
    assert leaks.measure(rows) == {"shared_groups": 0, "alike_pairs": 0, "photos": 18}
    one = saved(tmp_path, "a.jpg", first, "train")
    two = saved(tmp_path, "b.png", first.resize((200, 200)), "test")
    assert leaks.measure([*rows, one, two])["alike_pairs"] == 1
    assert leaks.measure([*rows, one, replace(two, leak=True)])["alike_pairs"] == 0
    assert leaks.apart([*rows, one, two]) == [*rows, two]
    assert leaks.measure(rows[:12]) == {}


def test_ordinary_photographs_come_with_a_package_in_six_parts_each() -> None:
    rows = photographs()
    assert len(rows) >= 15
    with Image.open(rows[0].path) as photo:
        parts = dict(crops(photo.convert("RGB")))
    assert len(parts) == 6
    assert parts["se"].size == (round(photo.width * 2 / 3), round(photo.height * 2 / 3))


def test_strangers_are_told_apart_by_their_score() -> None:
    familiar = [replace(told(i), ood=1 + i / 100) for i in range(30)]
    strangers = [replace(told(i), ood=2.0) for i in range(5)]
    assert ood_auroc(familiar, strangers)["value"] == 1.0
    assert ood_auroc(familiar, familiar)["value"] == 0.5


def test_a_square_beside_the_lesion_holds_nothing_of_it() -> None:
    lesion = np.zeros((90, 120), bool)
    lesion[20:80, 0:60] = True
    left, top = free_corner(lesion, 50) or (0, 0)
    assert not lesion[top : top + 50, left : left + 50].any()
    assert free_corner(np.ones((90, 120), bool), 20) is None


def test_jpeg_stays_a_photo_when_its_bytes_are_gone() -> None:
    found = corruptions.jpeg(PHOTO, 15, np.random.default_rng(0))
    assert found.size == PHOTO.size
    found.save(io.BytesIO(), "PNG")
