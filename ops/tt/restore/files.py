"""`tt files restore`: the uploads and NATS' streams as they were in a set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ops.tt import times
from ops.tt.backup.files import FileSet, listed
from ops.tt.errors import UsageError
from ops.tt.operator import Operator
from ops.tt.output import size
from ops.tt.project import NAMESPACE
from ops.tt.restore.restore import Change, take_job_away
from ops.tt.restore.unfinished import refuse_unfinished

#: Where the config asks for a restore of files.
CONFIG = f"{NAMESPACE}:backup.files.restore"

#: How things are after a restore that failed: its job saves what is there before it changes anything.
PARTLY = (
    "the config is as it was before. What was restored until then, if anything, stays; what was there before is in "
    "sets that `./tt files list --stack {stack}` shows as taken before a restore"
)


def restore(operator: Operator, wanted: Mapping[str, str]) -> None:
    """Brings back sets: `wanted` has the id of one, or `latest`, by what it is of.

    Raises:
        UsageError: there is no such set; names those there are.
        FailedError: it failed. What was there before is in sets of its own.
    """
    refuse_unfinished(operator, operator.project.volumes())
    operator.engine.check_settled()
    known = [each for each in listed(operator.host) if each.complete]
    chosen = {what: _choose(known, what, label) for what, label in wanted.items()}
    for what, each in chosen.items():
        operator.output.note(
            f"  restore  {what} of stack {operator.project.stack} from set {each.id}, "
            f"{times.both(times.at(each.time))}: {each.files} files, {size(each.size)}"
        )
    operator.output.note(
        "  lost     what has changed since in those files and streams; new ones stay\n"
        "  safety   what is there now is saved first, as sets of its own"
    )
    operator.confirm()
    change = Change(operator)
    content = operator.project.edited({f"{CONFIG}.{what}": each.id for what, each in chosen.items()})
    with (
        change.or_back(then=PARTLY.replace("{stack}", operator.project.stack)),
        operator.output.work("Restoring files"),
    ):
        change.write(content)
        operator.engine.up("tt: restore of files")
    # The job is done, and would be done again with the next change of its image.
    make_up = f"`make up STACK={operator.project.stack}`"
    left = f"the files are restored, and the finished job is still there: {make_up} takes it away"
    take_job_away(operator, change.undo, "tt: the restore of files is done", left)


def _choose(known: Sequence[FileSet], what: str, label: str) -> FileSet:
    """The set that is meant.

    Raises:
        UsageError: there is none.
    """
    of_it = [each for each in known if each.what == what]
    regular = [each for each in of_it if not each.before_restore]
    found = [each for each in of_it if each.id == label] if label != "latest" else regular[-1:]
    if not found:
        ids = ", ".join(each.id for each in of_it) or "none"
        raise UsageError(f"--{what} {label}: there is no such set; those of {what} are: {ids}")
    return found[0]
