"""Following the record: the decision about an arm, and a run until its verdict."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeGuard

from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts.arming import ArmAccepted, ArmAwaitingApproval, ArmDisarmed, ArmRefused, ArmRequested
from contracts.base import Event
from contracts.flattening import FlattenCompleted, RunFinished
from contracts.streams import Keys
from flatctl.arming import Armed
from flatctl.exits import CommandFailed
from flatctl.history import Follower, Record, backwards, last_id
from flatctl.progress import RunProgress
from runtime.clock import Clock
from runtime.redis_client import is_transient, raw, unix_ms

Decision = ArmAccepted | ArmRefused | ArmDisarmed
Word = Decision | ArmAwaitingApproval
"""What the record says of an arm: only a decision is final."""
SKEW_MS = 60_000
"""How far back the completed stream is read from a run's acceptance: Redis's clock may have been set meanwhile."""
RETRY_S = 0.5
NOT_BEGUN_S = 3.0
"""How long nobody may begin a run before it is said, and said again."""


LATE_S = 1.0
"""How long after its end an arm's decision is waited for: it may have been made in the last moment."""


class Beginning(Struct, frozen=True, kw_only=True):
    """Where a run's record begins."""

    request_id: str
    audit_after: str
    completed_after: str


class Watcher:
    """Reads the audit and completed streams onwards until something is found or the time is up."""

    def __init__(self, reader: Redis, keys: Keys, clock: Clock, tell: Callable[[str], None]) -> None:
        self._reader = reader
        self._keys = keys
        self._clock = clock
        self._tell = tell
        self._away = False

    async def decision(
        self, arm: Armed, within_s: float, *, approval_s: float = 0, approving: Callable[[], None] = lambda: None
    ) -> Word | None:
        """What the governor says of the arm; nothing when it said nothing `within_s`.

        That the arm waits for an approval is told, by `approving` too, and is the answer unless it is decided within
        `approval_s` and its life.
        """
        audit, began_s = self._keys.stream("flatten.audit"), self._clock.monotonic_s()
        after, words, waiting = arm.audit_after, list[Word](), None
        if not after:
            after = await last_id(self._reader, audit)
            words += [word async for word in _newest_word(self._reader, audit, arm.arm_id)]
        follower, deadline_s = Follower(self._reader, {audit: after}), began_s + within_s
        while True:
            for word in words:
                if not isinstance(word, ArmAwaitingApproval):
                    return word
                waiting, left_s = word, await self._tell_waiting(word)
                approving()
                deadline_s = min(began_s + approval_s, self._clock.monotonic_s() + left_s)
            left_s = deadline_s - self._clock.monotonic_s()
            if left_s <= 0:
                return waiting
            words = [record.event for record in await self._read(follower, left_s) if is_word(record.event, arm.arm_id)]

    async def _tell_waiting(self, event: ArmAwaitingApproval) -> float:
        """Say what the arm needs; returns for how many seconds more it can get it."""
        left_s = (event.expires_at_ms - unix_ms(await raw(self._reader, "TIME"))) / 1000
        missing = event.needed - len(event.signed_by)
        for reason in event.not_counted:
            self._tell(f"not counted: {reason}")
        self._tell(
            f"{event.arm_id} needs {missing} more signature{'s' if missing > 1 else ''}, of another person: "
            f"flatctl approve {event.arm_id} within {max(0, left_s):.0f} s"
        )
        return left_s + LATE_S

    async def run(
        self,
        beginning: Beginning,
        within_s: float,
        show: Callable[[RunProgress, Record, str], None],
        now: Callable[[RunProgress], None] = lambda _: None,
    ) -> RunProgress:
        """Follow one run; `show` gets every entry of it as it comes, `now` how far it is, every second or so.

        Ends with its FlattenCompleted or the time.
        """
        progress = RunProgress(beginning.request_id)
        follower = Follower(
            self._reader,
            {
                self._keys.stream("flatten.audit"): beginning.audit_after,
                self._keys.of(FlattenCompleted): beginning.completed_after,
            },
        )
        began_s = self._clock.monotonic_s()
        deadline_s, complain_s = began_s + within_s, began_s + NOT_BEGUN_S
        while (progress.completed is None or follower.more) and (left_s := deadline_s - self._clock.monotonic_s()) > 0:
            if not progress.begun and self._clock.monotonic_s() >= complain_s:
                complain_s += NOT_BEGUN_S
                waited_s = self._clock.monotonic_s() - began_s
                self._tell(
                    f"NOBODY HAS BEGUN this run for {waited_s:.0f} s: is the flatten-executor running? (flatctl status)"
                )
            now(progress)
            for record in await self._read(follower, left_s):
                if record.event is None:
                    self._tell(f"entry {record.entry_id} cannot be read by this version: {record.problem}")
                elif getattr(record.event, "request_id", None) == beginning.request_id:
                    show(progress, record, progress.add(record.event))
        return progress

    async def _read(self, follower: Follower, left_s: float) -> list[Record]:
        """One read. Redis going away is survived: it is said once, and tried again until the caller's time is up."""
        try:
            records = await follower.read(max(1, min(1_000, int(left_s * 1000))))
        except RedisError as error:
            if not is_transient(error):
                raise
            if not self._away:
                self._tell(f"Redis is away ({type(error).__name__}); trying again")
            self._away = True
            await asyncio.sleep(min(RETRY_S, left_s))
            return []
        _come_out_if_cancelled()
        if self._away:
            self._tell("Redis is back")
            self._away = False
        return records


