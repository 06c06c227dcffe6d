"""`tt pin`: which tags are looked up, what a registry is asked, and what is written."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ops.tt import cli
from ops.tt.errors import Exit, FailedError, UsageError
from ops.tt.project import Project
from ops.tt.stack import pin as module
from ops.tt.stack.pin import Logins, pin, resolve, wanted
from ops.tt.stack.registry import MANIFESTS, Login, NoRegistryError, RegistryError, digest
from settings.values.image_ref import ImageRef

DIGEST = "sha256:" + 64 * "a"
OTHER = "sha256:" + 64 * "b"
USER: Login = ("deploy", "a-password")


class Registry(ThreadingHTTPServer):
    """A registry of this machine. `auth` is none, basic, bearer, or a header of its own."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.auth = "none"
        self.digests: dict[str, str] = {}
        self.asked: list[str] = []
        self.sends_digest = True

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def _send(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _answer(self) -> None:
        registry, given = self.server, self.headers.get("Authorization", "")
        registry.asked.append(f"{self.command} {self.path}")
        basic = "Basic " + base64.b64encode(":".join(USER).encode()).decode() if USER else ""
        if self.path.startswith("/token"):
            self._send(
                200 if given in ("", basic) else 401, body=json.dumps({"token": "t" if given else "anon"}).encode()
            )
            return
        wanted = {"basic": basic, "bearer": "Bearer t", "public": "Bearer anon"}.get(registry.auth)
        if registry.auth == "broken":
            self._send(401, {"WWW-Authenticate": 'Bearer realm="http://elsewhere.example.com/token"'})
        elif wanted is not None and given != wanted:
            realm = f'Bearer realm="http://{registry.address}/token",service="r",scope="repository:x:pull"'
            self._send(401, {"WWW-Authenticate": 'Basic realm="r"' if registry.auth == "basic" else realm})
        elif (found := registry.digests.get(self.path)) is None:
            self._send(404)
        elif not all(kind in self.headers["Accept"] for kind in MANIFESTS):
            self._send(406)
        else:
            self._send(200, {"Docker-Content-Digest": found} if registry.sends_digest else {}, b"manifest")

    do_GET = do_HEAD = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[Registry]:
    server = Registry()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def has(registry: Registry, image: str, tag: str, found: str = DIGEST) -> ImageRef:
    """Puts an image there."""
    registry.digests[f"/v2/tasktracker/{image}/manifests/{tag}"] = found
    return ImageRef(registry.address, f"tasktracker/{image}", tag)


def nobody(_: str) -> Login:
    return None


def deploy(_: str) -> Login:
    return USER


def test_a_registry_of_everybody_is_asked_once(registry: Registry) -> None:
    assert digest(has(registry, "app", "1.2.0"), nobody) == DIGEST
    assert registry.asked == ["HEAD /v2/tasktracker/app/manifests/1.2.0"]


@pytest.mark.parametrize(("auth", "login"), [("basic", deploy), ("bearer", deploy), ("public", nobody)])
def test_a_login_is_given_where_it_is_asked_for(registry: Registry, auth: str, login: Callable[[str], Login]) -> None:
    registry.auth = auth
    assert digest(has(registry, "app", "1.2.0"), login) == DIGEST


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_a_login_that_is_missing_or_wrong_is_told(registry: Registry, auth: str) -> None:
    registry.auth = auth
    image = has(registry, "app", "1.2.0")
    with pytest.raises(RegistryError, match=rf"{registry.address} wants a login: `docker login {registry.address}`"):
        digest(image, nobody)
    with pytest.raises(RegistryError, match="refuses the user deploy") as refused:
        digest(image, lambda _: ("deploy", "wrong"))
    assert "wrong" not in str(refused.value)


def test_a_password_goes_nowhere_in_clear(registry: Registry) -> None:
    registry.auth = "broken"
    with pytest.raises(RegistryError, match="which is not by https"):
        digest(has(registry, "app", "1.2.0"), deploy)


def test_a_registry_that_names_no_digest_is_read(registry: Registry) -> None:
    registry.sends_digest = False
    expected = hashlib.sha256(b"manifest").hexdigest()
    assert digest(has(registry, "app", "1.2.0"), nobody) == f"sha256:{expected}"


def test_a_digest_that_is_none_is_refused(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="a digest that is none: 'sha256:x'"):
        digest(has(registry, "app", "1.2.0", "sha256:x"), nobody)


def test_a_tag_that_is_not_there_is_told(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="the registry has no such tag; `make push` brings images there"):
        digest(ImageRef(registry.address, "tasktracker/app", "9"), nobody)


def test_a_registry_that_does_not_answer_is_told_once() -> None:
    away = {name: ImageRef("127.0.0.1:1", f"tasktracker/{name}", "1") for name in ("api", "nats")}
    with pytest.raises(NoRegistryError):
        digest(away["api"], nobody)
    with pytest.raises(FailedError) as refused:
        resolve(away, nobody)  # type: ignore[arg-type]
    assert str(refused.value) == ("nothing was written:\n  127.0.0.1:1 does not answer: [Errno 111] Connection refused")


REGISTRY = "registry.example.com/tasktracker"


def images(config: dict[str, Any], repository: str | None = None, tag: str | None = None) -> dict[str, str]:
    return {service: str(image) for service, image in wanted(config, repository, tag).items()}


def test_pushed_images_are_those_of_each_service() -> None:
    found = images({}, REGISTRY, "1.2.0")
    assert found["api"] == found["worker"] == f"{REGISTRY}/app:1.2.0"
    assert found["nats"] == f"{REGISTRY}/nats:1.2.0"
    assert "cloudflared" not in found
    assert images({"tasktracker:tunnel": {}}, REGISTRY, "1.2.0")["cloudflared"] == f"{REGISTRY}/cloudflared:1.2.0"


def test_without_a_repository_the_config_s_own_images_are_looked_up() -> None:
    config = {"tasktracker:images": {"api": f"{REGISTRY}/app:1.2.0@{DIGEST}", "nats": "nats:2.10"}}
    assert images(config) == {"api": f"{REGISTRY}/app:1.2.0", "nats": "docker.io/library/nats:2.10"}
    assert images(config, tag="2")["api"] == f"{REGISTRY}/app:2"


@pytest.mark.parametrize(
    ("config", "repository", "tag", "message"),
    [
        ({}, None, None, "the stack names no images yet: say where they are"),
        ({"tasktracker:images": {"api": f"{REGISTRY}/app@{DIGEST}"}}, None, None, "must be an image reference|no tag"),
        ({}, "Registry/UPPER", "1", "must be an image reference"),
        ({}, REGISTRY, "latest", "never the tag latest"),
        ({}, REGISTRY, None, "a repository goes with a tag"),
    ],
)
def test_what_there_is_nothing_to_go_by_is_told(
    config: dict[str, Any], repository: str | None, tag: str | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        wanted(config, repository, tag)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    (tmp_path / "Pulumi.prod.yaml").write_text("config:\n  # of prod\n  tasktracker:environment: prod\n")
    return Project.find("prod", tmp_path)


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "engine_environment", lambda _project: {})
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


def test_digests_are_written_and_shown(project: Project, registry: Registry) -> None:
    for image in ("postgres", "nats", "app", "dashboard", "nginx", "object_store", "file_backups"):
        has(registry, image, "1.2.0")
    before = project.config_file.read_text()
    changed = pin(project, f"{registry.address}/tasktracker", "1.2.0")
    assert changed["api"] == (None, f"{registry.address}/tasktracker/app:1.2.0@{DIGEST}")
    assert changed["worker"] == changed["api"]
    written = project.config()["tasktracker:images"]
    assert written == {key: after for key, (_, after) in changed.items()}
    assert written["worker"] == f"{registry.address}/tasktracker/app:1.2.0@{DIGEST}"
    # What was there is there, line by line.
    assert project.config_file.read_text().startswith(before)


def test_only_what_changes_is_written(project: Project, registry: Registry) -> None:
    named = {name: f"{has(registry, name, '1')}@{DIGEST}" for name in ("nats", "nginx")}
    with project.config_file.open("a") as file:
        file.write(f"  tasktracker:images: {json.dumps(named)}\n")
    before = project.config_file.read_bytes()
    assert pin(project, None, None) == {}
    assert project.config_file.read_bytes() == before
    has(registry, "nginx", "1", OTHER)
    assert pin(project, None, None) == {"nginx": (named["nginx"], f"{registry.address}/tasktracker/nginx:1@{OTHER}")}
    assert project.config_file.read_text() == before.decode().replace(
        named["nginx"], f"{registry.address}/tasktracker/nginx:1@{OTHER}"
    )


def test_the_same_image_under_another_tag_keeps_its_line(project: Project, registry: Registry) -> None:
    named = {name: f"{has(registry, name, '1')}@{DIGEST}" for name in ("nats", "nginx")}
    with project.config_file.open("a") as file:
        file.write(f"  tasktracker:images: {json.dumps(named)}\n")
    has(registry, "nats", "2")
    has(registry, "nginx", "2", OTHER)
    assert pin(project, None, "2") == {"nginx": (named["nginx"], f"{registry.address}/tasktracker/nginx:2@{OTHER}")}


def test_where_one_is_missing_nothing_is_written(project: Project, registry: Registry) -> None:
    before = project.config_file.read_bytes()
    has(registry, "app", "1.2.0")
    with pytest.raises(FailedError, match="nothing was written:") as refused:
        pin(project, f"{registry.address}/tasktracker", "1.2.0")
    assert "nats:1.2.0: the registry has no such tag" in str(refused.value)
    assert "app:1.2.0" not in str(refused.value)
    assert project.config_file.read_bytes() == before


def test_this_machine_s_docker_login_is_taken(project: Project, tmp_path: Path) -> None:
    auth = base64.b64encode(b"jo:secret").decode()
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text(json.dumps({"auths": {"registry.example.com": {"auth": auth}}}))
    logins = Logins(project)
    assert logins("registry.example.com") == ("jo", "secret")
    assert logins("registry.example.org") is None


def test_the_stack_s_own_login_comes_first(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with project.config_file.open("a") as file:
        file.write("  tasktracker:registries: {registry.example.com: {username: deploy}}\n")
    # Without its secret there is nothing to log in with.
    assert Logins(project)("registry.example.com") is None
    with project.config_file.open("a") as file:
        file.write("  tasktracker:registry_password: {secure: v1:x}\n")
    (tmp_path / "bin").mkdir()
    pulumi = tmp_path / "bin" / "pulumi"
    pulumi.write_text(
        '#!/bin/sh\n[ "$*" = "config get registry_password --stack prod --non-interactive" ] && echo s3cret\n'
    )
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    assert Logins(project)("registry.example.com") == ("deploy", "s3cret")


Run = Callable[..., int]


@pytest.fixture
def run(project: Project, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`tt pin` in the project."""
    monkeypatch.chdir(project.folder)

    def call(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["tt", "pin", *arguments])
        return cli.main()

    return call


def test_a_command_that_fails_says_so_and_how(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--stack", "prod") == UsageError.code
    assert "error: the stack names no images yet" in capsys.readouterr().err
    assert run("--stack", "nonsense") == UsageError.code
    assert "the stacks are prod" in capsys.readouterr().err


def test_the_command_shows_what_changes_and_the_next_step(
    run: Run, project: Project, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    named = {"nginx": f"{has(registry, 'nginx', '1', OTHER)}@{DIGEST}"}
    with project.config_file.open("a") as file:
        file.write(f"  tasktracker:images: {json.dumps(named)}\n")
    assert run("-s", "prod") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"nginx: {named['nginx']} -> {registry.address}/tasktracker/nginx:1@{OTHER}",
        "Pulumi.prod.yaml is written; `make up STACK=prod` brings them up",
    ]
    has(registry, "nginx", "1", DIGEST)
    project.config_file.write_text(f"config:\n  tasktracker:images: {json.dumps(named)}\n")
    assert run("-s", "prod", "--repository=", "--tag=") == 0
    assert capsys.readouterr().out == "Pulumi.prod.yaml has these digests already\n"


def test_a_repository_without_a_tag_is_looked_up_by_the_version(
    run: Run, project: Project, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-s", "prod", "--repository", f"{registry.address}/tasktracker") == FailedError.code
    assert f"{registry.address}/tasktracker/app:{module.version()}: the registry has no such tag" in (
        capsys.readouterr().err
    )


def test_an_interrupt_says_that_nothing_was_written(
    run: Run, project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = project.config_file.read_bytes()
    monkeypatch.setattr(module, "wanted", interrupt)
    assert run("-s", "prod") == Exit.INTERRUPTED
    assert capsys.readouterr().err == "error: interrupted; nothing was written\n"
    assert project.config_file.read_bytes() == before
