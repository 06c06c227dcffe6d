"""What goes in and out over HTTP and /ws."""

import unicodedata
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from tasktracker.store.database import Status

TITLE_MAX = 500
NOTES_MAX = 2000
PAGE_MAX = 100
SIMILAR_MAX = 20


def _no_control_characters(title: str) -> str:
    # PostgreSQL takes no NUL in text, and the others have no place in one line.
    if any(unicodedata.category(character) == "Cc" for character in title):
        raise ValueError("control characters aren't allowed")
    return title


class NewTask(BaseModel):
    """The body of `POST /api/tasks`."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_MAX),
        AfterValidator(_no_control_characters),
    ]
    notes: Annotated[str, Field(max_length=NOTES_MAX)] | None = None


class TaskSummary(BaseModel):
    """A task as lists and /ws show it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    status: Status
    failure: str | None
    created_at: datetime
    updated_at: datetime


class TaskDetail(TaskSummary):
    """A task with its decrypted notes; `notes_unreadable` if the key was changed since."""

    notes: str | None
    notes_unreadable: bool


class TaskPage(BaseModel):
    """Tasks, newest first; `next` is the `before` of the next page, or null at the end."""

    items: list[TaskSummary]
    next: UUID | None


class SimilarTask(TaskSummary):
    """A task and its cosine distance: 0 for the same direction, 2 for the opposite."""

    distance: float


class SimilarTasks(BaseModel):
    """The nearest tasks, nearest first."""

    items: list[SimilarTask]


class Version(BaseModel):
    """What runs here; `slot` is null outside a blue-green release."""

    version: str
    commit: str
    slot: str | None


class Queue(BaseModel):
    """The tasks that are queued: how many, the age of the oldest one, and how many have a job that NATS lacks."""

    waiting: int
    oldest_seconds: float
    not_in_nats: int


class Health(BaseModel):
    """`ok`, and the same for each part that was checked. `queue` is null where the database gave no answer in time.

    A long queue is not an error of the api: no container has to be restarted for it.
    """

    status: str
    checks: dict[str, str]
    queue: Queue | None = None
