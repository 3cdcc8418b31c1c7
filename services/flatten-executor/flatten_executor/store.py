"""The executor's journal in Redis: who works on a run, what was intended, what became of it, how it ended."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts import codec
from contracts.arming import FlattenRequested, request_id_of
from contracts.base import Event
from contracts.chain import chained
from contracts.flattening import FlattenCompleted, RunFinished
from contracts.streams import ACTIVE_TTL_S, EXECUTOR_GROUP, Keys
from contracts.vocabulary import Word
from flatten_executor.aborts import Aborts
from flatten_executor.core.ledger import Ledger
from flatten_executor.core.orders import OrderRecord
from flatten_executor.lease import LEDGER_FIELD, ORDER_FIELD, STOPPED_FIELD, LeaseLost, LeaseTimes, RunLease
from flatten_executor.observe import Observer
from runtime.clock import Clock
from runtime.redis_client import is_transient, raw
from runtime.scripts import Script
from runtime.streams import entry_fields

SOURCE = "/flatguard/flatten-executor"
FINISH_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)
_BEGIN, _RELEASE = (Script.from_package("flatten_executor.scripts", f"{name}.lua") for name in ("begin", "release"))
_RECORD, _FINISH = (Script.audited("flatten_executor.scripts", f"{name}.lua") for name in ("record", "finish"))


class Begun(Word):
    """How a run began."""

    NEW = "new"
    RESUMED = "resumed"
    BUSY = "busy"
    FINISHED = "finished"


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of the begin script."""

    begun: Begun
    fence: int
    redis_now_ms: int
    lease_left_ms: int
    fired_request_id: str | None
    """What the governor's record says that the arm fired."""
    active_request_id: str | None


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """The newest entry of the completed stream."""

    entry_id: str
    completed: FlattenCompleted | None = None
    traceparent: str | None = None
    """The run's trace, as the entry carries it."""
    problem: str = ""
    """Why it cannot be read."""


class _Fired(msgspec.Struct, frozen=True):
    """The part of the governor's record of an arm that the executor looks at."""

    outcome: str
    request_id: str | None = None


