from __future__ import annotations

import pytest

from nevus.domain import Role
from nevus.ports import Identity


async def test_a_good_token_names_its_caller(identity_and_token: tuple[Identity, str]) -> None:
    identity, token = identity_and_token
    caller = await identity.caller(token)
    assert caller is not None
    assert caller.role is Role.CLIENT
    assert await identity.caller(token) == caller


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "x", lambda t: t.swapcase(), lambda t: " " + t])
async def test_a_changed_token_names_nobody(identity_and_token: tuple[Identity, str], change: object) -> None:
    identity, token = identity_and_token
    assert callable(change)
    assert await identity.caller(change(token)) is None


@pytest.mark.parametrize("token", ["", "nvs_", "é", "\ud800", "x" * 100_000, "' OR 1=1 --", "a\0b"])
async def test_a_malformed_token_names_nobody(identity_and_token: tuple[Identity, str], token: str) -> None:
    identity, _ = identity_and_token
    assert await identity.caller(token) is None
