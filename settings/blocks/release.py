"""The block `release`."""

from typing import Annotated

from pydantic import Field

from settings.blocks.block import HOUR, Block
from settings.values.amounts import Seconds
from settings.values.releases import ReleaseId, RequestPath

SmokeStatus = Annotated[int, Field(ge=100, le=599)]
"""The HTTP status of an answer."""


class ReleaseSettings(Block):
    """How a new release of api, worker and dashboard takes the place of the one before."""

    smoke: dict[RequestPath, SmokeStatus] = {"/api/health": 200, "/": 200}
    """Requests that a new release has to answer before it serves: the path of each, with the status that is expected.
    Those below /api/ go to the api, all others to the dashboard."""
    watch: Annotated[Seconds, Field(ge=0, le=HOUR)] | None = None
    """Time in which its answers are watched once it serves; the release before serves again where too many fail. 30
    seconds if nothing is said, and 0 in dev."""
    max_error_rate: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Percentage of its answers that may have a status of 500 or above in that time; two such answers are always
    passed over."""
    canary: Annotated[float, Field(gt=0, lt=100)] | None = None
    """Percentage of the clients that a new release gets at first, while the release before serves the others. A client
    stays with its release, by a cookie. ./tt promote gives it all of them, and ./tt abort none."""
    drain: Annotated[Seconds, Field(ge=0, le=HOUR)] | None = None
    """Time for which WebSockets to the release before stay open once another one serves. Then they are closed with the
    code 1012, so that clients connect again. 30 seconds if nothing is said, and 0 in dev."""
    keep_previous: bool | None = None
    """Whether the release before stays, so that it can serve again at once. If nothing is said it does, but for dev."""
    pin: ReleaseId | None = None
    """The id of a release that serves, whatever else the config says: one that the stack has, as ./tt status lists
    them."""
