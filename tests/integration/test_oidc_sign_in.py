"""With IDENTITY=oidc: what the sign-in page says, where signing out leads, what happens while the issuer is down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.security.door import Door, open_door

from gateway.settings import Settings

OWN = {"Origin": "http://nevus.test", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def door(tmp_path: Path, models_dir: Path) -> AsyncIterator[Door]:
    settings = Settings(data_dir=tmp_path, models_dir=models_dir, intake_workers=1, nevus_admin_key=None)
    async with open_door(settings.model_copy(update={"identity": "oidc"})) as opened:
        yield opened


async def test_the_sign_in_page_says_who_signs_people_in(door: Door) -> None:
    answer = await door.client.get("/sign-in", params={"token": "nvi_x"})
    assert answer.status_code == 200
    assert "Your organisation's sign-in" in answer.text
    assert 'action="/sign-in"' not in answer.text


async def test_signing_out_is_left_to_iap(door: Door) -> None:
    answer = await door.client.post("/sign-out", headers=OWN | await door.credentials("owner", "iap"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/?gcp-iap-mode=CLEAR_LOGIN_COOKIE")
    assert "set-cookie" not in answer.headers


async def test_while_nobody_can_be_judged_the_answer_is_503(door: Door) -> None:
    door.issuer.down = True
    for way in ("token", "iap"):
        answer = await door.client.get("/v1/predictions", headers=await door.credentials("owner", way))
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
        assert answer.headers["retry-after"]
    assert (
        await door.client.get("/v1/predictions", headers=await door.credentials("malformed", "token"))
    ).is_client_error


def test_oidc_without_an_issuer_does_not_start() -> None:
    for named in ({}, {"oidc_issuer": "https://id.test"}, {"oidc_issuer": "https://id.test", "oidc_audience": "a"}):
        with pytest.raises(ValidationError, match="OIDC_KEYS_URL"):
            Settings.model_validate({"identity": "oidc", **named})
    assert Settings.model_validate({"identity": "oidc", "google_cloud_project": "p"}).keeps_files
