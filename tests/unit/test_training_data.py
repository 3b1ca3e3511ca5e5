"""The manifest, its splits, augmentation, the painting over of lesions, and weight files that are none."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.photos import draw_lesion

from nevus.domain import Modality
from nevus.imaging import crop_box, to_input
from training_job.augment import augment
from training_job.batches import outside_cells
from training_job.data import (
    ManifestError,
    Row,
    read_manifest,
    refuse_empty_splits,
    sampling_weights,
    shared_groups,
    split_by_group,
)
from training_job.shortcuts import fill
from training_job.torch_weights import WeightsError, read_state_dict


def rows(n: int = 300) -> list[Row]:
    return [
        Row(f"{i}.jpg", Path(f"{i}.jpg"), i % 5 == 0, source="ab"[i % 3 == 0], group_id=f"g{i // 2}") for i in range(n)
    ]


def test_a_lesion_never_stands_in_two_splits() -> None:
    split = split_by_group(rows())
    assert shared_groups(split) == 0
    assert {row.split for row in split} == {"train", "val", "test"}


def test_sampling_is_balanced_by_source_and_class() -> None:
    given = rows()
    weights = sampling_weights(given, {})
    for source in "ab":
        for malignant in (0, 1):
            cell = [row.source == source and row.malignant == malignant for row in given]
            assert weights[np.array(cell)].sum() == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file\n1.jpg\n", "lacks the column malignant"),
        ("file,malignant\n1.jpg,2\n", "line 2"),
        ("file,malignant\n,1\n", "line 2"),
        ("file,malignant,modality\n1.jpg,1,x-ray\n", "unknown modality"),
        ("file,malignant,split\n1.jpg,1,valid\n", "unknown split 'valid'"),
        ("file,malignant,age\n1.jpg,1,old\n", "line 2: `age`"),
        ("file,malignant,fitzpatrick\n1.jpg,1,IV\n", "line 2"),
        ("file,malignant\n\udce9.jpg,1\n", "UTF-8"),
        (f"file,malignant\n{'a' * 200_000},1\n", "CSV"),
        ("file,malignant\n", "no rows"),
    ],
)
def test_a_bad_manifest_is_refused_with_its_reason(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(ManifestError, match=told):
        read_manifest(str(path), tmp_path)


def test_a_column_that_means_nothing_here_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("file,malignant,path,leak_of\n1.jpg,1,elsewhere.jpg,x\n")
    (row,) = read_manifest(str(tmp_path / "manifest.csv"), tmp_path)
    assert row.path == tmp_path / "1.jpg"


@pytest.mark.parametrize(
    ("without", "told"),
    [
        (lambda row: row.split == "train" and row.malignant, "train lacks"),
        (lambda row: row.split == "val" and row.source == "a" and not row.malignant, "val lacks"),
        (lambda row: row.split == "test", "test has no photos"),
    ],
)
def test_photos_that_cannot_make_a_version_are_refused_before_training(
    without: Callable[[Row], bool], told: str
) -> None:
    given = split_by_group(rows())
    refuse_empty_splits(given, ("b",))
    with pytest.raises(ManifestError, match=told):
        refuse_empty_splits([row for row in given if not without(row)], ("b",))


def test_an_unstated_modality_stays_unstated(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text("file,malignant,modality\n1.jpg,0,\n2.jpg,1,clinical\n")
    assert [row.context.modality for row in read_manifest(str(path), tmp_path)] == [None, Modality.CLINICAL]


def test_real_splits_share_no_lesion(real_manifest: Path, tmp_path: Path) -> None:
    found = read_manifest(str(real_manifest), tmp_path)
    assert shared_groups(found) == 0
    assert not [row for row in found if row.split == "held"]


def test_augmentation_is_seeded_and_moves_the_mask_with_the_photo() -> None:
    photo = Image.new("RGB", (300, 200), "white")
    mask = Image.new("L", (300, 200), 0)
    for image, colour in ((photo, "black"), (mask, 255)):
        image.paste(colour, (100, 60, 200, 140))
    for seed in range(20):
        one, two = (augment(photo, mask, np.random.default_rng(seed), 96) for _ in range(2))
        assert one.mask is not None
        assert (one.pixels == two.pixels).all()
        dark = one.pixels.mean(axis=2)
        if one.lesion and 0 < (one.mask > 0).sum() < one.mask.size:
            assert dark[one.mask > 0].mean() < dark[one.mask == 0].mean()


def test_a_lesion_painted_over_tells_nothing() -> None:
    rng = np.random.default_rng(3)
    photo = Image.fromarray(np.clip(rng.normal((214, 170, 148), 4, (200, 200, 3)), 0, 255).astype(np.uint8))
    mask = Image.new("L", (200, 200), 0)
    photo.paste((60, 30, 20), (80, 80, 120, 120))
    mask.paste(255, (80, 80, 120, 120))
    views = [augment(photo, mask, np.random.default_rng(seed), 96) for seed in range(120)]
    hidden = [view for view in views if not view.lesion]
    assert 1 <= len(hidden) <= 15
    for view in hidden:
        assert view.mask is not None
        inside, around = (np.median(view.pixels[found], axis=0) for found in (view.mask > 127, view.mask <= 127))
        assert np.abs(inside - around).max() < 40


def test_cells_outside_the_lesion_do_not_touch_it() -> None:
    mask = np.zeros((224, 224), np.uint8)
    mask[100:120, 100:120] = 255
    cells = outside_cells(mask, 7)
    assert cells.shape == (7, 7)
    assert cells.sum() == 49 - 9


def test_painting_over_leaves_the_surroundings_and_no_trace() -> None:
    pixels = np.asarray(draw_lesion((120, 90), 1)).copy()
    hidden = np.zeros((90, 120), bool)
    hidden[10:80, 15:105] = True
    filled = fill(pixels, hidden)
    assert (filled[~hidden] == pixels[~hidden]).all()
    assert abs(filled[hidden].mean(axis=0) - pixels[~hidden].mean(axis=0)).max() < 25


def test_the_model_sees_a_centred_four_by_three_part() -> None:
    assert crop_box(600, 450) == (0, 0, 600, 450)
    assert crop_box(1000, 300) == (300, 0, 700, 300)
    assert crop_box(300, 1000) == (0, 300, 300, 700)
    assert to_input(Image.new("RGB", (1000, 300)), 96).shape == (96, 96, 3)


def test_a_weight_file_cannot_run_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return print, ("code has run",)

    path = tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(WeightsError, match="refused to load"):
        read_state_dict(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsError):
        read_state_dict(path)
