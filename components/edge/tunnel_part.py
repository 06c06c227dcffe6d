"""The tunnel's part, which loads the tunnel only where a stack has one."""

from __future__ import annotations

from components.core.part import Assembly, Part
from components.edge.nginx import Nginx


def part(stack: Assembly) -> Part | None:
    """The tunnel, where the stack has one, when nginx answers."""
    settings = stack.settings
    if settings.tunnel is None:
        return None
    # Its package takes seconds to import, and most stacks have none.
    from components.edge.tunnel import Tunnel, TunnelArgs  # noqa: PLC0415

    nginx = stack.get(Nginx)
    args = TunnelArgs(
        stack.context, settings.tunnel, stack.image("cloudflared"), settings.domain, nginx.origin, settings.secrets
    )
    return Part(containers=Tunnel("tunnel", args, stack.options(nginx)).containers)
