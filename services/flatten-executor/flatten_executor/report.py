"""What a run says at its end: the event that everybody else believes."""

from collections.abc import Iterable, Sequence

from closing.waiting import left_waiting
from contracts.arming import FlattenRequested
from contracts.flattening import FlattenCompleted, Timings
from exchange.model import RestingOrder
from flatten_executor.core.orders import OrderRecord
from flatten_executor.core.outcome import Settled
from runtime.app import software_version


def report(  # noqa: PLR0913 - an event has that many origins, most by name
    request: FlattenRequested,
    settled: Settled,
    records: Sequence[OrderRecord],
    resting: Iterable[RestingOrder],
    *,
    abort_reason: str,
    rounds: int,
    started_at_ms: int,
    verified_at_ms: int | None,
    finished_at_ms: int,
    notes: Iterable[str],
) -> FlattenCompleted:
    """The verdict of `request`. Times in Unix milliseconds; `verified_at_ms` only where the last reading stands."""
    arm = request.arm
    reached = [record for record in records if record.reached_wire]
    return FlattenCompleted(
        request_id=request.request_id,
        arm_id=arm.arm_id,
        account=arm.account,
        environment=arm.environment,
        verdict=settled.verdict,
        abort_reason=abort_reason,
        counts=settled.counts,
        outcomes=settled.outcomes,
        residual=settled.residual,
        residual_notional_usd=settled.residual_notional_usd,
        residual_unpriced=settled.residual_unpriced,
        resting_left=tuple(map(left_waiting, resting)),
        rounds=rounds,
        timings=Timings(
            armed_at_ms=arm.issued_at_ms,
            requested_at_ms=request.requested_at_ms,
            started_at_ms=started_at_ms,
            first_order_at_ms=min((record.intended_at_ms for record in reached), default=None),
            last_order_at_ms=max((record.ended_at_ms or record.intended_at_ms for record in reached), default=None),
            verified_at_ms=verified_at_ms,
            finished_at_ms=finished_at_ms,
        ),
        software_version=software_version(),
        notes=tuple(notes),
    )
