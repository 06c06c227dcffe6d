"""Earlier states in a folder: Pulumi keeps two copies of the state for each update, and has no limit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ops.tt.state.location import StateLocation
from toolchain.pulumi_engine.backends import is_folder

#: Copies of earlier states that stay, in the history and in the backups, and entries of the history. Of a state of
#: 0.5 MB, as dev's, that is some 20 MB.
COPIES = 20
ENTRIES = 200

#: A file's time, in nanoseconds since 1970: `dev-1796019886123456789.history.json`, `dev.1796019886123456789.json`.
_TIME = re.compile(r"[-.](\d{16,})\.")


def trim(location: StateLocation) -> int:
    """Removes the oldest files of a stack's history and backups from a folder; returns how many.

    Pulumi reads the entries of the history to show it, and never the copies of states: they are there to be brought
    back by hand. A bucket is left alone: it keeps versions, and its owner says for how long. So is a stack with a
    lock: an update or a move may be at work.
    """
    if not is_folder(location.url) or location.locks():
        return 0
    history = location.history
    old = [
        *_oldest(history, COPIES, lambda key: ".checkpoint." in key),
        *_oldest(history, ENTRIES, lambda key: ".history." in key),
        *_oldest(location.backups, COPIES, lambda _key: True),
    ]
    for key in old:
        location.store.delete(key)
    return len(old)


def _oldest(keys: Sequence[str], limit: int, belongs: Callable[[str], bool]) -> Sequence[str]:
    """The files of a kind without the newest `limit`; a file without a time is none of Pulumi's.

    >>> _oldest(["a/x-1000000000000000002.history.json", "a/x-1000000000000000001.history.json"], 1, lambda key: True)
    ['a/x-1000000000000000001.history.json']
    """
    times = {key: found[1] for key in keys if belongs(key) and (found := _TIME.search(key.rpartition("/")[2]))}
    return sorted(times, key=lambda key: int(times[key]))[:-limit]
