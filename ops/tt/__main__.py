"""`./tt` in the project's folder, which starts this file with `python -I`: nothing but this project is on its path."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import toolchain.process.starting  # noqa: F401 - first of all
from ops.tt.cli import main
from toolchain.pulumi_engine.environment import clean

# For the commands that are started from here, `pulumi` with the program among them.
clean(os.environ)
sys.exit(main())
