"""What the policy pack would refuse of settings that are valid by themselves, in the words of its own findings."""

from collections.abc import Iterator
from typing import Final

from settings.errors import Path, key_text
from settings.limits import LIMITS, raising
from settings.rules.conflict import ENVIRONMENT, Conflict, Rule
from settings.stack import Settings
from settings.values.units import SIZE

_ADDRESS: Final[Path] = ("nginx", "publish", "address")


def resources_are_within_the_policies(settings: Settings) -> Iterator[Conflict]:
    """No container may use more memory or CPUs than the policies DKR-MEM and DKR-CPU allow; defaults included."""
    for service, resources in settings.limits():
        path = (*service.block, "resources")
        if resources.memory > LIMITS.max_memory:
            most = SIZE.format(LIMITS.max_memory)
            yield Conflict(
                (*path, "memory"), f"must be at most {most}; {raising('DKR-MEM', 'maxMb', resources.memory)}"
            )
        if resources.cpus > LIMITS.max_cpus:
            way = raising("DKR-CPU", "maxCpus", resources.cpus)
            yield Conflict((*path, "cpus"), f"must be at most {LIMITS.max_cpus:g}; {way}")


def published_ports_are_not_those_of_monitoring(settings: Settings) -> Iterator[Conflict]:
    """nginx publishes no port that is known as one of monitoring, but on a loopback address in dev (DKR-MON)."""
    publish = settings.nginx.publish
    here_only = settings.environment == "dev" and LIMITS.loopback_in_development and publish.address.is_loopback
    if settings.tunnel is not None or here_only:
        return
    ports = {"port": publish.port, **({"tls_port": publish.tls_port} if settings.nginx.tls else {})}
    for key, port in ports.items():
        if port in LIMITS.monitoring_ports:
            yield Conflict(
                ("nginx", "publish", key),
                f"must be no monitoring port, as that of {LIMITS.monitoring_ports[port]} is; choose another",
                (ENVIRONMENT, _ADDRESS, ("nginx", "tls")),
            )


def tags_stand_still(settings: Settings) -> Iterator[Conflict]:
    """Outside dev no image has `latest` in its tag, whatever its digest (DKR-IMG)."""
    for service, image in settings.images.given():
        if settings.environment != "dev" and image.tag is not None and LIMITS.moving_tag.search(image.tag):
            yield Conflict(
                ("images", service.key),
                "must be an image whose tag stands still, where neither the tag nor a part of it is `latest`",
                (ENVIRONMENT,),
            )


def names_for_administrators_are_guarded(settings: Settings) -> Iterator[Conflict]:
    """With a tunnel, a host name that says that it is for administrators is one of theirs (CF-ACCESS)."""
    if settings.tunnel is None:
        return
    tunnel: Path = ("tunnel",)
    guarded = key_text((*tunnel, "administrators", "hostnames"))
    named = {("domain",): [settings.domain], (*tunnel, "hostnames"): settings.tunnel.hostnames}
    for path, hostnames in named.items():
        for name in hostnames:
            if LIMITS.is_for_administrators(name):
                way = "choose another" if name == settings.domain else f"list it under {guarded}, or choose another"
                yield Conflict(
                    path,
                    f"must be a hostname with an Access application, whose policies let in known people only, as {name}"
                    f" is one for administrators by its name; {way}",
                    (("domain",), tunnel),
                )


RULES: Final[tuple[Rule, ...]] = (
    resources_are_within_the_policies,
    published_ports_are_not_those_of_monitoring,
    tags_stand_still,
    names_for_administrators_are_guarded,
)
