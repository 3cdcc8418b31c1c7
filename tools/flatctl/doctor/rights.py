"""The Redis user: whether it can do more than an operator needs. Asked by trying what must be refused, harmlessly.

Each of these changes nothing where it is allowed. Where it is refused, Redis notes it in its ACL LOG.
"""

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from contracts.arming import ArmAccepted, ArmRequested
from contracts.streams import GOVERNOR_GROUP, Keys
from contracts.vocabulary import Environment
from flatctl.doctor.finding import Finding, Grade
from flatctl.session import Session
from runtime.redis_client import is_transient, raw

_NO_ENTRY = "0-0"
"""No entry of a stream can have this id."""
_NO_ARM = " "
"""No arm can have this id."""
_NOBODY = "nobody-of-this-name"


def _excess(keys: Keys) -> dict[str, tuple[str, ...]]:
    """What nobody but Redis's administrator, or another program, needs."""
    return {
        "read Redis's settings": ("CONFIG", "GET", "appendfsync"),
        "see other users": ("ACL", "GETUSER", _NOBODY),
        "list every key": ("SCAN", "0", "COUNT", "1"),
        "read keys of another account": ("GET", f"{keys.namespace}-of-another-account"),
        "delete evidence": ("XDEL", keys.of(ArmAccepted), _NO_ENTRY),
        "forget used-up arms": ("HDEL", keys.fired, _NO_ARM),
        "acknowledge in the governor's place": ("XACK", keys.of(ArmRequested), GOVERNOR_GROUP, _NO_ENTRY),
    }


async def examine_rights(session: Session) -> list[Finding]:
    """One finding. Raises RedisError when Redis does not answer."""
    keys = session.settings.keys
    excess = _excess(keys)
    may = [what for what, command in excess.items() if await _may(session.redis, command)]
    who = await _name(session.redis)
    real = session.settings.exchange_env is Environment.LIVE
    return [
        Finding(
            check="Redis user",
            grade=(Grade.FAILED if real else Grade.WARNING) if may else Grade.OK,
            observed=f"{who} can also {', '.join(may)}" if may else f"{who} can do none of {len(excess)} other things",
            required="no more than an operator needs",
            do="give flatctl the user operator of deploy/redis/users.acl" if may else "",
        )
    ]


async def _may(redis: Redis, command: tuple[str, ...]) -> bool:
    """Whether it is allowed; any other complaint of Redis comes after the permission."""
    try:
        await raw(redis, *command)
    except NoPermissionError:
        return False
    except ResponseError as error:
        if is_transient(error):
            raise
        return True
    return True


async def _name(redis: Redis) -> str:
    try:
        name: bytes = await raw(redis, "ACL", "WHOAMI")
    except ResponseError:
        return "a user that may not ask its own name"
    return name.decode(errors="backslashreplace")
