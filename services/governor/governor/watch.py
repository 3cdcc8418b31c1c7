"""Watches the snapshots: keeps the newest, runs the P2.9 check on it, and publishes what changed.

It informs. When it cannot work, arms are judged all the same.
"""

import asyncio
from collections.abc import Mapping, Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts.positions import AllocationCheck, AllocationStateChanged, AllocationVerdict, PositionSnapshot
from contracts.streams import Keys
from governor.core.allocation import check_allocations, symbols_to_check
from governor.core.decided import Exposure
from governor.observe import Observer
from governor.settings import GovernorSettings
from governor.store import SOURCE
from runtime.clock import Clock
from runtime.scripts import Script
from runtime.streams import Entry, Tail, entry_fields

_TARGETS = Script.from_package("governor.scripts", "targets.lua")


class AllocationWatch:
    """The newest snapshot of one account, and the P2.9 verdict of each of its symbols."""

    def __init__(self, *, redis: Redis, settings: GovernorSettings, clock: Clock, observer: Observer) -> None:
        self._redis = redis
        self._stream_key = Keys(settings.flatten_namespace).of(AllocationStateChanged)
        self._prefix = settings.flatten_allocation_prefix
        self._rules = settings.rules if settings.gov_testnet_enable_p29 else None
        self._whose = (settings.exchange_env, settings.account)
        self._clock = clock
        self._observer = observer
        self._verdicts: dict[str, AllocationVerdict] = {}
        self._exposure = Exposure()
        self._checks: tuple[AllocationCheck, ...] = ()

    def exposure(self) -> Exposure:
        """The newest snapshot and its breaches."""
        return self._exposure

    def checks(self) -> tuple[AllocationCheck, ...]:
        """The newest check of each symbol; none while the P2.9 check is off, or before the first."""
        return self._checks

    async def run(self, tail: Tail[PositionSnapshot], stop: asyncio.Event) -> None:
        """Follow the snapshots until `stop`."""
        async for entry in tail.entries(stop):
            await self.on_snapshot(entry)

    async def on_snapshot(self, entry: Entry[PositionSnapshot]) -> None:
        """Keep it, check it, publish and tell what changed. Redis away: the next snapshot is checked instead."""
        snapshot = entry.event
        if (snapshot.environment, snapshot.account) != self._whose:
            self._observer.foreign_snapshot(snapshot)
            return
        self._observer.snapshot_taken(snapshot.taken_at_ms)
        self._exposure = Exposure(snapshot=snapshot, traceparent=entry.traceparent, breaches=self._exposure.breaches)
        if self._rules is None:
            return
        try:
            targets = await self._read_targets(symbols_to_check(snapshot, self._verdicts))
            now_ms = self._clock.now_ms()
            checks = check_allocations(snapshot, targets, self._verdicts, now_ms=now_ms, rules=self._rules)
            changes = self._changes(checks, snapshot, now_ms)
            await self._publish(changes)
        except (RedisError, OSError, ValueError, ArithmeticError) as error:
            # Even what will never work (an ACL, a wrong type) must not end the governor: arms need it.
            self._observer.check_failed(error)
            return
        self._verdicts.update((check.symbol, check.verdict) for check in checks)
        breaches = tuple(check for check in checks if check.verdict is AllocationVerdict.BREACH)
        self._exposure = Exposure(snapshot=snapshot, traceparent=entry.traceparent, breaches=breaches)
        self._checks = checks
        self._observer.checked(checks, changes)

    async def _read_targets(self, symbols: Sequence[str]) -> Mapping[str, Mapping[str, str] | None]:
        """The target hashes as they are; nothing for a key that holds something else."""
        if not symbols:
            return {}
        replies = await _TARGETS.run(self._redis, [f"{self._prefix}{symbol}" for symbol in symbols])
        return {
            symbol: None if flat is None else dict(zip(map(_text, flat[::2]), map(_text, flat[1::2]), strict=True))
            for symbol, flat in zip(symbols, replies, strict=True)
        }

    def _changes(
        self, checks: Sequence[AllocationCheck], snapshot: PositionSnapshot, now_ms: int
    ) -> list[AllocationStateChanged]:
        return [
            AllocationStateChanged(
                check=check,
                previous=self._verdicts.get(check.symbol),
                snapshot_id=snapshot.snapshot_id,
                checked_at_ms=now_ms,
            )
            for check in checks
            if self._verdicts.get(check.symbol) is not check.verdict
        ]

    async def _publish(self, changes: Sequence[AllocationStateChanged]) -> None:
        if not changes:
            return
        async with self._redis.pipeline(transaction=False) as pipeline:
            for change in changes:
                event_id = f"{change.snapshot_id}:{change.check.symbol}:{change.check.verdict}"
                _, account = self._whose
                fields = entry_fields(
                    change, source=SOURCE, subject=account, event_id=event_id, time_ms=change.checked_at_ms
                )
                pipeline.execute_command("XADD", self._stream_key, "*", *fields)
            await pipeline.execute()


def _text(value: bytes) -> str:
    return value.decode(errors="replace")
