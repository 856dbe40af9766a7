"""Signing a receipt with a key of one's own: a DSSE envelope, as in-toto's tools read it, by securesystemslib."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import SignatureError, WrongSignatureError, first_line
from pytest_framing.json_documents import parse_json, read_document
from pytest_framing.optional_packages import optional_package

if TYPE_CHECKING:
    from pathlib import Path

    from securesystemslib.signer import SSlibKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
NEEDED_BY = "signing and verifying a receipt"


@dataclass(frozen=True)
class SignedReceipt:
    """The statement in an envelope whose signature holds, and the id of the key that made it."""

    content: bytes
    document: dict[str, Any]
    key: str


def sign(content: bytes, key: Path, password: bytes | None = None) -> dict[str, Any]:
    """Return the DSSE envelope of a receipt.

    Parameters
    ----------
    content
        The receipt, byte by byte.
    key
        PEM file with a private key (PKCS #8): Ed25519, ECDSA or RSA.
    password
        Of an encrypted key.

    Raises
    ------
    SignatureError
        When the key cannot be read or used.
    MissingPackageError
        When securesystemslib is not installed.
    """
    _hold_installed()
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

    try:
        signer = CryptoSigner(load_pem_private_key(_bytes(key), password))
        envelope = Envelope(content, PAYLOAD_TYPE, {})
        envelope.sign(signer)
    except (ValueError, TypeError) as error:
        raise SignatureError(f"{key}: no private key that can sign: {first_line(error)}") from None
    document: dict[str, Any] = envelope.to_dict()
    return document


def verify_signature(path: Path, key: Path) -> SignedReceipt:
    """Read an envelope and hold its signature against a public key.

    Parameters
    ----------
    path
        The envelope.
    key
        PEM file with the public key.

    Raises
    ------
    SignatureError
        When it is no envelope of an in-toto Statement, or the key cannot be read.
    WrongSignatureError
        When no signature in it was made with this key on this payload.
    MissingPackageError
        When securesystemslib is not installed.
    """
    _hold_installed()
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    document = read_document(path, SignatureError)
    try:
        envelope = Envelope.from_dict(document)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise SignatureError(f"{path}: not a DSSE envelope ({first_line(error)})") from None
    if envelope.payload_type != PAYLOAD_TYPE:
        raise SignatureError(f"{path}: the payload is no in-toto Statement, but {envelope.payload_type!r:.60}")
    public = _public_key(key)
    try:
        envelope.verify([public], threshold=1)
    except VerificationError:
        raise WrongSignatureError(
            f"{path}: NOT SIGNED with {key} (key {public.keyid[:16]}…): another key made the signature, or the receipt "
            "was changed afterwards"
        ) from None
    try:
        statement = parse_json(envelope.payload, numbers_only=True)
    except (ValueError, RecursionError) as error:
        raise SignatureError(f"{path}: the payload is no JSON ({first_line(error)})") from None
    if not isinstance(statement, dict):
        raise SignatureError(f"{path}: the payload is no JSON object")
    return SignedReceipt(envelope.payload, statement, public.keyid)


def _public_key(path: Path) -> SSlibKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    content = _bytes(path)
    # Also where a public key stands beside it: whoever verifies should never have been given this file.
    if b"PRIVATE KEY-----" in content:
        raise SignatureError(
            f"{path}: holds a private key; a signature is verified with the public one (openssl pkey -in KEY -pubout), "
            "and whoever has the private one can sign"
        )
    try:
        return SSlibKey.from_crypto(load_pem_public_key(content))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SignatureError(f"{path}: no public key: {first_line(error)}") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SignatureError(f"{path}: cannot be read: {error.strerror or error}") from error


def _hold_installed() -> None:
    for name in ("cryptography", "securesystemslib"):
        optional_package(name, "sign", NEEDED_BY)
