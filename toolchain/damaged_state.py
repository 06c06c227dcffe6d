"""State files in a folder that are damaged, such as by a full disk: Pulumi says neither which it is nor what to do."""

from __future__ import annotations

import json

from toolchain.backends import folder_of, is_folder

#: Where a backend has the states of its stacks.
_STACKS = ".pulumi/stacks"


def damaged(backend: str) -> str | None:
    """What to do about a state that is no JSON, in words; None where the backend is no folder or has none.

    Pulumi keeps the file as it was before each time that it writes it.
    """
    if not is_folder(backend):
        return None
    for path in sorted((folder_of(backend) / _STACKS).rglob("*.json")):
        try:
            json.loads(path.read_bytes())
        except OSError:
            continue
        except ValueError:
            return (
                f"{path} is damaged. {path}.bak has it as it was one step earlier: `cp {path}.bak {path}`, then "
                f"`make recover STACK={path.stem}`. `./tt state list --stack {path.stem}` has those that were saved"
            )
    return None
