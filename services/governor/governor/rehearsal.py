"""What the governor rehearses: every script once, with made-up arms."""

from redis.asyncio import Redis

from contracts.arming import (
    ArmAccepted,
    ArmAwaitingApproval,
    ArmDisarmed,
    ArmRefused,
    ArmRepeated,
    ArmRequested,
    DisarmRequested,
    FlattenRequested,
    Scope,
)
from contracts.streams import GOVERNOR_GROUP, Keys
from contracts.vocabulary import Environment
from governor.core.case import Seen
from governor.store import ArmStore, Written
from runtime.redis_client import raw
from runtime.rehearsal import Piece

_WHO = "rehearsal"


def _touched(keys: Keys) -> list[str]:
    streams = [keys.of(event) for event in (ArmRequested, FlattenRequested, ArmAccepted)]
    return [keys.arm, keys.fired, keys.last_ts, keys.active, keys.audit_head, *streams]


async def _play(redis: Redis, keys: Keys) -> str:
    """Fire, repeat, refuse, keep waiting and disarm made-up arms."""
    store = ArmStore(redis, keys)
    first, second, third, fourth, fifth = await _five_pending_entries(redis, keys)
    await raw(redis, "SET", keys.arm, _WHO, "EX", 60)
    now_ms = (await store.look(_WHO)).now_ms
    request, accepted = _request(store.request_id(_WHO), now_ms)
    fired = await store.fire(first, request, accepted, cooldown_ms=0)
    repeated = await store.repeat(
        second, _WHO, ArmRepeated(arm_id=_WHO, operator=_WHO, first_outcome="fired", seen_at_ms=now_ms)
    )
    refused = await store.refuse(
        third, _WHO, ArmRefused(arm_id="refused", operator=_WHO, reason=_WHO, gates=(), decided_at_ms=now_ms), Seen()
    )
    waiting = await store.wait(
        fifth,
        _WHO,
        ArmAwaitingApproval(
            arm_id="waiting",
            operator=_WHO,
            reason=_WHO,
            signed_by=(),
            needed=2,
            expires_at_ms=now_ms,
            seen_at_ms=now_ms,
        ),
        Seen(),
    )
    disarmed = await store.disarm(
        fourth,
        DisarmRequested(
            arm_id="disarmed",
            operator=_WHO,
            reason=_WHO,
            environment=Environment.SIM,
            account=_WHO,
            issued_at_ms=now_ms,
        ),
        ArmDisarmed(arm_id="disarmed", operator=_WHO, reason=_WHO, first_outcome="", disarmed_at_ms=now_ms),
        Seen(),
    )
    outcomes = {
        "fire.lua": fired,
        "repeat.lua": repeated,
        "refuse.lua": refused,
        "await.lua": waiting,
        "disarm.lua": disarmed,
    }
    return ", ".join(f"{name} gave {outcome}" for name, outcome in outcomes.items() if not isinstance(outcome, Written))


PIECE = Piece(play=_play, touched=_touched)


async def _five_pending_entries(redis: Redis, keys: Keys) -> list[str]:
    stream = keys.of(ArmRequested)
    await raw(redis, "XGROUP", "CREATE", stream, GOVERNOR_GROUP, "0", "MKSTREAM")
    for _ in range(5):
        await raw(redis, "XADD", stream, "*", _WHO, "1")
    reply = await raw(redis, "XREADGROUP", "GROUP", GOVERNOR_GROUP, _WHO, "COUNT", 5, "STREAMS", stream, ">")
    return [row[0].decode() for row in reply[0][1]]


def _request(request_id: str, now_ms: int) -> tuple[FlattenRequested, ArmAccepted]:
    arm = ArmRequested(
        arm_id=_WHO,
        operator=_WHO,
        reason=_WHO,
        environment=Environment.SIM,
        account=_WHO,
        scope=Scope(),
        issued_at_ms=now_ms,
        expires_at_ms=now_ms + 60_000,
    )
    request = FlattenRequested(
        request_id=request_id,
        arm=arm,
        gates=(),
        breaches=(),
        snapshot_id=None,
        snapshot_age_ms=None,
        requested_at_ms=now_ms,
    )
    accepted = ArmAccepted(
        arm_id=_WHO, request_id=request_id, operator=_WHO, reason=_WHO, gates=(), decided_at_ms=now_ms
    )
    return request, accepted
