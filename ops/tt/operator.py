"""Who wants something of a stack, and all that it takes to do it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ops.tt.backup.database import Database
from ops.tt.host.docker_host import Host
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.state.engine import Engine


@dataclass
class Operator:
    """A stack's project, host, state and database, for commands that change it."""

    project: Project
    output: Output
    yes: bool
    host: Host = field(init=False)
    engine: Engine = field(init=False)
    database: Database = field(init=False)

    def __post_init__(self) -> None:
        self.engine, self.host = Engine(self.project), Host(self.project)
        self.database = Database(self.host)

    def confirm(self) -> None:
        """Asks whether to go on: in dev for a letter, elsewhere for the stack's name."""
        if self.project.environment == "dev":
            self.output.confirm("Go on? [y/N]", None, yes=self.yes)
        else:
            stack = self.project.stack
            self.output.confirm(f"To go on, type the stack's name ({stack}):", stack, yes=self.yes)
