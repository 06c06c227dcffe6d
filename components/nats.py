"""NATS with JetStream, its messages on a volume."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import pulumi

from components.context import Context
from components.files import MOUNT_PATH
from components.naming import SYSTEM
from components.options import child_after
from components.rendering import render
from components.secrets import GeneratedSecret
from components.volumes import DataVolume
from components.workload import (
    DEBUG_ADDRESS,
    Attachment,
    HealthCheck,
    Mount,
    PublishedPort,
    Workload,
    WorkloadArgs,
)
from settings.models import NatsSettings

PORT = 4222
MONITOR_PORT = 8222
USER = "10002:10002"
DATA_PATH = "/var/lib/nats"

#: The one account's user name; who may connect is decided by the generated password.
CLIENT_USER = "tasktracker"

#: Seconds to flush the store.
STOP_TIMEOUT = 30


@dataclass(frozen=True)
class NatsArgs:
    """The server's settings and image."""

    context: Context
    settings: NatsSettings
    image: str


class Nats(pulumi.ComponentResource):
    """The message server, its store's volume, and the password of its clients."""

    url: pulumi.Output[str]
    container_name: pulumi.Output[str]

    def __init__(self, name: str, args: NatsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Nats", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        settings = args.settings
        password = GeneratedSecret("nats-password", opts=child)
        server_name = args.context.naming.container(name)
        published = {PORT: settings.debug_port, MONITOR_PORT: settings.debug_monitor_port}
        ports = [
            PublishedPort(internal, external, DEBUG_ADDRESS)
            for internal, external in published.items()
            if external is not None
        ]
        attachments = [Attachment(args.context.networks.data)]
        if ports and args.context.networks.debug is not None:
            attachments.append(Attachment(args.context.networks.debug))
        workload = Workload(
            name,
            WorkloadArgs(
                context=args.context,
                service=name,
                image=args.image,
                user=USER,
                resources=settings.resources,
                command=["-c", f"{MOUNT_PATH}/nats.conf"],
                files={"nats.conf": password.value.apply(lambda value: server_config(settings, server_name, value))},
                mounts=[Mount(DataVolume("nats-data", args.context.naming, name, child), DATA_PATH)],
                networks=attachments,
                ports=ports,
                wait_timeout=settings.start_timeout,
                health=HealthCheck(["curl", "-fsS", f"http://127.0.0.1:{MONITOR_PORT}/healthz"]),
                stop_timeout=STOP_TIMEOUT,
            ),
            child_after(self, opts),
        )
        self.url = password.value.apply(lambda value: f"nats://{CLIENT_USER}:{quote(value, safe='')}@{name}:{PORT}")
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name})


def server_config(settings: NatsSettings, server_name: str, password: str) -> str:
    """nats.conf."""
    return render(
        "nats.conf",
        settings=settings,
        server_name=server_name,
        port=PORT,
        monitor_port=MONITOR_PORT,
        store_path=DATA_PATH,
        user=CLIENT_USER,
        password=password,
    )
