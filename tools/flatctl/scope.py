"""Symbols by name, and whether they exist: a mistyped one would leave its position open."""

import difflib
from collections.abc import Collection, Sequence

from redis.asyncio import Redis

from contracts.arming import Scope
from contracts.positions import PositionSnapshot
from contracts.streams import Keys
from flatctl.exits import CommandFailed
from flatctl.history import newest

FRESH_MS = 60_000
"""An older snapshot may not list what trades now."""


def scope_of(symbols: str | None) -> Scope:
    """What `--symbols` says; without it the whole account.

    Raises CommandFailed for an empty name: a script whose variable is empty never means every position.
    """
    names = [] if symbols is None else [name.strip().upper() for name in symbols.split(",")]
    if "" in names:
        raise CommandFailed(f"--symbols {symbols!r}: an empty name; write e.g. ETHUSDT,BTCUSDT")
    return Scope(symbols=tuple(dict.fromkeys(names)))


async def listed_symbols(redis: Redis, keys: Keys, now_ms: int) -> frozenset[str]:
    """Every symbol that the oracle's newest reading names; nothing when there is none that is fresh."""
    found = await newest(redis, keys.of(PositionSnapshot))
    snapshot = found.event if found else None
    if not isinstance(snapshot, PositionSnapshot) or now_ms - snapshot.taken_at_ms > FRESH_MS:
        return frozenset()
    held, hidden = (row.symbol for row in snapshot.positions), (row.symbol for row in snapshot.unreadable)
    return frozenset((*snapshot.marks, *held, *hidden))


def unlisted(symbols: Sequence[str], listed: Collection[str]) -> str:
    """Which of the symbols are not listed, with the nearest that is; empty when all are."""
    return "; ".join(f"{symbol} is not listed{_hint(symbol, listed)}" for symbol in symbols if symbol not in listed)


def _hint(symbol: str, listed: Collection[str]) -> str:
    near = difflib.get_close_matches(symbol, sorted(listed), n=1)
    return f"; did you mean {near[0]}?" if near else ""
