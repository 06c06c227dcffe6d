"""`python -m stackfile FILE...`: prints stack files as one JSON document, for programs that read no YAML.

The document has each file's content by its name, with `config` as `stackfile.config` returns it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from stackfile.loading import StackFileError, document

if __name__ == "__main__":
    try:
        documents = {Path(file).name: document(Path(file)) for file in sys.argv[1:]}
    except StackFileError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(documents, default=str))
