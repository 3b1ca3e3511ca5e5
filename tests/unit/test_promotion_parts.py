"""The promotion policy, lineage, and what each kind of bar asks, without a model."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from tests.photos import draw_lesion
from tests.verdicts import verdict

from nevus.adapters.files import FileStore
from nevus.domain import ModelRef
from nevus.registry import Registry, RegistryError
from training_job import lineage
from training_job.data import Row
from training_job.evaluate import Answered, as_answers
from training_job.promotion.bars import differences
from training_job.promotion.limits import Pair, at_least, at_most, learned_from, log_slope
from training_job.promotion.policy import SHIPPED, Limit, Margin, Policy, read_policy


@pytest.fixture(scope="module")
def policy() -> Policy:
    return read_policy()[0]


def test_a_policy_with_an_unknown_or_missing_key_is_refused(tmp_path: Path) -> None:
    shipped, ref = read_policy()
    given = yaml.safe_load(SHIPPED.read_bytes())
    assert (ref.version, shipped.bars.differences.auroc.overall) == (given["version"], 0.02)
    assert shipped.bars.differences.sensitivity.overall == 0.03
    spoils: tuple[object, ...] = (
        given | {"extra": 1},
        given | {"bars": given["bars"] | {"latency": 15}},
        {"version": "1"},
        [],
        "x",
    )
    for spoiled in spoils:
        (tmp_path / "policy.yaml").write_text(yaml.safe_dump(spoiled))
        with pytest.raises(ValueError, match=r"policy\.yaml: "):
            read_policy(tmp_path / "policy.yaml")
    (tmp_path / "policy.yaml").write_text("a: [")
    with pytest.raises(ValueError, match="not YAML"):
        read_policy(tmp_path / "policy.yaml")


def test_a_small_group_has_a_wider_margin() -> None:
    margin = Margin(overall=0.02, allowance=0.8)
    assert margin.of_group(100) == pytest.approx(0.1)
    with pytest.raises(TypeError):
        Margin(overall=0.02, allowance=None).of_group(100)


@pytest.mark.parametrize(
    ("ours", "theirs", "passed"),
    [
        (0.04, 0.01, True),
        (0.06, 0.01, False),
        (0.06, 0.05, False),
        (0.07, 0.051, True),
        (0.09, 0.051, False),
        (None, 0.0, False),
    ],
)
def test_a_limit_holds_unless_the_champion_is_beyond_it_too(ours: float | None, theirs: float, passed: bool) -> None:
    figure = None if ours is None else {"value": ours, "interval": [0.0, 1.0]}
    bar, pair = Limit(limit=0.05, slack=0.02), Pair(figure, {"value": theirs})
    assert at_most("x", pair, bar).passed is passed
    if ours is not None:
        mirrored = Pair({"value": -ours, "interval": None}, {"value": -theirs})
        assert at_least("x", mirrored, Limit(limit=-0.05, slack=0.02)).passed is passed


def answered(n: int, *, noise: float, seed: int, chance: str = "") -> list[Answered]:
    """Answers to n photos, half of them malignant; those of one site at chance."""
    rng, own = np.random.default_rng(0), np.random.default_rng(seed)
    found = []
    for number in range(n):
        site = ("arm", "back", "leg")[number // 2 % 3]
        logit = (number % 2 - 0.5) * 3 * (site != chance) + rng.normal() + noise * own.normal()
        row = Row(f"{number}.jpg", Path("x"), number % 2, group_id=f"g{number}", site=site, modality="clinical")
        p = 1 / (1 + np.exp(-logit))
        found.append(Answered(row, p, {"sensitivity_90": 0.4}, "refer" if p >= 0.4 else "routine", 1.0))
    return found


def failing(policy: Policy, ours: list[Answered], theirs: list[Answered]) -> list[str]:
    return [bar.name for bar in differences(policy, ours, theirs) if not bar.passed]


def test_differences_are_asked_overall_and_of_each_group_with_evidence(policy: Policy) -> None:
    champion = answered(600, noise=0, seed=1)
    assert not failing(policy, answered(600, noise=0.1, seed=2), champion)
    assert failing(policy, answered(600, noise=0, seed=1, chance="leg"), champion)
    names = [bar.name for bar in differences(policy, champion, champion)]
    assert "auroc, site leg" in names
    assert not any("modality" in name for name in names)  # all photos have the same
    few = answered(90, noise=0, seed=1)  # 15 malignant photos of each site
    assert not any("site" in bar.name for bar in differences(policy, few, few))
    assert failing(policy, few[:30], few[:30]) == ["evidence, all photos"]


def test_a_small_group_at_chance_is_refused(policy: Policy) -> None:
    """20 malignant and 20 benign photos among 600 are enough."""
    rows = answered(600, noise=0, seed=1)
    theirs = [replace(each, row=replace(each.row, site="nose" if i < 40 else "")) for i, each in enumerate(rows)]
    order = np.random.default_rng(4).permutation(40)
    ours = [
        replace(each, probability=theirs[order[i]].probability) if i < 40 else each for i, each in enumerate(theirs)
    ]
    assert "auroc, site nose" in failing(policy, ours, theirs)


def photos(folder: Path, seeds: range, split: str) -> list[Row]:
    rows = []
    for seed in seeds:
        draw_lesion((120, 90), seed).save(folder / f"{seed}.jpg")
        rows.append(Row(f"{seed}.jpg", folder / f"{seed}.jpg", seed % 2, group_id=f"g{seed}", split=split))
    return rows


def test_lineage_tells_lesions_bytes_and_looks_that_were_learned_from(tmp_path: Path, policy: Policy) -> None:
    train, test = photos(tmp_path, range(8), "train"), photos(tmp_path, range(20, 28), "test")
    known = lineage.of([*train, *test])
    assert lineage.read(known.pack()).pack() == known.pack() == lineage.of([*train, *test]).pack()
    assert b".jpg" not in known.pack()
    assert b"unnamed/g1" not in known.pack()
    assert lineage.shared(known, test) == lineage.Shared(0, 0, 0)
    renamed = [replace(row, group_id="other") for row in train]
    assert lineage.shared(known, renamed) == lineage.Shared(0, 8, 8)
    with Image.open(train[0].path) as photo:
        photo.resize((96, 72)).save(tmp_path / "anew.jpg", quality=80)
    anew = replace(train[0], path=tmp_path / "anew.jpg", group_id="other")
    assert lineage.shared(known, [anew]).photos == 0
    assert lineage.shared(known, [replace(test[0], group_id="g1")]).lesions == 1
    bars = list(learned_from(policy, lineage.shared(known, train), False, 8))
    assert [bar.passed for bar in bars] == [False] * 4
    assert [bar.name for bar in learned_from(policy, None, False, 8)] == ["lineage"]
    for spoiled in (b"", b"PK", known.pack()[:100]):
        with pytest.raises(RegistryError):
            lineage.read(spoiled)


def test_what_a_parent_has_learned_from_is_inherited(tmp_path: Path) -> None:
    first, second = photos(tmp_path, range(4), "train"), photos(tmp_path, range(4, 8), "val")
    both = lineage.of(second, lineage.of(first))
    assert lineage.shared(both, [*first, *second]) == lineage.Shared(8, 8, 8)
    assert both.complete
    assert not lineage.of(second, lineage.of(first, complete=False)).complete


def test_a_pair_has_one_verdict(tmp_path: Path) -> None:
    registry = Registry(FileStore(tmp_path))
    a, b = (ModelRef(name="m", version=name, sha256=64 * name) for name in "ab")
    assert asyncio.run(registry.verdict(a, b)) is None
    made = asyncio.run(registry.record_verdict(verdict(a, b, passed=False)))
    assert asyncio.run(registry.record_verdict(verdict(a, b))) == made
    assert asyncio.run(registry.verdicts(b)) == (made,)
    assert asyncio.run(registry.verdicts(a)) == ()


def test_a_slope_that_is_not_positive_is_as_bad_as_can_be() -> None:
    rows = answered(200, noise=0, seed=1)
    turned = [replace(each, row=replace(each.row, malignant=1 - each.row.malignant)) for each in rows]
    assert log_slope(as_answers(turned)) == 99.0
    assert log_slope(as_answers(rows)) < 1.2
