"""What clinicians find: the diagnoses that one key or click gives, and how a form says one."""

from __future__ import annotations

from pydantic import Field, ValidationError

from gateway.languages import mark, said
from gateway.problems import Problem
from nevus.domain import Frozen

MALIGNANT = (
    mark("melanoma"),
    mark("basal cell carcinoma"),
    mark("squamous cell carcinoma"),
    mark("Bowen's disease"),
    mark("other malignant"),
)
BENIGN = (
    mark("nevus"),
    mark("seborrheic keratosis"),
    mark("actinic keratosis"),
    mark("dermatofibroma"),
    mark("vascular lesion"),
    mark("other benign"),
)
COMMON = frozenset(MALIGNANT + BENIGN)


class Finding(Frozen):
    """A diagnosis as it is stored: in English where it is a common one."""

    label: str = Field(min_length=1, max_length=60)
    malignant: bool


def finding_of(choice: str, other: str) -> Finding:
    """From `malignant:melanoma`, or `benign:` and a label of one's own; raises Problem `invalid-request`."""
    kind, _, label = choice.partition(":")
    if kind not in ("malignant", "benign"):
        raise Problem("invalid-request", "choice: say malignant or benign")
    try:
        return Finding(label=label.strip() or other.strip(), malignant=kind == "malignant")
    except ValidationError:
        raise Problem("invalid-request", "other: 1 to 60 letters") from None


def spoken(label: str) -> str:
    """A diagnosis in the language of the request, where it is a common one."""
    return said(label) if label in COMMON else label
