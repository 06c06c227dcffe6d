"""Brings the database's schema up to date, before anything that needs it starts."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.app.app import USER, file_env
from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.runtime.workload import Attachment, OneShot, OneShotArgs
from settings.blocks.block import Resources
from settings.image_ref import ImageRef

#: Seconds; a migration that rewrites a large table is what takes longest.
TIMEOUT = 600


@dataclass(frozen=True)
class MigrationsArgs:
    """`image` is the api's: the schema belongs to the code that uses it."""

    context: Context
    image: ImageRef
    resources: Resources
    database_url: pulumi.Input[str]
    external_database: bool


class Migrations(pulumi.ComponentResource):
    """The one-shot migration of the app's database."""

    container_name: pulumi.Output[str]

    def __init__(self, name: str, args: MigrationsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Migrations", name, None, opts)
        contents = {"database-url": args.database_url}
        attachments = [Attachment(args.context.networks.data)]
        if args.external_database:
            attachments.append(Attachment(args.context.networks.egress))
        job = OneShot(
            name,
            OneShotArgs(
                context=args.context,
                service=name,
                image=args.image,
                user=USER,
                resources=args.resources,
                command=["migrate"],
                env=file_env(contents),
                files=contents,
                networks=attachments,
                timeout=TIMEOUT,
            ),
            child_after(self, opts),
        )
        self.container_name = job.container_name
        self.register_outputs({"container_name": self.container_name})
