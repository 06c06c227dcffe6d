"""What `tt status` asks beside the containers: whether a user's task is done, and whether the state fits the host."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import docker

from ops.tt import times
from ops.tt.host.differences import Kind, differences
from ops.tt.host.docker_host import Host, answering
from ops.tt.host.ownership import compare
from ops.tt.host.service import is_job
from ops.tt.output import size
from ops.tt.project import DataVolumes, Project, volume_name

#: Seconds that the oldest queued task may wait. A task takes milliseconds; a job that got lost is sent again after 60.
QUEUE_LIMIT = 120

#: The part of `nats.max_file_store` from which on there is no room for more jobs.
FULL = 0.95

NATS = "nats"
MONITOR = "http://127.0.0.1:8222/jsz"

#: Seconds for an answer from inside a container.
TIMEOUT = 5


def state_problems(project: Project, host: Host, resources: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What of the state is not on the host, is another state's, or is off its network."""
    stack = project.stack
    compared = compare(project, host, resources)
    for name in compared.missing:
        yield f"the data volume {name} is gone from the Docker host: `make preview STACK={stack}` says what to do"
    strangers: Sequence[str] = ()
    if refusal := compared.refusal:
        lines = refusal.splitlines()
        strangers = [line.strip() for line in lines[1:] if line.startswith("  the ")]
        found = f"{lines[0].removesuffix('. Nothing was changed.')} ({'; '.join(strangers)})"
        yield f"{found}: `make preview STACK={stack}` says what to do"
    for each in differences(host, resources):
        if each.kind is Kind.MISSING and f"the container {each.name}" in strangers:
            # Another one of that name is there, which the line above reports.
            continue
        # Of containers that do not run the services tell, and of data volumes the lines above.
        reported = each.kind in (Kind.STOPPED, Kind.PAUSED) or each.name in compared.missing
        if not reported or (each.kind is Kind.STOPPED and _is_taken_for_a_job(host, each.name)):
            yield f"{each}: `make up STACK={stack}` puts that right"


def _is_taken_for_a_job(host: Host, name: str) -> bool:
    """Whether a container that has stopped has the restart policy of a job, which a person may have set."""
    with answering():
        try:
            return is_job(host.client.api.inspect_container(name)["HostConfig"])
        except docker.errors.NotFound:
            return False


def queue_problem(queue: Mapping[str, Any] | None, stack: str) -> str | None:
    """Why tasks wait too long, as far as the queue itself tells.

    >>> queue_problem({"waiting": 3, "oldest_seconds": 300.2, "not_in_nats": 0}, "dev")
    'tasks are not processed: 3 are queued, the oldest for 5 min; `make logs SERVICE=worker STACK=dev` says why'
    >>> queue_problem({"waiting": 3, "oldest_seconds": 5, "not_in_nats": 0}, "dev")
    """
    if not queue or float(queue.get("oldest_seconds") or 0) < QUEUE_LIMIT:
        return None
    waiting, promised = int(queue.get("waiting") or 0), int(queue.get("not_in_nats") or 0)
    age = times.duration(float(queue["oldest_seconds"]))
    if promised:
        where = f"{promised} jobs are not in NATS; `make logs SERVICE=api STACK={stack}`"
    else:
        where = f"`make logs SERVICE=worker STACK={stack}`"
    return f"tasks are not processed: {waiting} are queued, the oldest for {age}; {where} says why"


def nats_problem(host: Host) -> str | None:
    """Whether JetStream has no room for jobs.

    Raises:
        TtError: NATS can't be asked.
    """
    result = host.run(NATS, ["curl", "--silent", "--fail", "--max-time", str(TIMEOUT), MONITOR])
    try:
        answer = json.loads(result.output)
        used, limit = int(answer["storage"]), int(answer["config"]["max_storage"])
    except (ValueError, KeyError, TypeError):
        return None
    if used < FULL * limit:
        return None
    return (
        f"NATS is full, so that it takes no jobs: its streams have {size(used)}, and nats.max_file_store is "
        f"{size(limit)}. Set a higher one: `./tt pulumi config set --path tasktracker:nats.max_file_store "
        f"SIZE --stack {host.stack}`, and `make up STACK={host.stack}`"
    )


def kept_problems(host: Host, volumes: DataVolumes) -> Iterator[str]:
    """Data volumes that are kept, and have nothing in them."""
    if not volumes.kept:
        return
    sizes = host.volumes()
    for number in volumes.kept:
        name = volume_name(host.stack, number)
        if sizes.get(name) == 0:
            yield (
                f"the kept data volume {name} is empty, so there is nothing to go back to in it: "
                f"`./tt volumes remove {number} --stack {host.stack}`"
            )
