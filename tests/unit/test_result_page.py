"""The result's page in every state that a photo can be in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.contract.predictions import moment
from tests.fakes import EMPTY, World, world
from tests.unit.test_predict import OTHER, order

from gateway.predict import predict
from gateway.reconcile import Reconciler
from nevus.domain import Diagnosis, Role
from nevus.ports import Unavailable, Unprocessable


@pytest_asyncio.fixture
async def nevus(tmp_path: Path, models_dir: Path) -> AsyncIterator[World]:
    async with world(tmp_path, models_dir) as made:
        yield made


async def shown(nevus: World, record_id: str, role: Role = Role.CLIENT, caller: str = "anna") -> str:
    """The words of the page."""
    async with nevus.client(role, caller) as client:
        answer = await client.get(f"/results/{record_id}")
        assert answer.status_code == 200
    return " ".join(re.sub("<[^>]*>", " ", answer.text).split())


async def asked(nevus: World, logit: float = 0.0, **context: Any) -> str:
    nevus.classifier.logit = logit
    return (await predict(nevus.services, order(OTHER, modality="dermoscopic", **context))).id


BEYOND = "does not mean that the spot is bad"
ALWAYS = ("This is no diagnosis", "What Nevus can and cannot do", "misses some dangerous spots")


@pytest.mark.parametrize(
    ("logit", "context", "told"),
    [
        (8.0, {}, ("have this spot seen by a doctor.", "Ask your doctor", "out of 1,000 people", "not your own risk")),
        (-8.0, {}, ("Nothing here calls for a visit", "Look at the spot again", "If it changes, bleeds")),
        (-8.0, {"fitzpatrick": 6}, ("too little evidence for this skin type", BEYOND, "There is no figure")),
        (-8.0, {"age": 12}, ("no evidence for people under 18", BEYOND)),
        (-8.0, {"site": "nail"}, ("no evidence for this part of the body", BEYOND)),
    ],
)
async def test_an_answer_says_what_it_means_and_what_to_do(
    nevus: World, logit: float, context: dict[str, Any], told: tuple[str, ...]
) -> None:
    page = await shown(nevus, await asked(nevus, logit, **context))
    assert [words for words in (*told, *ALWAYS) if words not in page] == []
    assert not re.search(r"\b0[.,]\d", page.partition("Answered by")[0])  # nobody reads a probability as a risk


async def test_an_unusable_photo_asks_for_another_and_a_second_one_for_a_visit(nevus: World) -> None:
    nevus.classifier.quality = EMPTY
    first = await shown(nevus, await asked(nevus, case_id="arm"))
    for words in ("This photo cannot be assessed", "Take another photo", "Skin in the picture: not good enough"):
        assert words in first
    assert "do not wait for a better photo" in await shown(nevus, await asked(nevus, case_id="arm"))


async def test_what_is_not_assessed_says_so(nevus: World) -> None:
    nevus.classifier.error = Unavailable("down")
    record = await asked(nevus)
    page = await shown(nevus, record)
    for words in (
        "Not assessed; if the spot worries you",
        "waits to be assessed",
        "You do not need to send",
        "Look again",
    ):
        assert words in page
    nevus.classifier.error = Unprocessable("never")
    await Reconciler(nevus.services).round()
    page = await shown(nevus, record)
    for words in ("Not assessed; if the spot worries you", "Something went wrong", "Take another photo"):
        assert words in page


async def test_a_good_photo_does_not_hide_an_earlier_have_it_seen(nevus: World) -> None:
    await asked(nevus, 8.0, case_id="arm")
    assert "That still counts" in await shown(nevus, await asked(nevus, -8.0, case_id="arm"))


async def test_others_see_the_answer_and_change_nothing(nevus: World) -> None:
    record = await asked(nevus, 8.0)
    page = await shown(nevus, record, Role.CLINICIAN, "cleo")
    assert "Please have this spot seen" in page
    assert not {"Follow this spot", "Delete this photo", "What you agreed to"} & set(re.findall(r"[A-Z][a-z ]+", page))
    assert "Delete this photo" in await shown(nevus, record, Role.ADMIN, "ada")


async def test_a_clinicians_finding_is_theirs(nevus: World) -> None:
    record = await nevus.records.get(await asked(nevus, 8.0))
    found = Diagnosis(label="seborrheic keratosis", malignant=False, confirmed_by="cleo", confirmed_at=moment(0))
    await nevus.records.replace(record.model_copy(update={"diagnosis": found}))
    assert "noted: “seborrheic keratosis”. Talk to them" in await shown(nevus, record.id)
