"""Schedules of cron, and time zones."""

import re
from typing import Annotated, Final

from settings.values.kind import Kind, text_kind

_SCHEDULE: Final = text_kind(
    "schedule",
    r"^[0-9*,/-]{1,100}( [0-9*,/-]{1,100}){4}$",
    "the five fields of a cron schedule (minute, hour, day of month, month, day of week with 0 for Sunday) such as"
    " 0 2 * * 1-6, with no names",
)
# Least and greatest value of each field.
_CRON_FIELDS: Final = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day of month": (1, 31),
    "month": (1, 12),
    "day of week": (0, 6),
}
# Days of each month in its longest year.
_LONGEST_MONTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CRON_ITEM: Final = re.compile(r"(\*|(?P<first>[0-9]{1,2})(-(?P<last>[0-9]{1,2}))?)(/(?P<step>[0-9]{1,2}))?")


def _parse_schedule(value: object) -> str:
    text: str = _SCHEDULE.parse(value)
    fields = dict(zip(_CRON_FIELDS, text.split(" "), strict=True))
    for name, field in fields.items():
        least, most = _CRON_FIELDS[name]
        for item in field.split(","):
            if not _is_cron_item(item, least, most):
                what = f"the {name}, {field}, has a part that is not *, a number or a range from {least} to {most}"
                raise ValueError(f"must be {_SCHEDULE.allowed}; {what}, with or without /STEP")
    if not _ever_runs(fields["day of month"], fields["month"], fields["day of week"]):
        raise ValueError(
            f"must be {_SCHEDULE.allowed}; no month of {fields['month']} has the day {fields['day of month']}, so that"
            " it never runs"
        )
    return text


def _is_cron_item(text: str, least: int, most: int) -> bool:
    """Whether `text` is `*`, `n` or `n-m`, with or without a step, inside the limits."""
    item = _CRON_ITEM.fullmatch(text)
    if item is None:
        return False
    first = int(item["first"] or least)
    last = int(item["last"] or item["first"] or most)
    return least <= first <= last <= most and 1 <= int(item["step"] or 1) <= most


def _ever_runs(days: str, months: str, weekdays: str) -> bool:
    """Whether any date matches. With a day of the week cron runs on either, and every month has each of those."""
    if "*" not in weekdays.split(","):
        return True
    first_days = _cron_numbers(days, *_CRON_FIELDS["day of month"])
    return min(first_days) <= max(_LONGEST_MONTHS[month - 1] for month in _cron_numbers(months, *_CRON_FIELDS["month"]))


def _cron_numbers(field: str, least: int, most: int) -> set[int]:
    """The numbers that a valid field stands for; one with a step and no end goes on to the greatest."""
    numbers: set[int] = set()
    for text in field.split(","):
        item = _CRON_ITEM.fullmatch(text)
        if item is None:
            continue
        first = int(item["first"] or least)
        last = int(item["last"] or (most if item["step"] else item["first"]) or most)
        numbers.update(range(first, last + 1, int(item["step"] or 1)))
    return numbers


Schedule = Annotated[str, Kind(_SCHEDULE.name, _parse_schedule, _SCHEDULE.allowed, _SCHEDULE.schema)]
"""Times in cron's syntax."""

TimeZone = Annotated[
    str,
    text_kind(
        "time zone",
        # The areas of the tz database that are no legacy: what every system has.
        r"^(UTC|(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)"
        r"(/[A-Z][A-Za-z]*([_-][A-Za-z]+)*){1,2})$",
        "UTC or a name of the tz database such as Europe/Berlin",
    ),
]
"""A time zone by area and city."""