def _come_out_if_cancelled() -> None:
    """A cancellation that redis-py lost between two commands of the command line: end here, not never."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def is_decision(event: Event | None, arm_id: str) -> TypeGuard[Decision]:
    """Whether the event decides this arm."""
    return isinstance(event, Decision) and event.arm_id == arm_id


def is_word(event: Event | None, arm_id: str) -> TypeGuard[Word]:
    """Whether the event says something of this arm."""
    return isinstance(event, Word) and event.arm_id == arm_id


async def _newest_word(redis: Redis, audit: str, arm_id: str) -> AsyncIterator[Word]:
    """What was said of an arm last; looks back through the whole audit stream."""
    async for record in backwards(redis, audit):
        if is_word(record.event, arm_id):
            yield record.event
            return


async def find_decision(redis: Redis, keys: Keys, arm_id: str) -> Decision | None:
    """The decision about an arm that is on record; looks back through the whole audit stream."""
    async for record in backwards(redis, keys.stream("flatten.audit")):
        if is_decision(record.event, arm_id):
            return record.event
    return None


async def latest_arm(redis: Redis, keys: Keys) -> str | None:
    """The arm that was asked for last, whatever became of it."""
    async for record in backwards(redis, keys.of(ArmRequested)):
        if isinstance(record.event, ArmRequested):
            return record.event.arm_id
    return None


async def beginning_of(redis: Redis, keys: Keys, request_id: str | None) -> Beginning:
    """Where the record of a run begins: the named one, else the one in flight, else the last. Raises CommandFailed."""
    wanted = request_id or await _active(redis, keys)
    oldest: Record | None = None
    async for record in backwards(redis, keys.stream("flatten.audit")):
        event = record.event
        if wanted is None and isinstance(event, ArmAccepted | RunFinished):
            wanted = event.request_id
        if wanted is not None and getattr(event, "request_id", None) == wanted:
            oldest = record
            if isinstance(event, ArmAccepted):
                break
    if wanted is None:
        raise CommandFailed(f"no run on record in {keys.namespace}: nothing was ever armed and accepted")
    if oldest is None:
        raise CommandFailed(f"no run {wanted} on record in {keys.stream('flatten.audit')}; see flatctl status")
    began_ms = int(oldest.entry_id.partition("-")[0])
    return Beginning(
        request_id=wanted,
        audit_after=f"{began_ms - 1}-{2**64 - 1}",
        completed_after=f"{max(0, began_ms - SKEW_MS)}-0",
    )


async def run_now(reader: Redis, keys: Keys, request_id: str) -> RunProgress | None:
    """A run as far as it is on record now; nothing when nothing of it is."""
    try:
        beginning = await beginning_of(reader, keys, request_id)
    except CommandFailed:
        return None
    progress = RunProgress(request_id)
    follower = Follower(reader, {keys.stream("flatten.audit"): beginning.audit_after})
    while records := await follower.read(block_ms=1):
        for record in records:
            if record.event is not None:
                progress.add(record.event)
        if not follower.more:
            break
    return progress


async def _active(redis: Redis, keys: Keys) -> str | None:
    value = await raw(redis, "GET", keys.active)
    return None if value is None else value.decode(errors="backslashreplace")
