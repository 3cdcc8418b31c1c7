"""The Redis server: does it keep what it is given, and for ever? Everything from INFO, which shows no secret."""

from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from contracts.vocabulary import Environment
from flatctl.doctor.finding import Finding, Grade, skew
from flatctl.session import Session
from runtime.redis_client import raw, unix_ms

_OLDEST = {"redis": (7, 0), "valkey": (8, 0)}
_RIGHTS = "deploy/redis/users.acl has the rights of the user operator"
_START = "redis-server --appendonly yes --appendfsync always --maxmemory-policy noeviction"


async def examine_server(session: Session) -> list[Finding]:
    """Version, persistence, eviction, role and clock. Raises RedisError when Redis does not answer."""
    redis = session.redis
    clock = await _clock(session)
    try:
        info = _parse(await raw(redis, "INFO"))
    except NoPermissionError:
        observed = "this Redis user may not ask (INFO)"
        return [
            *(
                Finding(check=check, grade=Grade.UNKNOWN, observed=observed, do=_RIGHTS)
                for check in ("Redis version", "Redis persistence", "Redis eviction", "Redis role")
            ),
            clock,
        ]
    return [
        _version(info, session.settings.exchange_env),
        _persistence(info),
        await _fsync(redis),
        _eviction(info),
        _role(info),
        clock,
    ]


def _version(info: dict[str, str], environment: Environment) -> Finding:
    """Redis before 7.0 knows no selectors, so that no user can be kept to its rights."""
    kind = "valkey" if "valkey_version" in info else "redis"
    text = info.get(f"{kind}_version", "")
    fits = _numbers(text) >= _OLDEST[kind]
    older = Grade.WARNING if environment is Environment.SIM else Grade.FAILED
    return Finding(
        check="Redis version",
        grade=(Grade.OK if fits else older) if text else Grade.UNKNOWN,
        observed=f"{kind} {text or 'of an unknown version'}",
        required="Redis 7.0, or Valkey 8.0, or newer",
        do="" if fits else "older ones serve the demo and tests: their users cannot be kept to their rights",
    )


def _persistence(info: dict[str, str]) -> Finding:
    """Used-up arms, the cooldown and the journal must survive a restart (I15)."""
    if "aof_enabled" not in info:
        return Finding(check="Redis persistence", grade=Grade.UNKNOWN, observed="INFO does not say", do=_RIGHTS)
    on = info["aof_enabled"] == "1"
    writes = info.get("aof_last_write_status", "unknown")
    good = on and writes == "ok"
    return Finding(
        check="Redis persistence",
        grade=Grade.OK if good else Grade.FAILED,
        observed=f"appendonly {'yes' if on else 'no'}" + (f", last write {writes}" if on else ""),
        required="appendonly yes, and its last write ok",
        do="" if good else f"a restart would forget used-up arms, cooldown and journal; start it as {_START}",
    )


async def _fsync(redis: Redis) -> Finding:
    """INFO does not say it, and whoever may read settings may read passwords too: for most users it stays unknown."""
    required = "appendfsync always"
    try:
        reply: list[Any] = await raw(redis, "CONFIG", "GET", "appendfsync")
    except ResponseError as error:
        return Finding(
            check="Redis fsync",
            grade=Grade.UNKNOWN,
            observed=f"this Redis user may not read settings ({type(error).__name__}), and should not",
            required=required,
            do="Redis's administrator knows: redis-cli CONFIG GET appendfsync",
            decides=False,
        )
    value = reply[1].decode() if len(reply) > 1 else "unknown"
    good = value == "always"
    return Finding(
        check="Redis fsync",
        grade=Grade.OK if good else Grade.FAILED,
        observed=f"appendfsync {value}",
        required=required,
        do="" if good else f"a crash would lose what was written last, an arm's use too; start it as {_START}",
    )


def _eviction(info: dict[str, str]) -> Finding:
    policy = info.get("maxmemory_policy", "")
    good = policy == "noeviction"
    return Finding(
        check="Redis eviction",
        grade=(Grade.OK if good else Grade.FAILED) if policy else Grade.UNKNOWN,
        observed=f"maxmemory-policy {policy or 'unknown'}",
        required="maxmemory-policy noeviction",
        do="" if good else f"a full memory would drop used-up arms or the record; start it as {_START}",
    )


def _role(info: dict[str, str]) -> Finding:
    role = info.get("role", "")
    good = role == "master"
    return Finding(
        check="Redis role",
        grade=(Grade.OK if good else Grade.FAILED) if role else Grade.UNKNOWN,
        observed=role or "unknown",
        required="master: a replica takes no arm",
        do="" if good else "point REDIS_URL at the server that takes writes",
    )


async def _clock(session: Session) -> Finding:
    before_ms = session.clock.now_ms()
    redis_ms = unix_ms(await raw(session.redis, "TIME"))
    after_ms = session.clock.now_ms()
    offset_ms = redis_ms - (before_ms + after_ms) // 2
    return skew("Redis clock", offset_ms, (after_ms - before_ms + 1) // 2, "set one of the clocks right (NTP)")


def unreachable(session: Session, error: RedisError) -> Finding:
    """Redis does not answer, or not to us."""
    return Finding(
        check="Redis",
        grade=Grade.FAILED,
        observed=f"{session.settings.redis_url}: {error}",
        required="answers",
        do="start it, or set REDIS_URL; while it is away: docs/runbooks/redis-lost.md",
    )


def _parse(reply: bytes) -> dict[str, str]:
    lines = reply.decode(errors="backslashreplace").splitlines()
    return {name: value for name, colon, value in (line.partition(":") for line in lines) if colon}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
