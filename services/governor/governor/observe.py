"""Everything that the governor says: logs, metrics and spans, one method for each thing that happens."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from authority.operators import OperatorsSeen
from contracts.arming import (
    ArmAccepted,
    ArmAwaitingApproval,
    ArmDisarmed,
    ArmRefused,
    ArmRepeated,
    ArmRequested,
    FlattenRequested,
    Gate,
)
from contracts.base import Event
from contracts.flattening import FlattenCompleted, RunVerdict
from contracts.positions import AllocationCheck, AllocationStateChanged, AllocationVerdict, PositionSnapshot
from governor.core.allocation import blocks, log_line
from governor.core.decided import Exposure
from governor.core.gates.confirm_phrase import PHRASE
from governor.core.outlook import Outlook
from governor.core.policy import Decision
from governor.core.record import ArmRecord
from governor.gauges import AllocationGauges, OutlookGauges
from governor.settings import GovernorSettings
from runtime import tracing
from runtime.clock import Clock
from runtime.health import Check
from runtime.latch import LatchState
from runtime.metrics import Metrics

if TYPE_CHECKING:
    from prometheus_client import Counter

_log = structlog.get_logger("governor")
_STAGES = ("seen", "nonzero", "filtered", "sent", "ok")
_ORDERS = ("sent", "ok", "errors", "unknown")
_LATCH_STATES = (("set",), ("unset",), ("unreadable",))


class Observer:
    """The governor's voice: one for each process."""

    def __init__(self, metrics: Metrics, settings: GovernorSettings, clock: Clock) -> None:
        symbol = ("symbol",)
        self._checked = metrics.counter("gov_p29_checked_total", "P2.9 checks of a symbol", symbol)
        self._blocked = metrics.counter("gov_p29_block_total", "P2.9 checks that found a breach, shadow apart", symbol)
        self._missing = metrics.counter("gov_p29_missing_total", "P2.9 checks without a readable target", symbol)
        self._stale = metrics.counter("gov_p29_stale_total", "P2.9 checks whose target was too old", symbol)
        self._p29: dict[str, tuple[Counter, ...]] = {}
        """The four counters of each symbol: looking them up costs more than counting."""
        self._allocation = AllocationGauges(metrics)
        self._failing = metrics.gauge("gov_p29_failing", "1 while targets cannot be read or changes not published")
        self._forgetful = metrics.gauge(
            "gov_history_failing",
            "1 while what is on record cannot be read",
            ("stream",),
            [(FlattenCompleted.stream,), (ArmAccepted.stream,)],
        )
        self._attempts = metrics.counter("gov_testnet_flatten_attempt_total", "Arms judged by this process")
        self._noops = metrics.counter("gov_testnet_flatten_noop_total", "Arms refused by this process")
        self._orders = metrics.counter("gov_testnet_flatten_orders_total", "Flatten orders sent, from completed runs")
        self._errors = metrics.counter(
            "gov_testnet_flatten_errors_total", "Flatten orders that failed, from completed runs"
        )
        self._gate_failures = metrics.counter(
            "gov_gate_failures_total", "Gates that refused an arm", ("gate",), [(gate,) for gate in Gate]
        )
        self._repeats = metrics.counter("gov_arm_repeats_total", "Entries of arms that had been decided before")
        self._last_completed = metrics.gauge("gov_last_flatten_timestamp_seconds", "When the last run ended; 0: never")
        self._last_positions = metrics.gauge(
            "gov_last_flatten_positions",
            "The last run's positions by stage",
            ("stage",),
            [(stage,) for stage in _STAGES],
        )
        self._last_orders = metrics.gauge(
            "gov_last_flatten_orders",
            "The last run's orders by result",
            ("result",),
            [(result,) for result in _ORDERS],
        )
        self._last_verdict = metrics.gauge(
            "gov_last_flatten_verdict", "1 for the last run's verdict", ("verdict",), [(word,) for word in RunVerdict]
        )
        self._last_residual = metrics.gauge("gov_last_flatten_residual_usd", "What the last run left open, in USD")
        self._last_decision = metrics.gauge(
            "gov_last_arm_decision_timestamp_seconds",
            "When an arm was last decided so; 0: never",
            ("decision",),
            [("accepted",), ("refused",), ("disarmed",)],
        )
        enabled = metrics.gauge("gov_testnet_flatten_enabled", "1 when flag and phrase allow a flatten")
        enabled.set(settings.gov_testnet_force_flatten and settings.gov_testnet_force_flatten_confirm == PHRASE)
        metrics.gauge("gov_testnet_p29_enabled", "1 when the P2.9 check is on").set(settings.gov_testnet_enable_p29)
        self._outlook = OutlookGauges(metrics)
        self._latch = metrics.gauge("gov_ess_latch", "The ESS latch: 1 for what it is", ("state",), _LATCH_STATES)
        self._latch_word = ""
        self._clock = clock
        self._snapshot_taken_at_ms: int | None = None
        self._check_failure = ""
        self._history_failures: dict[str, str] = {}
        self._foreign = ""
        age = metrics.gauge("gov_snapshot_age_seconds", "Age of the newest position snapshot; +Inf before the first")
        age.set_function(self.snapshot_age_s)

    def snapshot_age_s(self) -> float:
        """How old the newest snapshot is; infinity when there is none, or its time is beyond all numbers."""
        if self._snapshot_taken_at_ms is None:
            return math.inf
        try:
            return max(0, self._clock.now_ms() - self._snapshot_taken_at_ms) / 1000
        except OverflowError:
            return math.inf

    def snapshot_check(self) -> Check:
        """How old the snapshot is, for information: the emergency path never waits for the oracle."""
        age_s = self.snapshot_age_s()
        return Check(ok=True, why="no snapshot so far" if math.isinf(age_s) else f"{age_s:.1f} s old")

    @contextmanager
    def judging(self, exposure: Exposure) -> Iterator[None]:
        """The gates are asked; the span links to the snapshot that was there."""
        with tracing.span("judge arm", links=tracing.link_to(exposure.traceparent)):
            yield

    @contextmanager
    def firing(self, request: FlattenRequested) -> Iterator[None]:
        """The request is being written: its entry carries this span."""
        with tracing.producer_span(request.stream, conversation_id=request.request_id):
            yield

    def judged(self, arm: ArmRequested, decision: Decision, request_id: str) -> None:
        """An arm was decided, and the decision is on record."""
        self._attempts.inc()
        if decision.passed:
            _log.warning(
                f"ARM accepted arm_id={_line(arm.arm_id)} request_id={request_id} operator={_line(arm.operator)}"
                f" reason={_line(arm.reason)}"
            )
            return
        self._noops.inc()
        for verdict in decision.failed:
            self._gate_failures.labels(verdict.gate).inc()
        reasons = " ".join(
            f"{verdict.gate}(observed={_line(verdict.observed)} required={_line(verdict.required)})"
            for verdict in decision.failed
        )
        _log.warning(f"ARM refused arm_id={_line(arm.arm_id)} failed={len(decision.failed)} {reasons}")

    def awaiting(self, event: ArmAwaitingApproval) -> None:
        """An arm passed every other gate and needs signatures of more people: it is not decided yet."""
        told = f"signed_by={','.join(event.signed_by)} needed={event.needed} not_counted={'; '.join(event.not_counted)}"
        _log.warning(f"ARM awaits approval arm_id={_line(event.arm_id)} {_line(told)}")

    def overtaken(self, arm: ArmRequested, what: str) -> None:
        """Redis moved on between look and decision; nothing was written, and the arm is judged anew."""
        _log.info(f"ARM judged anew arm_id={_line(arm.arm_id)}: {what}")

    def repeated(self, event: ArmRepeated) -> None:
        """A decided arm came again, in another entry."""
        self._repeats.inc()
        _log.warning(f"ARM repeated arm_id={_line(event.arm_id)}: {event.first_outcome} before, nothing is done")

    def redelivered(self, arm: ArmRequested, record: ArmRecord) -> None:
        """The very entry that was decided came again: a crash or a lost reply lay in between."""
        _log.info(f"ARM delivered again arm_id={_line(arm.arm_id)}: it is on record as {record.outcome}")

    def disarmed(self, event: ArmDisarmed) -> None:
        """An arm was taken back, or was decided before that."""
        late = f"too late: {event.first_outcome} before" if event.first_outcome else "it can never fire"
        _log.warning(f"ARM disarmed arm_id={_line(event.arm_id)} operator={_line(event.operator)}: {late}")

    def snapshot_taken(self, taken_at_ms: int) -> None:
        """A snapshot of our account arrived."""
        self._snapshot_taken_at_ms = taken_at_ms

    def foreign_snapshot(self, snapshot: PositionSnapshot) -> None:
        """A snapshot of another account is in our namespace: told once for each."""
        whose = f"{snapshot.environment}/{snapshot.account}"
        if whose != self._foreign:
            self._foreign = whose
            _log.error(
                f"snapshots of {_line(whose)} arrive in this namespace and are ignored: one account, one namespace"
            )

    def check_failed(self, error: Exception) -> None:
        """The P2.9 check could not be done or published; told once until it works again."""
        self._failing.set(1)
        failure = f"{type(error).__name__}: {error}"
        if failure != self._check_failure:
            self._check_failure = failure
            _log.error(f"P2.9 check not possible, arms are judged all the same: {failure}")

    def checked(self, checks: Sequence[AllocationCheck], changes: Sequence[AllocationStateChanged]) -> None:
        """One snapshot was checked; a symbol is told when its verdict changed."""
        if self._check_failure:
            self._check_failure = ""
            _log.info("P2.9 check works again")
        self._failing.set(0)
        self._allocation.show(checks)
        for check in checks:
            of_symbol = self._p29.get(check.symbol)
            if of_symbol is None:
                counters = (self._checked, self._blocked, self._missing, self._stale)
                of_symbol = self._p29[check.symbol] = tuple(counter.labels(check.symbol) for counter in counters)
            checked, blocked, missing, stale = of_symbol
            checked.inc()
            if blocks(check):
                blocked.inc()
            if check.verdict is AllocationVerdict.MISSING:
                missing.inc()
            elif check.verdict is AllocationVerdict.STALE:
                stale.inc()
        for change in changes:
            say = _log.warning if change.check.verdict is AllocationVerdict.BREACH else _log.info
            say(log_line(change.check))

    def operators_seen(self, seen: OperatorsSeen) -> None:
        """What the operators' file says now; told when it changed."""
        (_log.info if seen.operators else _log.warning)(_line(seen.told))

    def outlook(self, outlook: Outlook) -> None:
        """What the next arm would meet."""
        self._outlook.show(outlook)

    def latch_seen(self, state: LatchState) -> None:
        """The latch as it is now; told when it changed."""
        word = ("set" if state.is_set else "unset") if state.readable else "unreadable"
        for (known,) in _LATCH_STATES:
            self._latch.labels(known).set(known == word)
        if word != self._latch_word:
            say = _log.info if state.readable else _log.error
            say(f"ESS latch is {word}: {_line(state.detail)}")
            self._latch_word = word

    def history_failed(self, stream: str, error: Exception) -> None:
        """What is on record cannot be read; told once until it can."""
        self._forgetful.labels(stream).set(1)
        failure = f"{type(error).__name__}: {error}"
        if failure != self._history_failures.get(stream):
            self._history_failures[stream] = failure
            _log.error(f"stream {stream}: what is on record cannot be read, arms are judged all the same: {failure}")

    def history_works(self, stream: str) -> None:
        """What is on record was read."""
        self._forgetful.labels(stream).set(0)
        if self._history_failures.pop(stream, ""):
            _log.info(f"stream {stream}: what is on record can be read again")

    def history_absurd(self, event: Event, error: OverflowError) -> None:
        """An event on record holds a number that no gauge can show; it is passed over."""
        _log.error(f"{event.event_type()} on record holds a number beyond all reason and is not shown: {error}")

    def history(self, event: Event) -> None:
        """What the streams say about the past: gauges, so that a restart never hides a flatten."""
        match event:
            case FlattenCompleted():
                self._last_run(event)
            case ArmAccepted() | ArmRefused():
                decision = "accepted" if isinstance(event, ArmAccepted) else "refused"
                self._last_decision.labels(decision).set(event.decided_at_ms / 1000)
            case ArmDisarmed():
                self._last_decision.labels("disarmed").set(event.disarmed_at_ms / 1000)
            case _:
                pass

    def completed(self, event: FlattenCompleted) -> None:
        """A run ended while this process was there."""
        self._orders.inc(event.counts.orders_sent)
        self._errors.inc(event.counts.errors)
        residual = f"residual=${event.residual_notional_usd:.2f}"
        _log.info(f"run {event.request_id} ended verdict={event.verdict} {residual}")

    def _last_run(self, event: FlattenCompleted) -> None:
        counts = event.counts
        self._last_completed.set(event.timings.finished_at_ms / 1000)
        for stage, positions in zip(
            _STAGES, (counts.seen, counts.nonzero, counts.filtered, counts.sent, counts.ok), strict=True
        ):
            self._last_positions.labels(stage).set(positions)
        for result, orders in zip(
            _ORDERS, (counts.orders_sent, counts.orders_ok, counts.errors, counts.unknown), strict=True
        ):
            self._last_orders.labels(result).set(orders)
        for verdict in RunVerdict:
            self._last_verdict.labels(verdict).set(verdict is event.verdict)
        self._last_residual.set(float(event.residual_notional_usd))  # a gauge is a float by definition


def _line(text: str) -> str:
    """What others wrote, cut and on one line."""
    return " ".join(text[:300].split())
