"""The stack's own S3 service, for its backups and for objects of the app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.core.part import Assembly, Part
from components.core.runtime import Given
from components.runtime.volumes import DataVolume
from components.secrets.certificates import CertificateAuthority, ServerCertificate
from components.secrets.generated import GeneratedSecret
from components.spec.container import DATA, Attachment, HealthCheck, Limits, Mount, ServiceSpec
from settings.blocks.object_store import OWN_BUCKET, ObjectStoreSettings
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

PORT = 7070
DATA_PATH = "/var/lib/objects"

#: The name of its volume.
OBJECTS = "objects"

#: A signature is made over the region, so both sides have to call it the same.
REGION = "local"

#: The account that writes. It is no secret, like a user's name; what it may not be is changed: objects belong to it.
ACCESS_KEY = "backups"

#: The account that can do no harm: it lists the bucket and reads what is in it.
READER_ACCESS_KEY = "backups-reader"

#: The app's account, for a bucket of its own.
APP_ACCESS_KEY = "app"

#: Where a client inside its own container, such as the health check, finds the server.
LOOPBACK = ("localhost", "127.0.0.1")

#: Seconds to finish the requests under way.
STOP_TIMEOUT = 15


@dataclass(frozen=True)
class ObjectStoreArgs:
    """The server's settings and image, and the bucket that it has for backups."""

    context: Context
    settings: ObjectStoreSettings
    image: ImageRef
    bucket: str


class ObjectStore(pulumi.ComponentResource):
    """An S3 service on a data volume, over TLS, on the network `data` alone: a bucket for backups, and one for the app.

    The app's account has no access to the backups, and theirs none to what the app keeps.
    """

    host: str
    port: int
    region: str
    bucket: str
    access_key: str
    secret_key: pulumi.Output[str]
    reader_access_key: str
    reader_secret_key: pulumi.Output[str]
    ca_certificate: pulumi.Output[str]
    """What clients check the server's certificate against, in PEM form."""
    app_env: Mapping[str, str]
    """Where the app's bucket is, for its environment; empty without one."""
    app_files: Mapping[str, pulumi.Input[str]]
    """What the app needs to use its bucket, by the name of the file; empty without one."""
    container_name: pulumi.Output[str]

    def __init__(self, name: str, args: ObjectStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:ObjectStore", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        secret_key = GeneratedSecret(f"{name}-secret-key", opts=child)
        reader_secret_key = GeneratedSecret(f"{name}-reader-secret-key", opts=child)
        authority = CertificateAuthority(f"{name}-authority", child)
        env = {"BUCKET": args.bucket, "REGION": REGION}
        files: dict[str, pulumi.Input[str]] = {}
        self.app_env, self.app_files = {}, {}
        if (bucket := args.settings.app_bucket) is not None:
            app_secret_key = GeneratedSecret(f"{name}-app-secret-key", opts=child).value
            env["APP_BUCKET"] = bucket
            files = {"app-access-key": APP_ACCESS_KEY, "app-secret-key": app_secret_key}
            self.app_env = {
                "OBJECT_STORE_URL": f"https://{name}:{PORT}",
                "OBJECT_STORE_BUCKET": bucket,
                "OBJECT_STORE_REGION": REGION,
            }
            self.app_files = {
                "object-store-access-key": APP_ACCESS_KEY,
                "object-store-secret-key": app_secret_key,
                "object-store-ca": authority.certificate,
            }
        server = ServerCertificate(f"{name}-certificate", authority, [name, *LOOPBACK], child)
        contents = {
            "access-key": ACCESS_KEY,
            "secret-key": secret_key.value,
            "reader-access-key": READER_ACCESS_KEY,
            "reader-secret-key": reader_secret_key.value,
            "server.crt": server.certificate,
            "server.key": server.key,
            "ca.crt": authority.certificate,
            **files,
        }
        objects = DataVolume(OBJECTS, args.context.naming, name, child)
        workload = args.context.runtime.service(
            name,
            spec(args.settings, args.image, env, [*contents]),
            Given(files=contents, volumes={OBJECTS: objects}),
            child_after(self, opts),
        )
        self.host, self.port, self.region, self.bucket = name, PORT, REGION, args.bucket
        self.access_key, self.secret_key = ACCESS_KEY, secret_key.value
        self.reader_access_key, self.reader_secret_key = READER_ACCESS_KEY, reader_secret_key.value
        self.ca_certificate = authority.certificate
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name})


def spec(settings: ObjectStoreSettings, image: ImageRef, env: Mapping[str, str], files: Sequence[str]) -> ServiceSpec:
    """The server."""
    return ServiceSpec(
        service=SERVICES["object-store"].name,
        image=image,
        user=SERVICES["object-store"].user,
        limits=Limits.of(settings.resources),
        env=env,
        files=files,
        mounts=[Mount(OBJECTS, DATA_PATH)],
        networks=[Attachment(DATA)],
        health=HealthCheck(["healthcheck"]),
        stop_timeout=STOP_TIMEOUT,
        wait_timeout=settings.start_timeout,
    )


def part(stack: Assembly) -> Part | None:
    """The object store, where the stack has it. The app waits for it where it has a bucket there."""
    settings = stack.settings
    if not settings.has_object_store:
        return None
    args = ObjectStoreArgs(stack.context, settings.object_store, stack.image("object-store"), OWN_BUCKET)
    store = stack.keep(ObjectStore("object-store", args, stack.options()))
    return Part(
        containers={"object-store": store.container_name},
        files=store.app_files,
        env=store.app_env,
        ready=[store] if settings.object_store.app_bucket is not None else [],
    )
