"""Images are on the Docker host before anything changes, or the update says why not and changes nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import docker
import pulumi
import pytest
import requests

from components.core import host_client
from components.preflight import images
from settings import Settings, parse
from settings.blocks.docker_host import RegistrySettings
from settings.services import WITH_IMAGES
from tests.unit.components.conftest import DEV, PINNED, PROD
from toolchain.process.steps import ROOT

IMAGE = PINNED["dashboard"]
LOGINS = {"registry.example.com": {"username": "deploy", "password": "a_token"}}


class Api:
    """A Docker host, and the registry that it asks: `refusals` by image, and `errors` in the course of a pull."""

    def __init__(
        self, *there: str, refusals: Mapping[str, Exception] | None = None, errors: Mapping[str, str] | None = None
    ) -> None:
        self.api, self.there, self.refusals, self.errors = self, {*there}, refusals or {}, errors or {}
        self.pulled: dict[str, Any] = {}
        self.asked: dict[str, Any] = {}
        self.labels: dict[str, str] = {}

    def inspect_image(self, image: str) -> dict[str, Any]:
        if image not in self.there:
            raise docker.errors.ImageNotFound(f"No such image: {image}")
        return {"Id": image, "Config": {"Labels": self.labels or None}}

    def inspect_distribution(self, image: str, auth_config: Any) -> dict[str, str]:
        self.asked[image] = auth_config
        if image in self.refusals:
            raise self.refusals[image]
        return {}

    def pull(self, image: str, *, stream: bool, decode: bool, auth_config: Any) -> Iterator[dict[str, str]]:
        assert stream
        assert decode
        self.pulled[image] = auth_config
        if image in self.refusals:
            raise self.refusals[image]
        yield {"status": "Pulling from there"}
        if image in self.errors:
            yield {"error": self.errors[image]}
        self.there.add(image)


def stack(config: Mapping[str, str] = PROD, **more: str) -> Settings:
    return parse("test", {**config, **more})


def with_login(images: Mapping[str, str]) -> Settings:
    """A stack on another host, whose registry wants a login."""
    host = json.dumps({"address": "unix:///var/run/docker.sock"})
    given = {**PROD, "images": json.dumps(images), "registries": json.dumps(LOGINS), "docker_host": host}
    return parse("test", {**given, "a_token": "a-password"}, ["a_token"])


@pytest.fixture
def update(monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(settings: Settings, api: Api, *, preview: bool = False) -> str | None:
        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
        monkeypatch.setattr(host_client, "client", lambda _timeout: api)
        thread = threading.get_ident()

        def require(key: str) -> str:
            # Pulumi has no config in other threads.
            assert threading.get_ident() == thread
            return f"the value of {key}"

        monkeypatch.setattr(pulumi, "Config", lambda: SimpleNamespace(require=require))
        monkeypatch.setattr(pulumi.log, "info", lambda _text: None)
        try:
            images.require("test", settings, api)  # type: ignore[arg-type]
        except pulumi.RunError as error:
            return str(error)
        return None

    return run


def missing(reason: str) -> docker.errors.APIError:
    return docker.errors.APIError("500 Server Error", explanation=reason)


def test_what_is_there_is_not_pulled(update: Any) -> None:
    api = Api(*PINNED.values())
    assert update(stack(), api) is None
    assert (api.pulled, api.asked) == ({}, {})


def test_an_update_pulls_each_missing_image_once(update: Any) -> None:
    pinned = {**PINNED, "worker": PINNED["api"]}
    api = Api(PINNED["postgres"])
    assert update(with_login(pinned), api) is None
    login = {"username": "deploy", "password": "the value of a_token"}
    # dev's Redis and a tunnel are not part of this stack.
    run = {pinned[each] for each in ("nats", "api", "dashboard", "nginx", "object_store", "file_backups")}
    assert api.pulled == dict.fromkeys(run, login)


#: Those of version 0.1.0.
OLD_LABELS = {images.TITLE: images.NGINX_TITLE, "org.opencontainers.image.version": "0.1.0"}


@pytest.mark.parametrize("preview", [True, False])
def test_an_nginx_of_an_earlier_version_is_refused_before_the_one_that_runs_goes(update: Any, preview: bool) -> None:
    api = Api(*PINNED.values())
    api.labels = OLD_LABELS
    text = update(stack(), api, preview=preview)
    assert text.startswith(f"images.nginx: {PINNED['nginx']} is of an earlier version of this project")
    assert "Nothing was changed." in text
    # One of the user's own may have it without saying so.
    for labels in ({}, {**OLD_LABELS, images.MODULES: "brotli,javascript"}, {images.TITLE: "Acme nginx"}):
        api.labels = labels
        assert update(stack(), api, preview=preview) is None


def test_the_label_is_that_of_the_image() -> None:
    text = (ROOT / "images/nginx/Dockerfile").read_text()
    assert f'{images.TITLE}="{images.NGINX_TITLE}"' in text
    assert f'{images.MODULES}="brotli,javascript"' in text
    assert "libnginx-mod-http-js" in text


def test_only_images_that_run_are_pulled(update: Any) -> None:
    api = Api()
    assert update(stack(backup=json.dumps({"enabled": False})), api) is None
    assert {*api.pulled} == {PINNED[each] for each in ("postgres", "nats", "api", "worker", "dashboard", "nginx")}


@pytest.mark.parametrize("how", ["refusals", "errors"])
def test_an_image_that_cannot_be_pulled_stops_the_update(update: Any, how: str) -> None:
    said = "manifest for x@sha256:00 not found: manifest unknown: manifest unknown"
    given: dict[str, Any] = {how: {IMAGE: missing(said) if how == "refusals" else said}}
    api = Api(**given)
    text = update(stack(), api)
    assert text.splitlines()[0] == "images of the stack are not on the Docker host. Nothing was changed."
    assert text.splitlines()[1:] == [
        f"  images.dashboard: {IMAGE}: the registry registry.example.com does not have it: `make push` uploads images,"
        " and `make pin` writes the digests of the registry into the stack's config"
    ]


def test_a_preview_asks_the_registry_and_pulls_nothing(update: Any) -> None:
    api = Api(refusals={IMAGE: missing("manifest unknown")})
    assert f"images.dashboard: {IMAGE}: the registry registry.example.com does not have it" in update(
        stack(), api, preview=True
    )
    assert api.pulled == {}
    assert update(stack(), Api(), preview=True) is None


def test_a_registry_that_is_slow_is_a_warning_of_a_preview(update: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    api = Api(refusals={IMAGE: requests.exceptions.ReadTimeout("timed out")})
    assert update(stack(), api, preview=True) is None
    assert warnings == [f"{IMAGE} is not on the Docker host, and its registry does not answer in time"]


def test_images_that_are_built_here_are_built_and_not_pulled(update: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "local_reference", lambda image: f"tasktracker/{image}:0")
    settings = stack(DEV, images=json.dumps({key: f"tasktracker/{each.folder}:0" for key, each in WITH_IMAGES.items()}))
    there = [text for text in map(str, settings.images_in_use.values()) if text != "tasktracker/app:0"]
    api = Api(*there)
    # `make up` builds them after a preview.
    assert update(settings, api, preview=True) is None
    assert update(settings, api).splitlines()[1:] == [
        "  images.api: tasktracker/app:0: it is built on this machine: `make up STACK=test` does that, and"
        " `make images` alone"
    ]
    assert (api.pulled, api.asked) == ({}, {})


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("unauthorized: authentication required", "refuses the user deploy"),
        ("Head https://registry.example.com/v2/: no basic auth credentials", "--secret a_token --stack test`"),
        ("pull access denied for tasktracker/api, repository does not exist", "refuses the user deploy"),
        ("manifest for x@sha256:00 not found: manifest unknown: manifest unknown", "does not have it"),
        ("dial tcp: lookup registry.example.com: no such host", "cannot pull it from registry.example.com: dial tcp"),
    ],
)
def test_advice_on_what_a_registry_says(said: str, text: str) -> None:
    logins = {name: RegistrySettings(**login) for name, login in LOGINS.items()}
    assert text in images.advice(said, IMAGE, "test", logins)


def test_a_registry_without_a_login() -> None:
    assert "wants a login: set tasktracker:registries" in images.advice("unauthorized", IMAGE, "test", {})
    assert "the registry docker.io wants a login" in images.advice("denied", "app/api:1", "test", {})
