"""The properties that show in `docker inspect` and in an image's history."""

from __future__ import annotations

from policies.containers import CONTAINER, SERVICE
from policies.resource import IMAGE, NETWORK, REGISTRY_IMAGE, REMOTE_IMAGE, VOLUME
from policies.workloads.uploads import READS as READS_OF_FILES
from policies.workloads.uploads import SERVICE_CONFIG

#: What shows in `docker inspect` of a container, a service, a config, a volume or a network, and in `docker history`.
SHOWN = {
    CONTAINER: ("envs", "labels", "entrypoints", "command", "healthcheck.tests", "logOpts"),
    SERVICE: (
        "labels",
        "taskSpec.containerSpec.env",
        "taskSpec.containerSpec.labels",
        "taskSpec.containerSpec.commands",
        "taskSpec.containerSpec.args",
        "taskSpec.containerSpec.healthcheck.tests",
        "taskSpec.logDriver.options",
    ),
    SERVICE_CONFIG: READS_OF_FILES[SERVICE_CONFIG],
    VOLUME: ("labels", "driverOpts"),
    NETWORK: ("labels", "options"),
    REMOTE_IMAGE: ("build.buildArgs", "build.label", "build.labels"),
    REGISTRY_IMAGE: ("build.buildArgs", "build.label", "build.labels"),
    IMAGE: ("build.args",),
}

#: Files that a container gets; one that holds a secret has to be marked as secret, so that the state encrypts it.
FILES = {CONTAINER: READS_OF_FILES[CONTAINER]}

#: Properties that map names to values, beside the environment and the labels of what runs.
MAPS = {
    CONTAINER: ("logOpts",),
    SERVICE: ("taskSpec.logDriver.options",),
    VOLUME: ("driverOpts",),
    NETWORK: ("options",),
    REMOTE_IMAGE: SHOWN[REMOTE_IMAGE],
    REGISTRY_IMAGE: SHOWN[REGISTRY_IMAGE],
    IMAGE: SHOWN[IMAGE],
}

#: What shows as well and is hardly ever written for a secret; a text in it is one by its shape.
ASIDE = {
    CONTAINER: (
        "hostname", "domainname", "workingDir", "hosts", "mounts", "volumes", "networksAdvanced", "tmpfs", "sysctls",
        "storageOpts",
    ),
    SERVICE: (
        "taskSpec.containerSpec.hostname", "taskSpec.containerSpec.dir", "taskSpec.containerSpec.hosts",
        "taskSpec.containerSpec.mounts", "taskSpec.containerSpec.sysctl", "taskSpec.networksAdvanceds",
    ),
    NETWORK: ("ipamOptions", "ipamConfigs"),
    REMOTE_IMAGE: ("build.context", "build.remoteContext", "build.cacheFroms"),
    REGISTRY_IMAGE: ("build.context", "build.remoteContext", "build.cacheFroms"),
    IMAGE: ("build.context",),
}  # fmt: skip

#: What the rule reads: all that shows, and the files of containers.
READS = {type_: (*SHOWN[type_], *ASIDE.get(type_, ()), *FILES.get(type_, ())) for type_ in SHOWN}
