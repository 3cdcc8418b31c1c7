"""The order log is enough to hold the invariants against, and the checks on it see what is wrong."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest

from exchange_sim.core import state
from exchange_sim.core.errors import VenueError
from exchange_sim.core.venue import Venue
from support.invariants import assert_client_ids_never_reused, assert_orders_only_reduced
from support.sim_builders import holding, market_order, send, venue


def log_of(target: Venue) -> list[dict[str, Any]]:
    log: list[dict[str, Any]] = msgspec.to_builtins(state.order_log(target))
    return log


def log_after(*orders: dict[str, str], **scenario: Any) -> list[dict[str, Any]]:
    target = venue(**scenario)
    for order in orders:
        with suppress(VenueError):
            send(target, order)
    return log_of(target)


def test_a_proper_close_passes_every_check() -> None:
    first = market_order("SELL", "4", reduceOnly="true", newClientOrderId="a")
    second = market_order("SELL", "9", reduceOnly="true", newClientOrderId="b")

    log = log_after(first, second, second, positions=holding("10"))

    assert_orders_only_reduced(log)
    assert_client_ids_never_reused(log)


def test_a_hedge_close_passes_without_reduce_only() -> None:
    order = market_order("BUY", "2", positionSide="SHORT", newClientOrderId="a")

    assert_orders_only_reduced(log_after(order, positions=holding("-2"), hedge_mode=True))


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        (market_order("SELL", "10"), "neither reduce-only"),
        (market_order("SELL", "NaN", reduceOnly="true"), "not a quantity"),
        (market_order("BUY", "1", positionSide="LONG"), "larger"),
    ],
)
def test_an_order_that_could_do_more_than_reduce_is_seen(order: dict[str, str], problem: str) -> None:
    hedged = "positionSide" in order

    with pytest.raises(AssertionError, match=problem):
        assert_orders_only_reduced(log_after(order, positions=holding("10"), hedge_mode=hedged))


def test_a_client_id_that_is_used_twice_is_seen() -> None:
    order = market_order("SELL", "1", reduceOnly="true", newClientOrderId="a")

    with pytest.raises(AssertionError, match="accepted twice"):
        assert_client_ids_never_reused(log_after(order, order, positions=holding("10")))
