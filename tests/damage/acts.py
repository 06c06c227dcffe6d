"""What a person or a crash does to a running stack: each a function of the stack."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import uuid
from collections.abc import Callable, Sequence

from docker.models.containers import Container

from images.catalog import local_reference
from settings.releases import SLOTS, Slot, other
from tests.damage.watch import answers
from tests.e2e.support.by_hand import stop_nginx, write_file
from tests.e2e.support.stack import Stack, eventually

#: In texts the one serves, and the other does not.
BLUE, GREEN = SLOTS

#: What it returns is not used.
Act = Callable[[Stack], object]

#: The number of a data volume of PostgreSQL's that the stack keeps and does not use.
KEPT = 2

#: A process that there is on no machine.
NO_PROCESS = 4194304

#: The version of Docker's API from which on its prune of volumes leaves those with a name.
ALL_SINCE = 1.42

#: Seconds until what was begun is where the damage is.
UNDER_WAY = 90

#: Ends the process that forwards a published port of the host, as root of the host.
KILL_PROXY = r"""for p in /proc/[0-9]*; do
  [ "$(cat "$p/comm" 2>/dev/null)" = docker-proxy ] || continue
  case $(tr '\0' ' ' <"$p/cmdline") in *"-host-port {port} "*) kill -9 "${{p#/proc/}}" ;; esac
done"""


#: Removes all that is in the volume.
EMPTY = "cd /v/*; rm -rf ./* ./.[!.]*"


def stop(service: str) -> Act:
    """`docker stop`."""
    return lambda stack: stack.container(service).stop()


def remove(service: str) -> Act:
    """`docker rm -f`."""
    return lambda stack: stack.container(service).remove(force=True)


def pause(service: str) -> Act:
    """`docker pause`."""
    return lambda stack: stack.container(service).pause()


def hang(stack: Stack) -> None:
    """Stops the processes of nginx, and not its container."""
    stop_nginx(stack)


def docker(command: str) -> Act:
    """A command of Docker's, in which `dev` is the stack."""
    return lambda stack: shell(stack, f"docker {command}")


