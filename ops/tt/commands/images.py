"""`tt push` and `tt pin`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.tt.session import Session, StackCommand

app = typer.Typer()


@app.command("push", cls=StackCommand)
def push(
    ctx: typer.Context,
    repository: Annotated[
        str,
        typer.Argument(
            metavar="REPOSITORY", help="A registry and a folder there, such as registry.example.com/tasktracker."
        ),
    ],
    tag: Annotated[
        str | None, typer.Option("--tag", metavar="TAG", help="Without it: the version.", show_default=False)
    ] = None,
) -> int:
    """Push the images that were built here to a registry. `make images` builds them."""
    from ops.tt.stack import programs

    session: Session = ctx.obj
    return programs.push(session.output, repository, tag or None)


@app.command("pin", cls=StackCommand)
def pin(
    ctx: typer.Context,
    repository: Annotated[
        str | None,
        typer.Option(
            "--repository",
            metavar="REPOSITORY",
            help="Where `./tt push` has brought the images. Without it: where the config has them.",
            show_default=False,
        ),
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(
            "--tag",
            metavar="TAG",
            help="The tag to look up. Without it: the version with a repository, else the tags of the config.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write the digests that a registry has for the images' tags into the stack's config.

    All are written, or none.
    """
    from ops.tt.stack import pin as pin_

    session: Session = ctx.obj
    project = session.project
    changed = pin_.pin(project, repository or None, tag or (pin_.version() if repository else None))
    file = project.config_file.name
    lines = [f"{key}: {before or 'nothing'} -> {after}" for key, (before, after) in changed.items()]
    document = {"file": file, "images": {key: after for key, (_, after) in changed.items()}}
    if lines:
        end = f"{file} is written; `make up STACK={project.stack}` brings them up"
    else:
        end = f"{file} has these digests already"
    session.output.result(document, *lines, end)
