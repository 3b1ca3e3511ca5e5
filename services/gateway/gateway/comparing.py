"""Two versions side by side, from their manifests: figures with intervals, and differences. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.languages import mark
from nevus.outcomes import few
from nevus.registry import Manifest

MEASURES = {
    "auroc": mark("AUROC"),
    "sensitivity": mark("Sensitivity at the operating point"),
    "specificity": mark("Specificity at the operating point"),
    "specificity_at_95_sensitivity": mark("Specificity where sensitivity is 0.95"),
    "accuracy": mark("Accuracy"),
    "ece": mark("Calibration error (ECE)"),
    "brier": mark("Brier score"),
}
LESS_IS_BETTER = frozenset({"ece", "brier"})
COLUMNS = {
    "source": mark("Source of the photos"),
    "modality": mark("Kind of photo"),
    "sex": mark("Sex"),
    "age_band": mark("Age"),
    "site": mark("Body site"),
    "fitzpatrick": mark("Skin type, stated"),
    "ita_band": mark("Skin tone, from the photo"),
}


@dataclass(frozen=True)
class Figure:
    """A measure of one version with its 95 % interval; None where there was too little to measure."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Pair:
    """One measure of two versions."""

    name: str
    first: Figure
    second: Figure

    @property
    def difference(self) -> float | None:
        """Second less first."""
        if self.first.value is None or self.second.value is None:
            return None
        return self.second.value - self.first.value

    @property
    def better(self) -> bool | None:
        """Whether the second is; None where they are the same to three digits, or one is not known."""
        if self.difference is None or abs(self.difference) < 0.0005:
            return None
        return (self.difference < 0) == (self.name in LESS_IS_BETTER)


def figure(found: Mapping[str, Any], name: str) -> Figure:
    """Of one block of a manifest's metrics; manifests of every age are read."""
    measured = found.get(name)
    if not isinstance(measured, Mapping):
        return Figure()
    low, high = measured.get("interval") or (None, None)
    return Figure(measured.get("value"), low, high)


def of_group(block: Mapping[str, Any], name: str) -> Figure:
    """A figure of a subgroup; nothing where it is too small to say."""
    return Figure() if few(block, name) else figure(block, name)


def overall(manifest: Manifest) -> Mapping[str, Any]:
    """The block of all test photos."""
    found = manifest.metrics.get("overall")
    return found if isinstance(found, Mapping) else {}


def figures(manifest: Manifest) -> dict[str, Figure]:
    """Of all test photos."""
    return {name: figure(overall(manifest), name) for name in MEASURES}


def pairs(first: Manifest, second: Manifest) -> tuple[Pair, ...]:
    """Every measure of both."""
    return tuple(Pair(name, figures(first)[name], figures(second)[name]) for name in MEASURES)


def groups(manifest: Manifest, column: str) -> dict[str, Mapping[str, Any]]:
    """Blocks of a subgroup column, by its values."""
    found = manifest.metrics.get("subgroups", {})
    values = found.get(column, {}) if isinstance(found, Mapping) else {}
    return {name: block for name, block in values.items() if isinstance(block, Mapping)}


def same_photos(first: Manifest, second: Manifest) -> bool:
    """Whether both were measured on as many photos of the same data."""
    numbers = [overall(each).get("n") for each in (first, second)]
    return numbers[0] == numbers[1] and first.data.get("fingerprint") == second.data.get("fingerprint")
