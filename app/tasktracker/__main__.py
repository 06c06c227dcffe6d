"""`python -m tasktracker`: the same as the `tasktracker` command."""

import sys

from tasktracker.cli import main

sys.exit(main())
