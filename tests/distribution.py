"""Which tests go together, and in what order, when several processes run them (`pytest -n 3`).

A test takes little of the processor and much of the time, as it waits for containers. A process makes its own
fixtures, those of the session too: tests of one file, and those that share a stack, which takes half a minute to come
up, are better off in one process.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

#: Files, and tests of files, that share a process, by the name of their group: first those that take longest, as the
#: last to end decides how long all takes. Every other file is a group of its own.
GROUPS = {
    "shared stack": (
        *("e2e/dev/test_faults.py", "e2e/dev/test_audit.py", "e2e/dev/test_by_hand.py"),
        *("e2e/dev/test_file_backups.py", "e2e/dev/test_object_store.py", "e2e/dev/test_mistakes.py"),
        *("e2e/dev/test_stack.py", "e2e/dev/test_dashboard.py", "e2e/dev/test_preflight.py"),
        *("e2e/dev/test_changes.py", "e2e/dev/test_restore.py", "e2e/policies/test_docker.py::test_the_dev_stack"),
    ),
    "tt": ("e2e/operator/test_tt.py",),
    "prod": ("e2e/environments/test_prod.py",),
    "ownership": ("e2e/operator/test_ownership.py",),
    "upgrade": ("upgrade/test_upgrade.py",),
    "upgrade of states": ("upgrade/test_states.py",),
    "remote host": ("e2e/environments/test_remote_host.py",),
    "restore": ("images/test_restore.py",),
    "fuzz": ("fuzz/test_rules.py",),
    "backups": ("images/test_backups.py",),
    "drill": ("images/test_drill.py",),
    "files' image": ("images/test_file_backups.py",),
    "outside": ("e2e/environments/test_outside.py",),
    "state": ("e2e/operator/test_state.py",),
    "postgres": ("images/test_postgres.py",),
}

#: Files whose tests have nothing in common that takes long, so that any process runs any of them. They come last, to
#: fill what gaps there are.
INDEPENDENT = (
    "e2e/policies/test_docker.py",
    "e2e/policies/test_clouds.py",
    "e2e/environments/test_environments.py",
    "toolchain/test_commands.py",
    "toolchain/test_language_host.py",
)

_ORDER = [part for parts in GROUPS.values() for part in parts]


def group(test: str) -> str:
    """The group that a test is in, by its id.

    >>> group("tests/e2e/dev/test_audit.py::test_a"), group("tests/images/test_nginx.py::test_b[c]")
    ('shared stack', 'images/test_nginx.py')
    >>> group("tests/e2e/policies/test_docker.py::test_d")
    'e2e/policies/test_docker.py::test_d'
    """
    name = test.removeprefix("tests/")
    found = next((each for each, parts in GROUPS.items() if name.startswith(parts)), None)
    return found or (name if name.startswith(INDEPENDENT) else name.partition("::")[0])


def place(test: str) -> int:
    """Where a test stands in the order of all, by its id; those of one place stay as they are."""
    name = test.removeprefix("tests/")
    if part := next((part for part in _ORDER if name.startswith(part)), None):
        return _ORDER.index(part)
    return len(_ORDER) + name.startswith(INDEPENDENT)


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives a process that is about to have nothing to do the next group, in the order in which the tests stand."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)
