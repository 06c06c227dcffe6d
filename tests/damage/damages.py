"""What a person or a crash can do to a running stack, what is seen of it, and what heals it.

`tests/damage/test_damages.py` does each of these to a stack, and `python -m docs.damages` writes the table of
docs/TROUBLESHOOTING.md from them. Texts are on the stack `dev`.
"""

from __future__ import annotations

from tests.damage import acts
from tests.damage.damage import Damage
from tests.damage.services import OF_SERVICES, UP, name_of

RECOVER = "make recover YES=--yes"


def _again(name: str) -> tuple[str, str]:
    """The commands of the audit for a container that was changed."""
    return f"docker stop {name} && docker rm {name}", UP


def _files_again(service: str) -> tuple[str, str]:
    """The commands of the audit for files that were changed."""
    name = name_of(service)
    both = f"{name} {name}-files"
    return f"docker stop {both}; docker rm {both} && docker volume rm {name}-files", UP


DASHBOARD = name_of("dashboard")

#: The commands that `make up` names where all data volumes are gone.
BEGIN_EMPTY = (
    "./tt pulumi refresh --stack dev --yes",
    "TASKTRACKER_LOST_VOLUMES=tasktracker-dev-nats-data,tasktracker-dev-objects,tasktracker-dev-postgres-data,"
    "tasktracker-dev-uploads make up STACK=dev",
)

