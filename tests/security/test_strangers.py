"""Who only looks like a caller is nobody: every such token, key and session on every route, by every way in."""

from __future__ import annotations

import pytest
import pytest_asyncio
from tests.security.door import KEY_WAYS, OIDC_WAYS, Door, new_id, shown
from tests.security.strangers import strangers
from tests.security.test_matrix import OWN_PAGE, ROWS

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLOSED = [route for route, row in ROWS.items() if row.answers.startswith("401")]
Wrong = dict[str, dict[str, str]]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def wrong(door: Door, oidc_door: Door) -> Wrong:
    """By way in and reason."""
    return {way: await strangers(door if way in KEY_WAYS else oidc_door, way) for way in KEY_WAYS + OIDC_WAYS}


@pytest.mark.parametrize("way", KEY_WAYS + OIDC_WAYS)
@pytest.mark.parametrize("route", CLOSED, ids=" ".join)
async def test_none_of_them_is_let_in(
    door: Door, oidc_door: Door, wrong: Wrong, route: tuple[str, str], way: str
) -> None:
    opened, places = door if way in KEY_WAYS else oidc_door, {"version": "1", "channel": "champion", "edition": "1"}
    url = route[1].format(record_id=new_id(), run_id=new_id(), case_id=new_id(), key_id="key_0", **places)
    opened.client.cookies.clear()
    for reason, secret in wrong[way].items():
        answer = await opened.client.request(route[0], url, headers=OWN_PAGE | shown(secret, way))
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthorized"), reason
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_link_that_was_used_opens_nothing(door: Door) -> None:
    link = {"token": door.link()}
    answers = [await door.client.post("/sign-in", data=link, headers=OWN_PAGE) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 401]
