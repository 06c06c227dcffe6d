"""A Pulumi program with as many compliant containers as its config says, to see how the policy pack scales."""

import pulumi
import pulumi_docker as docker

from components.runtime.hardening import hardened

COUNT = pulumi.Config().require_int("count")

for number in range(COUNT):
    docker.Container(
        f"many-{number}",
        name=f"many-{number}",
        image=f"registry.example.com/many:1.0@sha256:{number:064x}",
        **hardened(memory=64, cpus="0.5"),
        user="10001:10001",
        read_only=True,
        restart="always",
        network_mode="bridge",
        networks_advanced=[docker.ContainerNetworksAdvancedArgs(name="many")],
        healthcheck=docker.ContainerHealthcheckArgs(tests=["CMD", "curl", "--fail", "http://127.0.0.1:8080/healthz"]),
        ulimits=[docker.ContainerUlimitArgs(name="nofile", soft=1024, hard=1024)],
        envs=[f"SETTING_{each}=value {each}" for each in range(10)],
        labels=[
            docker.ContainerLabelArgs(label="service", value=f"many-{number}"),
            docker.ContainerLabelArgs(label="stack", value=pulumi.get_stack()),
        ],
    )
