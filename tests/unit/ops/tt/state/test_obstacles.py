"""What keeps an update from the state."""

from __future__ import annotations

import socket

from ops.tt.state.locks import Lock
from ops.tt.state.obstacles import lock_problem

#: Above the kernel's largest number of a process.
NO_PROCESS = 4194304


def test_a_lock_that_was_left_is_a_problem_and_one_that_is_held_is_none() -> None:
    dead = Lock("jo", socket.gethostname(), NO_PROCESS, None)
    assert "./tt recover --stack dev" in str(lock_problem("dev", [dead]))
    assert lock_problem("dev", [Lock("jo", "elsewhere", 1, None)]) is None
    assert lock_problem("dev", []) is None
