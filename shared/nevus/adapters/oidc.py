"""Who is calling, by a signed token of an issuer that is believed: people by OIDC or IAP, services by Google."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.exceptions import PyJWTError

from nevus.adapters.jwks import KeySet
from nevus.domain import Caller, Role

FIREBASE_ISSUER = "https://securetoken.google.com/"  # and the project's id
FIREBASE_KEYS = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
IAP_ISSUER = "https://cloud.google.com/iap"
IAP_GOOGLE_ACCOUNT = "accounts.google.com:"
IAP_KEYS = "https://www.gstatic.com/iap/verify/public_key-jwk"
GOOGLE_ISSUER = "https://accounts.google.com"
GOOGLE_KEYS = "https://www.googleapis.com/oauth2/v3/certs"

ALGORITHMS = ("RS256", "ES256")  # a public key must never be taken for a shared secret
LEEWAY = 30  # seconds that two clocks may differ
MAX_TOKEN = 16 * 1024
REQUIRED = ("iss", "aud", "sub", "exp", "iat")
DERIVED = "oidc-"


@dataclass(frozen=True)
class Trusted:
    """An issuer and the one audience for which its tokens are taken."""

    issuer: str
    audience: str
    keys_url: str
    algorithms: tuple[str, ...] = ALGORITHMS


class Verifier:
    """Tells the claims of tokens that are genuine, for us and valid now."""

    def __init__(self, trusted: Trusted) -> None:
        if not trusted.issuer or not trusted.audience:
            raise ValueError("an issuer and an audience must be named")
        self._trusted = trusted
        self._keys = KeySet(trusted.keys_url)

    async def claims(self, token: str) -> Mapping[str, Any] | None:
        """None for every token that is not; raises Unavailable while no keys of the issuer are known."""
        if len(token) > MAX_TOKEN:
            return None
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            if header.get("alg") not in self._trusted.algorithms or not isinstance(kid, str):
                return None
            key = await self._keys.find(kid)
            return None if key is None else self._decoded(token, key)
        except (PyJWTError, ValueError, TypeError, OverflowError):
            return None

    def _decoded(self, token: str, key: jwt.PyJWK) -> Mapping[str, Any] | None:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=self._trusted.algorithms,
            issuer=self._trusted.issuer,
            audience=self._trusted.audience,
            leeway=LEEWAY,
            options={"require": list(REQUIRED), "strict_aud": True, "enforce_minimum_key_length": True},
        )
        return claims if claims["sub"].strip() else None


@dataclass(frozen=True)
class Roles:
    """How a role is found: by a verified e-mail address that is listed here, or else by the claim of that name.

    IAP's tokens do not say whether the address is verified; that of a Google account is.
    """

    claim: str = "role"
    admins: frozenset[str] = frozenset()
    clinicians: frozenset[str] = frozenset()

    def of(self, claims: Mapping[str, Any]) -> Role:
        """The least one, client, where nothing says otherwise."""
        email = verified_email(claims)
        if email in self.admins:
            return Role.ADMIN
        if email in self.clinicians:
            return Role.CLINICIAN
        said = claims.get(self.claim)
        return Role(said) if isinstance(said, str) and said in set(Role) else Role.CLIENT


class OidcIdentity:
    """An `Identity` by ID tokens."""

    def __init__(self, verifier: Verifier, roles: Roles) -> None:
        self._verifier = verifier
        self._roles = roles

    async def caller(self, token: str) -> Caller | None:
        """Whose token this is; None when it does not hold. Raises Unavailable while no keys of the issuer are known."""
        claims = await self._verifier.claims(token)
        return Caller(id=caller_id(claims), role=self._roles.of(claims)) if claims else None


class ServiceAccounts:
    """The service account that calls, by a Google ID token made for `audience`."""

    def __init__(self, audience: str, keys_url: str = GOOGLE_KEYS) -> None:
        self._verifier = Verifier(Trusted(GOOGLE_ISSUER, audience, keys_url, ("RS256",)))

    async def email(self, token: str) -> str | None:
        """Its address; None when the token does not hold or names none. Raises Unavailable without Google's keys."""
        claims = await self._verifier.claims(token)
        return verified_email(claims) if claims else None


def verified_email(claims: Mapping[str, Any]) -> str | None:
    """The token's e-mail address in lower case, if its issuer has verified it; only of letters whose case is plain."""
    email = claims.get("email")
    of_google = claims["iss"] == IAP_ISSUER and claims["sub"].startswith(IAP_GOOGLE_ACCOUNT)
    verified = of_google or claims.get("email_verified") is True
    return email.lower() if isinstance(email, str) and email and email.isascii() and verified else None


def caller_id(claims: Mapping[str, Any]) -> str:
    """One made of issuer and subject, the same for ever: a name at one issuer is another's at the next, or a key's."""
    digest = hashlib.sha256(f"{claims['iss']}\0{claims['sub']}".encode(errors="surrogatepass")).digest()[:16]
    return DERIVED + base64.b32encode(digest).decode().rstrip("=").lower()


def addresses(text: str) -> frozenset[str]:
    """Of a comma-separated setting, in lower case."""
    return frozenset(part.strip().lower() for part in text.split(",") if part.strip())
