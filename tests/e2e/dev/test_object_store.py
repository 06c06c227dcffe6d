"""The stack's own object store, on the real engine: who can use it, and what outlives what."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.support.releases import containers_in, slots
from tests.e2e.support.stack import Stack, eventually, execute

pytestmark = [pytest.mark.engine, pytest.mark.docker]

FILES = "/etc/tasktracker"

PGBACKREST_CONF = """\
[global]
repo1-type=s3
repo1-s3-bucket=backups
repo1-s3-endpoint=object-store
repo1-storage-port=7070
repo1-s3-region=local
repo1-s3-uri-style=path
repo1-s3-key=backups
repo1-s3-key-secret={key}
repo1-storage-ca-file=/etc/tasktracker/ca.crt
repo1-path=/test
log-level-file=off
log-level-console=error
lock-path=/tmp
io-timeout=2
"""

#: A command of pgBackRest that works on the repository alone.
REPO = f'repo() {{ command=$1; shift; pgbackrest --config={FILES}/pgbackrest.conf "repo-$command" "$@"; }}'


def file(stack: Stack, name: str) -> str:
    """A file of the object store."""

    def read() -> str:
        return execute(stack.container("object-store"), "cat", f"{FILES}/{name}")

    # Docker may end a command of which it has not yet passed on the output, on a busy machine.
    return str(eventually(read, 10, f"{name} is read"))


def use(stack: Stack, folder: Path, script: str, *, key: str | None = None, ca: str | None = None) -> tuple[int, str]:
    """Runs `script` in a container of the postgres image on the network `data`; exit code and output.

    It has the store's own key and authority where none is given.
    """
    folder.chmod(0o755)
    conf = PGBACKREST_CONF.format(key=key or file(stack, "secret-key"))
    for name, text in {"pgbackrest.conf": conf, "ca.crt": ca or file(stack, "ca.crt")}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o444)
    client = stack.docker.containers.run(
        stack.container("postgres").attrs["Config"]["Image"],
        ["-euc", f"{REPO}; {script}"],
        entrypoint="sh",
        network=f"tasktracker-{stack.name}-data",
        labels={"stack": stack.name, "service": "test"},
        volumes={str(folder): {"bind": FILES, "mode": "ro"}},
        tmpfs={"/tmp": ""},
        read_only=True,
        cap_drop=["ALL"],
        detach=True,
    )
    try:
        code = client.wait(timeout=60)["StatusCode"]
        return int(code), client.logs().decode()
    finally:
        client.remove(force=True)


def digests(stack: Stack) -> dict[str, str]:
    """The label that tells the versions of a service's files apart, by service."""
    return {
        each.labels["service"]: each.labels["files"] for each in stack.containers(all=True) if "files" in each.labels
    }


def test_a_client_on_the_data_network_keeps_objects(stack: Stack, tmp_path: Path) -> None:
    # More than one part of an upload.
    script = "head -c 20M /dev/urandom > /tmp/x; repo put /test/x < /tmp/x; repo get /test/x | cmp - /tmp/x; repo ls"
    assert use(stack, tmp_path, script) == (0, "x\n")


def test_another_key_is_refused(stack: Stack, tmp_path: Path) -> None:
    code, output = use(stack, tmp_path, "repo ls", key="another")
    assert code != 0
    assert "403 (Forbidden)" in output


def test_another_authority_is_refused(stack: Stack, tmp_path: Path) -> None:
    other = Path("/etc/ssl/certs/ca-certificates.crt").read_text()
    code, output = use(stack, tmp_path, "repo ls", ca=other)
    assert code != 0
    assert "unable to verify certificate" in output


def test_the_front_and_the_host_reach_none_of_it(stack: Stack) -> None:
    container = stack.container("object-store")
    assert list(container.attrs["NetworkSettings"]["Networks"]) == [f"tasktracker-{stack.name}-data"]
    assert not any(container.attrs["NetworkSettings"]["Ports"].values())
    code, _ = stack.container("dashboard").exec_run(["curl", "-skm", "2", "https://object-store:7070/"])
    # 6: no such name; 7: no route or refused; 28: no answer.
    assert code in (6, 7, 28)


def test_its_key_shows_nowhere(stack: Stack) -> None:
    container = stack.container("object-store")
    for secret in (file(stack, "secret-key"), file(stack, "server.key").splitlines()[1]):
        assert secret not in str(container.attrs)
        assert secret not in container.logs().decode()
        assert secret not in stack.pulumi("stack", "export").stdout


@pytest.mark.nightly
def test_objects_outlive_a_restart_and_a_kill(stack: Stack, tmp_path: Path) -> None:
    use(stack, tmp_path, "echo kept | repo put /test/kept")
    container = stack.container("object-store")
    container.restart()
    container.kill()
    container.start()
    assert use(stack, tmp_path, "sleep 1; repo get /test/kept") == (0, "kept\n")


@pytest.mark.nightly
def test_rotated_secrets_take_effect_and_lose_no_object(stack: Stack, tmp_path: Path) -> None:
    secrets = ("secret-key", "reader-secret-key", "certificate", "authority")
    use(stack, tmp_path, "echo kept | repo put /test/kept")
    before, ids, (slot, _) = digests(stack), stack.ids(), slots(stack)
    old = {"key": file(stack, "secret-key"), "ca": file(stack, "ca.crt")}
    certificate = file(stack, "server.crt")
    endings = tuple(f"pulumi:index:Stash::object-store-{each}" for each in secrets)
    urns = [each for each in stack.pulumi("stack", "--show-urns").stdout.split() if each.endswith(endings)]
    assert len(urns) == len(secrets)
    stack.pulumi("up", "--yes", "--skip-preview", *(f"--replace={urn}" for urn in urns))
    assert digests(stack)["object-store"] != before["object-store"]
    assert stack.healthy("object-store")
    for name in ("nats", "nginx", *containers_in(slot)):
        assert stack.ids()[name] == ids[name]
    assert use(stack, tmp_path, "repo get /test/kept") == (0, "kept\n")
    assert file(stack, "server.crt") != certificate
    # Drills have the key that only reads.
    assert b"status: ok" in stack.container("drills").exec_run(["pgbackrest", "--stanza=main", "info"]).output
    # What was replaced is worth nothing any more.
    for each, value in old.items():
        assert use(stack, tmp_path, "repo get /test/kept", **{each: value})[0] != 0
    stack.expect_no_changes()
