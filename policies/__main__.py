"""The entry of the policy pack: the engine runs this folder."""

import contextlib
import os
import sys
from pathlib import Path

# The engine runs the folder as a program; its modules import each other as a package.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policies.analyzer import serve

# A language host runs a pack in the pack's own folder. Its own is the program's, which paths in a resource start from.
with contextlib.suppress(OSError):
    os.chdir(os.environ.get("PWD", ".") if sys.platform == "darwin" else f"/proc/{os.getppid()}/cwd")

serve()
