"""Backups of the uploads and of NATS' streams by restic, beside PostgreSQL's, and the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import pulumi

from components.app.app import DATA_PATH as UPLOADS_PATH
from components.app.app import UPLOADS, Uploads
from components.backup.repository import CA_FILE, Repository
from components.backup.sidecar import HEALTH_INTERVAL, STOP_TIMEOUT, crontab
from components.backup.storage import BackupTarget
from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.core.part import Assembly, Part
from components.core.runtime import Given, Volume
from components.data.nats import Nats
from components.runtime.volumes import DataVolume, RuntimeVolume
from components.spec.container import DATA, EGRESS, Attachment, HealthCheck, JobSpec, Limits, Mount, ServiceSpec
from settings.blocks.backup import BackupSettings, FileRestoreSettings
from settings.blocks.block import Resources
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

#: restic's folder in that of the repository, beside those of pgBackRest: archive and backup.
FOLDER = "files"

#: Where snapshots of streams are put together, and restic's cache is: they may be larger than memory.
WORK_PATH = "/var/lib/file-backups"

#: The name of the volume of what it works on.
WORK = "file-backups-work"


@dataclass(frozen=True)
class FileBackupsArgs:
    """`passphrase` encrypts the repository. The image's user is the app's, since nobody else may read its files."""

    context: Context
    settings: BackupSettings
    image: ImageRef
    repository: Repository
    passphrase: pulumi.Output[str]
    uploads: DataVolume
    nats: Nats


class FileBackups(pulumi.ComponentResource):
    """What backs up files, and is healthy as long as there are good backups that are young enough.

    It sees the uploads read-only, and NATS as a user that may take snapshots of streams and nothing else. Where the
    config asks for a restore it is a job of its own that may write both, and is gone with the request.
    """

    container_name: pulumi.Output[str]

    def __init__(self, name: str, args: FileBackupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:FileBackups", name, None, opts)
        if args.nats.backup_client is None:
            raise ValueError("NATS has no user for backups")
        files = args.settings.files
        work = RuntimeVolume(WORK, args.context.naming, name, pulumi.ResourceOptions(parent=self))
        volumes: dict[str, Volume] = {UPLOADS: args.uploads, WORK: work}
        first: list[pulumi.Resource] = []
        if files.restore is not None:
            contents = {**_repository_files(args), "nats-context.json": args.nats.client}
            job = args.context.runtime.job(
                "file-restore",
                restore_spec(files.restore, files.resources, args.image, args.repository, [*contents]),
                Given(files=contents, volumes=volumes),
                child_after(self, opts),
            )
            # On a new host the latest backup is that of the old one, until this one takes its own.
            first.append(job)
        contents = {
            **_repository_files(args),
            "nats-context.json": args.nats.backup_client,
            "crontab": crontab(args.settings.schedule.time_zone, {"files-backup": files.schedule}),
        }
        workload = args.context.runtime.service(
            name,
            spec(args.settings, args.image, args.repository, [*contents]),
            Given(files=contents, volumes=volumes),
            child_after(self, opts, *first),
        )
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name})


def spec(settings: BackupSettings, image: ImageRef, repository: Repository, files: Sequence[str]) -> ServiceSpec:
    """What backs up files."""
    return ServiceSpec(
        service=SERVICES["file-backups"].name,
        image=image,
        user=SERVICES["file-backups"].user,
        limits=Limits.of(settings.files.resources),
        command=["file-backups"],
        env={
            **repository_env(repository),
            "MAX_AGE": str(settings.files.max_age),
            "RETENTION_COUNT": str(settings.retention.full),
            "RETENTION_DAYS": str(settings.retention.days),
        },
        files=files,
        mounts=[Mount(UPLOADS, UPLOADS_PATH, read_only=True), Mount(WORK, WORK_PATH)],
        networks=_networks(repository),
        health=HealthCheck(["files-health"], interval=HEALTH_INTERVAL),
        stop_timeout=STOP_TIMEOUT,
        wait_timeout=settings.files.start_timeout,
    )


def restore_spec(
    restore: FileRestoreSettings, resources: Resources, image: ImageRef, repository: Repository, files: Sequence[str]
) -> JobSpec:
    """The job that brings files back."""
    return JobSpec(
        service="file-restore",
        image=image,
        user=SERVICES["file-backups"].user,
        limits=Limits.of(resources),
        command=["files-restore", *restore_arguments(restore)],
        env=repository_env(repository),
        files=files,
        mounts=[Mount(UPLOADS, UPLOADS_PATH), Mount(WORK, WORK_PATH)],
        networks=_networks(repository),
        timeout=restore.timeout,
    )


def repository_env(repository: Repository) -> dict[str, str]:
    """Where the repository is, for restic, and for requests to the bucket itself."""
    server = f"{repository.host}:{repository.port}"
    path = f"{repository.path.strip('/')}/{FOLDER}".lstrip("/")
    bucket = (
        f"https://{server}/{repository.bucket}"
        if repository.uri_style == "path"
        else f"https://{repository.bucket}.{server}"
    )
    return {
        "BUCKET_LOOKUP": "path" if repository.uri_style == "path" else "dns",
        "BUCKET_URL": bucket,
        "PREFIX": quote(path, safe=""),
        "REGION": repository.region,
        "RESTIC_REPOSITORY": f"s3:https://{server}/{repository.bucket}/{path}",
    }


def keys_file(access_key: str, secret_key: str) -> str:
    """The keys as MinIO's client keeps them, which is the one file of keys that takes any character in them."""
    account = {"accessKey": access_key, "secretKey": secret_key, "api": "S3v4"}
    return json.dumps({"version": "10", "aliases": {"s3": account}})


def restore_arguments(restore: FileRestoreSettings) -> Sequence[str]:
    """What the job is told to bring back."""
    asked = {"--uploads": restore.uploads, "--nats": restore.nats}
    return [word for option, set_ in asked.items() if set_ is not None for word in (option, set_)]


def _repository_files(args: FileBackupsArgs) -> Mapping[str, pulumi.Input[str]]:
    """What it takes to use the repository."""
    repository = args.repository
    keys = pulumi.Output.all(repository.writer.access_key, repository.writer.secret_key).apply(
        lambda values: keys_file(*values)
    )
    authority = {CA_FILE: repository.ca} if repository.ca is not None else {}
    return {"passphrase": args.passphrase, "s3.json": keys, **authority}


def _networks(repository: Repository) -> Sequence[Attachment]:
    """NATS' network, and the one to the repository if that is another."""
    return [Attachment(DATA), *([Attachment(EGRESS)] if repository.outside else [])]


def part(stack: Assembly) -> Part | None:
    """Backups of files, where the stack takes them. The app waits for what is restored."""
    settings, target = stack.settings, stack.find(BackupTarget)
    if not settings.has_file_backups or target is None:
        return None
    nats = stack.get(Nats)
    args = FileBackupsArgs(
        stack.context,
        settings.backup,
        stack.image("file-backups"),
        target.repository,
        target.passphrase,
        stack.get(Uploads).volume,
        nats,
    )
    backups = FileBackups("file-backups", args, stack.options(*target.ready, nats))
    return Part(
        containers={"file-backups": backups.container_name},
        ready=[backups] if settings.backup.files.restore is not None else [],
    )
