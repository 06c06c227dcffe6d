"""The block `images`: a key for each service that has an image of its own."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field, create_model

from settings.blocks.block import Block
from settings.services import WITH_IMAGES, ServiceInfo
from settings.values.image_ref import ImageRef
from settings.values.images import ImageReference


class _Images(Block):
    """The images that the stack runs. dev has the ones built from `images/`; elsewhere each is required, with a
    digest."""

    def of(self, service: ServiceInfo) -> ImageRef:
        """The image of a service.

        Raises:
            LookupError: the stack has none for it; rules refuse that where it has the service.
        """
        if (image := self._find(service)) is None:
            raise LookupError(f"images.{service.key} is not set")
        return image

    def given(self) -> Iterator[tuple[ServiceInfo, ImageRef]]:
        """Each service that the block has an image for, with that."""
        for service in WITH_IMAGES.values():
            if (image := self._find(service)) is not None:
                yield service, image

    def _find(self, service: ServiceInfo) -> ImageRef | None:
        image: ImageRef | None = getattr(self, service.key)
        return image


if TYPE_CHECKING:
    ImageSettings = _Images
else:
    ImageSettings = create_model(
        "ImageSettings",
        __base__=_Images,
        __doc__=_Images.__doc__,
        **{
            key: (ImageReference | None, Field(None, description=service.image))
            if service.optional
            else (ImageReference, Field(description=service.image))
            for key, service in WITH_IMAGES.items()
        },
    )
