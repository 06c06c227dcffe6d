"""Regular expressions of the user's own, in Python's syntax, matched within a time limit."""

import json
import subprocess
import sys
from typing import Final

# Seconds. A match that is linear takes microseconds on a secret, and starting Python some hundredths of a second.
TIME_LIMIT: Final = 2

# In a process of its own: Python's engine can't be stopped, and takes exponential time for some expressions.
_PROGRAM: Final = """
import json, re, sys
pattern, value = json.load(sys.stdin)
sys.exit(0 if re.fullmatch(pattern, value) else 1)
"""


class TooSlowError(Exception):
    """A match did not end in time."""


def matches(pattern: str, value: str) -> bool:
    """Whether the whole of `value` matches a valid `pattern`.

    Raises:
        TooSlowError: it took longer than `TIME_LIMIT`.
    """
    try:
        result = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            # Neither of the two is in a command line, where other users would see them.
            input=json.dumps([pattern, value]).encode(),
            capture_output=True,
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TooSlowError from None
    if result.returncode not in (0, 1):
        # Such as one that needs more memory or a deeper stack than there is.
        raise TooSlowError
    return result.returncode == 0
