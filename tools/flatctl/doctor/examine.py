"""All areas, one after the other: one that cannot be looked at takes none of the others with it."""

from collections.abc import Awaitable, Callable, Sequence

from redis.exceptions import NoPermissionError, RedisError

from contracts.vocabulary import Word
from flatctl.doctor.events import examine_events
from flatctl.doctor.finding import Finding, Grade
from flatctl.doctor.rights import examine_rights
from flatctl.doctor.server import examine_server, unreachable
from flatctl.doctor.services import examine_latch, examine_services
from flatctl.session import Session

Examination = Callable[[Session], Awaitable[list[Finding]]]


class Area(Word):
    """What can be looked at alone."""

    REDIS = "redis"
    """Version, persistence, eviction, clock."""
    USER = "user"
    """What the Redis user can do beyond its need."""
    LATCH = "latch"
    SERVICES = "services"
    """Who reads the command streams, and how far behind."""
    EVENTS = "events"
    """Types and versions in the streams."""
    EXCHANGE = "exchange"
    """Clock, key, and what the key may do."""


async def _examine_exchange(session: Session) -> list[Finding]:
    # Importing the exchange library costs more than everything else together: only who needs it pays.
    from flatctl.doctor.venue import examine_venue  # noqa: PLC0415

    return await examine_venue(session)


_EXAMINATIONS: dict[Area, Examination] = {
    Area.REDIS: examine_server,
    Area.USER: examine_rights,
    Area.LATCH: examine_latch,
    Area.SERVICES: examine_services,
    Area.EVENTS: examine_events,
    Area.EXCHANGE: _examine_exchange,
}


async def examine(session: Session, areas: Sequence[Area]) -> tuple[Finding, ...]:
    """Every finding of these areas, of all of them when none is named."""
    findings: list[Finding] = []
    for area in Area:
        if areas and area not in areas:
            continue
        with session.screen.busy(f"looking at: {area}"):
            findings += await _looked_at(session, area)
    return tuple(findings)


async def _looked_at(session: Session, area: Area) -> list[Finding]:
    try:
        return await _EXAMINATIONS[area](session)
    except NoPermissionError as error:
        observed = f"this Redis user may not look: {error}"
        do = "deploy/redis/users.acl has the rights of the user operator"
        return [Finding(check=str(area), grade=Grade.UNKNOWN, observed=observed, do=do)]
    except RedisError as error:
        if area is Area.REDIS:
            return [unreachable(session, error)]
        return [Finding(check=str(area), grade=Grade.UNKNOWN, observed=f"Redis: {error}", do="mend Redis first")]
