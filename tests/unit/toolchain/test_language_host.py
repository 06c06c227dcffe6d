"""The parts of the language host that need no engine."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from toolchain.language_host import _requirement_name, user_traceback


def _failure_of(program: Path, source: str) -> str:
    program.write_text(source)
    with pytest.raises(Exception) as error:  # noqa: PT011 -- each program raises its own
        runpy.run_path(str(program), run_name="__main__")
    return user_traceback(error.value, program.parent)


def test_traceback_starts_at_the_program(tmp_path: Path) -> None:
    text = _failure_of(tmp_path / "__main__.py", "def f():\n    raise ValueError('x')\nf()\n")
    lines = [line.strip() for line in text.splitlines()]
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'File "{tmp_path}/__main__.py", line 3, in <module>'
    assert lines[-1] == "ValueError: x"
    assert "runpy" not in text


def test_chain_of_exceptions_is_cut_in_each_link(tmp_path: Path) -> None:
    source = "import json\ntry:\n    json.loads('{')\nexcept ValueError as e:\n    raise KeyError('k') from e\n"
    text = _failure_of(tmp_path / "__main__.py", source)
    assert text.index("JSONDecodeError") < text.index("direct cause") < text.index("KeyError: 'k'")
    # The frames below the program's are kept: they say what went wrong.
    assert "json/decoder.py" in text
    assert "runpy" not in text


def test_exception_from_elsewhere_is_left_whole(tmp_path: Path) -> None:
    text = _failure_of(tmp_path / "__main__.py", "raise ValueError('x')")
    error = ValueError("never seen by the program")
    try:
        raise error
    except ValueError:
        assert __file__ in user_traceback(error, tmp_path)
    assert __file__ not in text


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("grpcio>=1.68", "grpcio"),
        ("Typing_Extensions ; python_version < '3.11'", "typing-extensions"),
        ("uvicorn[standard]==1", "uvicorn"),
        ("pytest; extra == 'test'", ""),
    ],
)
def test_requirement_name(requirement: str, name: str) -> None:
    assert _requirement_name(requirement) == name
