"""Nothing is cancelled any more once the run was stopped or its lease has grown old."""

from decimal import Decimal
from typing import TYPE_CHECKING, cast

import pytest

from contracts.vocabulary import OrderSide
from exchange.model import RestingOrder
from flatten_executor.cancelling import cancel_and_confirm, cancel_unseen
from flatten_executor.lease import LeaseLost, RunLease
from flatten_executor.observe import Observer
from flatten_executor.permit import Permit
from runtime.metrics import Metrics
from support.leases import FRESH_S, SteppedClock, a_lease

if TYPE_CHECKING:
    from exchange.ports import OrderGateway
    from flatten_executor.aborts import Aborts
    from runtime.latch import Latch

ENTRY = RestingOrder(
    symbol="ETHUSDT",
    order_id="1",
    client_order_id="theirs",
    conditional=False,
    kind="LIMIT",
    side=OrderSide.BUY,
    quantity=Decimal(2),
    reduce_only=False,
)


class Cancelled:
    """A gateway that notes what is cancelled; then nothing is left."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bool]] = []

    async def cancel_resting(self, symbol: str, *, conditional: bool) -> None:
        self.told.append((symbol, conditional))

    async def resting_orders(self, *, in_order: bool = False) -> tuple[RestingOrder, ...]:  # noqa: ARG002 - as the port
        return ()


class Scene:
    """Cancels what it is told to, as a run does."""

    def __init__(self, *, stopped: str = "", silent_s: float = 0.0) -> None:
        self.clock = SteppedClock()
        self.gateway = Cancelled()
        self.lease: RunLease = a_lease(self.clock)
        self.lease.confirmed(self.clock.now_s - silent_s)
        self._observer = Observer(Metrics())
        latch, aborts = cast("Latch", None), cast("Aborts", None)
        self._permit = Permit(self.lease, latch, aborts, self.clock, self._observer, objections=stopped)

    async def cancel(self, *, seen: bool) -> None:
        gateway = cast("OrderGateway", self.gateway)
        if seen:
            await cancel_and_confirm(
                [ENTRY],
                gateway,
                self.lease,
                self._permit,
                clock=self.clock,
                observer=self._observer,
                deadline_s=self.clock.now_s + 60,
            )
        else:
            await cancel_unseen(["ETHUSDT"], gateway, self.lease, self._permit, self._observer)


@pytest.mark.parametrize(("seen", "told"), [(True, [False]), (False, [False, True])])
async def test_what_is_seen_is_cancelled_and_of_what_is_not_seen_both_kinds(*, seen: bool, told: list[bool]) -> None:
    scene = Scene()

    await scene.cancel(seen=seen)

    assert scene.gateway.told == [("ETHUSDT", conditional) for conditional in told]


@pytest.mark.parametrize("seen", [True, False])
async def test_a_run_that_was_stopped_cancels_nothing(*, seen: bool) -> None:
    scene = Scene(stopped="bob asked to abort")

    await scene.cancel(seen=seen)

    assert scene.gateway.told == []


@pytest.mark.parametrize("seen", [True, False])
async def test_a_lease_that_has_grown_old_cancels_nothing(*, seen: bool) -> None:
    scene = Scene(silent_s=FRESH_S)

    with pytest.raises(LeaseLost):
        await scene.cancel(seen=seen)

    assert scene.gateway.told == []
