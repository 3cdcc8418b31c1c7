"""The exact events of `tests/contract/samples/drill.*.v1.json`; see `support.event_samples`."""

from contracts.arming import Gate, GateVerdict
from contracts.drills import DrillCompleted, DrillOutcome, DrillStarted, DrillTimes
from contracts.flattening import Counts, RunVerdict, Timings
from contracts.vocabulary import Environment

_ID = "drill-20260128T033759Z-5f3a9c01"
_T0_MS = 1_769_571_479_123

DRILL_STARTED = DrillStarted(
    drill_id=_ID,
    operator="bob",
    reason="every Monday",
    environment=Environment.TESTNET,
    account="main",
    namespace=f"quantum:gov:testnet:drill:{_ID}",
    started_at_ms=_T0_MS,
    ends_before_ms=_T0_MS + 240_000,
)
DRILL_COMPLETED = DrillCompleted(
    drill_id=_ID,
    operator="bob",
    reason="every Monday",
    environment=Environment.TESTNET,
    account="main",
    scenario="incident",
    outcome=DrillOutcome.RESIDUAL,
    detail="1 position is still open: OLDUSDT",
    gates=(GateVerdict(gate=Gate.ESS_LATCH, passed=True, observed="set", required="set"),),
    request_id="req-0123456789abcdef0123",
    verdict=RunVerdict.NOT_FLAT,
    counts=Counts(
        seen=674, zero=630, nonzero=44, untradable=1, filtered=43, sent=43, ok=43, orders_sent=43, orders_ok=43
    ),
    timings=Timings(
        armed_at_ms=_T0_MS + 4_100,
        requested_at_ms=_T0_MS + 4_117,
        started_at_ms=_T0_MS + 4_120,
        first_order_at_ms=_T0_MS + 4_240,
        last_order_at_ms=_T0_MS + 4_895,
        verified_at_ms=_T0_MS + 4_930,
        finished_at_ms=_T0_MS + 5_000,
    ),
    times=DrillTimes(ready_ms=4_050, decided_ms=21, verdict_ms=905, verified_ms=180),
    verified="open",
    software_version="0.1.0",
    started_at_ms=_T0_MS,
    finished_at_ms=_T0_MS + 6_300,
)
