"""A stack's config file: what `tt` reads of it, and how it writes it so that nobody ever finds half a change."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stackfile
from ops.tt.errors import FailedError, RefusedError, UnreachableError, UsageError
from remote import AddressError, DockerHost
from stackfile import editing, writing
from stackfile.editing import Value
from stackfile.shared_values import EditError
from toolchain.process.steps import ROOT, StepError
from toolchain.pulumi_engine.backends import check_backend
from toolchain.pulumi_engine.stack_files import no_stack

NAMESPACE = "tasktracker"

#: Volume 1 is the one that the first `up` makes.
FIRST_VOLUME = 1


@dataclass(frozen=True)
class DataVolumes:
    """Which data volumes of PostgreSQL a stack's config names, by number.

    Attributes:
        used: The one that PostgreSQL runs on.
        kept: Earlier ones, which nobody uses.
        restore: The restore that the config asks for: its volume, and `to` or `set`.
    """

    used: int = FIRST_VOLUME
    kept: tuple[int, ...] = ()
    restore: Mapping[str, Any] | None = None

    @property
    def next(self) -> int:
        """The first number that was never taken."""
        restoring = [int(self.restore["volume"])] if self.restore else []
        return max([self.used, *self.kept, *restoring]) + 1


def volume_name(stack: str, number: int) -> str:
    """The Docker volume of a data volume's number.

    >>> volume_name("dev", 1), volume_name("dev", 2)
    ('tasktracker-dev-postgres-data', 'tasktracker-dev-postgres-data-2')
    """
    return f"{NAMESPACE}-{stack}-postgres-data" + (f"-{number}" if number > FIRST_VOLUME else "")


@dataclass(frozen=True)
class Project:
    """A stack, by the folder of its project and its name."""

    folder: Path
    stack: str

    @classmethod
    def find(cls, stack: str, folder: Path | None = None) -> Project:
        """The project in `folder`; without one, that of the current folder, or else the one that `tt` belongs to.

        Raises:
            UsageError: there is no such project or stack; names those there are.
            UnreachableError: the stack's file can't be read.
        """
        here = Path.cwd()
        folder = (folder or (here if (here / "Pulumi.yaml").exists() else ROOT)).resolve()
        if not (folder / "Pulumi.yaml").exists():
            raise UsageError(f"{folder}: there is no project here (no Pulumi.yaml)")
        project = cls(folder, stack)
        if not project.config_file.exists():
            raise UsageError(no_stack(folder, stack))
        # Before a reader of a single line takes a broken file for one that says nothing.
        config = project.config()
        try:
            check_backend(project.config_file, config)
        except StepError as error:
            raise UnreachableError(str(error)) from None
        return project

    @property
    def config_file(self) -> Path:
        """`Pulumi.<stack>.yaml`."""
        return self.folder / f"Pulumi.{self.stack}.yaml"

    def config(self) -> Mapping[str, Any]:
        """What the file sets, by key with its namespace.

        Raises:
            UnreachableError: it can't be read.
        """
        try:
            return stackfile.config(self.config_file)
        except stackfile.StackFileError as error:
            raise UnreachableError(str(error)) from None

    def file(self) -> Mapping[str, Any]:
        """The whole file: `config`, and what Pulumi keeps beside it.

        Raises:
            UnreachableError: it can't be read.
        """
        return self._read(self.config_file)

    @property
    def name(self) -> str:
        """The project's name, from `Pulumi.yaml`.

        Raises:
            UnreachableError: it can't be read.
        """
        return str(self._read(self.folder / "Pulumi.yaml").get("name"))

    @staticmethod
    def _read(path: Path) -> Mapping[str, Any]:
        try:
            return stackfile.load(path)
        except stackfile.StackFileError as error:
            raise UnreachableError(str(error)) from None

    @property
    def environment(self) -> str:
        """`dev`, `staging` or `prod`."""
        return str(self.config().get(f"{NAMESPACE}:environment", ""))

    @property
    def docker_host(self) -> DockerHost | str | None:
        """The Docker host that the stack's config names, in the program's way or in the provider's.

        Raises:
            UnreachableError: it names one in a way that the program would not take.
        """
        try:
            own = DockerHost.of_config(self.config(), self.stack)
        except AddressError as error:
            raise UnreachableError(str(error)) from None
        host = self.config().get("docker:host")
        return own or (host if isinstance(host, str) else None)

    def volumes(self) -> DataVolumes:
        """The data volumes that the config names.

        Raises:
            UnreachableError: what is there is not what the program would take.
        """
        block = self.config().get(f"{NAMESPACE}:postgres") or {}
        try:
            restore = block.get("restore")
            return DataVolumes(
                int(block.get("volume", FIRST_VOLUME)),
                tuple(int(number) for number in block.get("kept_volumes") or ()),
                {**restore, "volume": int(restore["volume"])} if restore else None,
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise UnreachableError(
                f"{self.config_file.name}: {NAMESPACE}:postgres is no block, or its volume, kept_volumes or restore is "
                f"not what it must be: `make preview STACK={self.stack}` says what is allowed"
            ) from None

    def write(self, content: bytes) -> None:
        """Makes `content` the config file, at one go: whoever is killed meanwhile leaves the old one or the new one.

        Raises:
            FailedError: it can't be written, such as on a full disk; the old one is there.
        """
        try:
            writing.write(self.config_file, content)
        except OSError as error:
            raise FailedError(f"{self.config_file.resolve()} can't be written: {error.strerror}") from None

    def edited(self, changes: Mapping[str, Value], removals: Sequence[str] = ()) -> bytes:
        """The config file without the settings `removals` and with `changes`, each named as `postgres.volume`.

        The file itself stays as it is. Comments and order stay, and every line that is not concerned.

        Raises:
            RefusedError: the file can't be changed so; says which key is in the way.
            UnreachableError: it can't be read.
        """
        try:
            # Not as text, which would change the ends of its lines.
            text = self.config_file.read_bytes().decode()
            return editing.edited(text, changes, removals).encode()
        except EditError as error:
            raise RefusedError(f"{self.config_file.name}: {error}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise UnreachableError(f"{self.config_file.name} can't be read: {error}") from None

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other changes by `tt` from this project's folder.

        Raises:
            RefusedError: one is under way.
        """
        # The folder itself: a lock file would be left lying about, and the config file is replaced meanwhile.
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RefusedError(f"another `tt` is changing a stack of {self.folder}: wait for its end") from None
            yield
        finally:
            os.close(descriptor)
