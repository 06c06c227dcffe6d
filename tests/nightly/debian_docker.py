"""The Docker of another Debian release on this machine: its packages in a tree of their own, in a network namespace.

    with debian_docker("trixie", 72) as host:
        stack.env["DOCKER_HOST"] = host.docker_host

Nothing of it is installed on this machine. The engine runs in a mount namespace whose root is the tree, so that its
libraries, its containerd and its runc are those of the release; the kernel is this machine's.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.support.remote_host import RemoteHost, unmount
from tests.leftovers import lives, name_of_this_run, owner_of
from toolchain.image_build.build_secrets import machine_mirror
from toolchain.machine import debian
from toolchain.machine.docker_cli import connect
from toolchain.process.steps import TOOLS, run

#: Debian's own mirror, where this machine is none of Debian's.
MIRROR = "http://deb.debian.org/debian"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

#: The engine, and what it makes networks with.
PACKAGES = ("docker.io", "iptables")

#: Seconds for the packages: half a minute of downloads and a minute of unpacking, on a machine with nothing else to do.
INSTALL_TIMEOUT = 900

#: Makes TREE the root of a mount namespace, in which FOLDER is where it is outside, and runs the rest there.
ENTER = """\
set -e
tree=$1 folder=$2
shift 2
mount --bind "$tree" "$tree"
for each in proc sys dev; do mount --rbind "/$each" "$tree/$each"; done
mount -t tmpfs tmpfs "$tree/run"
mkdir -p "$tree$folder" "$tree/before"
mount --bind "$folder" "$tree$folder"
cd "$tree"
pivot_root . before
cd /
umount --lazy /before
exec "$@"
"""


@dataclass
class DebianDocker(RemoteHost):
    """A host with the engine of the release `suite`, without SSH and without a registry."""

    suite: str = ""

    @property
    def docker_host(self) -> str:
        """For DOCKER_HOST."""
        return f"unix://{self.docker_socket}"

    @property
    def tree(self) -> Path:
        """The root of the release."""
        return self.folder / "tree"

    @property
    def shared(self) -> Path:
        """What the engine and this machine share."""
        return self.folder / "shared"

    @property
    def docker_socket(self) -> Path:
        return self.shared / "docker.sock"

    @property
    def exec_root(self) -> Path:
        return self.shared / "exec"

    def start(self) -> None:
        """Brings the engine up.

        Raises:
            StepError: its packages can't be had.
            AssertionError: it doesn't come up; carries the end of its log.
        """
        self._install()
        self.shared.mkdir()
        self._cable()
        self._make_root()
        self.start_docker()

    def _install(self) -> None:
        debian.ensure_program("debootstrap", ["debootstrap"], "for the tests of other releases' Docker")
        if not KEYRING.exists():
            debian.install(["debian-archive-keyring"])
        mirror = machine_mirror()
        archive = mirror.archive if mirror else MIRROR
        # The mount namespace takes debootstrap's mounts along when it ends, in whichever way.
        isolated = ["timeout", str(INSTALL_TIMEOUT), "unshare", "--mount", "debootstrap", "--force-check-gpg"]
        options = [f"--keyring={KEYRING}", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
        run(f"Docker of Debian {self.suite}", [*isolated, *options, self.suite, self.tree, archive], log="nightly")

    def _make_root(self) -> None:
        """Starts the process that keeps the mount namespace: it outlives an engine, as a host does."""
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"]
        self._start(
            "machine",
            [*command, str(self.tree), str(self.shared), "sleep", "infinity"],
            lambda: Path(f"/proc/{self.processes['machine'].pid}/comm").read_text().strip() == "sleep",
        )

    def start_docker(self) -> None:
        self._start(
            "dockerd",
            [
                "nsenter", "--mount", f"--target={self.processes['machine'].pid}",
                "dockerd", f"--host={self.docker_host}", f"--data-root={self.shared}/data",
                f"--exec-root={self.exec_root}", f"--pidfile={self.shared}/dockerd.pid",
                f"--bip=10.213.{self.number}.129/27", "--storage-driver=overlay2",
            ],
            lambda: bool(self.client().ping()),
        )  # fmt: skip

    def load(self, images: Sequence[str]) -> None:
        """Brings images of this machine's engine there."""
        archive = self.folder / "images.tar"
        docker = str(connect().path)
        run("  images: save", [docker, "save", "--output", archive, *images], log="nightly-save")
        there = {"DOCKER_HOST": self.docker_host, "DOCKER_CONTEXT": "default"}
        run("  images: load", [docker, "load", "--input", archive], log="nightly-load", env=there)
        archive.unlink()


@contextlib.contextmanager
def debian_docker(suite: str, number: int) -> Iterator[DebianDocker]:
    """A host with the engine of a release, and gone afterwards."""
    # Not in /tmp, which may forbid programs and devices.
    folder = TOOLS / "nightly"
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        process = owner_of(left.name)
        if process is None or not lives(process):
            unmount(left)
            shutil.rmtree(left)
    own = folder / name_of_this_run("e2e", number)
    own.mkdir(mode=0o700)
    host = DebianDocker(own, number, suite=suite)
    try:
        host.start()
        yield host
    finally:
        host.remove()
        with contextlib.suppress(OSError):
            folder.rmdir()
