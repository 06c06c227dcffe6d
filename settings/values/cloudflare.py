"""Ids of Cloudflare."""

from typing import Annotated

from settings.values.kind import Kind, text_kind


def _cloudflare_id(of: str, example: str) -> Kind:
    return text_kind(
        "Cloudflare id",
        r"^[0-9a-f]{32}$",
        f"an id of 32 hexadecimal digits, as the page of the {of} shows it in Cloudflare's dashboard",
        example=example,
    )


AccountId = Annotated[str, _cloudflare_id("account", "0123456789abcdef0123456789abcdef")]
"""The id of an account of Cloudflare."""

ZoneId = Annotated[str, _cloudflare_id("zone", "fedcba9876543210fedcba9876543210")]
"""The id of a zone of Cloudflare."""
