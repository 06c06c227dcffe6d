"""What the program checks on its Docker host before it changes anything there."""

from components.preflight.host import check_host

__all__ = ["check_host"]
