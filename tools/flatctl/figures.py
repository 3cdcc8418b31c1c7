"""Times, names and the funnel as people read them in a terminal; numbers are written as in a report. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from contracts.flattening import Counts, FlattenCompleted
from evidence.figures import moment, money, quantity, span

__all__ = ["drops", "funnel", "funnel_line", "moment", "money", "quantity", "second", "some", "span"]

_SECOND_MS = 1_000
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999."""
_NAMED_MAX = 10


def second(unix_s: Decimal) -> str:
    """The same of a time in Unix seconds; one that no calendar has stays a number."""
    return moment(int(unix_s) * _SECOND_MS) if unix_s <= _LAST_SECOND else str(unix_s)


def funnel(counts: Counts) -> str:
    """The counts in positions, from what the exchange returned to what it confirmed closed; then the orders' errors."""
    return (
        f"seen={counts.seen} nonzero={counts.nonzero} filtered={counts.filtered} "
        f"sent={counts.sent} ok={counts.ok} errors={counts.errors}"
    )


def funnel_line(completed: FlattenCompleted) -> str:
    """The funnel with its verdict."""
    return f"{funnel(completed.counts)} verdict={completed.verdict}"


def drops(counts: Counts) -> str:
    """Why positions left the funnel before an order: only reasons that occurred."""
    reasons = {
        "unreadable": counts.unreadable,
        "dust": counts.dust,
        "below_step": counts.below_step,
        "untradable": counts.untradable,
        "out_of_scope": counts.out_of_scope,
    }
    return " ".join(f"{name}={count}" for name, count in reasons.items() if count)


def some(names: Sequence[str], all_of_them: str = "", *, most: int = _NAMED_MAX) -> str:
    """The first names, and how many more there are; `all_of_them` is the command that shows every one."""
    where = f" ({all_of_them})" if all_of_them else ""
    more = f" and {len(names) - most} more{where}" if len(names) > most else ""
    return ", ".join(names[:most]) + more
