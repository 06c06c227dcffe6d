"""Releases and the requests that try them."""

from typing import Annotated, Final

from settings.values.kind import text_kind

RELEASE_ID: Final = r"^[0-9a-f]{12}$"
"""The form of a release's id."""

ReleaseId = Annotated[
    str, text_kind("release id", RELEASE_ID, "the id of a release, 12 hexadecimal digits", example="3f9ac0417d22")
]
"""The id of a release."""

RequestPath = Annotated[
    str,
    text_kind(
        "request path",
        r"^/[A-Za-z0-9._~!$&'()*+,;=:@/?%-]{0,1000}$",
        "the path of a request, from its first slash on",
        example="/api/health",
    ),
]
"""The path of a request, with its query."""
