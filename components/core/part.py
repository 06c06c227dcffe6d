"""How a stack is put together, part by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pulumi

from components.core.context import Context
from settings import Settings
from settings.app_files import APP_VARIABLES, GENERATED_FILES, file_variable
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a part adds to a stack.

    Attributes:
        containers: names of its containers, by service.
        files: what it gives the app, by the name of the file under `/etc/tasktracker`.
        env: the same for the app's environment: nothing that is a secret.
        ready: what the app waits for.
        outputs: outputs of the stack, by name.
    """

    containers: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)
    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Sequence[pulumi.Resource] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)


class AppBindings:
    """The files and the environment of api and worker, each of which one part gives."""

    def __init__(self) -> None:
        self.files: dict[str, pulumi.Input[str]] = {}
        self.env: dict[str, str] = {}
        self._givers: dict[str, str] = dict.fromkeys(APP_VARIABLES, "its settings")

    def add(self, giver: str, part: Part) -> None:
        """Takes what a part gives.

        Raises:
            ValueError: another one gives a file or a variable of that name, or the app has the variable for another
                use, so that one would replace the other; or the settings don't know the file, so that they could not
                keep its name from a secret of the app.
        """
        known = {name for names in GENERATED_FILES.values() for name in names}
        if unknown := part.files.keys() - known:
            raise ValueError(f"{giver}: settings.services does not list the files {', '.join(sorted(unknown))}")
        self._take(giver, part.files, part.env)

    def add_secrets(self, secrets: Mapping[str, pulumi.Input[str]]) -> None:
        """Takes the app's own secrets, by the names of their files.

        Raises:
            ValueError: a part gives a file of that name.
        """
        self._take("app_secrets", secrets, {})

    def _take(self, giver: str, files: Mapping[str, pulumi.Input[str]], env: Mapping[str, str]) -> None:
        # The app finds a file by a variable.
        for name in (*files, *map(file_variable, files), *env):
            if name in self._givers:
                raise ValueError(f"the app would get {name} from {self._givers[name]} and from {giver}")
            self._givers[name] = giver
        self.files.update(files)
        self.env.update(env)


class Assembly:
    """A stack while it is put together: what there is of it so far."""

    def __init__(self, settings: Settings, context: Context, parent: pulumi.ComponentResource) -> None:
        self.settings, self.context, self.parent = settings, context, parent
        self.bindings = AppBindings()
        self.containers: dict[str, pulumi.Output[str]] = {}
        self.outputs: dict[str, Any] = {}
        self.ready: list[pulumi.Resource] = []
        """What the app waits for."""
        self._made: dict[type, object] = {}

    def take(self, name: str, part: Part | None) -> None:
        """Adds a part, if the stack has it."""
        if part is None:
            return
        self.bindings.add(name, part)
        for kept, given in ((self.containers, part.containers), (self.outputs, part.outputs)):
            if twice := kept.keys() & given.keys():
                raise ValueError(f"{name}: another part has {', '.join(sorted(twice))} already")
            kept.update(given)
        self.ready.extend(part.ready)

    def image(self, service: str) -> ImageRef:
        """The image of a service."""
        return self.settings.images.of(SERVICES[service])

    def options(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of a component that comes up after others."""
        return pulumi.ResourceOptions(parent=self.parent, depends_on=list(after))

    def keep(self, made: Made) -> Made:
        """Keeps something for the parts that come later, and returns it.

        Raises:
            ValueError: there is one of its kind already.
        """
        if type(made) in self._made:
            raise ValueError(f"an earlier part keeps a {type(made).__name__} already")
        self._made[type(made)] = made
        return made

    def find(self, kind: type[Made]) -> Made | None:
        """What an earlier part has made of that kind, if it has."""
        made = self._made.get(kind)
        return made if isinstance(made, kind) else None

    def get(self, kind: type[Made]) -> Made:
        """The same, where the order of parts says that it is there.

        Raises:
            LookupError: no part has made one.
        """
        if (made := self.find(kind)) is None:
            raise LookupError(f"no part before this one makes a {kind.__name__}")
        return made