class Store:
    """Every read and write of the executor in Redis."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        *,
        owner: str,
        holder: str = "",
        account: str,
        clock: Clock,
        times: LeaseTimes | None = None,
    ) -> None:
        self.times = times or LeaseTimes()
        self._clock = clock
        self._redis = redis
        self._keys = keys
        self._owner = owner
        self._holder = holder or owner
        """Which process of that name: what it writes under its fence holds while it is the last that began."""
        self._account = account
        self._told = 0
        self._audit = (keys.of(RunFinished), keys.audit_head)

    def request_id(self, arm_id: str) -> str:
        """The only request that an arm may become here."""
        return request_id_of(self._keys.namespace, arm_id)

    async def begin(self, request: FlattenRequested) -> tuple[Beginning, RunLease]:
        """Take the run's lease under a new fence, or learn why not. Raises RedisError."""
        asked_s = self._clock.monotonic_s()
        status, fence, now_ms, lease_left_ms, fired, active = await _BEGIN.run(
            self._redis,
            keys=(self._keys.run(request.request_id), self._keys.fired, self._keys.active),
            args=(
                self._owner,
                self.times.lease_ms,
                self.times.restart_ms,
                request.arm.arm_id,
                request.request_id,
                ACTIVE_TTL_S,
                self._holder,
            ),
        )
        beginning = Beginning(
            begun=Begun(status.decode()),
            fence=int(fence),
            redis_now_ms=int(now_ms),
            lease_left_ms=int(lease_left_ms),
            fired_request_id=_fired_request(fired),
            active_request_id=active.decode() or None,
        )
        lease = RunLease(self, request.request_id, beginning.fence, times=self.times, clock=self._clock)
        if beginning.begun in (Begun.NEW, Begun.RESUMED):
            lease.confirmed(asked_s)
        if beginning.begun is Begun.RESUMED:
            await self._load(lease)
        return beginning, lease

    def aborts(self, request: FlattenRequested, observer: Observer) -> Aborts:
        """What operators say about stopping this run."""
        return Aborts(self._redis, self._keys, request, observer)

    async def _load(self, lease: RunLease) -> None:
        flat: list[bytes] = await raw(self._redis, "HGETALL", self._keys.run(lease.request_id))
        journal = dict(zip(flat[::2], flat[1::2], strict=True))
        lease.records = tuple(
            msgspec.json.decode(value, type=OrderRecord)
            for field, value in journal.items()
            if field.startswith(ORDER_FIELD.encode())
        )
        lease.stopped = journal.get(STOPPED_FIELD.encode(), b"").decode()
        if LEDGER_FIELD.encode() in journal:
            lease.ledger = msgspec.json.decode(journal[LEDGER_FIELD.encode()], type=Ledger)

    async def write(self, lease: RunLease, fields: Mapping[str, str], events: Sequence[Event]) -> bool:
        """Write under the lease's fence; returns whether the fence still holds. Raises RedisError."""
        args: list[Any] = [lease.fence, self._holder, self.times.lease_ms, lease.request_id, ACTIVE_TTL_S, len(fields)]
        for field, value in fields.items():
            args += (field, value)
        for event in events:
            self._told += 1
            args += chained(self._entry(event, lease.request_id, lease.fence, self._told))
        holds, _ = await _RECORD.run(
            self._redis,
            keys=(self._keys.run(lease.request_id), self._keys.active, *self._audit),
            args=args,
        )
        return bool(holds)

    async def finish(self, entry_id: str, lease: RunLease, completed: FlattenCompleted) -> FlattenCompleted:
        """Publish the verdict and acknowledge the request, in one script (I11). Raises LeaseLost, RedisError.

        Returns the verdict as it was published: the script puts the head of the audit chain into it. The script does
        nothing when this fence has finished the run already: so when its answer is lost it is asked again,
        `FINISH_PAUSES_S` long.
        """
        finished = RunFinished(
            request_id=completed.request_id,
            fence=lease.fence,
            verdict=completed.verdict,
            counts=completed.counts,
            residual_notional_usd=completed.residual_notional_usd,
            finished_at_ms=completed.timings.finished_at_ms,
        )
        *envelope, _, data = self._entry(completed, completed.request_id, "completed")
        keys = (
            self._keys.run(completed.request_id),
            self._keys.of(FlattenCompleted),
            self._keys.active,
            self._keys.of(FlattenRequested),
            *self._audit,
        )
        args: tuple[str | int, ...] = (
            lease.fence,
            self._holder,
            completed.request_id,
            EXECUTOR_GROUP,
            entry_id,
            *codec.around(data, "audit_head"),
            len(envelope),
            *envelope,
            *chained(self._entry(finished, completed.request_id, "finished")),
        )
        finished_here, head = await self._run_finish(keys, args)
        if not finished_here:
            raise LeaseLost(f"{completed.request_id}: another executor passed fence {lease.fence} before the verdict")
        return replace(completed, audit_head=head.decode())

    async def _run_finish(self, keys: Sequence[str], args: Sequence[str | int]) -> list[Any]:
        """The script's answer: whether this fence finished the run, and the head of the audit chain then."""
        for pause_s in FINISH_PAUSES_S:
            try:
                answer: list[Any] = await _FINISH.run(self._redis, keys, args)
            except RedisError as error:
                if not is_transient(error):
                    raise
            else:
                return answer
            await self._clock.sleep(pause_s)
        last: list[Any] = await _FINISH.run(self._redis, keys, args)
        return last

    async def release(self, lease: RunLease) -> None:
        """Give the lease back without a verdict. Raises RedisError."""
        await _RELEASE.run(self._redis, keys=(self._keys.run(lease.request_id),), args=(lease.fence, self._holder))

    async def acknowledge(self, entry_id: str) -> None:
        """Acknowledge a repeat of a request whose verdict is on record (I16). Raises RedisError."""
        await raw(self._redis, "XACK", self._keys.of(FlattenRequested), EXECUTOR_GROUP, entry_id)

    async def last_completed(self) -> Recalled | None:
        """The newest entry of the completed stream, for gauges that outlive a restart. Raises RedisError."""
        rows = await raw(self._redis, "XREVRANGE", self._keys.of(FlattenCompleted), "+", "-", "COUNT", 1)
        for entry_id, fields in rows:
            try:
                found = codec.decode(dict(zip(fields[::2], fields[1::2], strict=True)))
            except codec.UndecodableEntry as error:
                return Recalled(entry_id=entry_id.decode(), problem=str(error))
            event, traceparent = found.event, found.envelope.traceparent
            if isinstance(event, FlattenCompleted):
                return Recalled(entry_id=entry_id.decode(), completed=event, traceparent=traceparent)
            return Recalled(entry_id=entry_id.decode(), problem=f"{event.event_type()} does not belong there")
        return None

    def _entry(self, event: Event, *identity: object) -> list[str]:
        """The entry's fields. Its id names the fact, so that a fact told twice is recognised (I16)."""
        event_id = ":".join(map(str, identity))
        return entry_fields(
            event, source=SOURCE, subject=self._account, event_id=event_id, time_ms=self._clock.now_ms()
        )


def _fired_request(record: bytes) -> str | None:
    """The request that the governor's record names; nothing when there is none or it cannot be read."""
    try:
        fired = msgspec.json.decode(record, type=_Fired)
    except msgspec.DecodeError:
        return None
    return fired.request_id if fired.outcome == "fired" else None
