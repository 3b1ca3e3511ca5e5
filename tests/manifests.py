"""Manifests to show: an older one, and one with every part of the evidence, its figures made up."""

from __future__ import annotations

from typing import Any

from tests.conftest import ROOT

from nevus.registry import Manifest, parse_manifest

SOURCES = ("ham10000", "isic10k", "pad_ufes_20")
POINTS = ("sensitivity_95", "sensitivity_90")


def older() -> Manifest:
    """Of a version that shipped before evidence was part of it."""
    return parse_manifest((ROOT / "tests/older_manifest.json").read_bytes())


def figure(value: float, spread: float = 0.02) -> dict[str, Any]:
    return {"value": value, "interval": [round(value - spread, 4), round(min(1.0, value + spread), 4)]}


def group(n: int, malignant: int, value: float) -> dict[str, Any]:
    """Figures of a subgroup as `evaluate` writes them."""
    names = ("auroc", "sensitivity", "specificity", "accuracy", "sensitivity_of_being_seen", "share_routine_of_benign")
    return {"n": n, "malignant": malignant} | {name: figure(value) for name in names}


def curves(at: float) -> dict[str, Any]:
    steps = [i / 99 for i in range(100)]
    bins = [{"n": 100, "predicted": x, "observed": x**1.2, "interval": [x**1.5, x**0.9]} for x in steps[4::10]]
    return {"roc": [[round(x, 4), round(x ** (1 - at), 4)] for x in steps], "reliability": bins}


def confusion(sensitivity: float) -> dict[str, Any]:
    values = {"0.01": {"ppv": 0.036, "npv": 0.9986}, "0.05": {"ppv": 0.1622, "npv": 0.9929}}
    return {
        "n": 999, "tp": 180, "fn": 21, "fp": 168, "tn": 630,
        "sensitivity": figure(sensitivity), "specificity": figure(0.7895),
        "predictive_values": values | {"0.20": {"ppv": 0.5172, "npv": None}},
    }  # fmt: skip


def evidence() -> dict[str, Any]:
    """Every part, as large as a real one."""
    corrupted = {"auroc": figure(0.85), "rejected": 0.05, "sensitivity": figure(0.88), "specificity": figure(0.7)}
    drops = {"specificity_drop": figure(0.021), "sensitivity_drop": figure(-0.01), "auroc_drop": figure(0.006)}
    turns = ("flip_horizontal", "flip_vertical", "turn_90", "turn_180", "turn_270", "transpose", "transverse")
    return {
        "curves": {source: curves(0.8 + i / 20) for i, source in enumerate(SOURCES)},
        "operating_points": {
            point: {source: confusion(0.95 if point == POINTS[0] else 0.8955) for source in SOURCES} for point in POINTS
        },
        "targets": [
            {"measure": "sensitivity, melanoma", "target": 0.95, **figure(0.963), "n": 109, "met": True},
            {"measure": "sensitivity, basal cell carcinoma", "target": 0.9, **figure(0.89), "n": 102, "met": False},
            {"measure": "sensitivity, squamous cell carcinoma", "target": 0.95, **figure(1.0), "n": 7, "met": None},
            {"measure": "share of benign told routine", "target": None, **figure(0.6), "n": 798, "met": None},
        ],
        "overlays": {
            "n": 300, "malignant": 100, "benign": 200,
            "kinds": dict.fromkeys(("ruler", "ink", "hair", "vignette"), drops),
        },
        "corruptions": {
            "n": 300, "clean_auroc": figure(0.9312),
            "kinds": {
                kind: {severity: corrupted | {"auroc": figure(0.9 - i / 60 - int(severity) / 30)} for severity in "123"}
                for i, kind in enumerate(("blur", "noise", "jpeg", "brightness", "low_resolution"))
            },
        },
        "orientation": {"n": 300, "stable": figure(0.967, 0.015), "by": {turn: figure(0.98, 0.01) for turn in turns}},
        "leaks": {"shared_groups": 0, "alike_pairs": 3, "photos": 21380},
        "ood": {
            "ordinary": {"n": 186, "photos": 31, "auroc": figure(0.9931, 0.004), "caught": 0.9892},
            "skin_patches": {"n": 287, "auroc": figure(0.71, 0.03), "routine": 0.6661},
        },
        "quality_gate": {
            "good": {"n": 2123, "passed": 0.9958},
            **{kind: {"n": 300, "caught": 0.98} for kind in ("blurred", "dark", "glared", "empty")},
        },
        "hard": [
            {"index": i, "source": SOURCES[i % 3], "malignant": int(i <= 10), "probability": 0.0123 if i <= 10 else 0.9,
             "decision": "routine" if i <= 10 else "refer"}
            for i in range(1, 21)
        ],
        "seconds": 812.4,
    }  # fmt: skip


def measured() -> Manifest:
    """An older manifest with all that a report can show."""
    found = older()
    skin = {"ita_band": {"light": group(700, 150, 0.91), "brown": group(31, 9, 0.7)}}
    subgroups = found.metrics["subgroups"] | skin | {"fst_estimate": {"II": group(400, 120, 0.9)}}
    training = {"seconds": 1740.2, "images": 153600, "images_per_second": 88.27, "cpu_seconds": 3391.0}
    recipe = {"backbone": "efficientnet_lite0", "steps": 4800, "rate": 0.0003, "mixup": False, "sides": [192, 224]}
    return found.model_copy(
        update={
            "metrics": found.metrics | {"evidence": evidence(), "training": training, "subgroups": subgroups},
            "data": found.data | {"recipe": recipe},
        }
    )
