"""The proof, done: what an operator does and looks at, in order. It leaves the latch as it was, and nothing armed."""

import asyncio
import gzip
import time
import zlib

import msgspec
from msgspec import Struct

from contracts.base import Event
from contracts.streams import STREAMS
from evidence.archive import Archive, NoExport, read_archive
from proof.answers import ArmAnswer, Audit, Read, Status
from proof.operating import CannotProve, Command, Followed
from proof.steps import (
    ALIVE_MS,
    After,
    Before,
    Cleaned,
    Restart,
    Step,
    after_steps,
    allocation_holds,
    before_steps,
    last_step,
)
from proof.telling import Teller

SETTLE_S = 30.0
"""How long oracle and governor are given to look again, and the governor to come back."""
TICK_S = 0.5
FLAT = ("flat", "flat_except_dust")
KEPT = frozenset(stream.name for stream in STREAMS)
LOOKED = (0, 2, 4)
"""Exit codes of `flatctl verify`: flat, open, unknown. What they mean is judged."""


class Options(Struct, frozen=True, kw_only=True):
    """One proof."""

    arm_id: str
    reason: str


class Prover:
    """One proof on one stack."""

    def __init__(self, flatctl: Command, restart: Command, options: Options, teller: Teller) -> None:
        self.flatctl = flatctl
        self._restart = restart
        self._options = options
        self._teller = teller
        self._safe = True
        """Whether nothing was armed, or everything was closed: then trading may go on."""

    async def look(self) -> tuple[Status, Read]:
        """The stack and the exchange as they are. Raises CannotProve."""
        return await self._status(), await self._read()

    async def prove(self) -> bool:
        """Whether all ten steps hold. Raises CannotProve when something could not even be asked."""
        first = await self._status()
        try:
            steps = await self._ten(first)
        except BaseException:
            await self._clean_up(first)
            raise
        return all(step.passed for step in steps)

    async def _ten(self, first: Status) -> list[Step]:
        before = await self._stop(first)
        steps = list(before_steps(before))
        self._teller.steps(steps)
        after = await self._flatten(before) if all(step.passed for step in steps) else None
        later = after_steps(before, after)
        self._teller.steps(later)
        self._safe = after is None or after.reading.verdict in FLAT
        cleaned = await self._clean_up(first)
        last = last_step(cleaned)
        self._teller.steps([last])
        steps += [*later, last]
        self._teller.end(steps)
        return steps

    async def _stop(self, first: Status) -> Before:
        """Stop trading, as the operator does before an arm."""
        if not first.latch.is_set:
            self._teller.doing(f"{self.flatctl} ess activate")
            said = await self.flatctl.run("ess", "activate", "--reason", self._options.reason)
            if said.code != 0:
                raise CannotProve(f"the latch cannot be set: {said.why}")
        return Before(status=await self._status(), reading=await self._read())

    async def _flatten(self, before: Before) -> After:
        """Arm, restart the governor as soon as it has accepted, and wait for the verdict."""
        self._safe = False
        options = self._options
        arguments = ("arm", "--yes", "--wait", "--json", "--arm-id", options.arm_id, "--reason", options.reason)
        self._teller.doing(f"{self.flatctl} {' '.join(arguments[:4])}")
        async with self.flatctl.following(*arguments) as arming:
            arm = await self._decision(arming)
            self._teller.doing(f"{self._restart}, while the run is under way")
            restarted = await self._restart.run()
            ended = await arming.end()
        restart = Restart(command=str(self._restart), said=restarted, status=await self._back())
        self._teller.doing("waiting for oracle and governor to have looked again")
        archive, reading, status = await self._settled(before, arm)
        return After(
            arm=arm,
            arm_code=ended.code,
            restart=restart,
            reading=reading,
            events=_events(archive),
            audit=await self.flatctl.ask(Audit, "audit", "verify", "--json", good=LOOKED),
            status=status,
        )

    async def _decision(self, arming: Followed) -> ArmAnswer:
        line = await arming.line()
        if not line:
            raise CannotProve(f"{self._options.arm_id} was not armed: {(await arming.end()).why}")
        arm = msgspec.json.decode(line, type=ArmAnswer)
        if arm.outcome != "accepted":
            raise CannotProve(f"{arm.arm_id} was {arm.outcome}: {(await arming.end()).why}")
        return arm

    async def _back(self) -> Status:
        """The status once the governor reads again; the last one seen when it does not."""
        deadline_s = time.monotonic() + SETTLE_S
        while True:
            status = await self._status()
            group = status.group("governor")
            if group and group.seen_ms_ago is not None and group.seen_ms_ago < ALIVE_MS:
                return status
            if time.monotonic() > deadline_s:
                return status
            await asyncio.sleep(TICK_S)

    async def _settled(self, before: Before, arm: ArmAnswer) -> tuple[Archive, Read, Status]:
        """The record, the exchange and the status, once P2.9 has been checked anew; else as they are in the end."""
        deadline_s = time.monotonic() + SETTLE_S
        while True:
            archive = await self._record()
            checked = allocation_holds(before, arm, _events(archive))
            if checked or time.monotonic() > deadline_s:
                return archive, await self._read(), await self._status()
            await asyncio.sleep(TICK_S)

    async def _record(self) -> Archive:
        said = await self.flatctl.run("export", "-")
        if said.code != 0:
            raise CannotProve(f"{self.flatctl} export -: {said.why}")
        try:
            return read_archive(gzip.decompress(said.out).splitlines(keepends=True), keep=KEPT)
        except (NoExport, OSError, EOFError, zlib.error) as error:
            raise CannotProve(f"{self.flatctl} export - gave no export: {error}") from error

    async def _clean_up(self, first: Status) -> Cleaned:
        """Take the arm back if nobody decided it; clear the latch only if this set it and nothing is left open."""
        status = await self._status()
        if status.armed is not None and status.armed.arm_id == self._options.arm_id:
            self._teller.doing(f"{self.flatctl} disarm {self._options.arm_id}")
            await self.flatctl.run("disarm", self._options.arm_id)
        if status.latch.is_set and not first.latch.is_set:
            if self._safe:
                self._teller.doing(f"{self.flatctl} ess deactivate")
                await self.flatctl.run("ess", "deactivate", "--yes")
            else:
                self._teller.error("the latch stays set: something may be open. Look: flatctl verify")
        return Cleaned(status=await self._status(), latch_was_set=first.latch.is_set)

    async def _status(self) -> Status:
        return await self.flatctl.ask(Status, "status", "--json")

    async def _read(self) -> Read:
        return await self.flatctl.ask(Read, "verify", "--json", good=LOOKED)


def _events(archive: Archive) -> tuple[Event, ...]:
    """Everything that can be read, stream by stream."""
    return tuple(told.event for stream in STREAMS for told in archive.history.told(stream.name))
