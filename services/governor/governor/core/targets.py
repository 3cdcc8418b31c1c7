"""Allocation targets: what others wrote into `quantum:allocation:target:<symbol>`, read without trust."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from msgspec import Struct

from contracts.positions import AllocationMode

SANE_USD_MAX = Decimal("1e15")
"""No account holds more: a larger amount is a mistake, not money."""
AHEAD_MAX_MS = 60_000
"""How far a writer's clock may be ahead of ours before its timestamp means nothing."""

_MODES = {mode.value: mode for mode in AllocationMode}
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{0,30})?(?:[eE][+-]?[0-9])?")


class Target(Struct, frozen=True, kw_only=True):
    """What one symbol may hold."""

    usd: Decimal
    """Finite, at least zero."""
    mode: AllocationMode
    stale: str = ""
    """Why it counts as stale; empty while it is fresh."""
    note: str = ""


class NoTarget(Struct, frozen=True, kw_only=True):
    """There is no target that could be read."""

    why: str


def read_target(fields: Mapping[str, str] | None, *, now_ms: int, stale_after_ms: int) -> Target | NoTarget:
    """Read one target hash; `fields` is nothing where Redis holds something that is no hash.

    A mode that is not known binds like `enforce`, and a timestamp that cannot be read counts as stale: a broken
    target never makes the check more lenient.
    """
    if fields is None:
        return NoTarget(why="the target's key is not a hash")
    if not fields:
        return NoTarget(why="no target")
    text = fields.get("target_usd")
    usd = parse_decimal(text)
    if usd is None or not 0 <= usd <= SANE_USD_MAX:
        shown = "is missing" if text is None else f"{text[:40]!r} is no amount"
        return NoTarget(why=f"target_usd {shown}")
    mode_text = fields.get("mode", "")
    mode = _MODES.get(mode_text)
    return Target(
        usd=usd,
        mode=AllocationMode.ENFORCE if mode is None else mode,
        stale=_staleness(fields.get("timestamp"), now_ms=now_ms, stale_after_ms=stale_after_ms),
        note=f"mode {mode_text[:20]!r} is not known: taken as enforce" if mode is None else "",
    )


@lru_cache(maxsize=10_000)  # the same texts come with every snapshot
def parse_decimal(text: str | None) -> Decimal | None:
    """A plain finite number, or nothing: no NaN, no infinity, no exponent beyond two digits."""
    if text is None or not _NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _staleness(timestamp: str | None, *, now_ms: int, stale_after_ms: int) -> str:
    seconds = parse_decimal(timestamp)
    if timestamp is None or seconds is None:
        return "no timestamp" if timestamp is None else f"timestamp {timestamp[:40]!r} cannot be read"
    age_ms = now_ms - seconds * 1000
    if age_ms < -AHEAD_MAX_MS:
        return f"timestamp {timestamp[:40]} is in the future"
    return f"{int(age_ms) // 1000} s old" if age_ms > stale_after_ms else ""  # a Decimal's `//` has a bound
