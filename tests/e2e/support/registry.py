"""A registry of this machine, and images that are there: outside dev an image is named by its digest, which only a push
gives it."""

from __future__ import annotations

import contextlib
import io
import subprocess
import tarfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import httpx

from images.catalog import local_reference
from settings.services import WITH_IMAGES
from toolchain.machine import debian

#: Seconds until the registry answers.
START_TIMEOUT = 30

#: Images that are sent at the same time.
PUSHES = 3

TAG = "1.2.3"

#: In place of cloudflared, which needs Cloudflare: it has its token, and says that it is connected. A test asks from
#: its container what a tunnel would.
CLOUDFLARED = """\
#!/bin/sh
case "$*" in *" ready") exit 0 ;; esac
for token; do :; done
test -s "$token" && exec sleep infinity
"""


@contextlib.contextmanager
def registry(folder: Path, port: int) -> Iterator[str]:
    """A registry with nothing in it; gives its address."""
    debian.ensure_program("docker-registry", ["docker-registry"], "for images with a digest in tests")
    address = f"127.0.0.1:{port}"
    config = folder / "registry.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: '{folder}'}}}}\n"
        f"http: {{addr: '{address}'}}\n"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"http://{address}/v2/").raise_for_status()
                break
            time.sleep(0.1)
        else:
            raise AssertionError((folder / "log").read_text())
        yield address
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def pushed(address: str) -> Iterator[dict[str, str]]:
    """The images built here, and one in place of cloudflared's, by service and with their digests.

    Docker knows them by these names until the end, so that nothing is pulled.
    """
    client = docker.from_env()
    sources = {service.folder: local_reference(service.folder) for service in WITH_IMAGES.values() if service.local}
    sources["cloudflared"] = _fake(client)
    with ThreadPoolExecutor(PUSHES) as pool:
        names = dict(
            zip(sources, pool.map(lambda image: _push(client, address, image, sources[image]), sources), strict=True)
        )
    try:
        yield {key: names[service.folder] for key, service in WITH_IMAGES.items()}
    finally:
        # With the tag its digest goes too.
        for name in [*(each.partition("@")[0] for each in names.values()), sources["cloudflared"]]:
            client.images.remove(name)


def _push(client: docker.DockerClient, address: str, image: str, source: str) -> str:
    """Sends an image; its name with the digest."""
    repository = f"{address}/tasktracker/{image}"
    client.images.get(source).tag(repository, TAG)
    digest = ""
    for told in client.images.push(repository, TAG, stream=True, decode=True):
        assert "error" not in told, told["error"]
        digest = told.get("aux", {}).get("Digest", digest)
    return f"{repository}:{TAG}@{digest}"


def _fake(client: docker.DockerClient) -> str:
    """An image with curl, which has a program of cloudflared's name that has nothing to do."""
    files = {
        "Dockerfile": f"FROM {local_reference('dashboard')}\n"
        "COPY cloudflared /usr/local/bin/cloudflared\n"
        'USER 10006:10006\nENTRYPOINT ["cloudflared"]\n',
        "cloudflared": CLOUDFLARED,
    }
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o555
            tar.addfile(entry, io.BytesIO(content.encode()))
    context.seek(0)
    reference = "tasktracker/cloudflared:fake"
    client.images.build(fileobj=context, custom_context=True, tag=reference, rm=True)
    return reference
