"""What a report says in plain words, and how its figures are written."""

from __future__ import annotations

from typing import Any

from nevus.outcomes import few
from nevus.registry import Manifest

TOO_FEW = "too few to say"
PEOPLE, ILL = 1000, 50
TELLING_BORDER = 0.85  # AUROC of the border alone from which on a source shows little
ROMAN = ("I", "II", "III", "IV", "V", "VI")
PEOPLES_GROUPS = ("fitzpatrick", "fst_estimate", "ita_band", "age_band", "sex", "modality")
COLUMNS = {
    "fitzpatrick": "Fitzpatrick skin type, as recorded",
    "fst_estimate": "Fitzpatrick skin type, as estimated from the photo",
    "ita_band": "Individual typology angle of the skin in the photo",
    "age_band": "Age, in bands of twenty years",
    "sex": "Sex",
    "site": "Site",
    "source": "Source",
    "modality": "Modality",
    "diagnosis": "Diagnosis",
}


def told(figure: Any) -> str:
    """A figure with its 95 % interval, such as `0.901 (0.880 to 0.921)`; `-` for what is not known."""
    if not isinstance(figure, dict):
        return plain(figure)
    value, (low, high) = figure.get("value"), figure.get("interval") or (None, None)
    if value is None:
        return "-"
    return f"{value:.3f}" + ("" if low is None or high is None else f" ({low:.3f} to {high:.3f})")


def plain(value: Any) -> str:
    """Any value of a manifest as a person reads it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
        case dict():
            return ", ".join(f"{name}: {plain(each)}" for name, each in value.items()) or "-"
        case list() | tuple():
            return ", ".join(plain(each) for each in value) or "-"
    return "-" if value is None else str(value) or "-"


def rate(value: float | None) -> str:
    """A bare figure with three decimals."""
    return "-" if value is None else f"{value:.3f}"


def duration(seconds: float) -> str:
    """`1740` as `1,740 (29 min)`."""
    return plain(seconds) + (f" ({seconds / 60:.0f} min)" if seconds >= 120 else "")


def percent(share: float | None) -> str:
    """`0.9921` as `99.2 %`, never on two lines."""
    return "-" if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def spaced(name: str) -> str:
    """A key of the manifest as words."""
    return name.replace("_", " ")


def own_measure(figures: dict[str, Any]) -> str:
    """What can be told of a diagnosis, whose photos are all of one class."""
    return "sensitivity" if 2 * figures.get("malignant", 0) > figures.get("n", 0) else "specificity"


def worth(figures: dict[str, Any]) -> str | None:
    """What the service's answers, all rules taken together, mean for 1,000 people of whom 50 have skin cancer."""
    seen, spared = figures.get("sensitivity_of_being_seen"), figures.get("share_routine_of_benign")
    if not seen or not spared or few(figures, "auroc"):
        return None
    well, malignant = PEOPLE - ILL, figures["malignant"]
    caught, let_go = _of(ILL, seen["value"]), _of(well, spared["value"])
    of_ill, of_well = _range(ILL, seen, malignant), _range(well, spared, figures["n"] - malignant)
    return (
        f"Of {PEOPLE:,} people of whom {ILL} have skin cancer, {caught}{of_ill} of the {ILL} would be told "
        f"to have it seen or to take another photo, and {ILL - caught} would be told “routine”. Of the {well} others, "
        f"{let_go}{of_well} would be told “routine” and {well - let_go} would be asked for the one or the other."
    )


def _of(people: int, share: float) -> int:
    return round(people * share)


def _range(people: int, figure: dict[str, Any], n: int) -> str:
    """The interval in people; where n photos of n were right, a bootstrap has none, and Wilson's is told."""
    low, high = figure["interval"]
    if low is None:
        return ""
    low = n / (n + 1.96**2) if low == high == 1 else low
    return f" ({_of(people, low)} to {_of(people, high)})"


def warned(border: dict[str, Any] | None) -> str | None:
    """A warning where a source can be told apart without looking at the lesion."""
    if not border or (border.get("auroc") or 0) < TELLING_BORDER:
        return None
    return (
        f"The border of these photos alone tells malignant from benign with an AUROC of {border['auroc']:.3f}: "
        "what is shown on them shows little."
    )


def not_for(manifest: Manifest) -> list[str]:
    """For what and for whom the version must not be used."""
    use = manifest.intended_use
    missing = [ROMAN[kind - 1] for kind in range(1, 7) if kind not in use.fitzpatrick]
    reasons = [
        "to rule out skin cancer, or to decide alone that nobody needs to look",
        f"for people under {use.min_age}",
    ]
    if missing:
        reasons.append(
            f"for Fitzpatrick skin types {joined(missing)}, or skin as dark in the photo (a typology angle under "
            f"{use.min_ita:g} degrees): there is too little evidence"
        )
    if use.excluded_sites:
        reasons.append(f"on these sites: {joined(use.excluded_sites)}")
    reasons.append("on photos unlike those that it was trained on, and anything that is no photo of one spot on skin")
    if "BY-NC" in manifest.licence:
        reasons.append("for commercial purposes: the licence of its training photos forbids them")
    return reasons


def unproven(manifest: Manifest) -> str | None:
    """The groups of people of whom too few were in the test."""
    found = []
    for column in PEOPLES_GROUPS:
        values = manifest.metrics.get("subgroups", {}).get(column) or {}
        names = [name for name, figures in values.items() if few(figures, "auroc")]
        if names:
            found.append(f"{COLUMNS[column][0].lower()}{COLUMNS[column][1:]}: {', '.join(names)}")
    return "; ".join(found).replace("fitzpatrick", "Fitzpatrick") or None


def joined(names: tuple[str, ...] | list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def reached(targets: list[dict[str, Any]]) -> str | None:
    """How many targets are met, and which are not."""
    aimed = [each for each in targets if each.get("target") is not None]
    if not aimed:
        return None
    missed = [str(each.get("measure")) for each in aimed if each.get("met") is False]
    unknown = [str(each.get("measure")) for each in aimed if each.get("met") is None]
    said = f"Targets met: {sum(bool(each.get('met')) for each in aimed)} of {len(aimed)}."
    said += f" Not met: {'; '.join(missed)}." if missed else ""
    return said + (f" Too few photos to say: {'; '.join(unknown)}." if unknown else "")
