"""Encryption of the notes at rest."""

import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORMAT = b"\x01"
"""First byte of every stored value, so that a later format can be told apart."""

KEY_BYTES = 32
NONCE_BYTES = 12
"""NIST SP 800-38D, 5.2.1.1: 96 bits is the length GCM is made for."""

CONTEXT = b"tasktracker/notes/v1"
"""Ties the derived key to this use: the same secret may serve others with another context."""


class UndecryptableError(Exception):
    """The stored value wasn't made with this key for this task, or was changed since."""


class NotesCipher:
    """AES-256-GCM under a key derived from the deployment's secret (HKDF-SHA256, RFC 5869).

    A task's id is authenticated along, so that one task's notes can't be passed off as another's.
    """

    def __init__(self, secret: str) -> None:
        hkdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=CONTEXT)
        self._aead = AESGCM(hkdf.derive(secret.encode()))

    def encrypt(self, notes: str, task_id: UUID) -> bytes:
        """Format byte, nonce, and ciphertext with tag; the nonce is random, so never the same."""
        nonce = os.urandom(NONCE_BYTES)
        return FORMAT + nonce + self._aead.encrypt(nonce, notes.encode(), task_id.bytes)

    def decrypt(self, stored: bytes, task_id: UUID) -> str:
        """The inverse of `encrypt`.

        Raises:
            UndecryptableError: another key, another task, or damaged bytes.
        """
        start = len(FORMAT) + NONCE_BYTES
        if not stored.startswith(FORMAT) or len(stored) < start:
            raise UndecryptableError("unknown format")
        try:
            plain = self._aead.decrypt(stored[len(FORMAT) : start], stored[start:], task_id.bytes)
        except InvalidTag:
            raise UndecryptableError("wrong key or changed bytes") from None
        return plain.decode()
