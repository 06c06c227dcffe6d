"""The worker: takes jobs from NATS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from components.app.app import AppArgs, app_env, app_spec
from components.core.part import Assembly
from components.spec.container import DATA, EGRESS, Attachment, ServiceSpec
from settings.blocks.app import WorkerSettings
from settings.releases import Slot
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

HEALTH_PORT = 8001


def spec(
    settings: WorkerSettings, image: ImageRef, slot: Slot, *, env: Mapping[str, str], files: Sequence[str]
) -> ServiceSpec:
    """The worker. It is started when its release is to serve: the one before takes the jobs until then."""
    service = SERVICES["worker"]
    its = app_spec(
        service,
        settings,
        image,
        slot,
        env=env,
        files=files,
        networks=[Attachment(DATA), Attachment(EGRESS)],
        health=f"http://127.0.0.1:{HEALTH_PORT}/health",
        stop_timeout=settings.stop_timeout,
    )
    return replace(its, held=service.held)


def in_slot(stack: Assembly, slot: Slot) -> ServiceSpec:
    """The worker of a release in a slot."""
    app, settings = stack.get(AppArgs), stack.settings.worker
    env = app_env(app, settings.log_level, slot)
    return spec(settings, stack.image("worker"), slot, env=env, files=[*app.secrets])
