"""NATS with JetStream, its messages on a volume."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import quote

import pulumi

from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.core.part import Assembly, Part
from components.core.rendering import render
from components.core.runtime import Given
from components.runtime.volumes import DataVolume
from components.secrets.generated import GeneratedSecret
from components.spec.container import (
    DATA,
    DEBUG,
    DEBUG_ADDRESS,
    MOUNT_PATH,
    Attachment,
    HealthCheck,
    Limits,
    Mount,
    PublishedPort,
    ServiceSpec,
)
from settings.blocks.nats import NatsSettings
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

PORT = 4222
MONITOR_PORT = 8222
DATA_PATH = "/var/lib/nats"

#: The name of its volume.
STORE = "nats-data"

#: The app's user name; who may connect is decided by the generated password.
CLIENT_USER = "tasktracker"

#: The name of the user that may read streams as snapshots, and nothing else: no subject but its own replies.
BACKUP_USER = "backups"
BACKUP_INBOX = "_INBOX_backups"

#: Seconds to flush the store.
STOP_TIMEOUT = 30


@dataclass(frozen=True)
class NatsArgs:
    """The server's settings and image, and whether its streams are backed up, which takes a user."""

    context: Context
    settings: NatsSettings
    image: ImageRef
    backups: bool = False


class Nats(pulumi.ComponentResource):
    """The message server, its store's volume, and the passwords of its clients."""

    url: pulumi.Output[str]
    client: pulumi.Output[str]
    """How the app's user connects, as a context of the `nats` command."""
    backup_client: pulumi.Output[str] | None = None
    """How the backups' user does, if there is one."""
    container_name: pulumi.Output[str]

    def __init__(self, name: str, args: NatsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Nats", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        settings = args.settings
        password = GeneratedSecret("nats-password", opts=child).value
        backup_password = GeneratedSecret("nats-backup-password", opts=child).value if args.backups else None
        server_name = args.context.naming.container(name)
        store = DataVolume(STORE, args.context.naming, name, child)
        files = {
            "nats.conf": pulumi.Output.all(password, backup_password).apply(
                lambda values: server_config(settings, server_name, *values)
            )
        }
        workload = args.context.runtime.service(
            name, spec(settings, args.image), Given(files=files, volumes={STORE: store}), child_after(self, opts)
        )
        self.url = password.apply(lambda value: f"nats://{CLIENT_USER}:{quote(value, safe='')}@{name}:{PORT}")
        self.client = password.apply(lambda value: client_context(name, CLIENT_USER, value))
        if backup_password is not None:
            self.backup_client = backup_password.apply(
                lambda value: client_context(name, BACKUP_USER, value, inbox_prefix=BACKUP_INBOX)
            )
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name})


def spec(settings: NatsSettings, image: ImageRef) -> ServiceSpec:
    """The server."""
    published = {PORT: settings.debug_port, MONITOR_PORT: settings.debug_monitor_port}
    ports = [
        PublishedPort(internal, external, DEBUG_ADDRESS)
        for internal, external in published.items()
        if external is not None
    ]
    return ServiceSpec(
        service=SERVICES["nats"].name,
        image=image,
        user=SERVICES["nats"].user,
        limits=Limits.of(settings.resources),
        command=["-c", f"{MOUNT_PATH}/nats.conf"],
        files=["nats.conf"],
        mounts=[Mount(STORE, DATA_PATH)],
        networks=[Attachment(DATA), *([Attachment(DEBUG)] if ports else [])],
        ports=ports,
        wait_timeout=settings.start_timeout,
        health=HealthCheck(["curl", "-fsS", f"http://127.0.0.1:{MONITOR_PORT}/healthz"]),
        stop_timeout=STOP_TIMEOUT,
    )


def client_context(host: str, user: str, password: str, **options: str) -> str:
    """A context of the `nats` command: the server and how to log in."""
    return json.dumps({"url": f"nats://{host}:{PORT}", "user": user, "password": password, **options})


def server_config(settings: NatsSettings, server_name: str, password: str, backup_password: str | None = None) -> str:
    """nats.conf; with `backup_password` the user of the backups is there."""
    return render(
        "nats.conf",
        settings=settings,
        server_name=server_name,
        port=PORT,
        monitor_port=MONITOR_PORT,
        store_path=DATA_PATH,
        user=CLIENT_USER,
        password=password,
        backup_user=BACKUP_USER,
        backup_inbox=BACKUP_INBOX,
        backup_password=backup_password,
    )


def part(stack: Assembly) -> Part:
    """NATS."""
    settings = stack.settings
    args = NatsArgs(stack.context, settings.nats, stack.image("nats"), settings.has_file_backups)
    nats = stack.keep(Nats("nats", args, stack.options()))
    return Part(containers={"nats": nats.container_name}, files={"nats-url": nats.url}, ready=[nats])
