"""What to tell a user whose stack would take over what is not its own, or begin without its data. Pure."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from settings.errors import PULUMI
from settings.ownership import SYSTEM, UNIDENTIFIED, UNLABELLED, Memory, is_data, number

ADOPT: Final = "TASKTRACKER_ADOPT"
"""The variable that names what volumes carry which this state shall take over, with commas between."""

LOST: Final = "TASKTRACKER_LOST_VOLUMES"
"""The variable that names the data volumes whose content is lost, and that may begin empty, with commas between."""

CHANGED: Final = "TASKTRACKER_VOLUMES_CHANGED"
"""The variable that `./tt` sets in an update which changes PostgreSQL's data volume, or deletes one."""


def strangers_text(stack: str, memory: Memory, strangers: Mapping[str, str], unknown: Sequence[str]) -> str:
    """On volumes that are not this state's, and what else is there of a stack of that name."""
    lines = [f"the Docker host has data of a stack '{stack}' that this state did not make. Nothing was changed."]
    numbers = [its for name in strangers if (its := number(stack, name)) is not None]
    # Its other volumes are counted: they say no more.
    data = {name: carried for name, carried in strangers.items() if is_data(stack, name, numbers)} or strangers
    for name, carried in data.items():
        recorded = memory.origins.get(name)
        instead = f"; the one that this state has {_what(recorded)}" if recorded is not None else ""
        lines.append(f"  the volume {name} {_what(carried)}{instead}")
    if more := _counted({"volume": len(strangers) - len(data), **_kinds(unknown)}):
        lines.append(f"  and {more} of that stack")
    lines += [
        "It may be live data of another clone of this project. If so, give this stack a name of its own:",
        f"    ./tt stack new NAME --like {shlex.quote(stack)}",
        "If its state is lost or given up and this one shall have the data, take it over. Read before what becomes of"
        " secrets and backups: docs/TROUBLESHOOTING.md#lost-state",
        *(_removal(stack) if unknown else ()),
        f"    {ADOPT}={','.join(sorted(set(strangers.values())))} make up STACK={shlex.quote(stack)}",
    ]
    return "\n".join(lines)


def unnamed_text(stack: str, memory: Memory, unnamed: Collection[int]) -> str:
    """On PostgreSQL's data volumes that the state uses or keeps, and that the config does not name."""
    key, of = f"{PULUMI} config set --path {SYSTEM}:postgres", f"--stack {shlex.quote(stack)}"
    lines = [
        f"the config of the stack '{stack}' does not name data volumes of PostgreSQL's that the stack has. Nothing was"
        " changed.",
        *(
            f"  volume {each}, which {'PostgreSQL runs on' if each == memory.used else 'was kept after a restore'}"
            for each in sorted(unnamed)
        ),
        "The file may be older than a restore: bring back the one that was committed then. Or set the numbers again:",
        f"    {key}.volume {memory.used} {of}",
        *(
            f"    {PULUMI} config set --path '{SYSTEM}:postgres.kept_volumes[{index}]' {each} {of}"
            for index, each in enumerate(sorted(memory.kept))
        ),
    ]
    if kept := sorted({*unnamed} & memory.kept):
        lines += [
            "To delete a volume that was kept, for good, do that first, and then:",
            *(f"    ./tt volumes remove {each} {of}" for each in kept),
        ]
    return "\n".join(lines)


def unknown_text(stack: str, unknown: Sequence[str]) -> str:
    """On containers and networks that are not in this state, while the volumes are."""
    return "\n".join(
        [
            f"the Docker host has containers or networks of a stack '{stack}' that this state did not make."
            " Nothing was changed.",
            *(f"  {each}" for each in unknown),
            "After an update that was killed, or whose connection to the Docker host broke:",
            f"    make recover STACK={shlex.quote(stack)}",
            "If another clone of this project runs them, give this stack a name of its own:",
            f"    ./tt stack new NAME --like {shlex.quote(stack)}",
            "If none does, as with a state that is older than what runs:",
            *_removal(stack),
        ]
    )


