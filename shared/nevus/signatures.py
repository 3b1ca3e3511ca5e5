"""Who made a version: an Ed25519 signature (RFC 8032) of its manifest, in `manifest.sig` beside it, in base64.

The manifest names every file's hash, its name and its version, so whoever signs it signs all of the version. Keys are
32 bytes in base64; the setting `none` stands for no key, since a secret in the cloud cannot be empty.
`cryptography` is imported by those alone who have a key: it would cost inference a part of its start.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from contextlib import suppress
from typing import Annotated

from pydantic import AfterValidator, SecretStr

SIGNATURE_FILE = "manifest.sig"
NONE = "none"
KEY_BYTES = 32


class Trust:
    """Public keys, by one of which a version must be signed."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys = tuple(keys)

    def __contains__(self, key: bytes) -> bool:
        """Whether this public key is trusted."""
        return key in self._keys

    def holds(self, manifest: bytes, signature: bytes) -> bool:
        """Whether one of the keys has signed exactly this manifest."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        for key in self._keys:
            with suppress(InvalidSignature, ValueError):
                Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(signature, validate=True), manifest)
                return True
        return False


class Signer:
    """A private key."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(key)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, manifest: bytes) -> bytes:
        """The contents of `manifest.sig`; the same for the same manifest."""
        return base64.b64encode(self._key.sign(manifest))


def trust_of(setting: str) -> Trust | None:
    """The keys in MODEL_PUBLIC_KEYS, separated by commas; None when there are none. Raises ValueError."""
    keys = [_key(each) for each in setting.split(",") if each.strip() not in ("", NONE)]
    return Trust(keys) if keys else None


def signer_of(setting: SecretStr | None) -> Signer | None:
    """The key in MODEL_SIGNING_KEY, if there is one; raises ValueError."""
    key = setting.get_secret_value().strip() if setting else NONE
    return Signer(_key(key)) if key not in ("", NONE) else None


def new_pair() -> tuple[str, str]:
    """A new private key and its public key, as the settings take them."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate().private_bytes_raw()
    return base64.b64encode(key).decode(), base64.b64encode(Signer(key).public).decode()


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key is {KEY_BYTES} bytes in base64")
    return key


def _trusted(setting: str) -> str:
    trust_of(setting)
    return setting


def _signing(setting: SecretStr | None) -> SecretStr | None:
    signer_of(setting)
    return setting


PublicKeys = Annotated[str, AfterValidator(_trusted)]
SigningKey = Annotated[SecretStr | None, AfterValidator(_signing)]
