"""References of images, and registries."""

from dataclasses import replace
from typing import Annotated, Final

from settings.values.image_ref import ImageRef
from settings.values.kind import text_kind

# The grammar of image references (github.com/distribution/reference): a first component with a dot or a port, or the
# name localhost, is a registry.
_REGISTRY_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_REGISTRY_ADDRESS: Final = (
    rf"({_REGISTRY_LABEL}(\.{_REGISTRY_LABEL})+(:[0-9]{{1,5}})?|{_REGISTRY_LABEL}:[0-9]{{1,5}}|localhost)"
)
_REGISTRY: Final = f"{_REGISTRY_ADDRESS}/"
_COMPONENT: Final = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_TAG: Final = r":(?!latest(@|$))[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST: Final = r"@sha256:[0-9a-f]{64}"

IMAGE: Final = text_kind(
    "image",
    # 255 characters of name, 128 of tag and 72 of digest is what registries take.
    rf"^(?=.{{1,460}}$)({_REGISTRY}|(?![^/]*\.[^/]*/)){_COMPONENT}(/{_COMPONENT})*"
    rf"({_TAG}({_DIGEST})?|{_DIGEST})$",
    "an image reference with a tag, a digest or both, in lower case and with no scheme, such as"
    " registry.example.com/tasktracker/app:1.2.0, before @sha256: and 64 hex digits; never the tag latest",
    example=f"registry.example.com/tasktracker/app:1.2.0@sha256:{64 * '0'}",
)


def _parse_image(value: object) -> ImageRef:
    return ImageRef.parse(IMAGE.parse(value))


ImageReference = Annotated[ImageRef, replace(IMAGE, parse=_parse_image)]
"""A reference to an image by tag or digest; `latest` names something else every day, and so does no tag at all."""

Registry = Annotated[
    str,
    text_kind(
        "registry",
        rf"^(?=.{{1,255}}$){_REGISTRY_ADDRESS}$",
        "a registry as image references begin with it, such as registry.example.com or registry.example.com:5000",
    ),
]
"""A registry of images."""

UserName = Annotated[
    str,
    text_kind(
        "user name",
        r"^[!-9;-~]{1,255}$",
        "a name of visible ASCII characters with no blanks and no colon",
        example="deploy",
    ),
]
"""A name to log in with."""
