"""Looks once a second at what the governor knows, and puts it on the board. With no page open it does nothing."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from redis.exceptions import RedisError

from authority.operators import OperatorsSeen
from contracts.positions import AllocationCheck, PositionSnapshot
from governor.console.board import Board
from governor.console.observe import ConsoleObserver
from governor.console.record import RecordReader
from governor.core.outlook import Outlook
from governor.core.shown.holdings import Holding, holdings, holdings_of, ordered, sides, unchecked
from governor.core.shown.present import Whose, present
from runtime.clock import Clock
from runtime.health import Checks
from runtime.logs import redacted
from runtime.redis_client import wait_for_stop

if TYPE_CHECKING:
    from governor.core.shown.past import Past

EVERY_S = 1.0
DURING_A_RUN_S = 0.25
"""A run of 44 positions is over in a second or two: it is looked at more often."""
_ROWS = 50
"""So many positions at a time: more would hold up an arm for longer than it takes to judge one."""
_encoder = msgspec.json.Encoder(decimal_format="string")


class Sources(Struct, frozen=True, kw_only=True):
    """Where the governor keeps what it knows. Asking costs nothing."""

    outlook: Callable[[], Outlook | None]
    snapshot: Callable[[], PositionSnapshot | None]
    checks: Callable[[], Sequence[AllocationCheck]]
    operators: Callable[[], OperatorsSeen]
    ready: Checks


class Tick(Struct, frozen=True):
    """Proof that the page is alive, and the clock that its ages count by."""

    now_ms: int


class Console:
    """Keeps the board up to date while somebody looks."""

    def __init__(
        self,
        *,
        whose: Whose,
        sources: Sources,
        record: RecordReader,
        board: Board,
        observer: ConsoleObserver,
        clock: Clock,
    ) -> None:
        self._whose = whose
        self._sources = sources
        self._record = record
        self._board = board
        self._observer = observer
        self._clock = clock
        self._failure = ""
        self._told: Past | None = None
        self._version = 0
        """Of the past on the board."""
        self._held: tuple[PositionSnapshot | None, Sequence[AllocationCheck]] | None = None
        """What the positions on the board were made of."""

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop`, then let every page go."""
        try:
            while not stop.is_set():
                if not await _first(stop.wait(), self._board.wait_for_a_page()):
                    await self.look()
                under_way = self._record.past.under_way
                await wait_for_stop(stop, DURING_A_RUN_S if under_way else EVERY_S, self._clock)
        finally:
            self._board.close()

    async def look(self) -> None:
        """Put everything that changed on the board, and show it."""
        await self._read_record()
        snapshot, outlook = self._sources.snapshot(), self._sources.outlook()
        shown = present(self._whose, outlook, self._sources.operators(), snapshot, self._problems())
        self._put("present", shown)
        self._put_past()
        await self._put_holdings(snapshot, self._sources.checks())
        self._board.put("tick", _encoder.encode(Tick(self._clock.now_ms())), always=True)
        await self._board.show()

    async def _read_record(self) -> None:
        try:
            await self._record.read()
        except (RedisError, OSError, ValueError, ArithmeticError) as error:
            # Even what will never work (an ACL, a wrong type) must not end the governor: arms need it.
            self._failure = f"arms and runs on record cannot be read: {error}"
            self._observer.record_failed(error)
        else:
            self._failure = ""
            self._observer.record_works()

    def _put_past(self) -> None:
        past = self._record.past
        if self._told is past and self._version == past.version and self._board.has("past"):
            return
        self._told, self._version = past, past.version
        self._put("run", past.run())
        self._put("past", past.arms())

    async def _put_holdings(self, snapshot: PositionSnapshot | None, checks: Sequence[AllocationCheck]) -> None:
        if (
            self._held is not None
            and self._held[0] is snapshot
            and self._held[1] is checks
            and self._board.has("holdings")
        ):
            return
        self._held = (snapshot, checks)
        checked = bool(checks)
        shown = ordered(checks if checked else unchecked(snapshot))
        side = sides(snapshot.positions) if snapshot is not None else {}
        rows, waiting = list[Holding](), iter(shown)
        while part := tuple(islice(waiting, _ROWS)):
            rows += holdings_of(part, side, checked=checked)
            await asyncio.sleep(0)
        self._board.put("holdings", _encoder.encode(holdings(shown, rows, checked=checked)))

    def _problems(self) -> list[str]:
        answers = {name: check() for name, check in self._sources.ready.items()}
        found = [f"{name}: {answer.why}" for name, answer in answers.items() if not answer.ok]
        return [*found, self._failure] if self._failure else found

    def _put(self, part: str, value: object) -> None:
        """What people wrote passes through here: no secret leaves (I18)."""
        self._board.put(part, redacted(_encoder.encode(value).decode()).encode())


async def _first(stop: Coroutine[Any, Any, object], other: Coroutine[Any, Any, object]) -> bool:
    """Wait for either of them; whether `stop` has returned."""
    stopping, waiting = asyncio.create_task(stop), asyncio.create_task(other)
    try:
        await asyncio.wait((stopping, waiting), return_when=asyncio.FIRST_COMPLETED)
        return stopping.done()
    finally:
        stopping.cancel()
        waiting.cancel()
        await asyncio.wait((stopping, waiting))
