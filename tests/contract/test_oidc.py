"""What tokens promise beyond the contract: whose, for whom, until when, signed how; an issuer that comes and goes."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_encode
from tests.issuer import AUDIENCE, FIREBASE, IAP_AUDIENCE, Issuer, ec_key, public, rsa_key

from nevus.adapters.jwks import PAUSE, KeySet, lifetime_of
from nevus.adapters.keys import CALLER_ID
from nevus.adapters.oidc import (
    IAP_ISSUER,
    OidcIdentity,
    Roles,
    ServiceAccounts,
    Trusted,
    Verifier,
    addresses,
    caller_id,
)
from nevus.domain import Caller, Role
from nevus.ports import Unavailable

NOW = int(time.time())
IAP_SUBJECT = "accounts.google.com:118200"
KNOWN = caller_id({"iss": FIREBASE, "sub": "known"})


def identity(issuer: Issuer, **roles: Any) -> OidcIdentity:
    return OidcIdentity(Verifier(issuer.trusted), Roles(**roles))


class Clock:
    """Stands until a test moves it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"aud": [AUDIENCE, "another"]},
        {"aud": None},
        {"iss": "https://securetoken.google.com/another"},
        {"iss": None},
        {"exp": NOW - 60},
        {"exp": None},
        {"exp": "soon"},
        {"exp": float("inf")},
        {"iat": NOW + 600},
        {"iat": None},
        {"nbf": NOW + 600},
        {"sub": ""},
        {"sub": "  "},
        {"sub": None},
        {"sub": 7},
    ],
    ids=" ".join,
)
async def test_a_token_that_does_not_hold_names_nobody(issuer: Issuer, claims: dict[str, Any]) -> None:
    assert await identity(issuer).caller(issuer.token(**claims)) is None


async def test_clocks_may_differ_a_little(issuer: Issuer) -> None:
    now = int(time.time())
    assert await identity(issuer).caller(issuer.token(exp=now - 10, iat=now + 10, nbf=now + 10))


async def test_only_a_private_key_signs(issuer: Issuer) -> None:
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    head, body, signature = issuer.token().split(".")
    unsigned = base64url_encode(b'{"alg":"none","kid":"one"}').decode()
    pem = rsa_key(1).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    forged = [
        jwt.encode(claims, "", "none", headers={"kid": "one"}),
        f"{head}.{body}.",
        f"{unsigned}.{body}.{signature}",
        jwt.encode(claims, rsa_key(2), "RS256", headers={"kid": "one"}),
        jwt.encode(claims, ec_key(1), "ES256", headers={"kid": "one"}),
        jwt.encode(claims, rsa_key(1), "RS256"),
        hmac_signed(claims, pem),
    ]
    for token in forged:
        assert await identity(issuer).caller(token) is None


@pytest.mark.parametrize("said", ["RS256", "ES256", "HS256"])
async def test_a_published_secret_is_no_public_key(issuer: Issuer, said: str) -> None:
    secret = b"published by a careless issuer..."
    shared = {"kty": "oct", "kid": "shared", "k": base64url_encode(secret).decode()}
    issuer.body = json.dumps({"keys": [public("one", rsa_key(1)), shared]}).encode()
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    assert await identity(issuer).caller(hmac_signed(claims, secret, alg=said, kid="shared")) is None


async def test_a_key_signs_by_its_own_algorithm_alone(issuer: Issuer) -> None:
    issuer.keys["iap"] = rsa_key(1)
    pages = Verifier(Trusted(IAP_ISSUER, IAP_AUDIENCE, issuer.url, ("ES256",)))
    head, body, _ = issuer.assertion(IAP_SUBJECT).split(".")
    head = base64url_encode(b'{"alg":"ES256","kid":"iap"}').decode()
    signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(f"{head}.{body}".encode(), rsa_key(1))
    assert await pages.claims(f"{head}.{body}.{base64url_encode(signature).decode()}") is None


