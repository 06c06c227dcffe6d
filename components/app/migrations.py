"""Brings the database's schema up to date, before anything that needs it starts."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.app.app import AppArgs, file_env
from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after, unchanged
from components.core.part import Assembly, Part
from components.core.runtime import Given
from components.spec.container import DATA, EGRESS, Attachment, JobSpec, Limits
from settings.blocks.block import Resources
from settings.releases import Plan
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

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
        files = {"database-url": args.database_url}
        job = args.context.runtime.job(
            name,
            spec(args.resources, args.image, calls_out=args.external_database),
            Given(files=files),
            child_after(self, opts),
        )
        self.container_name = job.container_name
        self.register_outputs({"container_name": self.container_name})


def spec(resources: Resources, image: ImageRef, *, calls_out: bool) -> JobSpec:
    """The job. With `calls_out` the database is outside the stack."""
    files = ["database-url"]
    return JobSpec(
        service="migrations",
        image=image,
        user=SERVICES["api"].user,
        limits=Limits.of(resources),
        command=["migrate"],
        env=file_env(files),
        files=files,
        networks=[Attachment(DATA), *([Attachment(EGRESS)] if calls_out else [])],
        timeout=TIMEOUT,
    )


def part(stack: Assembly) -> Part:
    """The migrations, when all is there that the app waits for."""
    settings = stack.settings
    args = MigrationsArgs(
        stack.context,
        stack.image("api"),
        settings.api.resources,
        stack.get(AppArgs).secrets["database-url"],
        settings.external_database,
    )
    options = stack.options(*stack.ready)
    # What a slot has is of the schema already, and may be of code that knows less of it than the database has. A new
    # password is for this code too.
    its = options if stack.get(Plan).is_new else unchanged(options, {"migrations-files": ["image", "labels"]})
    migrations = stack.keep(Migrations("migrations", args, its))
    return Part(containers={"migrations": migrations.container_name})
