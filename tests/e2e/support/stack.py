"""A stack of a test's own: its names, subnets, port, config and state, on the real engine and Docker."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import secrets
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import httpx
import yaml
from docker.models.containers import Container

from settings.releases import SLOTS, Slot
from tests.leftovers import remove
from tests.services import SLOTTED
from toolchain.process.steps import ROOT
from toolchain.pulumi_engine.engine import environment
from toolchain.targets.preview import environment_for_preview

#: Everything that the program reads, beside the stack's own config and state.
PROGRAM = (
    "__main__.py",
    "Pulumi.yaml",
    "VERSION",
    "app",
    "components",
    "images",
    "policies",
    "remote",
    "settings",
    ".venv",
)

#: Where no Docker engine answers.
NO_DOCKER = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}

#: Seconds that any one command of a test may take.
COMMAND_TIMEOUT = 600


@dataclass
class Stack:
    """A stack in a folder of its own. `number` sets its subnets and ports apart from other stacks'.

    `program` is the folder of the program that it runs, and `passphrase` encrypts its secrets.
    """

    folder: Path
    name: str
    number: int
    config: dict[str, Any] = field(default_factory=dict)
    program: Path = ROOT
    passphrase: str = field(default_factory=secrets.token_hex)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.run_program(self.program)
        passphrase = self.folder / "passphrase"
        passphrase.write_text(self.passphrase)
        (self.folder / "state").mkdir()
        self.env = {
            **os.environ,
            **environment(),
            "PULUMI_BACKEND_URL": f"file://{self.folder}/state",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
            # The same for `tt`, which sets up the environment of its engine itself.
            "TASKTRACKER_BACKEND_URL": f"file://{self.folder}/state",
            "TASKTRACKER_PASSPHRASE_FILE": str(passphrase),
        }
        self.config = {
            "environment": "dev",
            "network": {
                name: f"10.213.{self.number}.{part * 32}/27"
                for part, name in enumerate(("edge", "data", "egress", "monitoring", "debug"))
            },
            "nginx": {
                "publish": {"port": self.port, "tls_port": self.tls_port},
                # The tests are one client and send what many would.
                "rate_limit": {"requests_per_second": 1000, "burst": 1000},
            },
            **self.config,
        }
        self.write_config()
        self.pulumi("stack", "init", self.name)

    def run_program(self, program: Path) -> None:
        """Has the stack's next commands run the program in that folder: this project's, or a copy of all of it."""
        for link in self.folder.iterdir():
            if link.is_symlink():
                link.unlink()
        parts = [program / part for part in PROGRAM] if program == ROOT else [*program.iterdir()]
        for part in parts:
            if not part.match("Pulumi.?*.yaml"):
                (self.folder / part.name).symlink_to(part)
        self.program = program

    @functools.cached_property
    def docker(self) -> docker.DockerClient:
        """Docker, when a test first asks for it: previews need none."""
        return docker.from_env()

    @property
    def port(self) -> int:
        return 18000 + 10 * self.number

    @property
    def tls_port(self) -> int:
        return self.port + 1

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def config_file(self) -> Path:
        return self.folder / f"Pulumi.{self.name}.yaml"

    def write_config(self, changes: Mapping[str, Any] | None = None) -> None:
        """Writes the stack's config, with `changes` to its top-level keys; keeps what Pulumi wrote."""
        kept = yaml.safe_load(self.config_file.read_text()) if self.config_file.exists() else {}
        secure = {
            key: value for key, value in kept.get("config", {}).items() if isinstance(value, dict) and "secure" in value
        }
        values = {f"tasktracker:{key}": value for key, value in {**self.config, **(changes or {})}.items()}
        self.config_file.write_text(yaml.safe_dump({**kept, "config": {**values, **secure}}))

    def pulumi(
        self,
        *args: str,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        without_docker: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Runs the Pulumi CLI on this stack; output and errors in `stdout`.

        `without_docker` runs it where no Docker engine answers, in the way of `make preview`.
        """
        stack = [] if args[:2] == ("stack", "init") else ["--stack", self.name]
        merged = {**self.env, **(env or {}), **(NO_DOCKER if without_docker else {})}
        with environment_for_preview(merged) if without_docker else contextlib.nullcontext(merged) as variables:
            result = subprocess.run(
                ["pulumi", *args, *stack, "--non-interactive", "--color", "never", "--cwd", str(self.folder)],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                input=stdin,
                text=True,
                env=variables,
                timeout=COMMAND_TIMEOUT,
                check=False,
            )
        if check and result.returncode != 0:
            raise AssertionError(f"pulumi {' '.join(args)} exited {result.returncode}\n{result.stdout}")
        return result

    def tt(self, *args: str) -> tuple[int, Any]:
        """Runs the operator's command on this stack; its exit code and its result."""
        result = subprocess.run(
            [ROOT / "tt", *args, "--stack", self.name, "--json"],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
        assert "Traceback" not in result.stderr, result.stderr
        return result.returncode, json.loads(result.stdout)

    def up(self, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.pulumi("up", "--yes", "--skip-preview", check=check)

    def expect_no_changes(self) -> None:
        for refresh in ((), ("--refresh",)):
            self.pulumi("preview", "--expect-no-changes", "--diff", *refresh)

    def planned(self) -> dict[str, str]:
        """What a preview plans to change: operation by `type name`."""
        result = self.pulumi("preview", "--json")
        steps = json.loads(result.stdout)["steps"]
        return {
            "{0} {3}".format(step["urn"].split("::")[2].rpartition("$")[2], *step["urn"].split("::")[1:]): step["op"]
            for step in steps
            if step["op"] not in ("same", "read")
        }

    def destroy_all(self) -> None:
        """Removes the stack with its data, and what an interrupted run left on the host."""
        self.pulumi("cancel", "--yes", check=False)
        self.pulumi("state", "unprotect", "--all", "--yes", check=False)
        self.pulumi("destroy", "--yes", "--skip-preview", check=False)
        remove(self.docker, self.name)

    @property
    def filters(self) -> dict[str, Any]:
        return {"label": f"stack={self.name}"}

    def containers(self, **options: Any) -> list[Container]:
        found: list[Container] = self.docker.containers.list(filters=self.filters, **options)
        return found

    def container(self, service: str) -> Container:
        """The container of a service; of one that is part of a release, that of the release which serves."""
        name = f"{service}-{self.slot(service)}" if service in SLOTTED else service
        return self.docker.containers.get(f"tasktracker-{self.name}-{name}")

    def slot(self, service: str = "api") -> Slot:
        """The slot that serves: the only one that has the service, or the one that nginx sends requests to."""
        prefix = f"tasktracker-{self.name}-{service}-"
        names = {str(each.name) for each in self.containers(all=True)}
        slots = [slot for slot in SLOTS if f"{prefix}{slot}" in names]
        if len(slots) == 1:
            return slots[0]
        shown = execute(self.container("nginx"), "release", "show")
        serving: Slot = json.loads(shown)["release"]["serving"]
        return serving

    def ids(self) -> dict[str, str]:
        """Container id by name, carriers and jobs included."""
        prefix = f"tasktracker-{self.name}-"
        return {str(each.name).removeprefix(prefix): str(each.id) for each in self.containers(all=True)}

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=5)

    def kill(self, service: str) -> None:
        """Kills a service's first process from outside, as the kernel would; `docker kill` counts as a stop."""
        pid = self.container(service).attrs["State"]["Pid"]
        image = self.container("nats").attrs["Config"]["Image"]
        self.docker.containers.run(
            image, entrypoint=["sh", "-c", f"kill -9 {pid}"], user="0:0", pid_mode="host", network_mode="none",
            cap_add=["KILL"], remove=True,
        )  # fmt: skip

    def healthy(self, service: str) -> bool:
        state = self.container(service).attrs["State"]
        return bool(state["Running"]) and state["Health"]["Status"] == "healthy"


def eventually(condition: Callable[[], Any], seconds: float, what: str, *, interval: float = 0.2) -> Any:
    """Waits until `condition` gives something true, and returns it; a failing request counts as false."""
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = condition()
        except (httpx.HTTPError, docker.errors.DockerException) as error:
            last = error
        else:
            if last:
                return last
        time.sleep(interval)
    raise AssertionError(f"not within {seconds} s: {what} (last: {last!r})")


def execute(container: Container, *command: str, environment: dict[str, str] | None = None) -> str:
    """Runs a command in a container, which must succeed; its output and errors."""
    code, output = container.exec_run([*command], environment=environment)
    # Only a call with `stream` or `socket` returns anything else.
    assert isinstance(output, bytes)
    text = output.decode()
    assert code == 0, text
    return text


def violations(output: str) -> set[tuple[str, str, str]]:
    """Level, rule and the resource's name of each violation that the engine shows."""
    line = r"- \[(advisory|mandatory)\] +(?:\[severity: [a-z]+\] +)?([A-Z0-9-]+) +\(\S+: ([^)]+)\)"
    return set(re.findall(line, output))


def add_task(client: httpx.Client, title: str, **more: str) -> str:
    """Adds a task, with `more` such as notes; returns its id."""
    response = client.post("/api/tasks", json={"title": title, **more})
    assert response.status_code == 202, (response.status_code, response.text)
    return str(response.json()["id"])


def is_done(client: httpx.Client, task: str) -> bool:
    return bool(client.get(f"/api/tasks/{task}").raise_for_status().json()["status"] == "done")
