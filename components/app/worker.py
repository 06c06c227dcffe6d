"""The worker: takes jobs from NATS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.app.app import AppArgs, app_env, app_spec, run
from components.app.migrations import Migrations
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.core.part import Assembly, Part
from components.spec.container import DATA, EGRESS, Attachment, ServiceSpec
from settings.blocks.app import WorkerSettings
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

HEALTH_PORT = 8001


@dataclass(frozen=True)
class WorkerArgs:
    """The worker's own settings, its image, and what it shares with the api."""

    app: AppArgs
    settings: WorkerSettings
    image: ImageRef


class Worker(pulumi.ComponentResource):
    """The TaskIQ worker of one release."""

    container_name: pulumi.Output[str]

    def __init__(self, name: str, args: WorkerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Worker", name, None, opts)
        app = args.app
        env = app_env(app, args.settings.log_level)
        container = spec(args.settings, args.image, env=env, files=[*app.secrets], slot=app.slot)
        workload = run(app, name, container, child_after(self, opts))
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name})


def spec(
    settings: WorkerSettings, image: ImageRef, *, env: Mapping[str, str], files: Sequence[str], slot: str | None = None
) -> ServiceSpec:
    """The worker."""
    return app_spec(
        SERVICES["worker"],
        settings,
        image,
        env=env,
        files=files,
        slot=slot,
        networks=[Attachment(DATA), Attachment(EGRESS)],
        health=f"http://127.0.0.1:{HEALTH_PORT}/health",
        stop_timeout=settings.stop_timeout,
    )


def part(stack: Assembly) -> Part:
    """The worker, after the migrations."""
    args = WorkerArgs(stack.get(AppArgs), stack.settings.worker, stack.image("worker"))
    worker = stack.keep(Worker("worker", args, stack.options(stack.get(Migrations))))
    return Part(containers={"worker": worker.container_name})
