"""The program of a test: a secret in a protected resource, what the real one says of itself, and what files ask for.

`hold`: it waits as long as the file is there. `slow`: a container with that image, which never gets healthy.
"""

import time
from pathlib import Path

import pulumi
import pulumi_docker as docker

from settings.reading.source import load, revision

FOLDER = Path(__file__).parent

load()
kept = pulumi.Stash("kept", input=pulumi.Output.secret("hunter2"), opts=pulumi.ResourceOptions(protect=True))
pulumi.export("secret", kept.output)
pulumi.export("program", revision())
slow = FOLDER / "slow"
if slow.exists():
    name = f"tasktracker-{pulumi.get_stack()}-slow"
    docker.Container(
        "slow",
        name=name,
        image=slow.read_text(),
        entrypoints=["sleep", "600"],
        network_mode="none",
        labels=[docker.ContainerLabelArgs(label="stack", value=pulumi.get_stack())],
        healthcheck=docker.ContainerHealthcheckArgs(tests=["CMD", "false"], interval="1s", retries=600),
        wait=True,
        wait_timeout=300,
        opts=pulumi.ResourceOptions(delete_before_replace=True),
    )
while (FOLDER / "hold").exists():
    time.sleep(0.05)
