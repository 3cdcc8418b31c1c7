"""Taking dead letters out of their stream: back to where they came from, or away. Each is one script, on record."""

import re
from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from contracts.dead_letters import DeadLetterSettled, Settlement
from contracts.streams import Keys
from flatctl.arming import SOURCE, Intent
from flatctl.exits import REFUSED, UNKNOWN, CommandFailed
from flatctl.letters import Letter, as_text, command_stream, settled_before, told
from runtime import tracing
from runtime.entries import entry_fields
from runtime.redis_client import is_transient, raw, unix_ms
from runtime.scripts import Script

_REQUEUE = Script.from_package("flatctl.scripts", "requeue.lua")
_DROP = Script.from_package("flatctl.scripts", "drop.lua")
_DENIED = re.compile(r"NOPERM|can't (run|access)|permission")


def why_not_back(letter: Letter, keys: Keys) -> str:
    """Why this letter cannot go back; empty when it can."""
    if not letter.stream:
        return "nothing says where it came from: it was not a service that put it here"
    if not command_stream(letter, keys):
        return f"it came from {letter.stream}, which is no command stream of {keys.namespace}"
    if not letter.whole:
        return "it had more fields than a dead letter keeps, so that it is not whole"
    return ""


async def requeue(redis: Redis, keys: Keys, letter: Letter, intent: Intent) -> str:
    """Put it back as it was; returns the new entry's id. Raises CommandFailed: twice is refused, lost is unknown."""
    if problem := why_not_back(letter, keys):
        raise CommandFailed(f"not put back: {problem}", REFUSED)
    target = command_stream(letter, keys)
    entry = [text for pair in letter.entry for text in pair]
    with tracing.producer_span(DeadLetterSettled.stream, message_id=letter.letter_id):
        record = await _record(redis, letter, Settlement.REQUEUED, intent)
        return await _settle(
            redis,
            keys,
            letter,
            _REQUEUE,
            (keys.stream("dead"), target, keys.of(DeadLetterSettled)),
            (letter.letter_id, len(entry), *entry, *record),
        )


async def drop(redis: Redis, keys: Keys, letter: Letter, intent: Intent) -> str:
    """Take it out for good; returns the id of its record. Raises CommandFailed as `requeue` does."""
    with tracing.producer_span(DeadLetterSettled.stream, message_id=letter.letter_id):
        record = await _record(redis, letter, Settlement.DROPPED, intent)
        return await _settle(
            redis,
            keys,
            letter,
            _DROP,
            (keys.stream("dead"), keys.of(DeadLetterSettled)),
            (letter.letter_id, *record),
        )


async def _record(redis: Redis, letter: Letter, settlement: Settlement, intent: Intent) -> list[str]:
    now_ms = unix_ms(await raw(redis, "TIME"))
    event = DeadLetterSettled(
        letter_id=letter.letter_id,
        settlement=settlement,
        letter=as_text(letter),
        operator=intent.operator,
        reason=intent.reason,
        environment=intent.environment,
        account=intent.account,
        settled_at_ms=now_ms,
    )
    event_id = f"{letter.letter_id}:{settlement}"
    return entry_fields(event, source=SOURCE, subject=intent.account, event_id=event_id, time_ms=now_ms)


async def _settle(
    redis: Redis,
    keys: Keys,
    letter: Letter,
    script: Script,
    touched: Sequence[str],
    arguments: Sequence[str | bytes | int],
) -> str:
    try:
        made: bytes | None = await script.run(redis, touched, arguments)
    except (RedisConnectionError, RedisTimeoutError) as error:
        raise CommandFailed(
            f"Redis did not answer ({type(error).__name__}): it may be done. Run the same command again: "
            "no letter is put back twice",
            UNKNOWN,
        ) from error
    except ResponseError as error:
        if is_transient(error):
            raise
        raise CommandFailed(_refusal(error, touched), REFUSED) from error
    if made is None:
        settled = await settled_before(redis, keys, letter.letter_id)
        who = told(settled) if settled else f"somebody took it out of {keys.stream('dead')} meanwhile"
        raise CommandFailed(f"nothing was done: {letter.letter_id} is no dead letter any more: {who}", REFUSED)
    return made.decode()


def _refusal(error: ResponseError, touched: Sequence[str]) -> str:
    if _DENIED.search(str(error)):
        return (
            f"nothing was done: this Redis user may not write to all of {', '.join(touched)}. What the governor asks "
            "of the executor only Redis's administrator can put back: arm again instead (flatctl arm)"
        )
    return f"nothing was done: Redis refused it: {str(error)[:200]}"
