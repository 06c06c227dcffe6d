"""The worker: takes jobs from NATS."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.app.app import DATA_PATH, USER, AppArgs, app_env, slotted
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.runtime.workload import Attachment, HealthCheck, Mount, Workload, WorkloadArgs
from settings.blocks.app import WorkerSettings
from settings.image_ref import ImageRef

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
        app, networks = args.app, args.app.context.networks
        workload = Workload(
            slotted(name, app.slot),
            WorkloadArgs(
                context=app.context,
                service=name,
                slot=app.slot,
                image=args.image,
                user=USER,
                resources=args.settings.resources,
                command=["worker"],
                env=app_env(app, args.settings.log_level),
                files=app.secrets,
                mounts=[Mount(app.uploads, DATA_PATH)],
                networks=[Attachment(networks.data), Attachment(networks.egress)],
                wait_timeout=args.settings.start_timeout,
                health=HealthCheck(["tasktracker", "probe", f"http://127.0.0.1:{HEALTH_PORT}/health"]),
                stop_timeout=args.settings.stop_timeout,
            ),
            child_after(self, opts),
        )
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name})
