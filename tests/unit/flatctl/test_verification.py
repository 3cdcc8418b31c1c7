"""What an independent reading says, and how others' words differ from it."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from contracts.arming import Scope
from contracts.flattening import FlattenCompleted, PositionFate, PositionOutcome, RunVerdict
from contracts.positions import PositionSnapshot, UnreadablePosition
from contracts.vocabulary import PositionSide
from exchange.model import Position, PositionMode, RestingOrder
from flatctl import exits
from flatctl.cached_positions import parsed, understood
from flatctl.settings import FlatctlSettings
from flatctl.verification import Compared, Shown, against_cache, against_run, against_snapshot, shown_by
from flatctl.verifying import Verification, verification
from support.accounts import a_resting_order, an_account
from support.exchange_builders import instrument, position, reading, unreadable_row
from support.run_events import completed
from support.snapshots import a_snapshot, leg

ALL = Scope()
ETH = position("9.1", mark="3446")


def found(*rows: Position, scope: Scope = ALL, **account: object) -> Verification:
    return verification(an_account(*rows, **account), FlatctlSettings(), scope)[0]  # type: ignore[arg-type]  # builders'


def test_an_account_of_zeros_is_flat() -> None:
    told = found(position("0"))

    assert (told.verdict, told.code, told.open) == ("flat", exits.OK, ())


def test_dust_is_named_and_flat() -> None:
    told = found(position("0.5", mark="1"))

    assert (told.verdict, told.code) == ("flat_except_dust", exits.OK)
    assert [(row.symbol, row.dust) for row in told.open] == [("ETHUSDT", True)]


def test_less_than_epsilon_is_shown_as_dust_too_i17() -> None:
    told = found(position("0.00000001"))

    assert (told.verdict, [row.why for row in told.open]) == ("flat_except_dust", ["at most FLATTEN_QTY_EPSILON"])


@pytest.mark.parametrize("rules", [instrument(), instrument(step="10", smallest="10")])
def test_whatever_is_worth_something_is_open_even_if_no_order_could_close_it(rules: object) -> None:
    assert (found(ETH, listed=[rules]).verdict, found(ETH, listed=[rules]).code) == ("open", exits.RESIDUAL)


@pytest.mark.parametrize(
    ("order", "verdict"), [(a_resting_order(), "open"), (a_resting_order(reduce_only=True), "flat")]
)
def test_a_waiting_order_that_may_open_something_is_no_flat_account(order: RestingOrder, verdict: str) -> None:
    assert found(position("0"), resting=(order,)).verdict == verdict


def test_what_is_not_known_is_never_flat_i14() -> None:
    missing = found(position("0"), listed=[instrument(), instrument("BTCUSDT")])
    unreadable = found(position("0"), unreadable=(unreadable_row(),))
    waiting = found(position("0"), resting_trouble="no answer")
    leg_gone = found(position("0", side=PositionSide.LONG), mode=PositionMode.HEDGE)
    listless, _ = verification(
        replace(an_account(position("0")), listings=None, listings_trouble="cut off"), FlatctlSettings(), ALL
    )

    told = (missing, unreadable, waiting, leg_gone, listless)
    assert [(one.verdict, one.code, len(one.doubts)) for one in told] == [("unknown", exits.UNKNOWN, 1)] * 5


def test_what_is_surely_open_comes_before_what_is_unknown() -> None:
    told = found(ETH, unreadable=(unreadable_row(),))

    assert (told.verdict, len(told.doubts)) == ("open", 1)


def test_what_is_outside_the_scope_is_named_and_decides_nothing() -> None:
    told = found(ETH, position("0", symbol="BTCUSDT"), scope=Scope(symbols=("BTCUSDT",)))

    assert (told.verdict, told.out_of_scope) == ("flat", ("ETHUSDT",))


def shown(*rows: Position, readable: tuple[str, ...] | None = None) -> Shown:
    rows_of = reading(*rows)
    return shown_by(rows_of, ALL, {row.symbol for row in rows} if readable is None else readable)


def differences(compared: Compared) -> list[tuple[str, str, str, str]]:
    return [(row.symbol, str(row.said), str(row.shown), row.why) for row in compared.differences]


def a_run(*left: tuple[str, str | None]) -> FlattenCompleted:
    outcomes = tuple(
        PositionOutcome(
            symbol=symbol,
            position_side=PositionSide.BOTH,
            quantity_before=Decimal(5),
            quantity_after=None if after is None else Decimal(after),
            mark_price=None,
            notional_usd=None,
            fate=PositionFate.CLOSED if after == "0" else PositionFate.OPEN,
        )
        for symbol, after in left
    )
    return replace(completed(RunVerdict.NOT_FLAT), outcomes=outcomes)


@pytest.mark.parametrize(
    ("left", "now", "expected"),
    [
        ("0", "0", []),
        ("3", "3", []),
        ("0", "2", [("ETHUSDT", "0", "2", "the run left nothing here: it was opened again since")]),
        ("3", "0", [("ETHUSDT", "3", "0", "the run left it open: it was closed since")]),
        ("3", "1", [("ETHUSDT", "3", "1", "the run left it open: it changed since")]),
        (None, "1", [("ETHUSDT", "None", "1", "the run could not say what was left")]),
        (None, "0", [("ETHUSDT", "None", "0", "the run could not say; the exchange shows none")]),
    ],
)
def test_what_changed_since_the_run_is_told_in_words(
    left: str | None, now: str, expected: list[tuple[str, str, str, str]]
) -> None:
    assert differences(against_run(a_run(("ETHUSDT", left)), shown(position(now)), ALL)) == expected


def test_a_position_that_the_run_never_saw_was_opened_since() -> None:
    assert differences(against_run(a_run(), shown(ETH), ALL)) == [
        ("ETHUSDT", "None", "9.1", "the run saw nothing here: it was opened since")
    ]


def test_a_row_that_is_not_there_is_no_zero_i14() -> None:
    nothing = shown(readable=())

    assert differences(against_run(a_run(("ETHUSDT", "0")), nothing, ALL)) == [
        ("ETHUSDT", "0", "None", "the exchange shows no row that can be read")
    ]
    assert differences(against_snapshot(a_snapshot(leg(symbol="ETHUSDT", quantity="2")), nothing, ALL)) == [
        ("ETHUSDT", "2", "None", "the exchange shows no row that can be read")
    ]


def snapshot(*legs: tuple[str, str], unreadable: tuple[str, ...] = ()) -> PositionSnapshot:
    rows = tuple(UnreadablePosition(symbol=symbol, field="positionAmt", problem="NaN") for symbol in unreadable)
    taken = a_snapshot(*(leg(symbol=symbol, quantity=quantity) for symbol, quantity in legs))
    return replace(taken, unreadable=rows, taken_at_ms=1_000 - 350)


def test_where_the_snapshot_differs_the_time_between_is_told() -> None:
    told = against_snapshot(
        snapshot(("ETHUSDT", "9"), ("ADAUSDT", "1"), unreadable=("XRPUSDT",)),
        shown(position("9.5"), position("0", symbol="ADAUSDT"), position("7", symbol="XRPUSDT")),
        ALL,
    )

    assert told.about == "taken 350 ms before this reading: 2 open, 1 rows unreadable"
    assert differences(told) == [
        ("ETHUSDT", "9", "9.5", "it changed in the 350 ms between the two readings"),
        ("ADAUSDT", "1", "0", "it changed in the 350 ms between the two readings"),
        ("XRPUSDT", "None", "7", "the oracle could not read this row"),
    ]


def cache(value: str, *rows: Position) -> list[tuple[str, str, str, str]]:
    entry = understood("p:ETHUSDT", "ETHUSDT", parsed(value.encode()))
    return differences(against_cache("p:", 3, [entry], shown(*rows)))


@pytest.mark.parametrize(
    ("value", "now", "why"),
    [
        ("9.1", "0", "the exchange shows none: it was closed, and the cache was not told"),
        ("0", "9.1", "the exchange shows it open: the cache was not told, or was cleared"),
        ("-9.1", "9.1", "the exchange shows the other side"),
        ("9", "9.1", "the exchange shows another quantity"),
    ],
)
def test_a_cached_value_that_differs_is_explained(value: str, now: str, why: str) -> None:
    ((symbol, said, exchange, told),) = cache(value, position(now))

    assert (symbol, said, exchange) == ("ETHUSDT", value, now)
    assert told == f"{why}; how old the cached value is, it does not say"


@pytest.mark.parametrize(("ts", "age"), [("0.4", "600 ms old"), ("2", "says it is from later")])
def test_how_old_the_cached_value_is_is_told_where_it_says_so(ts: str, age: str) -> None:
    entry = replace(understood("p:ETHUSDT", "ETHUSDT", {"qty": 1}), written_at_ms=int(float(ts) * 1000))

    ((_, _, _, why),) = differences(against_cache("p:", 1, [entry], shown(position("0"))))

    assert why.endswith(age)


def test_a_cached_value_that_agrees_and_zero_written_in_any_way_are_no_difference() -> None:
    assert (
        cache('{"qty": "9.10"}', position("9.1")) == cache("0.000", position("0")) == cache("[]", position("0")) == []
    )


def test_legs_are_compared_as_legs_where_the_cache_tells_them_apart() -> None:
    legs = (position("3", side=PositionSide.LONG), position("-1", side=PositionSide.SHORT))

    assert cache('[{"qty": 3, "side": "long"}, {"qty": 1, "side": "short"}]', *legs) == []
    assert cache("2", *legs) == []
    ((_, said, net, why),) = cache('[{"qty": 2, "side": "long"}]', *legs)
    assert (said, net) == ("2", "2")
    assert why.startswith("the legs differ, only their sum is the same")


def test_what_is_not_understood_proves_nothing_and_is_told() -> None:
    ((_, said, net, why),) = cache("open", ETH)

    assert (said, net) == ("None", "9.1")
    assert why == "the cached value is not understood: not a number: 'open'"


def test_an_open_position_without_a_key_is_told_only_where_there_is_a_cache() -> None:
    rows = shown(ETH, position("1", symbol="ADAUSDT"))
    entry = understood("p:ETHUSDT", "ETHUSDT", parsed(b"9.1"))

    assert differences(against_cache("p:", 2, [entry], rows)) == [
        ("ADAUSDT", "None", "1", "open at the exchange, and the cache has no key for it")
    ]
    assert against_cache("p:", 2, [], rows) == Compared(source="cache", about="no key p:<symbol> for any of 2 symbols")
