"""Times as people type and read them. Pure: "now" and the user's zone are given."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

FORMS = '"2026-11-20 14:05", "2026-11-20 14:05:30" (your time zone), "2026-11-20 14:05:30+02", "2026-11-20T12:05:30Z"'

_FORM = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})[ T](?P<time>\d{2}:\d{2}(:\d{2}([.,]\d{1,6})?)?)"
    r" ?(?P<offset>Z|UTC|[+-]\d{2}(:?\d{2})?)?"
)


class TimeError(ValueError):
    """A text is no time, or not one time; the message says what is wrong with it."""


def parse(text: str, zone: tzinfo | None = None) -> datetime:
    """The instant that `text` means; without an offset it is local to `zone`, or else to this machine's time zone.

    Raises:
        TimeError: it is not understood, or the local time is skipped, or comes twice, as clocks change.
    """
    found = _FORM.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError
        # UTC is how this program writes times.
        offset = (found["offset"] or "").replace("UTC", "Z")
        time = datetime.fromisoformat(f"{found['date']}T{found['time'].replace(',', '.')}{offset}")
    except ValueError:
        raise TimeError(f"'{text}' is no time that is understood; write it as {FORMS}") from None
    return time if time.tzinfo else _local(time, text, zone)


def _local(time: datetime, text: str, zone: tzinfo | None) -> datetime:
    first, second = (_in_zone(time.replace(fold=fold), zone) for fold in (0, 1))
    if first.astimezone(UTC).astimezone(first.tzinfo).replace(tzinfo=None) != time:
        raise TimeError(f"'{text}' does not exist here: the clocks skip it; add the offset you mean, such as +00")
    if first.utcoffset() != second.utcoffset():
        offsets = " or ".join(offset_text(each) for each in (first, second))
        raise TimeError(f"'{text}' comes twice here, as the clocks go back; add the offset you mean: {offsets}")
    return first


def _in_zone(time: datetime, zone: tzinfo | None) -> datetime:
    # `astimezone` of a naive time takes it for this machine's.
    return time.astimezone() if zone is None else time.replace(tzinfo=zone)


def at(epoch: float) -> datetime:
    """The instant that is `epoch` seconds after 1970."""
    return datetime.fromtimestamp(epoch, UTC)


def iso(time: datetime) -> str:
    """For programs: ISO 8601 in UTC, to the second unless there is more.

    >>> iso(at(1795176300)), iso(at(1795176300.25))
    ('2026-11-20T12:05:00+00:00', '2026-11-20T12:05:00.250000+00:00')
    """
    return time.astimezone(UTC).isoformat()


def both(time: datetime, zone: tzinfo | None = None) -> str:
    """For people: in their own time zone and in UTC.

    >>> from datetime import timedelta, timezone
    >>> both(at(1795176300), timezone(timedelta(hours=2)))
    '2026-11-20 14:05:00+02:00 (12:05:00 UTC)'
    >>> both(at(1795176300), timezone(timedelta(hours=13)))
    '2026-11-21 01:05:00+13:00 (2026-11-20 12:05:00 UTC)'
    >>> both(at(1795176300), UTC)
    '2026-11-20 12:05:00 UTC'
    """
    local, utc = time.astimezone(zone), time.astimezone(UTC)
    if local.utcoffset() == utc.utcoffset():
        return f"{_digits(utc)} UTC"
    shown = _digits(utc)
    if local.date() == utc.date():
        shown = shown.partition(" ")[2]
    return f"{_digits(local)}{offset_text(local)} ({shown} UTC)"


def offset_text(time: datetime) -> str:
    """The offset from UTC, as ISO 8601 has it."""
    return time.isoformat()[-6:]


def _digits(time: datetime) -> str:
    text = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{time.microsecond:06d}".rstrip("0") if time.microsecond else text


def duration(seconds: float) -> str:
    """About how long, in the two largest units.

    >>> [duration(each) for each in (0.4, 59, 61, 3600, 93784, 8 * 86400)]
    ['0 s', '59 s', '1 min 1 s', '1 h', '1 d 2 h', '8 d']
    """
    left = round(seconds)
    parts: list[str] = []
    for size, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count} {name}")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if not part.startswith("0 ")) or "0 s"


def age(epoch: float, now: float) -> str:
    """How long ago.

    >>> age(1000, 1090), age(1000, 1000)
    ('1 min 30 s ago', 'just now')
    """
    return "just now" if now - epoch < 1 else f"{duration(now - epoch)} ago"
