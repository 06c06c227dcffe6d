"""Health: is each thing that this process depends on there, right now?"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from tasktracker.background import Outage
from tasktracker.store.database import UnusableError

CHECK_SECONDS = 2.0
"""Per check, all at once: below the 3 s of `tasktracker probe`."""

OK = "ok"

Check = Callable[[], Awaitable[None]]


async def _outcome(check: Check) -> str:
    asked = asyncio.ensure_future(check())
    await asyncio.wait({asked}, timeout=CHECK_SECONDS)
    if not asked.done():
        # Without waiting for its end: a commit that hangs takes longer to give up.
        asked.cancel()
        asked.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return f"no answer within {CHECK_SECONDS:g} s"
    try:
        asked.result()
    except TimeoutError:
        return "no answer in time"
    except (Outage, UnusableError) as reason:
        return str(reason)
    except Exception as error:
        # The type only: a driver's message may name users and hosts, and this goes to the public.
        return f"unavailable ({type(error).__name__})"
    return OK


async def run_checks(checks: Mapping[str, Check]) -> dict[str, str]:
    """Run all `checks` at once; name to `OK` or the reason it's not."""
    outcomes = await asyncio.gather(*map(_outcome, checks.values()))
    return dict(zip(checks, outcomes, strict=True))


def failing(outcomes: Mapping[str, str]) -> str:
    """The checks that failed, each with its reason, in one sentence; empty if none did."""
    found = [f"{name} ({outcome})" for name, outcome in outcomes.items() if outcome != OK]
    return f"Unavailable: {', '.join(found)}." if found else ""
