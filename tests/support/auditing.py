"""The record that processes leave in a real Redis: verified, spoiled, and put back as it was."""

from collections.abc import Sequence

from redis.asyncio import Redis

from contracts.base import Event
from contracts.chain import chained
from contracts.streams import Keys
from evidence.findings import Standing
from evidence.history import AUDIT
from evidence.verification import verify
from flatctl.recording import read_history
from flatctl.settings import FlatctlSettings
from runtime.entries import entry_fields
from runtime.redis_client import raw
from runtime.scripts import Script

OF_A_RUN = ("chain", "entries", "I5", "I6", "I7", "I8", "I9", "I10")
"""What the executor's part of the record shows by itself, where a test writes the requests."""


async def assert_record_holds(redis: Redis, namespace: str, names: Sequence[str] = OF_A_RUN) -> None:
    """Every one of these checks holds, and the chain is not empty."""
    found = verify(await read_history(redis, FlatctlSettings(flatten_namespace=namespace)))
    wrong = [check for check in found.verdicts if check.name in names and check.standing is not Standing.HOLDS]
    assert wrong == [], "\n".join(f"{check.name}: {finding}" for check in wrong for finding in check.findings)
    assert found.chain.last > 0


class Tape:
    """One stream, to be changed as only somebody with every right could, and to be put back."""

    def __init__(self, redis: Redis, keys: Keys, stream: str = AUDIT) -> None:
        self._redis = redis
        self.key = keys.stream(stream)

    async def ids(self) -> list[str]:
        """Of its entries."""
        return [row[0].decode() for row in await raw(self._redis, "XRANGE", self.key, "-", "+")]

    async def saved(self) -> bytes:
        """All of it, with what Redis knows besides."""
        found: bytes = await raw(self._redis, "DUMP", self.key)
        return found

    async def restore(self, saved: bytes) -> None:
        """As it was."""
        await raw(self._redis, "RESTORE", self.key, 0, saved, "REPLACE")

    async def rewrite(self, at: int, old: bytes, new: bytes) -> str:
        """Write the stream anew with the same ids, and one entry changed; returns the id of that one."""
        rows = await raw(self._redis, "XRANGE", self.key, "-", "+")
        await raw(self._redis, "DEL", self.key)
        for number, (entry_id, fields) in enumerate(rows):
            texts = [text.replace(old, new) for text in fields] if number == at else fields
            assert (texts != fields) == (number == at), f"{old!r} is not in entry {at}: {fields}"
            await raw(self._redis, "XADD", self.key, entry_id, *texts)
        changed: bytes = rows[at][0]
        return changed.decode()


async def audit(redis: Redis, keys: Keys, *events: Event) -> None:
    """Append events to the audit stream as the services do: as links of its chain."""
    chain = Script.from_package("runtime.lua", "chain.lua").source
    entries = [
        entry_fields(event, source="/test", subject="main", event_id=f"test-{number}", time_ms=0)
        for number, event in enumerate(events)
    ]
    arguments = [argument for entry in entries for argument in chained(entry)]
    append = Script("append", f"{chain}\nreturn {{audit(1)}}")
    await append.run(redis, (keys.stream(AUDIT), keys.audit_head), arguments)
