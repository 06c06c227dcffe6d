"""The entry point of the policy pack: the engine runs this folder."""

import os
import sys

# The engine runs the folder as a program, which puts it on the path: there, the pack's wings would hide packages and
# modules of the standard library that have the same name, such as the Docker SDK. It is removed before anything else is
# imported (`os` is loaded by then), and the pack's modules are imported as those of a package. Other entries become
# absolute: the working folder changes below.
_FOLDER = os.path.realpath(os.path.dirname(__file__))  # noqa: PTH120 - pathlib is not loaded yet
sys.path[:] = [os.path.abspath(each) for each in sys.path if os.path.realpath(each) != _FOLDER]  # noqa: PTH100
sys.path.insert(0, os.path.dirname(_FOLDER))  # noqa: PTH120

import contextlib  # noqa: E402 - the path comes first

from policies.analyzer import serve  # noqa: E402

# A language host runs a pack in the pack's own folder. Its own is the program's, which paths in a resource start from.
with contextlib.suppress(OSError):
    os.chdir(os.environ.get("PWD", ".") if sys.platform == "darwin" else f"/proc/{os.getppid()}/cwd")

serve()
