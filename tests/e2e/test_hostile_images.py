"""Files that are broken, lie or are merely unusual: a clear 4xx or a right answer, never a 5xx."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import httpx
import pytest
from PIL import Image
from tests.photos import draw_lesion, lesion

JPEG = lesion(seed=3)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header names a huge picture."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    parts = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def archive() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("photo.jpg", JPEG)
    return data.getvalue()


def frames(form: str) -> bytes:
    others = [draw_lesion((120, 90), seed) for seed in (1, 2)]
    return encoded(draw_lesion((120, 90)), form, save_all=True, append_images=others)


REFUSED = {
    "empty": (b"", "photo-unreadable"),
    "truncated": (JPEG[: len(JPEG) // 2], "photo-unreadable"),
    "one byte": (b"\xff", "photo-unsupported"),
    "text": (b"hello", "photo-unsupported"),
    "html": (b"<!doctype html><script>alert(1)</script>", "photo-unsupported"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "photo-unsupported"),
    "zip": (archive(), "photo-unsupported"),
    "gif": (encoded(draw_lesion((120, 90)), "GIF"), "photo-unsupported"),
    "tiff": (encoded(draw_lesion((120, 90)), "TIFF"), "photo-unsupported"),
    "animated webp": (frames("WEBP"), "photo-animated"),
    "animated png": (frames("PNG"), "photo-animated"),
    "huge": (bomb(60_000, 60_000), "photo-too-many-pixels"),
    "tiny": (encoded(draw_lesion((40, 40)), "PNG"), "photo-too-small"),
}
UNUSUAL = {
    "png": encoded(draw_lesion(), "PNG"),
    "webp": encoded(draw_lesion(), "WEBP"),
    "cmyk": encoded(draw_lesion().convert("CMYK"), "JPEG"),
    "grey": encoded(draw_lesion().convert("L"), "JPEG"),
    "16-bit": encoded(Image.new("I;16", (200, 150), 30_000), "PNG"),
    "palette": encoded(draw_lesion().convert("P"), "PNG"),
    "alpha": encoded(draw_lesion().convert("RGBA"), "PNG"),
    "progressive": encoded(draw_lesion(), "JPEG", progressive=True),
    "html behind it": JPEG + b"<script>alert(1)</script>",
}


def send(client: httpx.Client, data: bytes, name: str = "p.jpg", **fields: str) -> httpx.Response:
    return client.post("/v1/predictions", files={"image": (name, data)}, data=fields)


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_with_its_reason(client: httpx.Client, name: str) -> None:
    data, problem = REFUSED[name]
    answer = send(client, data)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"/problems/{problem}"


@pytest.mark.parametrize("name", UNUSUAL)
def test_is_answered(client: httpx.Client, name: str) -> None:
    answer = send(client, UNUSUAL[name], "wrong-extension.txt")
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "complete"


def test_over_20_megabytes_is_refused_before_it_is_read(client: httpx.Client) -> None:
    answer = send(client, JPEG + bytes(21 * 1024 * 1024))
    assert answer.status_code == 413
    assert answer.json()["type"] == "/problems/photo-too-large"


def test_a_turned_photo_is_stored_upright_and_without_its_metadata(client: httpx.Client) -> None:
    upright, exif = draw_lesion((320, 200), 4), Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "secret place"
    turned = encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
    record = send(client, turned).json()
    stored = client.get(record["links"]["photo"]).content
    with Image.open(io.BytesIO(stored)) as image:
        assert image.size == upright.size
        assert not image.getexif()
        left = image.convert("RGB").resize((8, 5))
    right = upright.resize((8, 5))
    gaps = [abs(a - b) for a, b in zip(left.tobytes(), right.tobytes(), strict=True)]
    assert max(gaps) < 25
    assert b"secret place" not in stored
