"""Options that a component hands to its children."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi


def unchanged(opts: pulumi.ResourceOptions, but: Mapping[str, Sequence[str]] | None = None) -> pulumi.ResourceOptions:
    """Options of a component whose children stay as they are, whatever is declared of them.

    Of the resources with a name in `but`, only the properties that it lists stay.
    """
    stays = but or {}

    def keep(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        ignored = pulumi.ResourceOptions(ignore_changes=[*stays.get(args.name, ["*"])])
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, ignored))

    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(transformations=[keep]))


def child_after(
    parent: pulumi.ComponentResource, opts: pulumi.ResourceOptions | None, *first: pulumi.Resource
) -> pulumi.ResourceOptions:
    """Options of a child that waits for `first` and for all that its component waits for.

    Pulumi doesn't hand `depends_on` down. The component itself waits, so children come up in order
    without this; but only what a child says itself is in the state, from which `destroy` takes its order.
    """
    inherited = pulumi.ResourceOptions(depends_on=opts.depends_on if opts else None)
    return pulumi.ResourceOptions.merge(inherited, pulumi.ResourceOptions(parent=parent, depends_on=list(first)))
