"""The last run as gauges."""

from decimal import Decimal

from msgspec.structs import replace

from contracts.flattening import FlattenCompleted, PositionFate, PositionOutcome, RunVerdict
from contracts.vocabulary import PositionSide
from flatten_executor.last_run import LastRun
from runtime.metrics import Metrics
from support import run_events


def outcome(symbol: str = "ETHUSDT", **changes: object) -> PositionOutcome:
    closed = PositionOutcome(
        symbol=symbol,
        position_side=PositionSide.BOTH,
        quantity_before=Decimal("9.1"),
        quantity_after=Decimal(0),
        mark_price=Decimal(3446),
        notional_usd=Decimal(31361),
        fate=PositionFate.CLOSED,
    )
    return replace(closed, **changes)


def a_run(*outcomes: PositionOutcome, verdict: RunVerdict = RunVerdict.FLAT) -> FlattenCompleted:
    return replace(run_events.completed(verdict), outcomes=outcomes)


def test_a_run_is_shown_with_its_positions_and_the_way_to_its_trace() -> None:
    metrics = Metrics()
    value, eth = metrics.registry.get_sample_value, {"symbol": "ETHUSDT", "position_side": "both"}

    LastRun(metrics).show(a_run(outcome()), "abc")

    assert value("flatten_last_run_info", {"request_id": "req-1", "trace_id": "abc", "verdict": "flat"}) == 1
    assert value("flatten_last_position_usd", eth) == 31361
    assert value("flatten_last_position_quantity", {**eth, "when": "before"}) == 9.1
    assert value("flatten_last_position_quantity", {**eth, "when": "after"}) == 0
    assert value("flatten_last_position_fate", {**eth, "fate": "closed"}) == 1


def test_what_is_not_known_is_not_shown_as_nothing() -> None:
    metrics = Metrics()
    value, eth = metrics.registry.get_sample_value, {"symbol": "ETHUSDT", "position_side": "both"}

    LastRun(metrics).show(a_run(outcome(quantity_after=None, notional_usd=None, fate=PositionFate.OPEN)), "")

    assert value("flatten_last_position_usd", eth) is None
    assert value("flatten_last_position_quantity", {**eth, "when": "after"}) is None
    assert value("flatten_last_position_fate", {**eth, "fate": "open"}) == 1


def test_only_the_last_run_is_there_and_each_position_once() -> None:
    metrics = Metrics()
    last, value = LastRun(metrics), metrics.registry.get_sample_value

    last.show(a_run(outcome("OLDUSDT")), "abc")
    last.show(a_run(outcome(), outcome(), verdict=RunVerdict.NOT_FLAT), "def")

    assert value("flatten_last_position_usd", {"symbol": "OLDUSDT", "position_side": "both"}) is None
    assert value("flatten_last_run_info", {"request_id": "req-1", "trace_id": "abc", "verdict": "flat"}) is None
    families = [family for family in metrics.registry.collect() if family.name == "flatten_last_position_fate"]
    assert [len(family.samples) for family in families] == [1]


def test_the_parts_of_a_run_add_up_and_one_that_was_not_reached_is_absent() -> None:
    metrics = Metrics()
    run, value = a_run(), metrics.registry.get_sample_value
    parts = ("judging", "starting", "reading", "closing", "verifying", "telling")

    LastRun(metrics).show(run, "")

    shown = {part: value("flatten_last_seconds", {"part": part}) for part in (*parts, "whole")}
    assert shown == {
        "judging": 0.005,
        "starting": 0.01,
        "reading": 0.02,
        "closing": 0.01,
        "verifying": 0.36,
        "telling": 0.01,
        "whole": 0.41,
    }

    unsent = replace(run, timings=replace(run.timings, first_order_at_ms=None, last_order_at_ms=None))
    fresh = Metrics()
    LastRun(fresh).show(unsent, "")
    assert fresh.registry.get_sample_value("flatten_last_seconds", {"part": "closing"}) is None
    assert fresh.registry.get_sample_value("flatten_last_seconds", {"part": "whole"}) == 0.41
