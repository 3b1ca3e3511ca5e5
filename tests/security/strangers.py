"""Tokens, keys and sessions that only look like one that is let in, each for one reason."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.utils import base64url_encode
from tests.issuer import AUDIENCE, IAP_AUDIENCE, Issuer, ec_key, rsa_key
from tests.security.door import SCHEDULER, Door

from nevus.adapters.keys import SqliteIdentity, new_secret
from nevus.domain import Role

HOUR = 3600
Making = Callable[..., str]


def bad_tokens(issuer: Issuer, good: Making, audience: str, kid: str = "one") -> dict[str, str]:
    """Of tokens that `good` makes for `audience`, signed by the issuer's key `kid`, those that must not hold."""
    now = int(time.time())
    other = "https://another.test"
    return {
        "expired": good(exp=now - HOUR),
        "of the future": good(iat=now + HOUR),
        "without an end": good(exp=None),
        "for another audience": good(aud=other),
        "for several audiences": good(aud=[audience, other]),
        "for nobody": good(aud=None),
        "of another issuer": good(iss="https://issuer.test"),
        "of a service": issuer.service_token("someone@nevus-test.iam.gserviceaccount.com", other),
        "of no one": good(sub=" "),
        **badly_signed(issuer, good(), kid),
    }


def badly_signed(issuer: Issuer, token: str, kid: str) -> dict[str, str]:
    """The claims of a good token, with another signature or none."""
    claims, key = jwt.decode(token, options={"verify_signature": False}), issuer.keys[kid]
    other, algorithm = (rsa_key(2), "RS256") if key is rsa_key(1) else (ec_key(2), "ES256")
    head, body, signature = token.split(".")
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    shared = [base64url_encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": kid}, claims)]
    shared.append(base64url_encode(hmac.new(pem, b".".join(shared), hashlib.sha256).digest()))
    altered = base64url_encode(json.dumps(claims | {"role": "admin", "sub": "altered"}).encode()).decode()
    return {
        "signed by an unknown key": jwt.encode(claims, other, algorithm, headers={"kid": "unknown"}),
        "signed by another's key": jwt.encode(claims, other, algorithm, headers={"kid": kid}),
        "signed with the public key": b".".join(shared).decode(),
        "unsigned": jwt.encode(claims, "", "none", headers={"kid": kid}),
        "cut": f"{head}.{body}.",
        "altered": f"{head}.{altered}.{signature}",
    }


async def bad_keys(door: Door) -> dict[str, str]:
    """Bearers that were a key, are another kind of secret, or are all but a key."""
    revoked, key = (door.identity.create_key(Role.ADMIN, "admin") for _ in range(2))
    replaced = new_secret("nvs_")
    for secret in (replaced, new_secret("nvs_")):
        door.identity.adopt_key(secret, Role.ADMIN, "first")
    door.identity.revoke(revoked.key_id)
    return {
        "revoked": revoked.secret,
        "replaced by another": replaced,
        "never made": new_secret("nvs_"),
        "a session": await signed_in(door.identity),
        "a link": door.identity.create_invite(Role.ADMIN, "admin"),
        "what is kept of a key": hashlib.sha256(key.secret.encode()).hexdigest(),
        "a key's name": key.key_id,
        "the most of a key": key.secret[:-1],
        "a key in capitals": key.secret.upper(),
        "very long": "nvs_" + secrets.token_urlsafe(4096),
    }


async def bad_sessions(door: Door) -> dict[str, str]:
    """Cookies that were a session, or are another kind of secret."""
    earlier = SqliteIdentity(door.services.settings.data_dir / "identity.db", lambda: now() - timedelta(days=15))
    expired = await signed_in(earlier)
    earlier.close()
    left, ended = await signed_in(door.identity), await signed_in(door.identity, "ended")
    await door.identity.end_session(left)
    door.identity.end_sessions("ended")
    return {
        "expired": expired,
        "signed out": left,
        "ended by an operator": ended,
        "never made": new_secret("nvw_"),
        "a key": door.identity.create_key(Role.ADMIN, "admin").secret,
        "a link": door.identity.create_invite(Role.ADMIN, "admin"),
    }


async def signed_in(identity: SqliteIdentity, caller: str = "admin") -> str:
    """A new session of an admin."""
    session = await identity.redeem(identity.create_invite(Role.ADMIN, caller))
    assert session is not None
    return session


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


async def strangers(door: Door, way: str) -> dict[str, str]:
    """All of them for a way in, by what is wrong; each would be an admin, were it right."""
    if way == "key":
        return await bad_keys(door)
    if way == "session":
        return await bad_sessions(door)
    person = partial(door.issuer.token, "admin", role="admin")
    page = partial(door.issuer.assertion, "accounts.google.com:admin", email="admin@nevus.test")
    scheduler = {"the scheduler's": door.issuer.service_token(SCHEDULER, AUDIENCE)}
    if way == "token":
        return bad_tokens(door.issuer, person, AUDIENCE) | scheduler | {"an assertion of IAP": page()}
    return bad_tokens(door.issuer, page, IAP_AUDIENCE, "iap") | scheduler | {"a token": person()}
