"""What the executor rehearses: every script once, with a made-up run."""

from decimal import Decimal
from functools import partial

from redis.asyncio import Redis

from contracts.arming import ArmRequested, FlattenRequested, Scope
from contracts.flattening import Counts, FlattenCompleted, RunFinished, RunStarted, RunVerdict, Timings
from contracts.streams import EXECUTOR_GROUP, Keys
from contracts.vocabulary import Environment
from flatten_executor.lease import LeaseLost
from flatten_executor.store import Begun, Store
from runtime.app import software_version
from runtime.clock import Clock
from runtime.redis_client import raw
from runtime.rehearsal import Piece

_WHO = "rehearsal"


def _touched(keys: Keys) -> list[str]:
    streams = [keys.of(event) for event in (FlattenRequested, FlattenCompleted, RunFinished)]
    return [keys.fired, keys.active, keys.audit_head, keys.run(_WHO), *streams]


async def _play(redis: Redis, keys: Keys, *, clock: Clock) -> str:
    """Begin, record, give back, begin again and finish a made-up run."""
    store = Store(redis, keys, owner=_WHO, account=_WHO, clock=clock)
    now_ms = clock.now_ms()
    request = _request(now_ms)
    entry_id = await _pending_entry(redis, keys)
    _, lease = await store.begin(request)
    if not await store.write(lease, {"rehearsed": "1"}, [_started(now_ms, lease.fence)]):
        return "record.lua did not write"
    await store.release(lease)
    beginning, lease = await store.begin(request)
    if beginning.begun is not Begun.RESUMED:
        return f"release.lua or begin.lua: a run that was given back is {beginning.begun}"
    try:
        await store.finish(entry_id, lease, _completed(request, now_ms))
    except LeaseLost as error:
        return f"finish.lua did not write: {error}"
    beginning, _ = await store.begin(request)
    return "" if beginning.begun is Begun.FINISHED else f"finish.lua left the run {beginning.begun}"


def piece(clock: Clock) -> Piece:
    """The executor's piece; the clock times its leases."""
    return Piece(play=partial(_play, clock=clock), touched=_touched)


async def _pending_entry(redis: Redis, keys: Keys) -> str:
    stream = keys.of(FlattenRequested)
    await raw(redis, "XGROUP", "CREATE", stream, EXECUTOR_GROUP, "0", "MKSTREAM")
    await raw(redis, "XADD", stream, "*", _WHO, "1")
    reply = await raw(redis, "XREADGROUP", "GROUP", EXECUTOR_GROUP, _WHO, "COUNT", 1, "STREAMS", stream, ">")
    entry_id: bytes = reply[0][1][0][0]
    return entry_id.decode()


def _request(now_ms: int) -> FlattenRequested:
    arm = ArmRequested(
        arm_id=_WHO,
        operator=_WHO,
        reason=_WHO,
        environment=Environment.SIM,
        account=_WHO,
        scope=Scope(),
        issued_at_ms=now_ms,
        expires_at_ms=now_ms,
    )
    return FlattenRequested(
        request_id=_WHO, arm=arm, gates=(), breaches=(), snapshot_id=None, snapshot_age_ms=None, requested_at_ms=now_ms
    )


def _started(now_ms: int, fence: int) -> RunStarted:
    return RunStarted(
        request_id=_WHO,
        executor=_WHO,
        fence=fence,
        resumed=False,
        software_version=software_version(),
        started_at_ms=now_ms,
    )


def _completed(request: FlattenRequested, now_ms: int) -> FlattenCompleted:
    return FlattenCompleted(
        request_id=_WHO,
        arm_id=_WHO,
        account=_WHO,
        environment=request.arm.environment,
        verdict=RunVerdict.ABORTED,
        abort_reason=_WHO,
        counts=Counts(),
        outcomes=(),
        residual=(),
        residual_notional_usd=Decimal(0),
        rounds=0,
        timings=Timings(armed_at_ms=now_ms, requested_at_ms=now_ms, started_at_ms=now_ms, finished_at_ms=now_ms),
        software_version=software_version(),
    )
