"""The stacks that a project's folder has files for. Stdlib only: set-up lists them before it can read YAML."""

from __future__ import annotations

from pathlib import Path


def stack_of(file: Path) -> str:
    """The stack that a file is of, by its name.

    >>> stack_of(Path("clone/Pulumi.prod.yaml"))
    'prod'
    """
    return file.name.removeprefix("Pulumi.").removesuffix(".yaml")


def stack_files(folder: Path) -> dict[str, Path]:
    """The files `Pulumi.<stack>.yaml` of a folder by stack, sorted; a link that leads nowhere is none."""
    found = {stack_of(path): path for path in folder.glob("Pulumi.?*.yaml")}
    return {stack: found[stack] for stack in sorted(found) if found[stack].is_file()}


def no_stack(folder: Path, stack: str) -> str:
    """The message that a folder has no file for `stack`, with the stacks it has."""
    file = f"Pulumi.{stack}.yaml"
    is_link = (folder / file).is_symlink()
    reason = f"{file} is a link to a file that is not there" if is_link else f"there is no Pulumi.{stack}.yaml"
    return f"stack '{stack}': {reason}; the stacks are {', '.join(stack_files(folder)) or 'none'}"
