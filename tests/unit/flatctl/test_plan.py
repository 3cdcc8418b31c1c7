"""What a plan says, what its hash covers, and a file that is taken only untouched."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from contracts.arming import Scope
from contracts.vocabulary import Environment, OrderSide
from exchange.model import InstrumentStatus, Position
from flatctl.exits import CommandFailed
from flatctl.plan import Plan, hash_of, identity
from flatctl.plan_file import load_plan, save_plan
from flatctl.settings import FlatctlSettings
from support.accounts import a_plan, a_resting_order, an_account
from support.exchange_builders import instrument, position, unreadable_row

ETH, BTC = position("9.1", mark="3446"), position("-0.002", symbol="BTCUSDT", mark="90000")


def with_pnl(row: Position, pnl: str) -> Position:
    return replace(row, unrealised_pnl=Decimal(pnl))


def test_what_would_be_closed_is_told_with_side_quantity_orders_worth_and_profit() -> None:
    plan = a_plan(an_account(with_pnl(ETH, "-12.5"), BTC))

    eth, btc = plan.to_close
    assert (eth.symbol, eth.order_side, eth.closing_quantity, eth.orders) == (
        "ETHUSDT",
        OrderSide.SELL,
        Decimal("9.1"),
        1,
    )
    assert (eth.notional_usd, eth.unrealised_pnl) == (Decimal("31358.6"), Decimal("-12.5"))
    assert (btc.order_side, btc.unrealised_pnl) == (OrderSide.BUY, None)
    assert plan.notional_usd == Decimal("31538.6")
    assert (plan.leaves_open, plan.doubts) == (False, ())


def test_dust_stays_and_leaves_nothing_open_that_counts() -> None:
    plan = a_plan(an_account(position("0.5", mark="1")))

    (left,) = plan.left_open
    assert (left.symbol, left.negligible, plan.leaves_open, plan.counts.dust) == ("ETHUSDT", True, False, 1)


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (instrument(step="10", smallest="10"), "below step 10 or minimum 10"),
        (instrument(status=InstrumentStatus.SETTLING), "status SETTLING"),
    ],
)
def test_what_no_order_can_close_stays_open_with_the_reason_i17(rules: Any, why: str) -> None:
    plan = a_plan(an_account(ETH, listed=[rules]))

    assert [left.why for left in plan.left_open] == [why]
    assert plan.leaves_open


def test_beyond_the_limit_everything_would_stay_open_i17() -> None:
    plan = a_plan(an_account(ETH, BTC), settings=FlatctlSettings(max_flatten_symbols=1))

    assert plan.would_abort == "2 positions to close are more than MAX_FLATTEN_SYMBOLS=1"
    assert {left.symbol for left in plan.left_open} == {"ETHUSDT", "BTCUSDT"}
    assert (plan.to_close, plan.leaves_open) == ((), True)


def test_what_a_run_cannot_send_in_its_time_would_stay_open_i17() -> None:
    rules = instrument(step="1", smallest="1", largest="1")
    account = an_account(position("400"), listed=[rules])

    quick = a_plan(account, settings=FlatctlSettings(flatten_run_max_seconds=120))
    slow = a_plan(account, settings=FlatctlSettings(flatten_run_max_seconds=5))

    assert quick.estimate.pace.held_back_ms == 10_500
    assert (quick.leaves_open, slow.leaves_open) == (False, True)


def test_the_estimate_counts_answers_in_a_row_and_what_the_limits_hold_back() -> None:
    alone = a_plan(an_account(ETH)).estimate
    waiting = a_plan(an_account(ETH, resting=(a_resting_order(),))).estimate
    nothing = a_plan(an_account(position("0"))).estimate

    assert [told.answers for told in (alone, waiting, nothing)] == [5, 8, 4]
    assert [told.total_ms for told in (alone, waiting, nothing)] == [25, 40, 20]


def test_rows_that_are_missing_or_unreadable_are_doubts_i14() -> None:
    plan = a_plan(an_account(ETH, listed=[instrument(), instrument("BTCUSDT")], unreadable=(unreadable_row(),)))

    assert [row.symbol for row in plan.unread] == ["NANUSDT", "BTCUSDT"]
    assert plan.doubts == ("2 rows could not be read or are missing, each may hide an open position",)


def test_waiting_orders_that_cannot_be_read_are_a_doubt() -> None:
    plan = a_plan(an_account(ETH, resting_trouble="no answer"))

    assert plan.doubts == ("which orders wait could not be read: no answer",)


def test_only_waiting_orders_inside_the_scope_would_be_cancelled() -> None:
    account = an_account(ETH, BTC, resting=(a_resting_order(), a_resting_order("BTCUSDT", "18")))

    plan = a_plan(account, scope=Scope(symbols=("BTCUSDT",)))

    assert [order.order_id for order in plan.resting] == ["18"]
    assert plan.out_of_scope == ("ETHUSDT",)


def test_prices_profit_and_time_do_not_change_the_hash() -> None:
    then = an_account(ETH, BTC)
    now = an_account(with_pnl(replace(BTC, mark_price=Decimal(89_000)), "3"), replace(ETH, mark_price=Decimal(3_500)))
    later = replace(now, reading=replace(now.reading, started_at_ms=9_999, read_ms=77), read_ms=99)

    assert a_plan(then).plan_hash == a_plan(later).plan_hash


def test_how_a_number_is_written_does_not_change_the_hash() -> None:
    assert a_plan(an_account(position("9.100"))).plan_hash == a_plan(an_account(position("9.1"))).plan_hash


@pytest.mark.parametrize(
    "other",
    [
        a_plan(an_account(position("9.2", mark="3446"), BTC)),
        a_plan(an_account(position("-9.1", mark="3446"), BTC)),
        a_plan(an_account(ETH)),
        a_plan(an_account(ETH, BTC, resting=(a_resting_order(),))),
        a_plan(an_account(ETH, BTC, unreadable=(unreadable_row(),))),
        a_plan(an_account(ETH, BTC, resting_trouble="no answer")),
        a_plan(an_account(ETH, BTC, listed=[instrument(largest="5"), instrument("BTCUSDT")])),
        a_plan(an_account(ETH, BTC), scope=Scope(symbols=("BTCUSDT", "ETHUSDT"))),
        *(
            a_plan(an_account(ETH, BTC), settings=settings)
            for settings in (
                FlatctlSettings(account="other"),
                FlatctlSettings(exchange_env=Environment.DEMO),
                FlatctlSettings(flatten_namespace="other"),
                FlatctlSettings(max_flatten_symbols=3),
                FlatctlSettings(min_flatten_notional_usd=Decimal(2)),
                FlatctlSettings(flatten_qty_epsilon=Decimal("1e-9")),
                FlatctlSettings(flatten_max_rounds=4),
                FlatctlSettings(flatten_run_max_seconds=60),
            )
        ),
    ],
    ids=lambda plan: plan.plan_hash[:8],
)
def test_whatever_would_be_done_otherwise_changes_the_hash(other: Plan) -> None:
    assert other.plan_hash != a_plan(an_account(ETH, BTC)).plan_hash


def test_the_hash_is_the_one_that_anybody_can_work_out() -> None:
    plan = a_plan(an_account(ETH))
    text = (
        '{"account":"main","cancel":[],"close":[["ETHUSDT","both","9.1","sell","9.1",1]],"environment":"sim",'
        '"format":"flatguard.plan.v1","left_open":[],"limits":{"FLATTEN_MAX_ROUNDS":3,"FLATTEN_QTY_EPSILON":"0.00000001",'
        '"FLATTEN_RUN_MAX_SECONDS":120,"MAX_FLATTEN_SYMBOLS":200,"MIN_FLATTEN_NOTIONAL_USD":"1"},'
        '"namespace":"quantum:gov:testnet","out_of_scope":[],"position_mode":"one_way","scope":[],"troubles":0,'
        '"unread":[],"would_abort":false}'
    )

    assert identity(plan).decode() == text
    assert plan.plan_hash == hash_of(plan)
    assert len(plan.plan_hash) == 64


def test_a_saved_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    plan = a_plan(an_account(with_pnl(ETH, "1.5"), BTC, resting=(a_resting_order(),)))
    save_plan(tmp_path / "plan.json", plan)

    assert load_plan(tmp_path / "plan.json") == plan


def edited(path: Path, **changed: Any) -> Path:
    """The saved plan, with something in it changed."""
    save_plan(path, a_plan(an_account(ETH, BTC)))
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    return path


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"account": "other"}, "changed after it was made"),
        ({"to_close": []}, "changed after it was made"),
        ({"plan_hash": "0" * 64}, "changed after it was made"),
        ({"format": "flatguard.plan.v9"}, "its format is 'flatguard.plan.v9', not flatguard.plan.v1"),
        ({"format": 7}, "not a plan"),
        ({"counts": {"seen": 5}}, "not a plan"),
        ({"notional_usd": "a lot"}, "not a plan"),
        ({"environment": "moon"}, "not a plan"),
    ],
    ids=str,
)
def test_a_plan_that_was_changed_is_refused_in_one_line(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    path = edited(tmp_path / "plan.json", **changed)

    with pytest.raises(CommandFailed) as caught:
        load_plan(path)

    assert says in str(caught.value)
    assert str(caught.value).startswith(f"plan {path}: ")
    assert "\n" not in str(caught.value)


def test_a_number_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    save_plan(path, a_plan(an_account(ETH)))
    path.write_text(path.read_text().replace('"quantity":"9.1"', '"quantity":"1e999999999"'))

    with pytest.raises(CommandFailed, match="not a plan"):
        load_plan(path)


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '"flatguard.plan.v1"', "{}", "\x00" * 9, '{"a":' * 100_000])
def test_a_file_that_is_no_plan_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)

    with pytest.raises(CommandFailed) as caught:
        load_plan(path)

    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_and_one_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"^plan .*nowhere.json: cannot be read: No such file or directory$"):
        load_plan(tmp_path / "nowhere.json")
    with pytest.raises(CommandFailed, match=r"^--save .*: cannot be written: No such file or directory$"):
        save_plan(tmp_path / "no" / "plan.json", a_plan(an_account(ETH)))