def hmac_signed(claims: dict[str, Any], public_key: bytes, *, alg: str = "HS256", kid: str = "one") -> str:
    """The public key taken for a shared secret, which PyJWT itself refuses to do."""
    parts = [base64url_encode(json.dumps(part).encode()) for part in ({"alg": alg, "kid": kid}, claims)]
    signature = hmac.new(public_key, b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64url_encode(signature)]).decode()


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({}, Role.CLIENT),
        ({"role": "clinician"}, Role.CLINICIAN),
        ({"role": "admin"}, Role.ADMIN),
        ({"role": "Admin"}, Role.CLIENT),
        ({"role": ["admin"]}, Role.CLIENT),
        ({"email": "Boss@nevus.test", "email_verified": True}, Role.ADMIN),
        ({"email": "boss@nevus.test", "email_verified": False}, Role.CLIENT),
        ({"email": "boss@nevus.test", "email_verified": "true"}, Role.CLIENT),
        ({"email": "boss@nevus.test"}, Role.CLIENT),
        ({"email": "\u212aim@nevus.test", "email_verified": True}, Role.CLIENT),  # its lower case is a plain k
        ({"email": "doctor@nevus.test", "email_verified": True, "role": "client"}, Role.CLINICIAN),
    ],
)
async def test_the_role(issuer: Issuer, claims: dict[str, Any], role: Role) -> None:
    admins, clinicians = addresses(" boss@nevus.test,kim@nevus.test"), addresses("a@b.c, DOCTOR@nevus.test")
    known = {"admins": admins, "clinicians": clinicians}
    assert await identity(issuer, **known).caller(issuer.token(**claims)) == Caller(id=KNOWN, role=role)


async def test_the_roles_claim_has_the_name_that_is_set(issuer: Issuer) -> None:
    caller = await identity(issuer, claim="nevus/role").caller(
        issuer.token(role="admin", **{"nevus/role": "clinician"})
    )
    assert caller is not None
    assert caller.role is Role.CLINICIAN


@pytest.mark.parametrize("subject", ["known", "x" * 65, "a b", "auth0|1", "ä", "\ud800", "oidc-" + "a" * 26])
async def test_an_id_is_made_of_issuer_and_subject(issuer: Issuer, subject: str) -> None:
    other = dataclasses.replace(issuer.trusted, issuer="https://other.test")
    first, again = [await identity(issuer).caller(issuer.token(subject)) for _ in range(2)]
    elsewhere = await OidcIdentity(Verifier(other), Roles()).caller(issuer.token(subject, iss="https://other.test"))
    assert first == again
    assert first is not None
    assert elsewhere is not None
    assert len({first.id, elsewhere.id, subject}) == 3
    assert CALLER_ID.fullmatch(first.id)
    assert first.id.startswith("oidc-")


async def test_iap_vouches_for_the_address_of_a_google_account_alone(issuer: Issuer) -> None:
    trusted = Trusted(IAP_ISSUER, IAP_AUDIENCE, issuer.url, ("ES256",))
    pages = OidcIdentity(Verifier(trusted), Roles(admins=addresses("boss@nevus.test")))
    boss = await pages.caller(issuer.assertion(IAP_SUBJECT, email="boss@nevus.test"))
    outside = await pages.caller(issuer.assertion("securetoken.google.com/p:1", email="boss@nevus.test"))
    assert boss is not None
    assert outside is not None
    assert (boss.role, outside.role) == (Role.ADMIN, Role.CLIENT)
    assert await pages.caller(issuer.assertion(IAP_SUBJECT, aud="/projects/1/global/backendServices/2")) is None
    assert await pages.caller(issuer.token(iss=IAP_ISSUER, aud=IAP_AUDIENCE)) is None  # RS256


