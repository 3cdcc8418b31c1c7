"""The P2.9 check: every position's notional against its allocation target. Pure; it informs and never trades."""

from collections.abc import Mapping
from decimal import Context, Decimal

from msgspec import Struct

from contracts.positions import (
    AllocationCheck,
    AllocationMode,
    AllocationVerdict,
    OpenPosition,
    PositionSnapshot,
)
from governor.core.targets import SANE_USD_MAX, NoTarget, Target, read_target

_EXACT = Context(prec=100, traps=[])
_CENT = Decimal("0.01")


class Rules(Struct, frozen=True, kw_only=True):
    """By what the check measures."""

    burst_factor: Decimal
    stale_after_ms: int


class _Held(Struct, frozen=True, kw_only=True):
    """What one symbol holds: a notional, or why it is not known."""

    usd: Decimal | None
    settled: AllocationVerdict | None = None
    """What stands whatever the target is."""
    why: str = ""


def symbols_to_check(snapshot: PositionSnapshot, previous: Mapping[str, AllocationVerdict]) -> tuple[str, ...]:
    """Whose targets are needed: every symbol in the snapshot, and those that had a position at the check before."""
    symbols = {position.symbol for position in snapshot.positions}
    symbols.update(row.symbol for row in snapshot.unreadable)
    symbols.update(
        symbol for symbol, was in previous.items() if was is not AllocationVerdict.FLAT and not _nameless(symbol)
    )
    return tuple(sorted(symbols))


def check_allocations(
    snapshot: PositionSnapshot,
    targets: Mapping[str, Mapping[str, str] | None],
    previous: Mapping[str, AllocationVerdict],
    *,
    now_ms: int,
    rules: Rules,
) -> tuple[AllocationCheck, ...]:
    """Check every symbol that holds a position or could not be read, and those whose position is gone, once.

    `targets` holds the target hashes as they are in Redis, `previous` the verdicts of the check before. One check per
    symbol, in alphabetical order.
    """
    legs: dict[str, list[OpenPosition]] = {}
    for position in snapshot.positions:
        legs.setdefault(position.symbol, []).append(position)
    unreadable = {row.symbol: f"{row.field}: {row.problem}" for row in snapshot.unreadable}
    nameless = any(map(_nameless, unreadable))
    checks = []
    for symbol in symbols_to_check(snapshot, previous):
        if symbol in unreadable:
            held = _Held(usd=None, settled=AllocationVerdict.UNREADABLE, why=unreadable[symbol])
        elif symbol in legs:
            held = _notional(legs[symbol], snapshot.marks.get(symbol))
        elif nameless:
            why = "its row is gone, and a row without a readable symbol is there"
            held = _Held(usd=None, settled=AllocationVerdict.UNREADABLE, why=why)
        else:
            held = _Held(usd=Decimal("0.00"), settled=AllocationVerdict.FLAT)
        target = read_target(targets.get(symbol, {}), now_ms=now_ms, stale_after_ms=rules.stale_after_ms)
        checks.append(_check(symbol, held, target, rules.burst_factor))
    return tuple(checks)


def _nameless(symbol: str) -> bool:
    """Whether a row's symbol could not be read either (`row 17`): it may be any symbol's row."""
    return " " in symbol


def _notional(legs: list[OpenPosition], mark: Decimal | None) -> _Held:
    """Gross notional over the symbol's legs: a long and a short leg add up, they do not cancel out."""
    total = Decimal(0)
    for leg in legs:
        price = leg.mark_price if leg.mark_price is not None else mark
        if price is None or price <= 0:
            return _Held(usd=None, why=f"no mark price for the {leg.position_side} leg")
        total = _EXACT.add(total, _EXACT.multiply(abs(leg.quantity), price))
    if not total <= SANE_USD_MAX:
        return _Held(usd=None, settled=AllocationVerdict.UNREADABLE, why="the notional is beyond any account")
    return _Held(usd=total)


def _check(symbol: str, held: _Held, target: Target | NoTarget, burst_factor: Decimal) -> AllocationCheck:
    if isinstance(target, NoTarget):
        return AllocationCheck(
            symbol=symbol,
            verdict=held.settled or AllocationVerdict.MISSING,
            position_usd=held.usd,
            note=_join(held.why, target.why),
        )
    cap = _EXACT.multiply(target.usd, burst_factor)
    return AllocationCheck(
        symbol=symbol,
        verdict=_verdict(held, target, cap),
        position_usd=held.usd,
        target_usd=target.usd,
        burst_cap_usd=cap,
        ratio=_ratio(held.usd, target.usd),
        mode=target.mode,
        note=_join(held.why, target.stale, target.note),
    )


def _verdict(held: _Held, target: Target, cap: Decimal) -> AllocationVerdict:
    if held.settled is not None:
        return held.settled
    if target.stale:
        return AllocationVerdict.STALE
    if held.usd is None:
        return AllocationVerdict.UNPRICED
    if held.usd <= target.usd:
        return AllocationVerdict.WITHIN_TARGET
    return AllocationVerdict.WITHIN_BURST if held.usd <= cap else AllocationVerdict.BREACH


def _ratio(position_usd: Decimal | None, target_usd: Decimal) -> Decimal | None:
    if position_usd is None or target_usd == 0:
        return None
    ratio = _EXACT.divide(position_usd, target_usd).quantize(_CENT, context=_EXACT)
    return ratio if ratio.is_finite() else None


def _join(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def blocks(check: AllocationCheck) -> bool:
    """Whether the breach counts: one in shadow mode is only watched."""
    return check.verdict is AllocationVerdict.BREACH and check.mode is AllocationMode.ENFORCE


def log_line(check: AllocationCheck) -> str:
    """The line that people grep; the amounts to two digits, `none` where one is not known.

    >>> "P2.9 ETHUSDT position=$31361.00 target=$1820.00 burst_cap=$3640.00 verdict=breach ratio=17.23"
    """
    parts = [
        f"P2.9 {check.symbol}",
        f"position={_usd(check.position_usd)}",
        f"target={_usd(check.target_usd)}",
        f"burst_cap={_usd(check.burst_cap_usd)}",
        f"verdict={check.verdict}",
        f"ratio={'none' if check.ratio is None else format(check.ratio, 'f')}",
    ]
    if check.mode is AllocationMode.SHADOW:
        parts.append("mode=shadow")
    if check.note:
        parts.append(f'note="{" ".join(check.note.replace(chr(34), chr(39)).split())}"')
    return " ".join(parts)


def _usd(amount: Decimal | None) -> str:
    return "none" if amount is None else f"${amount:.2f}"