def missing_text(
    stack: str, host: str, missing: Sequence[str], unfinished: Collection[str], *, kept: Collection[int], backups: bool
) -> str:
    """On data volumes that are gone. Those of `unfinished` may begin empty, and are in the state as if they were there.

    `kept` are the numbers of PostgreSQL's data volumes that are not in use; `backups` says whether there are any that
    did not go with the volumes.
    """
    where = f"the Docker host ({host})"
    empty = f"{LOST}={','.join(missing)} make up STACK={shlex.quote(stack)}"
    refresh = f"{PULUMI} refresh --stack {shlex.quote(stack)} --yes"
    if {*missing} <= {*unfinished}:
        return "\n".join(
            [
                f"{', '.join(missing)}: gone from {where}, and still in the state, so that Docker would make volumes"
                " without labels. Nothing was changed. First let the state know:",
                f"    {refresh}",
            ]
        )
    lines = [
        f"data volumes of the stack '{stack}' are gone from {where}. Nothing was changed: an update would begin with"
        " empty ones.",
        *(f"  {each}" for each in missing),
        "If they are on another Docker host, or on a disk that is not mounted, bring that back.",
    ]
    numbers = {number(stack, each) for each in missing}
    if numbers - {None, *kept} and backups:
        lines += ["PostgreSQL comes back from its backups:", f"    ./tt restore --latest --stack {shlex.quote(stack)}"]
    for each in sorted(numbers & {*kept}, key=str):
        lines += [
            f"Volume {each} was kept after a restore. To do without it:",
            f"    ./tt volumes remove {each} --stack {shlex.quote(stack)}",
        ]
    return "\n".join(
        [
            *lines,
            "To begin with empty volumes, for good; uploads and streams come back after that by"
            f" `./tt files restore --stack {shlex.quote(stack)}`, where there are backups of them:",
            f"    {refresh}",
            f"    {empty}",
        ]
    )


def backups_text(stack: str, objects: str) -> str:
    """On backups that are taken over, and that this state cannot read."""
    return "\n".join(
        [
            f"the volume {objects} has backups that are encrypted with a passphrase of the state that made them, which"
            f" the stack '{stack}' does not have. Nothing was changed. If you have that passphrase:",
            f"    {PULUMI} config set --secret tasktracker:backup_passphrase --stack {shlex.quote(stack)}",
            "If it is lost, they cannot be read. To delete these backups for good, and begin with new ones of the data"
            " that is taken over:",
            f"    docker volume rm {objects}",
        ]
    )


def _kinds(things: Sequence[str]) -> dict[str, int]:
    """How many there are of a kind, of what `settings.ownership.unknown` gives."""
    return dict(Counter(each.split()[1] for each in things))


def _counted(kinds: Mapping[str, int]) -> str:
    """
    >>> _counted({"volume": 0, "container": 1, "network": 3})
    '1 container and 3 networks'
    """
    texts = [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in kinds.items() if count]
    return " and ".join([", ".join(texts[:-1]), *texts[-1:]] if texts[:-1] else texts)


def _removal(stack: str) -> list[str]:
    name, label = f"--filter name=^{SYSTEM}-{stack}-", f"--filter label=stack={stack}"
    return [
        "  Their containers and networks go first. That stops what runs; the data is in the volumes, and stays:",
        f"    docker rm -f $(docker ps -aq {name} {label})",
        f"    docker network rm $(docker network ls -q {name} {label})",
    ]


def _what(carried: str) -> str:
    """What a volume carries, in words."""
    if carried == UNLABELLED:
        return "has no label of a stack (it was made by hand, or by Docker in place of one that was removed)"
    if carried == UNIDENTIFIED:
        return "has no identity (version 0.1.0 made it)"
    return f"is of the state {carried}"
