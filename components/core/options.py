"""Options that a component hands to its children."""

from __future__ import annotations

import pulumi


def child_after(
    parent: pulumi.ComponentResource, opts: pulumi.ResourceOptions | None, *first: pulumi.Resource
) -> pulumi.ResourceOptions:
    """Options of a child that waits for `first` and for all that its component waits for.

    Pulumi doesn't hand `depends_on` down. The component itself waits, so children come up in order
    without this; but only what a child says itself is in the state, from which `destroy` takes its order.
    """
    inherited = pulumi.ResourceOptions(depends_on=opts.depends_on if opts else None)
    return pulumi.ResourceOptions.merge(inherited, pulumi.ResourceOptions(parent=parent, depends_on=list(first)))
