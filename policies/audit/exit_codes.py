"""The exit codes of the audit."""

from __future__ import annotations

#: Exit codes. Where sysexits.h has one that fits, it is that: argparse's own 2 means something else here.
FINE, VIOLATED, DIFFERENT, USAGE, NOTHING, UNAVAILABLE, INTERRUPTED = 0, 1, 2, 64, 66, 69, 130

EXIT_CODES = """\
exit codes:
  0    no mandatory violation; there may be advisory ones
  1    at least one mandatory violation
  2    no mandatory violation, but something is there that is not in the state, or the reverse, or was changed
  64   the command line, the pack's config, the waivers or the state is wrong
  66   nothing of the stack is on this host, so nothing was audited
  69   Docker doesn't answer

What belongs to the stack: what carries its label or is in its state; containers on its networks, with
its volumes, in a namespace of its containers, or named as its containers are (PREFIX-STACK-...); and
the networks and volumes that its own containers use.

Without --state, URNs are made up from Docker's names (urn:pulumi:STACK::PROJECT::TYPE::NAME), which
waivers have to match. The environment, the project and the Docker host come from Pulumi.yaml and
Pulumi.STACK.yaml in the current folder. Where those don't name an environment it is production.
"""
