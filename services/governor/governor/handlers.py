"""What the governor does with what operators ask for: read, decide, write, tell."""

from collections.abc import Callable

from authority.operators_file import OperatorsFile
from contracts.arming import ArmRequested, DisarmRequested
from governor.core import decided
from governor.core.case import ArmCase, LatchSeen, Standing, StoreSeen
from governor.core.decided import Exposure
from governor.core.policy import judge, lacking
from governor.core.record import ArmRecord, read_record
from governor.observe import Observer
from governor.store import AlreadyHandled, ArmStore, Changed, Written
from runtime.errors import RetryableError
from runtime.latch import Latch
from runtime.streams import Entry

LOOKS_MAX = 5
"""How often a decision that was overtaken is made anew before the entry is put off."""


class ArmHandlers:
    """Handles the entries of the arm stream. Redis away: RetryableError, and the entry stays pending."""

    def __init__(
        self,
        *,
        store: ArmStore,
        latch: Latch,
        operators: OperatorsFile,
        standing: Standing,
        exposure: Callable[[], Exposure],
        observer: Observer,
    ) -> None:
        self._store = store
        self._latch = latch
        self._operators = operators
        self._standing = standing
        self._exposure = exposure
        self._observer = observer

    async def on_arm_requested(self, entry: Entry[ArmRequested]) -> None:
        """Judge one arm by every gate; fire at most one request for it, ever (I1)."""
        for _ in range(LOOKS_MAX):
            seen = await self._store.look(entry.event.arm_id)
            record = _record(seen)
            if record is not None and record.judged:
                return await self._on_repeat(entry, record, seen)
            if await self._decide(entry, seen):
                return None
        raise RetryableError(f"arm {entry.event.arm_id} was overtaken {LOOKS_MAX} times while it was judged")

    async def on_disarm_requested(self, entry: Entry[DisarmRequested]) -> None:
        """Take an arm back. An arm that was decided before stays decided, and the record says so."""
        disarm = entry.event
        for _ in range(LOOKS_MAX):
            seen = await self._store.look(disarm.arm_id)
            event = decided.disarmed(disarm, _record(seen), seen.now_ms)
            outcome = await self._store.disarm(entry.id, disarm, event, seen.fired)
            if not isinstance(outcome, Changed):
                return self._observer.disarmed(event)
        raise RetryableError(f"arm {disarm.arm_id} was overtaken {LOOKS_MAX} times while it was disarmed")

    async def _decide(self, entry: Entry[ArmRequested], seen: StoreSeen) -> bool:
        """Judge, and write what was decided. False when Redis moved on meanwhile: nothing was written."""
        state = await self._latch.read()
        latch = LatchSeen(is_set=state.is_set, readable=state.readable, detail=state.detail)
        operators = await self._operators.look()  # anew for each arm: a revocation works at once
        case = ArmCase(arm=entry.event, standing=self._standing, latch=latch, operators=operators, store=seen)
        exposure = self._exposure()
        with self._observer.judging(exposure):
            decision = judge(case)
            judgement = lacking(case, decision)
        request_id = self._store.request_id(case.arm.arm_id)
        if decision.passed:
            request = decided.requested(case, decision, request_id, exposure)
            accepted = decided.accepted(case, decision, request_id)
            with self._observer.firing(request):
                outcome = await self._store.fire(entry.id, request, accepted, cooldown_ms=self._standing.cooldown_ms)
        elif judgement is not None:
            awaiting = decided.awaiting(case, judgement)
            waiting = await self._store.wait(entry.id, case.arm.account, awaiting, seen.fired)
            if isinstance(waiting, Written):
                self._observer.awaiting(awaiting)
            return not isinstance(waiting, Changed)
        else:
            outcome = await self._store.refuse(entry.id, case.arm.account, decided.refused(case, decision), seen.fired)
        if isinstance(outcome, Changed):
            self._observer.overtaken(case.arm, outcome.what)
            return False
        self._observer.judged(case.arm, decision, request_id)
        return True

    async def _on_repeat(self, entry: Entry[ArmRequested], record: ArmRecord, seen: StoreSeen) -> None:
        """An arm works once. The entry that was decided is only acknowledged; any other one is put on record."""
        if record.entry_id == entry.id:
            await self._store.acknowledge(entry.id)
            return self._observer.redelivered(entry.event, record)
        event = decided.repeated(entry.event, record, seen.now_ms)
        outcome = await self._store.repeat(entry.id, entry.event.account, event)
        return None if isinstance(outcome, AlreadyHandled) else self._observer.repeated(event)


def _record(seen: StoreSeen) -> ArmRecord | None:
    return None if seen.fired.value is None else read_record(seen.fired.value)
