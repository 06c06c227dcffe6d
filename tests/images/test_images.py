"""What holds for every image: its user, its size, and what it must not contain."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from components.runtime.files import manifest
from images.catalog import IMAGES
from settings.services import SERVICES
from tests.images.conftest import Bench, Container, reference, wait_for
from toolchain.image_build.bootstrap import PUBLIC
from toolchain.image_build.build_secrets import ca_bundle, machine_mirror
from toolchain.image_build.images import version
from toolchain.machine.docker_cli import Docker, connect
from toolchain.process.steps import ROOT

pytestmark = pytest.mark.docker

#: Megabytes, about a tenth above what each has: a package that brings in Perl or LLVM goes over.
#: The app's comes from the requirements (250), lowered to what stripping its wheels achieves.
SIZE_LIMITS = {
    "base": 90,
    "postgres": 170,
    "nats": 115,
    "nginx": 105,
    "app": 200,
    "dashboard": 110,
    "object_store": 135,
    "file_backups": 170,
    "redis": 110,
    "cloudflared": 117,
}

USERS = {service.folder: service.uid for service in SERVICES.values()}

DATA_FOLDERS = {
    "postgres": "/var/lib/postgresql",
    "nats": "/var/lib/nats",
    "app": "/var/lib/tasktracker",
    "object_store": "/var/lib/objects",
    "file_backups": "/var/lib/file-backups",
}

NATS_CONF = """\
http: 127.0.0.1:8222
jetstream { store_dir: /var/lib/nats, max_file_store: 64MB }
authorization { user: tester, password: "a test's own" }
"""

NGINX_CONF = """\
load_module /usr/lib/nginx/modules/ngx_http_brotli_filter_module.so;
load_module /usr/lib/nginx/modules/ngx_http_brotli_static_module.so;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events {}
http {
    client_body_temp_path /tmp/client_body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    access_log /dev/stdout;
    include /etc/nginx/mime.types;
    brotli on;
    brotli_min_length 20;
    brotli_types text/plain;
    server {
        listen 8080;
        location / { default_type text/plain; return 200 "compress me, compress me, compress me"; }
    }
}
"""


def folder_with(path: Path, **files: str) -> Path:
    """`path`, readable for any user, with files in it (`_` in a name stands for a dot)."""
    path.chmod(0o755)
    for name, text in files.items():
        file = path / name.replace("_", ".")
        file.write_text(text)
        file.chmod(0o444)
    return path


@pytest.fixture(scope="module")
def running(shared_bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Container]:
    """One container of each image whose service needs no other."""
    nats = folder_with(tmp_path_factory.mktemp("nats"), nats_conf=NATS_CONF)
    nginx = folder_with(
        tmp_path_factory.mktemp("nginx"), nginx_conf=NGINX_CONF, manifest=manifest("a1", {"nginx.conf": NGINX_CONF})
    )
    return {
        "nats": shared_bench.run("nats", config=nats, mounts={"/var/lib/nats": shared_bench.volume()}),
        "nginx": shared_bench.run("nginx", config=nginx),
        "dashboard": shared_bench.run("dashboard"),
    }


@pytest.fixture(scope="module")
def opened(shared_bench: Bench) -> dict[str, Container]:
    """A container of each image that does nothing, to look into as root."""
    options = ["--entrypoint=sleep", "--user=0", "--workdir=/", "--network=none", "--cap-add=DAC_READ_SEARCH"]
    return {name: shared_bench.run(name, "600", options=options) for name in IMAGES}


def curl(container: Container, *args: str) -> str:
    """The answer to a request, asked for inside the container until it comes."""
    wait_for(lambda: container.exec("curl", "-fsS", *args).returncode == 0, f"curl {args}: {container.logs}")
    return container.exec("curl", "-sS", *args).stdout


@pytest.mark.parametrize("name", IMAGES)
def test_the_size_is_within_its_limit(name: str, docker: Docker) -> None:
    size = int(docker.output("image", "inspect", "--format", "{{.Size}}", reference(name))) / 1e6
    assert size <= SIZE_LIMITS[name]


@pytest.mark.parametrize("name", IMAGES)
def test_the_labels_say_what_it_is(name: str, docker: Docker) -> None:
    template = '{{index .Config.Labels "org.opencontainers.image.%s"}}'
    title, number, revision = (
        docker.output("image", "inspect", "--format", template % label, reference(name))
        for label in ("title", "version", "revision")
    )
    assert title == f"Task Tracker {name}"
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", number)
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", revision)


@pytest.mark.parametrize("name", USERS)
def test_the_user_is_a_number_and_owns_its_data(name: str, docker: Docker, opened: dict[str, Container]) -> None:
    user = docker.output("image", "inspect", "--format", "{{.Config.User}}", reference(name))
    assert user == f"{USERS[name]}:{USERS[name]}"
    if name in DATA_FOLDERS:
        assert opened[name].sh(f"stat -c '%u:%g %a' {DATA_FOLDERS[name]}") == f"{user} 700\n"


@pytest.mark.parametrize("name", IMAGES)
def test_nothing_is_setuid_or_writable_for_all(name: str, opened: dict[str, Container]) -> None:
    assert opened[name].sh("find / -xdev -perm /6000 -type f") == ""
    assert opened[name].sh("find /usr /opt /etc -xdev -perm -0002 ! -type l") == ""


@pytest.mark.parametrize("name", IMAGES)
def test_no_package_lists_and_no_settings_of_the_machine(name: str, opened: dict[str, Container]) -> None:
    leftovers = "/var/lib/apt/lists /var/cache/apt /etc/pip.conf /etc/apt/apt.conf.d/99machine /run/secrets"
    assert opened[name].sh(f"find {leftovers} -type f -size +0 2>/dev/null || true") == ""


@pytest.mark.parametrize("name", IMAGES)
def test_no_certificate_authority_of_the_machine(name: str, opened: dict[str, Container]) -> None:
    assert opened[name].sh("ls -A /usr/local/share/ca-certificates 2>/dev/null || true") == ""
    lines = " ".join(f"-e '{middle_line(text)}'" for text in own_authorities())
    if lines:
        assert opened[name].sh(f"grep -rlF {lines} /etc /opt /usr /var || true") == ""


def own_authorities() -> set[str]:
    """The certificates that this machine trusts and Debian doesn't, on a Debian."""
    bundle, public = ca_bundle({}), Path("/usr/share/ca-certificates")
    if bundle is None or not public.is_dir():
        return set()
    known = "".join(file.read_text() for file in public.rglob("*.crt"))
    return set(certificates(bundle.read_text())) - set(certificates(known))


