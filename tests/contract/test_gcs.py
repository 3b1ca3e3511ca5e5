"""What Cloud Storage's adapter promises beyond the contract: pages, one client a process, signed uploads."""

from __future__ import annotations

import asyncio
import gzip
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.faults import Proxy

from nevus.adapters import gcs as adapter
from nevus.adapters.gcs import GcsPhotos, GcsStore
from nevus.adapters.gcs_cloud import THREADS, cloud
from nevus.ports import PreconditionFailed
from nevus.signed_uploads import SignedUpload

MINUTE = timedelta(minutes=1)


async def send_beside(proxy: Proxy, bucket: str, data: bytes, **params: str) -> None:
    """Store an object as somebody else would."""
    address = f"{proxy.url}/upload/storage/v1/b/{bucket}/o"
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(address, params={"uploadType": "media"} | params, content=data)
    answer.raise_for_status()


async def test_lists_page_by_page(bucket: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "PAGE", 3)
    store = GcsStore(bucket)
    keys = [f"m/{n}" for n in range(8)]
    await asyncio.gather(*(store.put(key, b"") for key in keys))
    proxy.seen.clear()
    assert list(await store.list("m/")) == keys
    assert len(proxy.seen) == 3


async def test_what_a_console_left_is_not_listed(bucket: str, proxy: Proxy) -> None:
    store = GcsStore(bucket)
    await store.put("folder/one", b"")
    await send_beside(proxy, bucket, b"", name="folder/")
    assert list(await store.list("folder/")) == ["folder/one"]


@pytest.mark.parametrize("key", ["a/b c", "ü/ö", "50%", "a?b#c", "a+b&c=d"])
async def test_any_good_key_names_its_object(bucket: str, proxy: Proxy, key: str) -> None:
    store = GcsStore(bucket)
    await store.put(key, key.encode())
    assert (await store.get(key)).data == key.encode()
    assert list(await store.list("")) == [key]
    await store.delete(key)
    assert not await store.list("")


async def test_of_sixteen_that_create_at_once_one_wins(bucket: str, proxy: Proxy) -> None:
    store = GcsStore(bucket)
    puts = (store.put("one", bytes([n]) * 1000, if_generation=0) for n in range(16))
    outcomes = await asyncio.gather(*puts, return_exceptions=True)
    winners = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, int)]
    assert len(winners) == 1
    assert sum(isinstance(outcome, PreconditionFailed) for outcome in outcomes) == 15
    assert (await store.get("one")).data == bytes([winners[0]]) * 1000


async def test_stores_of_one_identity_share_a_client_and_its_connections(bucket: str, proxy: Proxy) -> None:
    stores = [GcsStore(bucket), GcsPhotos(bucket), GcsStore("another", impersonate="promoter@nevus.test")]
    assert len({id(store._cloud) for store in stores}) == 2
    await asyncio.gather(*(stores[0].put(f"{n}", b"") for n in range(3 * THREADS)))
    assert len(proxy.seen) == 3 * THREADS
    assert proxy.connections <= THREADS
    assert cloud() is stores[0]._cloud


async def sign(bucket: str, key: str) -> SignedUpload:
    return await GcsPhotos(bucket).sign_upload(key, content_type="image/jpeg", max_bytes=1000, lifetime=MINUTE)


async def test_a_signed_upload_makes_the_object(bucket: str, proxy: Proxy) -> None:
    signed = await sign(bucket, "quarantine/photo")
    assert timedelta(seconds=50) < signed.expires_at - datetime.now(UTC) <= MINUTE
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.request(signed.method, signed.url, headers=dict(signed.headers), content=b"pixels")
    assert answer.is_success
    assert (await GcsPhotos(bucket).get("quarantine/photo")).data == b"pixels"


async def test_no_upload_is_signed_for_a_bad_key(bucket: str, proxy: Proxy) -> None:
    with pytest.raises(ValueError, match="key"):
        await sign(bucket, "../photo")


async def test_what_was_sent_compressed_stays_so(bucket: str, proxy: Proxy) -> None:
    """A photo of a few kilobytes could inflate beyond all memory."""
    packed = gzip.compress(bytes(1_000_000))
    await send_beside(proxy, bucket, packed, name="quarantine/photo", contentEncoding="gzip")
    assert (await GcsPhotos(bucket).get("quarantine/photo")).data == packed
