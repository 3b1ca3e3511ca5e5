"""A token issuer of the tests: its keys are served over real HTTP, its tokens say what a test wants."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from nevus.adapters.oidc import GOOGLE_ISSUER, IAP_ISSUER, Trusted

AUDIENCE = "nevus-test"
FIREBASE = f"https://securetoken.google.com/{AUDIENCE}"
IAP_AUDIENCE = "/projects/1/locations/europe-west1/services/nevus"


@cache
def rsa_key(number: int) -> rsa.RSAPrivateKey:
    """One of a few keys, made once in a test session."""
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(number: int) -> ec.EllipticCurvePrivateKey:
    """For ES256."""
    del number
    return ec.generate_private_key(ec.SECP256R1())


def public(kid: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """The public half as a JSON Web Key."""
    if isinstance(key, rsa.RSAPrivateKey):
        return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": "RS256", "use": "sig"}
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": "ES256", "use": "sig"}


@dataclass
class Issuer:
    """Serves the keys of OIDC, IAP and Google alike at `url`; a test may take it down or let its keys change."""

    url: str
    keys: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = field(
        default_factory=lambda: {"one": rsa_key(1), "iap": ec_key(1)}
    )
    down: bool = False
    body: bytes | None = None
    cache_control: str = "public, max-age=3600"
    asked: int = 0
    pause: float = 0.0

    @property
    def trusted(self) -> Trusted:
        """As a person's tokens are taken."""
        return Trusted(FIREBASE, AUDIENCE, self.url)

    def token(self, subject: str = "known", *, kid: str = "one", **claims: Any) -> str:
        """A good token of a person, but for what `claims` change; a claim of None is left out."""
        now = int(time.time())
        said = {"iss": FIREBASE, "aud": AUDIENCE, "sub": subject, "iat": now - 5, "exp": now + 3600} | claims
        key = self.keys[kid]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        kept = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(kept, key, algorithm, headers={"kid": kid})

    def assertion(self, subject: str, **claims: Any) -> str:
        """As IAP puts it before a page's request."""
        said: dict[str, Any] = {"iss": IAP_ISSUER, "aud": IAP_AUDIENCE}
        return self.token(subject, kid="iap", **said | claims)

    def service_token(self, email: str, audience: str, **claims: Any) -> str:
        """As Google gives it to a service account."""
        said: dict[str, Any] = {"iss": GOOGLE_ISSUER, "aud": audience, "email": email, "email_verified": True}
        return self.token("1234567890", **said | claims)


@contextmanager
def token_issuer() -> Iterator[Issuer]:
    """On a free port until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            time.sleep(issuer.pause)
            told = json.dumps({"keys": [public(kid, key) for kid, key in issuer.keys.items()]}).encode()
            body = told if issuer.body is None else issuer.body
            self.send_response(503 if issuer.down else 200)
            self.send_header("Cache-Control", issuer.cache_control)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = Issuer(f"http://127.0.0.1:{server.server_port}/keys")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
