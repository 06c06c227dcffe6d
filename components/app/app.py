"""What the containers of the app's code (migrations, api, worker) have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.core.part import Assembly, Part
from components.runtime.volumes import DataVolume
from components.secrets.generated import GeneratedSecret, secret
from components.spec.container import MOUNT_PATH, Attachment, HealthCheck, Limits, Mount, ServiceSpec
from settings.app_files import file_name, file_variable
from settings.blocks.app import ApiSettings, WorkerSettings
from settings.releases import Slot
from settings.services import ServiceInfo
from settings.values.image_ref import ImageRef

DATA_PATH = "/var/lib/tasktracker"

#: The name of the volume of uploads.
UPLOADS = "uploads"


#: The variable of the environment that has the slot.
SLOT_VARIABLE = "TASKTRACKER_SLOT"


@dataclass(frozen=True)
class AppArgs:
    """What api and worker are given: where the stores are, and the secrets to reach them.

    `secrets` maps the name of each secret file to its content, and `env` holds what is no secret.
    """

    uploads: DataVolume
    secrets: Mapping[str, pulumi.Input[str]]
    env: Mapping[str, str] = field(default_factory=dict)


def file_env(files: Iterable[str]) -> dict[str, str]:
    """Environment variables that say where each secret file is.

    >>> file_env(["database-url"])
    {'DATABASE_URL_FILE': '/etc/tasktracker/database-url'}
    """
    return {file_variable(name): f"{MOUNT_PATH}/{name}" for name in sorted(files)}


def app_env(args: AppArgs, log_level: str, slot: Slot) -> dict[str, str]:
    """The environment of api and worker."""
    return {**args.env, **file_env(args.secrets), "TASKTRACKER_LOG_LEVEL": log_level, SLOT_VARIABLE: slot}


def app_spec(
    service: ServiceInfo,
    settings: ApiSettings | WorkerSettings,
    image: ImageRef,
    slot: Slot,
    *,
    env: Mapping[str, str],
    files: Sequence[str],
    networks: Sequence[Attachment],
    health: str,
    stop_timeout: int,
) -> ServiceSpec:
    """The container of api or worker. `health` is the URL in it that answers as long as it does its work."""
    return ServiceSpec(
        service=service.name,
        slot=slot,
        image=image,
        user=service.user,
        limits=Limits.of(settings.resources),
        command=[service.name],
        env=env,
        files=files,
        mounts=[Mount(UPLOADS, DATA_PATH)],
        networks=networks,
        wait_timeout=settings.start_timeout,
        health=HealthCheck(["tasktracker", "probe", health]),
        stop_timeout=stop_timeout,
    )


@dataclass(frozen=True)
class Uploads:
    """The volume of what users upload."""

    volume: DataVolume


def uploads(stack: Assembly) -> Part:
    """The volume of uploads."""
    stack.keep(Uploads(DataVolume(UPLOADS, stack.context.naming, "app", stack.options())))
    return Part()


def part(stack: Assembly) -> Part:
    """What api and worker share: the encryption key, the secrets of the app's own, and what all parts give the app."""
    settings, config = stack.settings, pulumi.Config()
    key = secret(
        "encryption_key",
        settings.secrets,
        # What it encrypted is lost without it.
        lambda: GeneratedSecret("encryption-key", protect=True, opts=stack.options()),
    )
    stack.bindings.add("app", Part(files={"encryption-key": key}))
    stack.bindings.add_secrets({file_name(each): config.require_secret(each) for each in sorted(settings.app_secrets)})
    bindings = stack.bindings
    stack.keep(AppArgs(stack.get(Uploads).volume, bindings.files, env=bindings.env))
    return Part()