def shell(stack: Stack, command: str) -> str:
    """Runs a command, in which `dev` is the stack, and returns its output."""
    result = subprocess.run(
        ["bash", "-c", of(stack, command)], cwd=stack.folder, env=stack.env, text=True, check=False, timeout=300,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert result.returncode == 0, f"{command}: {result.stdout}"
    return result.stdout


#: The slot that served before a damage, by stack.
_served: dict[str, Slot] = {}


def begin(stack: Stack) -> None:
    """Notes which slot serves: what heals may bring the release to the other one."""
    _served[stack.name] = stack.slot()


def of(stack: Stack, text: str) -> str:
    """A text on the stack `dev`, in which blue serves, for this stack before its damage."""
    serves = _served.get(stack.name) or stack.slot()
    slots: dict[str, str] = {BLUE: serves, GREEN: other(serves)}
    text = re.sub(rf"-({BLUE}|{GREEN})\b", lambda found: f"-{slots[found[1]]}", text)
    named = {"tasktracker-dev-": f"tasktracker-{stack.name}-", "STACK=dev": f"STACK={stack.name}"}
    named |= {"--stack dev": f"--stack {stack.name}", "'dev'": f"'{stack.name}'", "stack=dev": f"stack={stack.name}"}
    named |= {"DASHBOARD_IMAGE": local_reference("dashboard")}
    for old, new in named.items():
        text = text.replace(old, new)
    return text


def as_root(stack: Stack, script: str, *, volumes: Sequence[str] = (), on_host: bool = False) -> str:
    """Runs a script as root in a container: with volumes of the stack's in /v, or among the processes of the host."""
    mounts = {f"tasktracker-{stack.name}-{name}": {"bind": f"/v/{name}", "mode": "rw"} for name in volumes}
    output: bytes = stack.docker.containers.run(
        local_reference("nats"), entrypoint=["sh", "-c", script], user="0:0", network_mode="none", remove=True,
        pid_mode="host" if on_host else None, volumes=mounts, cap_add=["KILL", "SYS_PTRACE"] if on_host else [],
    )  # fmt: skip
    return output.decode()


def kill_proxy(stack: Stack) -> None:
    """Kills the `docker-proxy` of nginx' port, as the kernel does where memory is short."""
    as_root(stack, KILL_PROXY.format(port=stack.port), on_host=True)


def carrier(stack: Stack, service: str) -> Container:
    """The container that brings the files of a service, in the volume of that name."""
    return stack.docker.containers.get(f"{stack.container(service).name}-files")


def remove_carrier(service: str) -> Act:
    """`docker rm` of the container that brings the files of a service."""
    return lambda stack: carrier(stack, service).remove(force=True)


def break_file(service: str, name: str) -> Act:
    """Writes another content into a file of a container's."""
    return lambda stack: write_file(carrier(stack, service), name, b"other")


def break_manifest(stack: Stack) -> None:
    """Writes another content into the manifest of nginx' files, and waits until nginx has refused them."""
    write_file(stack.container("nginx-files"), "manifest", b"other")
    eventually(lambda: not stack.healthy("nginx"), UNDER_WAY, "nginx has refused the files")


def break_nginx(stack: Stack) -> None:
    """Writes another content into nginx' config, and restarts nginx, which waits 20 s for good files and ends."""
    write_file(stack.container("nginx-files"), "nginx.conf", b"other")
    stack.container("nginx").restart()
    eventually(lambda: stack.container("nginx").attrs["RestartCount"], UNDER_WAY, "it has ended")


def remove_file(service: str, name: str) -> Act:
    """Removes a file of a container's, and restarts the container, which ends again and again."""

    def act(stack: Stack) -> None:
        volume = str(carrier(stack, service).name).removeprefix(f"tasktracker-{stack.name}-")
        as_root(stack, f"rm /v/*/{name}", volumes=[volume])
        stack.container(service).restart()
        eventually(lambda: stack.container(service).attrs["RestartCount"] > 1, UNDER_WAY, "it has ended twice")

    return act


def remove_network(network: str) -> Act:
    """Takes all containers off a network, and removes it."""

    def act(stack: Stack) -> None:
        found = stack.docker.networks.get(f"tasktracker-{stack.name}-{network}")
        for container in found.containers:
            found.disconnect(container, force=True)
        found.remove()

    return act


def upload_is_back(stack: Stack) -> None:
    """The upload of before is there."""
    assert shell(stack, "docker exec tasktracker-dev-api-blue cat /var/lib/tasktracker/kept") == "kept\n"


def empty_uploads(stack: Stack) -> None:
    """Removes all uploads, of which there is a backup."""
    as_root(stack, "cd /v/uploads; echo kept > kept; chown 10004:10004 kept", volumes=["uploads"])
    code, taken = stack.tt("files", "now")
    assert code == 0, taken
    as_root(stack, EMPTY, volumes=["uploads"])


def empty_database(stack: Stack) -> None:
    """Removes all that is in PostgreSQL's data volume, and waits until PostgreSQL notices: it looks once a minute."""
    as_root(stack, EMPTY, volumes=["postgres-data"])
    eventually(lambda: stack.container("postgres").status == "restarting", UNDER_WAY, "PostgreSQL has ended")


def empty_kept(stack: Stack) -> None:
    """Keeps a second data volume of PostgreSQL's, as after a restore, and removes all that is in it."""
    volume = f"postgres-data-{KEPT}"
    name = f"tasktracker-{stack.name}-postgres-data"
    stack.docker.volumes.create(f"{name}-{KEPT}", labels=stack.docker.volumes.get(name).attrs["Labels"])
    stack.write_config({"postgres": {"kept_volumes": [KEPT]}})
    stack.up()
    as_root(stack, "cd /v/*; mkdir -p 17/data; echo 17 > 17/data/PG_VERSION", volumes=[volume])
    assert f"postgres-data-{KEPT} is empty" not in str(stack.tt("status")[1]["problems"])
    as_root(stack, EMPTY, volumes=[volume])


def leave_lock(stack: Stack) -> None:
    """The lock of an update whose process was killed."""
    folder = stack.folder / "state" / ".pulumi" / "locks" / "organization" / "tasktracker" / stack.name
    folder.mkdir(parents=True, exist_ok=True)
    lock = {
        "pid": NO_PROCESS, "username": "ann", "hostname": socket.gethostname(), "timestamp": "2026-11-20T12:05:00Z",
    }  # fmt: skip
    (folder / f"{uuid.uuid4()}.json").write_text(json.dumps(lock))


def kill_update(stack: Stack) -> None:
    """Kills an update, with all that it started, while it makes the api of another release, which then runs."""
    new = of(stack, "tasktracker-dev-api-green")
    stack.config["api"] = {"log_level": "debug"}
    stack.write_config()
    up = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--stack", stack.name, "--non-interactive"],
        cwd=stack.folder, env=stack.env, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        # It runs, and the update waits until it is healthy: the state does not have it yet.
        eventually(lambda: stack.docker.containers.get(new).status == "running", UNDER_WAY, "it runs", interval=0.05)
    finally:
        os.killpg(up.pid, signal.SIGKILL)
        up.wait()
    assert answers(stack.url)


def prune(stack: Stack) -> None:
    """`docker volume prune` as Docker before 23 does it, with named volumes: later `--all`. Of this stack's alone."""
    with_names = "" if float(stack.docker.version()["ApiVersion"]) < ALL_SINCE else "--all"
    shell(stack, f"docker volume prune --force {with_names} --filter label=stack={stack.name}")


def prune_after_down(stack: Stack) -> None:
    """`make down`, and `docker volume prune`."""
    stack.pulumi("destroy", "--exclude-protected", "--yes", "--skip-preview")
    prune(stack)