DAMAGES = (
    *OF_SERVICES,
    Damage(
        name="rm carrier",
        what="`docker rm` of a container that brings files (`…-files`)",
        do=acts.remove_carrier("api"),
        status=("the container tasktracker-dev-api-blue-files is not there: `make up STACK=dev` puts that right",),
        audit=("[missing]", "::api-blue-files", "makes it again"),
        up=("the container tasktracker-dev-api-blue-files is not there", "(--refresh)"),
        heal=(UP,),
    ),
    Damage(
        name="pause worker",
        what="`docker pause` of worker",
        do=acts.pause("worker"),
        status=("worker-blue is paused: `docker unpause tasktracker-dev-worker-blue`",),
        audit=("it is paused, and was made to run", "`make up STACK=dev` starts it"),
        heal=("docker unpause tasktracker-dev-worker-blue",),
    ),
    Damage(
        name="nginx hangs",
        what="the processes of nginx hang (`SIGSTOP`)",
        do=acts.hang,
        down=True,
        status=("does not answer at 127.0.0.1", "`docker restart tasktracker-dev-nginx`"),
        heal=("docker restart tasktracker-dev-nginx",),
    ),
    Damage(
        name="docker-proxy killed",
        what="the `docker-proxy` of nginx' port is killed",
        do=acts.kill_proxy,
        down=True,
        status=("though nginx is healthy", "`docker restart tasktracker-dev-nginx`"),
        heal=("docker restart tasktracker-dev-nginx",),
    ),
    Damage(
        name="rmi",
        what="`docker rmi -f` of an image in use",
        do=acts.docker("rmi -f DASHBOARD_IMAGE"),
        heal=("make images",),
    ),
    Damage(
        name="disconnect worker",
        what="`docker network disconnect` of worker",
        do=acts.docker("network disconnect tasktracker-dev-data tasktracker-dev-worker-blue"),
        status=("the container tasktracker-dev-worker-blue is not on the network tasktracker-dev-data",),
        audit=("it is not on the network tasktracker-dev-data", "`make up STACK=dev` connects it again"),
        up=("the container tasktracker-dev-worker-blue is not on the network tasktracker-dev-data",),
        heal=(UP,),
    ),
    Damage(
        name="disconnect nginx",
        what="`docker network disconnect` of nginx from the network that publishes it",
        do=acts.docker("network disconnect tasktracker-dev-edge tasktracker-dev-nginx"),
        down=True,
        status=(
            "nginx is not on the network that its port is published on",
            "the container tasktracker-dev-nginx is not on the network tasktracker-dev-edge",
        ),
        audit=("it is not on the network tasktracker-dev-edge", "`make up STACK=dev` connects it again"),
        up=("the container tasktracker-dev-nginx is not on the network tasktracker-dev-edge",),
        heal=(UP,),
    ),
    Damage(
        name="reconnect postgres",
        what="`docker network disconnect` and `connect` of postgres without its name there, and a restart of the api",
        do=acts.docker(
            "network disconnect tasktracker-dev-data tasktracker-dev-postgres && "
            "docker network connect tasktracker-dev-data tasktracker-dev-postgres && "
            "docker restart tasktracker-dev-api-blue"
        ),
        down=True,
        status=("the container tasktracker-dev-postgres has other names or another address on the network",),
        audit=("it has other names or another address on the network", "`make up STACK=dev` connects it again"),
        up=("the container tasktracker-dev-postgres has other names or another address on the network",),
        heal=(UP,),
    ),
    Damage(
        name="network removed",
        what="a network is removed, with its containers disconnected",
        do=acts.remove_network("data"),
        down=True,
        status=("the network tasktracker-dev-data is not there", "is not on the network tasktracker-dev-data"),
        audit=("[missing]", "::data", "it is not on the network tasktracker-dev-data"),
        up=("the network tasktracker-dev-data is not there",),
        heal=(UP,),
    ),
    Damage(
        name="prune",
        what="`docker volume prune` with the stack up",
        do=acts.prune,
    ),
    Damage(
        name="uploads emptied",
        what="all files in the volume `uploads` are deleted",
        do=acts.empty_uploads,
        heal=("./tt files restore --uploads latest --yes --stack dev",),
        healed=acts.upload_is_back,
    ),
    Damage(
        name="kept volume emptied",
        what="all files in a kept data volume are deleted",
        do=acts.empty_kept,
        status=("is empty, so there is nothing to go back to in it", "`./tt volumes remove 2 --stack dev`"),
        heal=("./tt volumes remove 2 --yes --stack dev",),
    ),
    Damage(
        name="file changed",
        what="a file in the volume of a container's files is changed",
        do=acts.break_file("worker", "nats-url"),
        audit=("the file nats-url has another content", *_files_again("worker")[:1], "make up STACK=dev"),
        up=("the container tasktracker-dev-worker-blue is not there",),
        heal=_files_again("worker"),
    ),
    Damage(
        name="manifest changed",
        what="the file `manifest` of nginx is changed",
        do=acts.break_manifest,
        status=("nginx has refused its changed files", "Do not restart it", "they do not fit their manifest"),
        audit=("the file manifest has another content", *_files_again("nginx")[:1], "make up STACK=dev"),
        up=("the container tasktracker-dev-nginx is not there",),
        heal=_files_again("nginx"),
    ),
    Damage(
        name="nginx.conf changed",
        what="the file `nginx.conf` of nginx is changed, and nginx restarted",
        do=acts.break_nginx,
        down=True,
        status=("the files do not fit their manifest",),
        audit=("the file nginx.conf has another content", *_files_again("nginx")[:1], "make up STACK=dev"),
        up=("the container tasktracker-dev-nginx is not there",),
        heal=_files_again("nginx"),
    ),
    Damage(
        name="file removed",
        what="a file there is removed, and the container restarted",
        do=acts.remove_file("api", "nats-url"),
        down=True,
        status=("api-blue ends soon after each start",),
        audit=("the file nats-url is gone", *_files_again("api")[:1], "make up STACK=dev"),
        up=("the container tasktracker-dev-api-blue is not there",),
        heal=_files_again("api"),
    ),
    Damage(
        name="restart policy",
        what="`docker update --restart no`",
        do=acts.docker(f"update --restart no {DASHBOARD}"),
        audit=('was made as "always"', *_again(DASHBOARD)[:1]),
        up=(f"the container {DASHBOARD} is not there",),
        heal=_again(DASHBOARD),
    ),
    Damage(
        name="memory",
        what="`docker update --memory`",
        do=acts.docker(f"update --memory 300m --memory-swap 300m {DASHBOARD}"),
        audit=("it is 300, and was made as", *_again(DASHBOARD)[:1]),
        up=(f"the container {DASHBOARD} is not there",),
        heal=_again(DASHBOARD),
    ),
    Damage(
        name="pids limit",
        what="`docker update --pids-limit -1`",
        do=acts.docker(f"update --pids-limit -1 {DASHBOARD}"),
        audit=("it has no limit of processes", f"`docker update --pids-limit 1024 {DASHBOARD}`"),
        heal=(f"docker update --pids-limit 1024 {DASHBOARD}",),
    ),
    Damage(
        name="another pids limit",
        what="`docker update --pids-limit` with another number",
        do=acts.docker(f"update --pids-limit 300 {DASHBOARD}"),
        audit=("its limit of processes is 300, and was set to 1024",),
        heal=(f"docker update --pids-limit 1024 {DASHBOARD}",),
    ),
    Damage(
        name="lock",
        what="a killed process has left the lock of the state",
        do=acts.leave_lock,
        status=("was killed (process", "`./tt recover --stack dev` clears it"),
        up=("was killed (process", "`./tt recover --stack dev` clears it"),
        refused=True,
        heal=(RECOVER,),
    ),
    Damage(
        name="up killed",
        what="`kill -9` of `make up` while it makes the api of another release",
        do=acts.kill_update,
        status=("was killed (process", "`./tt recover --stack dev` clears it"),
        audit=("[unmanaged] container tasktracker-dev-api-green",),
        up=("was killed (process", "`./tt recover --stack dev` clears it"),
        refused=True,
        heal=(RECOVER, UP),
    ),
    Damage(
        name="restore killed",
        what="`kill -9` of `./tt restore` while PostgreSQL changes to another volume",
        tested="tests/e2e/operator/test_tt.py",
        down=True,
        status=("was cut off",),
        heal=("./tt restore --abort --stack dev",),
    ),
    Damage(
        name="move killed",
        what="`kill -9` of `./tt state move`",
        tested="tests/unit/ops/tt/state/test_move.py",
        status=("a move of 'dev' to URL was cut off",),
        heal=("make state BACKEND=URL",),
    ),
    Damage(
        name="dockerd stopped",
        what="Docker's daemon is stopped and started",
        tested="tests/e2e/environments/test_remote_host.py",
        down=True,
        status=("no Docker engine answers",),
        audit=("no Docker engine answers",),
    ),
    Damage(
        name="dockerd killed",
        what="Docker's daemon is killed with all containers, and started",
        tested="tests/e2e/environments/test_remote_host.py",
        down=True,
        status=("no Docker engine answers",),
        audit=("no Docker engine answers",),
    ),
    # Takes all data.
    Damage(
        name="prune after down",
        what="`docker volume prune` after `make down` (since Docker 23 with `--all`)",
        do=acts.prune_after_down,
        down=True,
        status=("has no containers here",),
        audit=("[missing]", "It is protected: `make preview"),
        up=("data volumes of the stack 'dev' are gone", *BEGIN_EMPTY),
        refused=True,
        heal=BEGIN_EMPTY,
        keeps_data=False,
    ),
    # After it PostgreSQL is on another volume.
    Damage(
        name="database emptied",
        what="all files in PostgreSQL's data volume are deleted",
        do=acts.empty_database,
        down=True,
        status=("postgres ends soon after each start", "the database is gone from its volume"),
        heal=(
            "./tt restore --latest --yes --without-safety-backup --stack dev",
            "./tt volumes remove 1 --yes --stack dev",
        ),
        # What was written in the minute before is in no backup.
        keeps_data=False,
    ),
)
