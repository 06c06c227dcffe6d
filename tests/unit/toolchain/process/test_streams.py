"""Commands whose standard streams are closed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]

#: Reports to a file what it was started with.
PROGRAM = """\
import os, sys
from toolchain.process.streams import open_closed
closed = sorted(open_closed())
with open(sys.argv[1], "w") as file:
    # No file has the number of a stream.
    print(closed, file.fileno() > 2, sys.stdin.isatty(), sys.stdout.isatty(), file=file)
"""


@pytest.mark.parametrize(("closing", "names"), [("", []), ("<&-", ["stdin"]), (">&- 2>&-", ["stderr", "stdout"])])
def test_a_closed_stream_is_the_null_device(tmp_path: Path, closing: str, names: list[str]) -> None:
    command = f'exec "$0" -c "$1" "$2" {closing}'
    subprocess.run(
        ["bash", "-c", command, sys.executable, PROGRAM, tmp_path / "out"], check=True, cwd=ROOT, capture_output=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (tmp_path / "out").read_text() == f"{names} True False False\n"
