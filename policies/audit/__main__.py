"""Runs the audit: `python -m policies.audit`."""

import sys

from policies.audit.command import main

if __name__ == "__main__":
    sys.exit(main())