def certificates(text: str) -> list[str]:
    """The certificates in a PEM text."""
    return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)


def middle_line(certificate: str) -> str:
    """A line from the middle of a certificate: in no other."""
    lines = certificate.splitlines()
    return lines[len(lines) // 2]


@pytest.mark.parametrize("name", IMAGES)
def test_no_address_of_a_registry(name: str, opened: dict[str, Container], docker: Docker) -> None:
    history = docker.output("history", "--no-trunc", "--format", "{{.CreatedBy}}", reference(name))
    assert "http://" not in history
    assert "https://" not in history
    mirror = machine_mirror()
    if mirror is None or docker.run("image", "inspect", PUBLIC).returncode == 0:
        pytest.skip("the base is Debian's own image, which names Debian's own mirror")
    host = urlsplit(mirror.archive).hostname
    assert opened[name].sh(f"grep -rlF '{host}' /etc /var/lib/apt || true") == ""


@pytest.mark.parametrize("name", ["nats", "nginx", "dashboard"])
def test_it_runs_without_rights_on_a_read_only_root(name: str, running: dict[str, Container]) -> None:
    container = running[name]
    status = container.sh("cat /proc/1/status")
    assert re.findall(r"^[UG]id:\s+(.*)$", status, re.M) == ["\t".join([str(USERS[name])] * 4)] * 2
    assert set(re.findall(r"^Cap\w+:\s+(\w+)$", status, re.M)) == {"0" * 16}
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    assert container.exec("touch", "/usr/x").returncode != 0


def test_nats_is_healthy_and_keeps_its_streams_on_the_volume(running: dict[str, Container]) -> None:
    assert '"status":"ok"' in curl(running["nats"], "http://127.0.0.1:8222/healthz")
    assert "jetstream" in running["nats"].sh("ls /var/lib/nats")


def test_nginx_loads_brotli_and_complains_of_nothing(running: dict[str, Container]) -> None:
    head = curl(running["nginx"], "-o", "/dev/null", "-D", "-", "-H", "Accept-Encoding: br", "http://127.0.0.1:8080/")
    assert "Content-Encoding: br" in head
    assert not re.search(r"\[(alert|emerg|error|crit)\]", running["nginx"].logs)


def test_the_dashboard_is_healthy_and_serves_its_page(running: dict[str, Container]) -> None:
    assert curl(running["dashboard"], "http://127.0.0.1:8080/healthz") == "ok\n"
    head = curl(running["dashboard"], "-I", "http://127.0.0.1:8080/")
    assert "200 OK" in head
    assert "Content-Type: text/html; charset=utf-8" in head
    assert "Cache-Control: no-cache" in head
    assert re.search(r'ETag: "', head)


@pytest.mark.parametrize("path", ["/.env", "/.git/config", "/no-such-page", "/assets/"])
def test_the_dashboard_serves_nothing_else(path: str, running: dict[str, Container]) -> None:
    url = f"http://127.0.0.1:8080{path}"
    status = running["dashboard"].sh(f"curl -s -o /dev/null -w '%{{http_code}}' --path-as-is {url}")
    assert status in {"403", "404"}


def test_the_app_knows_its_version_and_has_no_installer(opened: dict[str, Container], docker: Docker) -> None:
    environment = docker.output("image", "inspect", "--format", "{{json .Config.Env}}", reference("app"))
    assert f'"TASKTRACKER_VERSION={version()}"' in environment
    assert re.search(r'"TASKTRACKER_COMMIT=([0-9a-f]{40}(-dirty)?|unknown)"', environment)
    modules = "import importlib.util as u; print([m for m in ('pip', 'setuptools', 'ensurepip') if u.find_spec(m)])"
    assert opened["app"].exec("python", "-c", modules).stdout == "[]\n"


def test_the_app_runs_without_rights_on_a_read_only_root(bench: Bench) -> None:
    own = "tasktracker.api.app, tasktracker.worker.worker, tasktracker.migrate"
    script = f"import {own}, uvloop, asyncpg, cryptography.fernet; print(open('/proc/self/status').read())"
    container = bench.run("app", "-c", script, options=["--entrypoint=python"])
    assert container.exit_code() == 0, container.logs
    assert re.search(r"^Uid:\s+10004\s", container.logs, re.M)
    assert re.search(r"^CapEff:\s+0+$", container.logs, re.M)


def test_the_apps_probe_tells_what_is_wrong(bench: Bench) -> None:
    container = bench.run("app", "probe", "http://127.0.0.1:9/")
    assert container.exit_code() == 1
    assert "Connection refused" in container.logs


def test_a_clone_that_keeps_its_files_to_its_owner_builds_a_dashboard_that_can_be_read(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_BUILDKIT", "1")
    for folder in ("app/dashboard", "images/dashboard"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for path in tmp_path.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    name = f"{bench.prefix}-private"
    dockerfile = tmp_path / IMAGES["dashboard"].dockerfile
    arguments = ("--build-arg", f"NGINX={reference('nginx')}", "--file", str(dockerfile), "--tag", name)
    try:
        built = connect(build=True).run("build", *arguments, str(tmp_path))
        assert built.returncode == 0, built.stderr
        options = ("run", "--rm", "--network=none", "--entrypoint=find", name)
        assert bench.docker.output(*options, "/usr/share/dashboard", "/etc/nginx", "!", "-readable") == ""
    finally:
        bench.docker.run("image", "rm", "--force", name)
