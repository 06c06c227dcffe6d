"""How a stack's Docker host is reached from this machine, and what to do where it can't be.

Stdlib only, but for `sdk`, and nothing of the program: the program, the operator's commands, the audit and set-up all
ask here, so that each of them reaches the same host in the same way.
"""

from remote.diagnostics import advice
from remote.host import CONFIG_KEY, AddressError, DockerHost
from remote.redaction import redacted, redacted_value
from remote.relay import HostError, Relay, check, reached
from remote.silence import reason, refused, silent

__all__ = [
    "CONFIG_KEY",
    "AddressError",
    "DockerHost",
    "HostError",
    "Relay",
    "advice",
    "check",
    "reached",
    "reason",
    "redacted",
    "redacted_value",
    "refused",
    "silent",
]
