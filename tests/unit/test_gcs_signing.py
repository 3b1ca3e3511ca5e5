"""What is signed for a direct upload, checked as Cloud Storage documents it (V4 with GOOG4-RSA-SHA256)."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.auth import compute_engine
from google.auth.credentials import AnonymousCredentials, Signing
from google.auth.exceptions import GoogleAuthError, InvalidOperation
from google.oauth2 import service_account

from nevus.adapters.gcs import GcsPhotos
from nevus.adapters.gcs_cloud import PLATFORM_SCOPE, STORAGE_SCOPE, credentials_of
from nevus.adapters.gcs_signing import own_signer, signer_of
from nevus.ports import Unavailable
from nevus.signed_uploads import SignedUpload

ACCOUNT = "gateway@nevus.iam.gserviceaccount.com"
PROMOTER = "promoter@nevus.iam.gserviceaccount.com"
KEY = "quarantine/ä photo~1.jpg"
MINUTES = timedelta(minutes=5)


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def key_file(private_key: rsa.RSAPrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The credentials of this process: an account with a key."""
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "key.json"
    account = {"type": "service_account", "client_email": ACCOUNT, "token_uri": "https://oauth2.googleapis.com/token"}
    path.write_text(json.dumps(account | {"private_key": pem.decode(), "project_id": "nevus"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    return path


@dataclass(frozen=True)
class Sent:
    """An upload as it comes to Cloud Storage."""

    url: str
    headers: dict[str, str]
    method: str = "PUT"

    def is_let_in(self, key: rsa.RSAPublicKey, now: datetime) -> bool:
        """As documented under "V4 signing process": the canonical request, the string to sign, its signature."""
        address = urlsplit(self.url)
        query = dict(parse_qsl(address.query))
        signature = bytes.fromhex(query.pop("X-Goog-Signature"))
        headers = {name.lower(): " ".join(value.split()) for name, value in self.headers.items()}
        headers["host"] = address.netloc
        signed = query["X-Goog-SignedHeaders"].split(";")
        if not set(signed) <= set(headers) or any(n.startswith("x-goog-") and n not in signed for n in headers):
            return False
        canonical = "\n".join(
            [
                self.method,
                address.path,
                "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in sorted(query.items())),
                *(f"{name}:{headers[name]}" for name in sorted(signed)),
                "",
                ";".join(sorted(signed)),
                "UNSIGNED-PAYLOAD",
            ]
        )
        scope = query["X-Goog-Credential"].removeprefix(f"{ACCOUNT}/")
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join([query["X-Goog-Algorithm"], query["X-Goog-Date"], scope, digest])
        try:
            key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        start = datetime.strptime(query["X-Goog-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return scope == f"{start:%Y%m%d}/auto/storage/goog4_request" and start <= now < start + timedelta(
            seconds=int(query["X-Goog-Expires"])
        )


async def sign(photos: GcsPhotos) -> SignedUpload:
    return await photos.sign_upload(KEY, content_type="image/jpeg", max_bytes=20_000_000, lifetime=MINUTES)


@pytest.fixture
async def signed(key_file: Path) -> SignedUpload:
    return await sign(GcsPhotos("nevus-photos"))


async def test_what_is_signed_is_let_in_until_it_expires(signed: SignedUpload, private_key: rsa.RSAPrivateKey) -> None:
    key, sent = private_key.public_key(), Sent(signed.url, dict(signed.headers))
    assert signed.method == "PUT"
    assert signed.headers == {
        "Content-Type": "image/jpeg",
        "x-goog-content-length-range": "1,20000000",
        "x-goog-if-generation-match": "0",
    }
    assert signed.url.startswith("https://storage.googleapis.com/nevus-photos/quarantine/%C3%A4%20photo~1.jpg?")
    now = datetime.now(UTC)
    assert timedelta(minutes=4) < signed.expires_at - now <= MINUTES
    assert sent.is_let_in(key, now)
    assert sent.is_let_in(key, signed.expires_at - timedelta(seconds=1))
    assert not sent.is_let_in(key, signed.expires_at + timedelta(seconds=2))


CHANGES: dict[str, dict[str, Any]] = {
    "another type": {"headers": {"Content-Type": "text/html"}},
    "a larger size": {"headers": {"x-goog-content-length-range": "1,20000001"}},
    "over another object": {"headers": {"x-goog-if-generation-match": "12"}},
    "a header more": {"headers": {"x-goog-acl": "public-read"}},
    "a longer life": {"url": ("X-Goog-Expires=300", "X-Goog-Expires=3000")},
    "another object": {"url": ("photo~1", "photo~2")},
    "another bucket": {"url": ("nevus-photos", "nevus-models")},
    "fewer signed headers": {"url": ("content-type%3B", "")},
    "another method": {"method": "GET"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
async def test_a_changed_upload_is_refused(
    signed: SignedUpload, private_key: rsa.RSAPrivateKey, change: dict[str, Any]
) -> None:
    before, after = change.get("url", ("", ""))
    assert before in signed.url
    headers = dict(signed.headers) | change.get("headers", {})
    sent = Sent(signed.url.replace(before, after), headers, change.get("method", "PUT"))
    assert not sent.is_let_in(private_key.public_key(), datetime.now(UTC))


@pytest.mark.parametrize("lacking", ["Content-Type", "x-goog-content-length-range", "x-goog-if-generation-match"])
async def test_an_upload_without_a_signed_header_is_refused(
    signed: SignedUpload, private_key: rsa.RSAPrivateKey, lacking: str
) -> None:
    headers = {name: value for name, value in signed.headers.items() if name != lacking}
    assert not Sent(signed.url, headers).is_let_in(private_key.public_key(), datetime.now(UTC))


@dataclass
class Google:
    """Its metadata server and its IAM, as a service on Cloud Run sees them."""

    key: rsa.RSAPrivateKey
    asked: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)

    def __call__(self, url: str, method: str = "GET", body: bytes = b"", headers: Any = None, **_: Any) -> Any:
        self.asked.append(f"{method} {url}")
        if "generateAccessToken" in url:
            self.scopes = json.loads(body)["scope"]
            return said({"accessToken": "ya29.promoter", "expireTime": "2999-01-01T00:00:00Z"})
        if "iamcredentials" in url:
            return self.signed(body, headers)
        if "/token" in url:
            return said({"access_token": "ya29.token", "expires_in": 3600, "token_type": "Bearer"})
        return said({"email": ACCOUNT, "scopes": [PLATFORM_SCOPE], "aliases": ["default"]})

    def signed(self, body: bytes, headers: dict[str, str]) -> Any:
        assert headers["authorization"] == "Bearer ya29.token"
        blob = base64.b64decode(json.loads(body)["payload"])
        signature = self.key.sign(blob, padding.PKCS1v15(), hashes.SHA256())
        return said({"keyId": "1", "signedBlob": base64.b64encode(signature).decode()})


def said(content: dict[str, Any]) -> Any:
    return SimpleNamespace(status=200, headers={"content-type": "application/json"}, data=json.dumps(content).encode())


async def test_without_a_key_the_account_signs_by_iam(private_key: rsa.RSAPrivateKey, key_file: Path) -> None:
    google = Google(private_key)
    credentials = compute_engine.Credentials(scopes=[PLATFORM_SCOPE], universe_domain="googleapis.com")
    signer = signer_of(credentials, google)
    signed = await sign(GcsPhotos("nevus-photos", signer=signer))
    assert Sent(signed.url, dict(signed.headers)).is_let_in(private_key.public_key(), datetime.now(UTC))
    assert google.asked[-1] == (
        f"POST https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{ACCOUNT}:signBlob"
    )


def test_an_account_with_a_key_signs_by_itself(key_file: Path) -> None:
    assert isinstance(own_signer(1.0), service_account.Credentials)


def test_who_is_no_service_account_cannot_sign() -> None:
    with pytest.raises((GoogleAuthError, InvalidOperation)):
        signer_of(AnonymousCredentials(), Google)


async def test_a_refused_signature_is_unavailable(key_file: Path) -> None:
    class Refusing(Signing):
        signer = signer_email = ACCOUNT

        def sign_bytes(self, message: bytes) -> bytes:  # noqa: ARG002  # the base class's
            raise GoogleAuthError("no right to sign")

    with pytest.raises(Unavailable):
        await sign(GcsPhotos("nevus-photos", signer=Refusing()))


def test_the_promoter_is_impersonated(key_file: Path, private_key: rsa.RSAPrivateKey) -> None:
    google, headers = Google(private_key), dict[str, str]()
    credentials_of(PROMOTER).before_request(google, "PUT", "https://storage.googleapis.com/", headers)
    assert headers["authorization"] == "Bearer ya29.promoter"
    assert f"serviceAccounts/{PROMOTER}:generateAccessToken" in google.asked[-1]
    assert google.scopes == [STORAGE_SCOPE]
