"""`Pulumi.<stack>.yaml` on disk: the one reader of it outside the engine.

Knows the file's form and nothing of what its keys mean. Readers that run before the virtual environment exists
(`toolchain.backends`, `toolchain.stack`, `.tools/env`) look for one line by a pattern instead.
"""

from stackfile.loading import StackFileError, config, load, parse

__all__ = ["StackFileError", "config", "load", "parse"]
