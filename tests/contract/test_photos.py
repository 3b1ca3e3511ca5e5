"""Signed uploads, whoever takes them: one object, of one type, once, for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest

from nevus.ports import PhotoStore
from nevus.signed_uploads import SignedUpload, UploadVerifier

KEY = "quarantine/one"
LIFETIME = timedelta(minutes=15)


async def sign(photos: PhotoStore, key: str = KEY) -> SignedUpload:
    return await photos.sign_upload(key, content_type="image/png", max_bytes=1000, lifetime=LIFETIME)


async def test_says_how_to_send_and_until_when(photos: PhotoStore) -> None:
    before = datetime.now(UTC)
    signed = await sign(photos)
    assert signed.method == "PUT"
    assert signed.headers["Content-Type"] == "image/png"
    assert abs(signed.expires_at - before - LIFETIME) < timedelta(seconds=3)


async def test_signing_makes_nothing_and_differs_by_object(photos: PhotoStore) -> None:
    assert (await sign(photos)).url != (await sign(photos, "quarantine/two")).url
    assert not await photos.list("")


@pytest.mark.parametrize("key", ["", "../one", "quarantine/.one", "quarantine/"])
async def test_a_bad_key_is_not_signed(photos: PhotoStore, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        await sign(photos, key)


async def test_a_url_is_whole_unless_the_gateway_takes_it(photos: PhotoStore) -> None:
    place = urlsplit((await sign(photos)).url)
    assert bool(place.netloc) is not isinstance(photos, UploadVerifier)


async def test_what_was_sent_past_the_gateway_is_the_object(photos: PhotoStore) -> None:
    if isinstance(photos, UploadVerifier):
        return  # the gateway takes it: tests/integration/test_upload_content.py
    signed = await sign(photos)
    async with httpx.AsyncClient(trust_env=False) as client:
        sent = await client.request(signed.method, signed.url, headers=signed.headers, content=b"pixels")
    assert sent.status_code == 200
    assert (await photos.get(KEY)).data == b"pixels"
