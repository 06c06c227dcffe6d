"""`Pulumi.<stack>.yaml` on disk: the one reader and editor of it outside the engine.

Knows the file's form and nothing of what its keys mean. `toolchain.pulumi_engine.backends` and `.tools/env` look for
one line by a pattern instead, as they may run before the virtual environment exists, and a file in which they would
overlook it is refused.
"""

from stackfile.loading import StackFileError, config, document, load, parse, with_namespace

__all__ = ["StackFileError", "config", "document", "load", "parse", "with_namespace"]
