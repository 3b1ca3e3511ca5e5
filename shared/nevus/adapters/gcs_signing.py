"""Who signs the addresses of direct uploads: the service's own account, without a key file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import google.auth
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, iam
from google.auth.credentials import Credentials, Signing
from google.auth.exceptions import DefaultCredentialsError
from google.auth.transport import requests as transport
from google.oauth2 import service_account

from nevus.adapters.gcs_cloud import PLATFORM_SCOPE

EMULATED_ACCOUNT = "nevus@emulator.iam.gserviceaccount.com"
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105  # no secret, and never asked: nothing here needs a token


def own_signer(timeout: float) -> Signing:
    """Of the account that this process runs as; asks a server. `timeout` in seconds; raises GoogleAuthError."""
    credentials, _ = google.auth.default(scopes=[PLATFORM_SCOPE])
    return signer_of(credentials, partial(transport.Request(), timeout=timeout))


def signer_of(credentials: Credentials, request: Callable[..., Any]) -> Signing:
    """The credentials themselves when they can sign, else IAM's `signBlob` in their name.

    The account needs `iam.serviceAccounts.signBlob` on itself. Raises GoogleAuthError, also for a person's credentials.
    """
    if isinstance(credentials, Signing):
        return credentials
    credentials.refresh(request)  # only now does a service on Cloud Run know its account's name
    account = getattr(credentials, "service_account_email", None)
    if not account:
        raise DefaultCredentialsError("only a service account can sign")
    return signing(iam.Signer(request, credentials, account), account)


def throwaway_signer() -> Signing:
    """With a key of its own that nobody knows, for an emulator, which checks no signature."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return signing(crypt.RSASigner.from_string(pem), EMULATED_ACCOUNT)


def signing(signer: crypt.Signer, account: str) -> Signing:
    """A signer and its account in the shape that the client takes."""
    return service_account.Credentials(signer, account, TOKEN_URI)
