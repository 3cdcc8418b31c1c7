"""The executor process against the simulator: what it closes, and what it says."""

from decimal import Decimal

from contracts.flattening import FlattenCompleted, OrderIntended, OrderResolved, OrderState, RunVerdict
from support.processes import ServiceProcess
from support.requester import Requester
from support.sim import Simulator


async def test_the_incident_is_flattened_and_every_position_is_accounted_for(
    sim: Simulator, executor: ServiceProcess, governor: Requester
) -> None:
    await governor.request()
    completed = await governor.verdict()

    counts = completed.counts
    assert completed.verdict is RunVerdict.FLAT
    assert (counts.seen, counts.nonzero, counts.filtered, counts.sent, counts.ok) == (674, 44, 44, 44, 44)
    assert (counts.orders_sent, counts.orders_ok, counts.errors, counts.unknown) == (44, 44, 0, 0)
    assert completed.residual == ()
    assert await sim.positions() == {}
