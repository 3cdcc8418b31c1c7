"""Numbers and times as people read them, in a terminal and in a report. Pure."""

from datetime import UTC, datetime
from decimal import Decimal

_SECOND_MS = 1_000
_MINUTE_S = 60
_HOUR_S = 3_600
_LAST_MS = 253_402_300_799_000
"""The end of the year 9999."""


def money(amount: Decimal | None) -> str:
    """US dollars with two digits, or `unknown`."""
    return "unknown" if amount is None else f"${amount:,.2f}"


def quantity(amount: Decimal | None) -> str:
    """A quantity in plain digits, never in exponents."""
    return "unknown" if amount is None else f"{amount:f}"


def span(milliseconds: int) -> str:
    """A duration: `350 ms`, `12.3 s`, `4 min 10 s`, `3 h 5 min`."""
    if abs(milliseconds) < _SECOND_MS:
        return f"{milliseconds} ms"
    seconds = milliseconds / _SECOND_MS
    if abs(seconds) < _MINUTE_S:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"


def offset(milliseconds: int) -> str:
    """How long before or after: `+350 ms`, `-12.3 s`."""
    return f"{'+' if milliseconds >= 0 else '-'}{span(abs(milliseconds))}"


def moment(unix_ms: int) -> str:
    """A time of day in UTC, with the date; one that no calendar has stays a number."""
    if not 0 <= unix_ms <= _LAST_MS:
        return f"{unix_ms} ms"
    return f"{datetime.fromtimestamp(unix_ms / _SECOND_MS, UTC):%Y-%m-%d %H:%M:%S} UTC"
