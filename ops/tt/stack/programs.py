"""`tt audit` and `tt push`: programs of the project that know what `ops` does not, the policies and the images."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from ops import pulumi_cli
from ops.pulumi_cli import PulumiError
from ops.tt.errors import FailedError, InterruptedWorkError, UnreachableError
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.stack.attached import STDERR, variables
from ops.tt.state.obstacles import obstacles
from toolchain.process import foreground
from toolchain.process.steps import ROOT


def audit(project: Project, output: Output) -> int:
    """Checks what runs on the Docker host against the policies; returns the exit code of `policies.audit`.

    It gets the state with secrets, to compare the files that containers have. They are shown nowhere and written to no
    file.

    Raises:
        UnreachableError: the state can't be read; says why.
    """
    environment = variables(project)
    arguments = ["stack", "export", "--show-secrets", "--stack", project.stack]
    try:
        state = pulumi_cli.output(arguments, project.folder, environment)
    except PulumiError as error:
        raise UnreachableError("\n".join([str(error), *obstacles(project)])) from None
    options = ["--stack", project.stack, "--state", "-", *(["--json"] if output.json else [])]
    return subprocess.run(
        [sys.executable, "-m", "policies.audit", *options],
        cwd=project.folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        input=state,
        text=True,
        check=False,
    ).returncode


def push(output: Output, repository: str, tag: str | None) -> int:
    """Pushes the images that were built here; returns the exit code of `toolchain.targets.push`, which reports on it.

    Raises:
        FailedError: it failed, and has said why on standard error (with `--json`).
    """
    signals: list[int] = []
    command: Sequence[str] = [
        sys.executable,
        "-m",
        "toolchain.targets.push",
        *(["--tag", tag] if tag else []),
        repository,
    ]
    stdout = STDERR if output.json else None
    code = foreground.run(command, os.environ, folder=ROOT, stdout=stdout, on_signal=signals.append)
    if code and output.json:
        if signals:
            raise InterruptedWorkError("interrupted; the same command goes on from here")
        raise FailedError("the images were not all pushed: the reason is on standard error")
    if not code:
        output.result({"repository": repository, "tag": tag})
    return code
