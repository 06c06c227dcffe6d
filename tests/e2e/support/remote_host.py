"""A second Docker host on this machine: a network namespace with an engine and an SSH server of its own.

    with remote_host(tmp_path, 76) as host:
        stack = Stack(..., {"docker_host": host.settings, ...})

What it does not share with this machine is what matters: the engine's data, its sockets, and, since it is in a network
namespace, addresses, bridges and packet filter. A Docker registry answers at the same address here and there, as one
that both reach would.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import docker
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.certificates import Made, ec_key, key_pem
from tests.leftovers import control_group, name_of_this_run, remove_namespace

#: Where the engine answers by TLS.
TLS_PORT = 2376

#: Seconds until the engine, the SSH server and the registry answer.
START_TIMEOUT = 60

#: Seconds for the engine to stop.
STOP_TIMEOUT = 10

#: The user and the password of the registry.
USER, PASSWORD = "pusher", "a-password-of-this-test"


@dataclass
class RemoteHost:
    """The host; `number` sets its addresses and ports apart from those of others."""

    folder: Path
    number: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """The network namespace; its name holds the process that made it, as those of stacks do."""
        return name_of_this_run("e2e", self.number)

    @property
    def here(self) -> str:
        """This machine's address on the cable between the two."""
        return f"10.213.{self.number}.1"

    @property
    def address(self) -> str:
        """The host's address."""
        return f"10.213.{self.number}.2"

    @property
    def ssh_port(self) -> int:
        return 22000 + self.number

    @property
    def restricted_port(self) -> int:
        """The port of an SSH server whose users may not use Docker."""
        return 23000 + self.number

    @property
    def registry(self) -> str:
        """The registry, here and there."""
        return f"127.0.0.1:{24000 + self.number}"

    @property
    def docker_socket(self) -> Path:
        return self.folder / "docker.sock"

    @property
    def exec_root(self) -> Path:
        """Where the engine keeps the state of what runs."""
        return self.folder / "exec"

    @property
    def key_file(self) -> Path:
        return self.folder / "user_key"

    @property
    def known_hosts_file(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def settings(self) -> dict[str, str]:
        """The block `docker_host` of a stack that runs there."""
        return {
            "address": f"ssh://root@{self.address}:{self.ssh_port}",
            "key_file": str(self.key_file),
            "known_hosts_file": str(self.known_hosts_file),
        }

    @property
    def certificates(self) -> Path:
        """The folder of a client's certificates."""
        return self.folder / "certificates"

    @property
    def docker_config(self) -> Path:
        """A folder for DOCKER_CONFIG, whose user has logged in to the registry."""
        return self.folder / "docker-config"

    def client(self) -> docker.DockerClient:
        """The host's engine, past SSH."""
        return docker.DockerClient(base_url=f"unix://{self.docker_socket}", timeout=60)

    def start(self) -> None:
        """Brings all of it up.

        Raises:
            AssertionError: some of it doesn't come up; carries the end of its log.
        """
        self._cable()
        self._keys()
        self.start_registry()
        self.start_sshd()
        # Whoever comes in here is nobody, to whom the engine's socket is closed.
        nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups docker system dial-stdio"
        self._start_sshd("sshd-restricted", self.restricted_port, f"ForceCommand {nobody}")
        self.start_docker()

    def start_docker(self) -> None:
        self._start(
            "dockerd",
            [
                "dockerd", f"--host=unix://{self.docker_socket}", f"--data-root={self.folder}/data",
                f"--exec-root={self.exec_root}", f"--pidfile={self.folder}/dockerd.pid",
                f"--cgroup-parent={control_group(self.namespace)}",
                # Where a containerd of the system is, both engines use that one.
                f"--containerd-namespace={self.namespace}", f"--containerd-plugins-namespace={self.namespace}-plugins",
                f"--bip=10.213.{self.number}.129/27", "--storage-driver=overlay2",
                f"--host=tcp://{self.address}:{TLS_PORT}", "--tlsverify", f"--tlscacert={self.certificates}/ca.pem",
                f"--tlscert={self.folder}/server.pem", f"--tlskey={self.folder}/server.key",
            ],
            lambda: bool(self.client().ping()),
        )  # fmt: skip

    def start_sshd(self) -> None:
        """The SSH server, which hands everybody to the engine."""
        self._start_sshd("sshd", self.ssh_port, "")

    def _start_sshd(self, name: str, port: int, extra: str) -> None:
        # Where Debian's own service would make it.
        Path("/run/sshd").mkdir(exist_ok=True)
        config = self.folder / f"{name}.conf"
        config.write_text(
            f"HostKey {self.folder}/host_key\nAuthorizedKeysFile {self.folder}/authorized_keys\n"
            f"ListenAddress {self.address}:{port}\nPidFile none\nPermitRootLogin prohibit-password\n"
            # The folder of a test is not root's alone all the way up.
            f"PasswordAuthentication no\nStrictModes no\nUsePAM no\n"
            f"SetEnv DOCKER_HOST=unix://{self.docker_socket}\n{extra}\n"
        )
        # By its path: it starts itself again for each connection.
        self._start(name, ["/usr/sbin/sshd", "-D", "-e", "-f", str(config)], lambda: self._listens(port))

    def start_registry(self) -> None:
        for name, namespace in (("registry-here", None), ("registry-there", self.namespace)):
            config = self.folder / "registry.yml"
            config.write_text(
                f"version: 0.1\nlog: {{level: warn}}\n"
                f"storage: {{filesystem: {{rootdirectory: {self.folder}/registry}}}}\n"
                f"http: {{addr: '{self.registry}'}}\n"
                f"auth: {{htpasswd: {{realm: test, path: {self.folder}/htpasswd}}}}\n"
            )
            ready = functools.partial(self._answers, namespace)
            self._start(name, ["docker-registry", "serve", str(config)], ready, namespace=namespace)

    def stop(self, name: str) -> None:
        """Stops one of its programs, and those that it has started, as it likes it."""
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def crash(self) -> None:
        """Ends the engine as the kernel does when memory is short. Its containers' processes stay behind."""
        process = self.processes.pop("dockerd")
        process.kill()
        process.wait()
        # Its containerd ends with it. Where process 1 does not collect dead processes, as in some sandboxes, the next
        # engine would take it for one that runs.
        (self.exec_root / "containerd" / "containerd.pid").unlink(missing_ok=True)

    def cut(self) -> None:
        """Ends the SSH server and all its connections, as a host that fails does."""
        self.processes.pop("sshd").kill()
        others = {process.pid for process in self.processes.values()}
        # What serves a connection is a process of its own.
        for pid in self._pids():
            with contextlib.suppress(OSError):
                if pid not in others and Path(f"/proc/{pid}/comm").read_text().strip() == "sshd":
                    os.kill(pid, signal.SIGKILL)

    def remove(self) -> None:
        """Removes all of it, whatever state it is in."""
        if "dockerd" in self.processes:
            # The engine would give each its time to stop.
            with contextlib.suppress(docker.errors.DockerException), ThreadPoolExecutor() as pool:
                list(pool.map(lambda each: each.kill(), self.client().containers.list()))
        for name in list(self.processes):
            self.stop(name)
        remove_namespace(self.namespace)
        unmount(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _cable(self) -> None:
        """The namespace, and a pair of interfaces between it and this machine."""
        outer, inner = f"e2e{self.number}-out", f"e2e{self.number}-in"
        for command in (
            f"netns add {self.namespace}",
            f"link add {outer} type veth peer name {inner} netns {self.namespace}",
            f"address add {self.here}/30 dev {outer}",
            f"link set {outer} up",
            f"-n {self.namespace} address add {self.address}/30 dev {inner}",
            f"-n {self.namespace} link set {inner} up",
            f"-n {self.namespace} link set lo up",
        ):
            _run(["ip", *command.split()])

    def _keys(self) -> None:
        for name in ("host_key", "user_key", "other_key"):
            _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)])
        shutil.copy(self.folder / "user_key.pub", self.folder / "authorized_keys")
        public = (self.folder / "host_key.pub").read_text()
        ports = (self.ssh_port, self.restricted_port)
        self.known_hosts_file.write_text("".join(f"[{self.address}]:{port} {public}" for port in ports))
        self.certificates.mkdir()
        client = Made("client", hosts=("client.example.com",), uses=[ExtendedKeyUsageOID.CLIENT_AUTH])
        for path, content in {
            self.certificates / "ca.pem": Made("authority", "authority", ()).pem,
            self.certificates / "cert.pem": client.pem,
            self.certificates / "key.pem": key_pem(ec_key("client")),
            self.folder / "server.pem": Made(hosts=(self.address,)).pem,
            self.folder / "server.key": key_pem(ec_key("server")),
        }.items():
            path.write_text(content)
        entry = _run(["htpasswd", "-Bbn", USER, PASSWORD])
        (self.folder / "htpasswd").write_text(entry)
        self.docker_config.mkdir()
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (self.docker_config / "config.json").write_text(json.dumps({"auths": {self.registry: {"auth": login}}}))

    def _start(self, name: str, command: Sequence[str], ready: Callable[[], bool], namespace: str | None = "") -> None:
        inside = self.namespace if namespace == "" else namespace
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                # Whatever becomes of this process, they end with it.
                [*entered(inside), "setpriv", "--pdeathsig", "TERM", *command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.processes[name] = process
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(Exception):
                if ready():
                    return
            time.sleep(0.1)
        raise AssertionError(f"{name} does not come up:\n{log.read_text(errors='replace')[-2000:]}")

    def _listens(self, port: int) -> bool:
        with socket.create_connection((self.address, port), timeout=1):
            return True

    def _answers(self, namespace: str | None) -> bool:
        address, _, port = self.registry.partition(":")
        probe = f"import socket; socket.create_connection(('{address}', {port}), 1)"
        return (
            subprocess.run([*entered(namespace), "python3", "-c", probe], capture_output=True, check=False).returncode
            == 0
        )

    def _pids(self) -> list[int]:
        return [int(pid) for pid in _run(["ip", "netns", "pids", self.namespace]).split()]


def entered(namespace: str | None) -> list[str]:
    """What a command begins with that runs in a network namespace; `ip netns exec` would hide the control groups."""
    return ["nsenter", f"--net=/run/netns/{namespace}"] if namespace else []


def _run(command: Sequence[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, (command, result.stderr)
    return result.stdout


def unmount(folder: Path) -> None:
    """Unmounts what an engine that was killed has left below a folder."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((each for each in mounts if each.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)


@contextlib.contextmanager
def remote_host(folder: Path, number: int) -> Iterator[RemoteHost]:
    """A host that is up, and gone afterwards."""
    host = RemoteHost(folder, number)
    try:
        host.start()
        yield host
    finally:
        host.remove()