async def test_a_service_account_is_told_by_its_verified_address(issuer: Issuer) -> None:
    callers = ServiceAccounts("https://nevus.test", issuer.url)
    assert await callers.email(issuer.service_token("a@p.test", "https://nevus.test")) == "a@p.test"
    assert await callers.email(issuer.service_token("a@p.test", "https://other.test")) is None
    assert await callers.email(issuer.service_token("a@p.test", "https://nevus.test", email_verified=False)) is None
    assert await callers.email(issuer.token(aud="https://nevus.test")) is None


@pytest.mark.parametrize("trusted", [Trusted("", "a", "http://k"), Trusted("i", "", "http://k")])
def test_nobody_is_believed_for_an_audience_that_is_not_named(trusted: Trusted) -> None:
    with pytest.raises(ValueError, match="audience"):
        Verifier(trusted)


async def test_keys_are_fetched_once_for_all_that_wait(issuer: Issuer) -> None:
    issuer.pause = 0.1
    known, token = identity(issuer), issuer.token()
    asking = [asyncio.create_task(known.caller(token)) for _ in range(20)]
    await asyncio.sleep(0.03)
    asking[0].cancel()  # who hangs up does not end the fetch of the others
    answers = await asyncio.gather(*asking[1:])
    assert all(answers)
    assert issuer.asked == 1


async def test_a_new_key_is_found_and_an_unknown_one_asked_for_once_a_minute(issuer: Issuer) -> None:
    clock = Clock()
    keys = KeySet(issuer.url, clock)
    assert await keys.find("one")
    issuer.keys = {"two": rsa_key(2)}
    assert await keys.find("two") is None
    clock.now += PAUSE
    assert await keys.find("two")
    assert await keys.find("one") is None
    for _ in range(10):
        assert await keys.find("none") is None
    assert issuer.asked == 2


async def test_a_key_that_was_taken_back_is_known_no_longer_than_its_lifetime(issuer: Issuer) -> None:
    clock = Clock()
    keys = KeySet(issuer.url, clock)
    assert await keys.find("one")
    issuer.keys = {"two": rsa_key(2)}
    clock.now += 3599
    assert await keys.find("one")
    clock.now += 1
    assert await keys.find("one") is None


@pytest.mark.parametrize("body", [None, b"<html>", b"[]", b'{"keys": []}', b'{"keys": 7}', b'{"keys": [{"kty": "x"}]}'])
async def test_while_the_issuer_is_down_its_last_keys_hold(issuer: Issuer, body: bytes | None) -> None:
    clock = Clock()
    keys = KeySet(issuer.url, clock)
    assert await keys.find("one")
    issuer.down, issuer.body = body is None, body
    for _ in range(3):
        clock.now += 24 * 3600
        assert await keys.find("one")
    issuer.down, issuer.body, issuer.keys = False, None, {"two": rsa_key(2)}
    clock.now += PAUSE
    assert await keys.find("two")


async def test_without_any_keys_nobody_can_be_judged(issuer: Issuer) -> None:
    clock = Clock()
    keys = KeySet(issuer.url, clock)
    issuer.down = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            await keys.find("one")
    assert issuer.asked == 1
    issuer.down = False
    clock.now += 1
    assert await keys.find("one")
    with pytest.raises(Unavailable):
        await OidcIdentity(Verifier(Trusted("i", "a", "http://127.0.0.1:9/")), Roles()).caller(issuer.token())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 3600),
        ({"Cache-Control": "public, max-age=20000, must-revalidate"}, 20000),
        ({"Cache-Control": "s-maxage=5, max-age=20000", "Age": "5000"}, 15000),
        ({"Cache-Control": "no-cache"}, 3600),
        ({"Cache-Control": "max-age=0"}, 60),
        ({"Cache-Control": "max-age=999999999"}, 86400),
    ],
)
def test_the_lifetime_of_keys(headers: dict[str, str], seconds: float) -> None:
    assert lifetime_of(httpx.Response(200, headers=headers)) == seconds
