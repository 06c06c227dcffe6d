"""Programs that are built from locked Go modules on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolchain.process.steps import ROOT, StepError, run

#: What most modules ask for. Where one asks for more, Go fetches that from the module proxy, unless it
#: is told not to (GOTOOLCHAIN=local).
MINIMUM_GO = (1, 25)

Version = tuple[int, ...]


class NoGoError(StepError):
    """There is no Go that is new enough; the message says what to install."""


def find_go() -> str:
    """The path of a Go that is new enough.

    Raises:
        NoGoError: there is none.
    """
    wanted = ".".join(map(str, MINIMUM_GO))
    advice = f"install Go {wanted} or newer (https://go.dev/dl) so that `go version` shows it"
    go = shutil.which("go")
    if go is None:
        raise NoGoError(f"no Go to build with: {advice}")
    process = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False, cwd=ROOT)
    if process.returncode or parse_version(process.stdout)[:2] < MINIMUM_GO:
        raise NoGoError(f"{go} is {process.stdout.strip() or 'broken'}: {advice}")
    return go


def build(
    title: str,
    module: Path,
    package: str,
    program: Path,
    *,
    options: Sequence[str],
    env: Mapping[str, str] | None = None,
) -> None:
    """Builds `package` of the Go module in `module` into the file `program`, which appears only when it is whole.

    The pattern `tool` is the package that go.mod names as its tool.

    Raises:
        NoGoError: there is no Go.
        StepError: the build failed.
    """
    go = find_go()
    program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_name(f".{program.name}.new")
    run(
        title,
        [go, "build", *options, "-o", unfinished, package],
        log=f"build-{program.name}",
        # go.mod and go.sum are final, whatever the user's settings for other projects say.
        env={"GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off", **(env or {})},
        cwd=module,
    )
    unfinished.replace(program)


def parse_version(text: str) -> Version:
    """The numbers of the first version in `text`: (3, 256, 0) of `v3.256.0-dev`; () without one."""
    match = re.search(r"\d+(\.\d+)+", text)
    return tuple(map(int, match[0].split("."))) if match else ()
