"""`./tt` in the project's folder."""

import os
import sys

from ops.tt.cli import main

# It is how the script found this package, and no program that is started from here has any use for it.
os.environ.pop("PYTHONPATH", None)
sys.exit(main())
