"""The arm that waits for a signature more, by the governor's last word about it."""

from msgspec import Struct
from redis.asyncio import Redis

from contracts.arming import ARM_LIFETIME_MAX_MS, ArmAwaitingApproval
from contracts.streams import Keys
from flatctl.figures import span
from flatctl.following import is_word
from flatctl.history import backwards
from flatctl.looking import ArmedState
from flatctl.screen import Screen
from flatctl.views import WARNING


class Unapproved(Struct, frozen=True, kw_only=True):
    """It is armed, every other gate passed, and people are missing."""

    arm_id: str
    operator: str
    reason: str
    signed_by: tuple[str, ...]
    """The people whose signatures count."""
    needed: int
    left_ms: int
    command: str
    """What another person types."""


async def find_unapproved(redis: Redis, keys: Keys, armed: ArmedState | None, now_ms: int) -> Unapproved | None:
    """The arm in the arm key, if it waits; nothing when it does not, or the governor said nothing of it."""
    if armed is None:
        return None
    async for record in backwards(redis, keys.stream("flatten.audit")):
        if int(record.entry_id.partition("-")[0]) < now_ms - ARM_LIFETIME_MAX_MS:
            return None
        word = record.event
        if not is_word(word, armed.arm_id):
            continue
        if not isinstance(word, ArmAwaitingApproval) or word.expires_at_ms <= now_ms:
            return None
        return Unapproved(
            arm_id=word.arm_id,
            operator=word.operator,
            reason=word.reason,
            signed_by=word.signed_by,
            needed=word.needed,
            left_ms=word.expires_at_ms - now_ms,
            command=f"flatctl approve {word.arm_id}",
        )
    return None


def show_unapproved(screen: Screen, waiting: Unapproved) -> None:
    """What waits, for how long, and what the other person types, on a line of its own."""
    signed = f"{len(waiting.signed_by)} of {waiting.needed} people have signed: {', '.join(waiting.signed_by)}"
    whose = f"{waiting.arm_id} of {waiting.operator} ({waiting.reason or 'no reason was given'})"
    screen.line(f"AN ARM WAITS FOR APPROVAL: {whose}; {signed}; {span(waiting.left_ms)} left", style=WARNING)
    screen.line("another person looks at it, and signs, with:")
    screen.line(f"   {waiting.command}")
