"""The encryption of notes."""

from uuid import UUID, uuid4

import pytest
from tasktracker.api.crypto import NotesCipher, UndecryptableError

TASK = UUID(int=1)


def test_round_trip() -> None:
    cipher = NotesCipher("k" * 32)
    stored = cipher.encrypt("Grüße, 日本", TASK)
    assert "Grüße".encode() not in stored
    assert cipher.decrypt(stored, TASK) == "Grüße, 日本"


def test_same_notes_never_look_the_same() -> None:
    cipher = NotesCipher("k" * 32)
    assert cipher.encrypt("x", TASK) != cipher.encrypt("x", TASK)


def test_only_the_same_secret_for_the_same_task_decrypts() -> None:
    stored = NotesCipher("k" * 32).encrypt("x", TASK)
    with pytest.raises(UndecryptableError):
        NotesCipher("l" * 32).decrypt(stored, TASK)
    with pytest.raises(UndecryptableError):
        NotesCipher("k" * 32).decrypt(stored, uuid4())


@pytest.mark.parametrize("damage", [b"", b"\x01", b"\x02" + b"x" * 40, b"\x01" + b"x" * 40])
def test_damaged_bytes_are_refused(damage: bytes) -> None:
    with pytest.raises(UndecryptableError):
        NotesCipher("k" * 32).decrypt(damage, TASK)


def test_format_is_stable() -> None:
    # Written by the first release; every later one must read it.
    stored = bytes.fromhex("01477e6106fd2c120eb3fd863872e72e6f8cf0272f7a5f5e9b64901160fa49fe23")
    assert NotesCipher("k" * 32).decrypt(stored, TASK) == "kept"
