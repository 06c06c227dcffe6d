"""`python -m policies.audit`: the pack's rules against what is on a Docker host, and that against the state.

A policy pack sees what a program asks for. This sees what is there: what was changed or made by hand, and what is left
of things that a program no longer has.
"""
