"""Turns the Jinja templates beside this module into configuration files."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    # The files are PostgreSQL, NATS and nginx configuration, where HTML's escapes would be wrong.
    autoescape=False,  # noqa: S701
)


def render(template: str, **values: object) -> str:
    """Renders `templates/<template>.j2`.

    Raises:
        jinja2.UndefinedError: the template uses a value that was not given.
    """
    return _TEMPLATES.get_template(f"{template}.j2").render(**values)
