"""Where a stack's state is, as its config says: `tasktracker:state_backend` in `Pulumi.<stack>.yaml`.

Pulumi knows one backend for a shell (`PULUMI_BACKEND_URL`) or for a whole project (`backend` in
`Pulumi.yaml`), and refuses keys of its own file that it doesn't know. So the key is one of the
config: it is tracked with the rest of the stack's settings, and the program itself refuses an update
whose state would go elsewhere (`settings.reading.source`).

Stdlib only: set-up reads it with the system's Python, and `.tools/env` with sed, by the same pattern.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from remote.redaction import redacted
from toolchain.process.steps import StepError

KEY = "tasktracker:state_backend"

#: The line, for Python's `re` and for `sed -E` alike.
LINE = rf"""^ +["']?{KEY}["']?: *["']?([A-Za-z0-9._~/:?=&%+-]+).*$"""


def is_folder(backend: str) -> bool:
    """Whether a state backend is a folder.

    >>> is_folder("file:///home/me/.state"), is_folder("s3://states")
    (True, False)
    """
    return urlsplit(backend).scheme == "file"


def folder_of(backend: str) -> Path:
    """The folder that a backend is.

    >>> str(folder_of("file:///srv/a%20b"))
    '/srv/a b'
    """
    url = urlsplit(backend)
    return Path(unquote(url.netloc + url.path)).expanduser()


def state_backend(config: Path) -> str | None:
    """The state backend that a stack's config file names, if it names one.

    Raises:
        StepError: the file can't be read.
    """
    try:
        # Another encoding in a comment is no reason to look for the state elsewhere.
        return line_value(config.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StepError(f"{config.name}: can't be read: {error.strerror}") from None


def line_value(text: str) -> str | None:
    """The state backend that the line in the text of a stack's config file names, if there is one.

    >>> line_value("config:\\n  tasktracker:state_backend: s3://states?region=eu # ours\\n")
    's3://states?region=eu'
    """
    found = re.search(LINE, text, re.MULTILINE)
    return found[1] if found else None


def check_backend(config: Path, settings: Mapping[str, object]) -> None:
    """Refuses a file from whose line `state_backend` reads something other than its `settings` say.

    That is so for braces, an alias or a text of several lines: the state would be looked for elsewhere.

    Raises:
        StepError: with the line to write.
    """
    named = settings.get(KEY)
    if named != state_backend(config):
        raise StepError(
            f"{config.name}: {KEY} must be a line of its own in the block `config`, with the URL in the same line:\n"
            f"    {KEY}: {redacted(str(named)) if named else 'URL'}"
        )
