"""`python -m stackfile FILE`: prints a stack file's config as JSON, for set-up, whose own Python reads no YAML."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from stackfile.loading import StackFileError, config

if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(config(Path(sys.argv[1]))))
    except StackFileError as error:
        sys.exit(str(error))
