"""Ed25519 keys: their ids, signing and verifying. Keys and signatures are text as it stands in events and files."""

import base64
import binascii
import hashlib
import re

from cryptography.exceptions import InternalError, InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from msgspec import Struct
from msgspec.structs import replace

from contracts.arming import ArmRequested, Signature
from contracts.statements import signed_bytes

PUBLIC_KEY_BYTES = 32
KEY_ID_DIGITS = 16
_SIGNATURE = re.compile(r"[A-Za-z0-9_-]{86}")
_FIELD = 2**255 - 19
_EIGHTH = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_WEAK_HEIGHTS = frozenset({0, 1, _FIELD - 1, _EIGHTH, _FIELD - _EIGHTH})
"""The y of every point whose multiples are at most eight: under such a key anybody can sign. Nought is one of them."""


class KeyMistake(ValueError):
    """What stands there is no usable public key; the text goes on after its name."""


def key_id_of(public_key: bytes) -> str:
    """The name of a key: the first digits of SHA-256 of its 32 bytes."""
    return hashlib.sha256(public_key).hexdigest()[:KEY_ID_DIGITS]


def public_key_from(text: str) -> bytes:
    """The 32 bytes of a public key in base64. Raises KeyMistake."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise KeyMistake("is not base64") from None
    if len(raw) != PUBLIC_KEY_BYTES:
        raise KeyMistake(f"has {len(raw)} bytes, and an Ed25519 key has {PUBLIC_KEY_BYTES}")
    if int.from_bytes(raw, "little") % 2**255 % _FIELD in _WEAK_HEIGHTS:
        raise KeyMistake("is one under which anybody can sign: it is no key that was made")
    return raw


def public_key_text(public_key: bytes) -> str:
    """The same as text."""
    return base64.b64encode(public_key).decode()


def verifies(public_key: bytes, signature: str, statement: bytes) -> bool:
    """Whether `signature` is this key's over `statement`. Never raises: what is no signature does not verify."""
    if not _SIGNATURE.fullmatch(signature):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(base64.urlsafe_b64decode(f"{signature}=="), statement)
    except (InvalidSignature, InternalError, ValueError):
        return False
    return True


class Signer(Struct, frozen=True):
    """A private key that is unlocked. It shows nothing of itself."""

    _private_key: Ed25519PrivateKey

    @classmethod
    def new(cls) -> "Signer":
        """A key that nobody has had before."""
        return cls(Ed25519PrivateKey.generate())

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that others verify by."""
        return self._private_key.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        """The key's name."""
        return key_id_of(self.public_key)

    def locked(self, passphrase: str) -> bytes:
        """The private key in PEM, encrypted."""
        encryption = BestAvailableEncryption(passphrase.encode())
        return self._private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)

    def sign(self, arm: ArmRequested) -> ArmRequested:
        """`arm` with this key's signature behind those that it has."""
        made = base64.urlsafe_b64encode(self._private_key.sign(signed_bytes(arm))).decode().rstrip("=")
        return replace(arm, signatures=(*arm.signatures, Signature(key_id=self.key_id, signature=made)))
