"""Which images run: those that were tested, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.docker.images import parse
from policies.resource import IMAGE, REMOTE_IMAGE, Resource
from policies.rule import Conventions, Level
from policies.values import UNKNOWN
from tests.policies.cases import Case, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import UNSET, carrier, container, make, service

SPEC_IMAGE = "taskSpec.containerSpec.image"
HEX = 32 * "0a"
DIGEST = f"sha256:{HEX}"

Kind = Literal["passing", "failing", "bypass", "unknown"]


def both(kind: Kind, what: str, image: Any, environment: str = "prod", **options: Any) -> tuple[Case, Case]:
    """A case of a container and one of a service, with `image`."""
    finds = kind in ("failing", "bypass")
    return (
        Case("DKR-IMG", kind, what, (container({"image": image}),), ("image",) if finds else (), options, environment),
        Case(
            "DKR-IMG",
            kind,
            f"{what}, service",
            (service({SPEC_IMAGE: image}),),
            (SPEC_IMAGE,) if finds else (),
            options,
            environment,
        ),
    )


def pulled(image: Any, **more: Any) -> tuple[Resource]:
    return (make(REMOTE_IMAGE, {}, {"name": image, **more}),)


def built(image: Any) -> tuple[Resource]:
    return (make(IMAGE, {"build": {"context": "."}}, {"imageName": image}),)


CASES = (
    Case("DKR-IMG", "passing", "compliant", (container(), carrier(), service())),
    *both("passing", "tag and digest", f"nginx:1.27@{DIGEST}"),
    *both("passing", "digest", f"nginx@{DIGEST}"),
    *both("passing", "registry", f"registry.example.com/tasktracker/api:1.2.3@{DIGEST}"),
    *both("passing", "registry with a port and no tag", f"registry.example.com:5000/api@{DIGEST}"),
    *both("passing", "registry on this machine", f"localhost/api:1@{DIGEST}"),
    *both("passing", "registry at an IPv6 address", f"[2001:db8::1]:5000/api:1@{DIGEST}"),
    *both("passing", "every separator", f"a.b/c_d/e__f/g-h/i---j/k.l:A_b.C-d@{DIGEST}"),
    *both("passing", "a tag with latest in a word", f"nginx:latestish@{DIGEST}"),
    *both("passing", "a name with latest", f"tasktracker/latest:1.2.3@{DIGEST}"),
    *both("failing", "tag", "nginx:1.27"),
    *both("failing", "tag in staging", "nginx:1.27", "staging"),
    *both("failing", "tag in an environment of no known kind", "nginx:1.27", "qa"),
    *both("failing", "latest", "nginx:latest"),
    *both("failing", "no tag", "nginx"),
    *both("failing", "unset", UNSET),
    *both("bypass", "latest with a digest", f"nginx:latest@{DIGEST}"),
    *both("bypass", "latest in capitals, with a digest", f"nginx:LaTest@{DIGEST}"),
    *both("bypass", "latest as a part of the tag", f"nginx:latest-alpine@{DIGEST}"),
    *both("bypass", "latest at the end of the tag", f"nginx:alpine_latest@{DIGEST}"),
    *both("bypass", "a port for a tag", "registry.example.com:5000/api"),
    *both("bypass", "a port for a tag, short", "host:5000/x"),
    *both("bypass", "a digest of capitals", f"nginx@sha256:{HEX.upper()}"),
    *both("bypass", "an algorithm in capitals", f"nginx@SHA256:{HEX}"),
    *both("bypass", "another algorithm", f"nginx@sha512:{HEX}{HEX}"),
    *both("bypass", "an old algorithm", f"nginx@md5:{HEX[:32]}"),
    *both("bypass", "a short digest", f"nginx:1.27@{DIGEST[:-1]}"),
    *both("bypass", "a long digest", f"nginx:1.27@{DIGEST}0"),
    *both("bypass", "a digest that isn't hexadecimal", f"nginx@sha256:{64 * 'g'}"),
    *both("bypass", "a digest of other digits", f"nginx@sha256:{64 * '٣'}"),
    *both("bypass", "no digest behind the sign", "nginx:1.27@"),
    *both("bypass", "two digests", f"nginx@{DIGEST}@{DIGEST}"),
    *both("bypass", "a digest before the tag", f"nginx@{DIGEST}:latest"),
    *both("bypass", "a digest for a tag", f"nginx:{DIGEST.replace(':', '-')}"),
    *both("bypass", "a line break at the end", f"nginx:1.27@{DIGEST}\n"),
    *both("bypass", "spaces", f" nginx:1.27@{DIGEST}"),
    *both("bypass", "a scheme", f"https://registry.example.com/nginx:1.27@{DIGEST}"),
    *both("bypass", "a scheme of another engine", f"docker://nginx:1.27@{DIGEST}"),
    *both("bypass", "capitals in the name", f"nginX:1.27@{DIGEST}"),
    *both("bypass", "no name", f"@{DIGEST}"),
    *both("bypass", "only a tag", f":1@{DIGEST}"),
    *both("bypass", "a slash at the end", f"registry.example.com/@{DIGEST}"),
    *both("bypass", "two slashes", f"registry.example.com//api@{DIGEST}"),
    *both("bypass", "a way up", f"registry.example.com/../api@{DIGEST}"),
    *both("bypass", "two tags", f"nginx:1:2@{DIGEST}"),
    *both("bypass", "a tag of 129 characters", f"nginx:{129 * '1'}@{DIGEST}"),
    *both("bypass", "endless", f"{100_000 * 'a'}@{DIGEST}"),
    *both("bypass", "an id", DIGEST),
    *both("bypass", "an id without its algorithm", HEX),
    *both("bypass", "the start of an id", HEX[:12]),
    *both("bypass", "empty", ""),
    *both("bypass", "null", None),
    *both("bypass", "a number", 5.0),
    *both("bypass", "a list", [f"nginx@{DIGEST}"]),
    *both("unknown", "image", UNKNOWN),
    Case("DKR-IMG", "unknown", "specification", (service({"taskSpec.containerSpec": UNKNOWN}),)),
    Case("DKR-IMG", "bypass", "a carrier", (carrier({"image": "nginx:1.27"}),), ("image",)),
    # Development: what was built on the machine has a tag and no digest.
    *both("passing", "a tag in development", "tasktracker/api:1a2b3c4d5e6f", "dev"),
    *both("passing", "an id in development", DIGEST, "dev"),
    *both("passing", "a digest in development", f"nginx@{DIGEST}", "dev"),
    *both("failing", "latest in development", "tasktracker/api:latest", "dev"),
    *both("bypass", "no tag in development", "tasktracker/api", "dev"),
    *both("bypass", "a port for a tag in development", "localhost:5000/api", "dev"),
    *both("bypass", "latest with a digest in development", f"nginx:latest@{DIGEST}", "dev"),
    *both("bypass", "the start of an id in development", HEX[:12], "dev"),
    *both("bypass", "empty in development", "", "dev"),
    *both("unknown", "image in development", UNKNOWN, "dev"),
    # What brings images in.
    Case("DKR-IMG", "passing", "pulled by digest", pulled(f"nginx:1.27@{DIGEST}", pullTriggers=["nginx:latest"])),
    Case("DKR-IMG", "passing", "pulled by tag in development", pulled("nginx:1.27"), environment="dev"),
    Case("DKR-IMG", "passing", "built", pulled("tasktracker/api:1.2.3", build={"context": "."})),
    Case("DKR-IMG", "passing", "built and pushed", built("registry.example.com/api:1.2.3")),
    Case("DKR-IMG", "failing", "pulled by tag", pulled("nginx:1.27"), ("name",)),
    Case("DKR-IMG", "failing", "pulled without a tag", pulled("nginx"), ("name",)),
    Case("DKR-IMG", "failing", "latest, built", pulled("nginx:latest", build={"context": "."}), ("name",)),
    Case("DKR-IMG", "failing", "latest, built and pushed", built("registry.example.com/api:latest"), ("imageName",)),
    Case("DKR-IMG", "bypass", "built without a tag", built("registry.example.com:5000/api"), ("imageName",)),
    Case("DKR-IMG", "bypass", "pulled with an empty build", pulled("nginx:1.27", build={}), ("name",)),
    Case("DKR-IMG", "bypass", "pulled without a tag in development", pulled("nginx"), ("name",), environment="dev"),
    Case("DKR-IMG", "unknown", "name", (*pulled(UNKNOWN), *built(UNKNOWN))),
    Case("DKR-IMG", "unknown", "build", pulled("nginx:1.27", build=UNKNOWN)),
    # Registries.
    *both("passing", "a registry", f"ghcr.io/acme/api:1@{DIGEST}", registries=["ghcr.io"]),
    *both("passing", "a registry's folder", f"ghcr.io/acme/api:1@{DIGEST}", registries=["quay.io", "ghcr.io/acme/"]),
    *both("passing", "a registry in capitals", f"GHCR.io/acme/api:1@{DIGEST}", registries=["ghcr.IO"]),
    *both("passing", "Docker Hub", f"acme/api:1@{DIGEST}", registries=["docker.io/acme"]),
    *both("passing", "Docker Hub by its old name", f"index.docker.io/nginx@{DIGEST}", registries=["docker.io/library"]),
    *both("passing", "Docker Hub's official images", f"nginx:1@{DIGEST}", registries=["docker.io/library"]),
    *both("passing", "no registry in development", "tasktracker/api:1", "dev", registries=["ghcr.io"]),
    *both("failing", "another registry", f"quay.io/acme/api:1@{DIGEST}", registries=["ghcr.io"]),
    *both("failing", "no registry is Docker Hub", f"acme/api:1@{DIGEST}", registries=["ghcr.io"]),
    *both("bypass", "a registry's name as a folder", f"evil.example/ghcr.io/api@{DIGEST}", registries=["ghcr.io"]),
    *both("bypass", "a registry's name as a start", f"ghcr.io.evil.example/api@{DIGEST}", registries=["ghcr.io"]),
    *both("bypass", "another port", f"ghcr.io:8443/acme/api@{DIGEST}", registries=["ghcr.io"]),
    *both("bypass", "a folder's name as a start", f"ghcr.io/acme-evil/api@{DIGEST}", registries=["ghcr.io/acme"]),
    Case(
        "DKR-IMG",
        "bypass",
        "pulled from another registry",
        pulled(f"quay.io/api@{DIGEST}"),
        ("name",),
        {"registries": ["ghcr.io"]},
    ),
)


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


def test_it_is_mandatory_outside_development() -> None:
    rule, conventions = rule_of("DKR-IMG"), Conventions()
    assert rule.floor("dev", conventions) == Level.ADVISORY
    assert {rule.floor(name, conventions) for name in ("staging", "prod", "qa")} == {Level.MANDATORY}


@pytest.mark.parametrize(
    ("image", "environment", "allowed"),
    [
        ("nginx:1.27", "prod", "registry/name:tag@sha256:<64 hex digits>"),
        ("nginx", "dev", "registry/name:tag; no tag is `latest`"),
        (
            "nginx:latest",
            "prod",
            "registry/name:tag@sha256:<64 hex digits>, where neither the tag nor a part of it is `latest`",
        ),
        (DIGEST, "prod", "registry/name:tag@sha256:<64 hex digits>; an id doesn't say where an image comes from"),
        ("Nginx:1", "dev", "an image reference, registry/name:tag"),
    ],
)
def test_what_is_allowed(image: str, environment: str, allowed: str) -> None:
    (case, _) = both("failing", "", image, environment)
    (finding,) = run(case)
    assert finding.value == image
    assert finding.allowed == allowed


_part = st.from_regex(r"[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}", fullmatch=True)


@given(
    registry=st.none() | st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9]{1,8}){1,2}(:[0-9]{1,5})?|localhost", fullmatch=True),
    folders=st.lists(_part, max_size=2),
    name=_part,
    tag=st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    digest=st.none() | st.just(DIGEST),
)
def test_a_reference_is_read_as_it_was_written(
    registry: str | None, folders: list[str], name: str, tag: str | None, digest: str | None
) -> None:
    if registry is None and folders and ("." in folders[0] or folders[0] == "localhost"):
        folders = []
    written = "/".join((*((registry,) if registry else ()), *folders, name))
    written += f":{tag}" if tag else ""
    written += f"@{digest}" if digest else ""
    read = parse(written)
    assert read
    assert (read.tag, read.digest) == (tag, digest)
    assert read.registry == (registry or "docker.io")
    assert read.repository.removeprefix("library/") == "/".join((*folders, name)).removeprefix("library/")


@given(st.text() | st.from_regex(r"[a-zA-Z0-9@:/._-]{0,40}", fullmatch=True))
def test_any_text_can_be_read(text: str) -> None:
    parse(text)
