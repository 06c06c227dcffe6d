"""The Pulumi program: one Task Tracker environment, as its stack's config describes it."""

import pulumi

from components import Platform, PlatformArgs
from components.core import last_state
from components.core.ending import plain_words
from components.preflight import check_host
from components.preflight.packages import refuse_missing_packages
from settings.reading.source import load, revision

with plain_words():
    # The engine reads it meanwhile.
    state = last_state.reading()
    settings = load()
    refuse_missing_packages(pulumi.get_stack(), settings)
    owner = check_host(pulumi.get_stack(), settings, state)
    platform = Platform("platform", PlatformArgs(pulumi.get_stack(), settings, owner))

    pulumi.export("url", platform.url)
    pulumi.export("containers", platform.containers)
    pulumi.export("versions", platform.versions)
    pulumi.export("networks", platform.networks)
    pulumi.export("postgres", platform.postgres)
    # An output and no label: what a container or a volume is labelled with replaces it when it changes.
    pulumi.export("program", revision())
