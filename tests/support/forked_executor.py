"""Executors that kill or pause themselves at a numbered step: `python -m support.forked_executor`.

Everything is imported once; each line on stdin then forks one executor, a process of its own with the executor's own
`run`, whose gateway and journal count their calls. Forking saves the second that importing takes, so that every step of
a run can be tried. It says on stdout which process began, and how it ended.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from contracts.arming import FlattenRequested
from contracts.base import Event
from contracts.flattening import FlattenCompleted
from exchange.budget import Pace
from exchange.config import ExchangeConfig
from exchange.factory import open_gateway
from exchange.model import (
    Listings,
    LookupResult,
    PositionMode,
    PositionReading,
    ReducingOrder,
    RestingOrder,
    SendResult,
)
from exchange.ports import OrderGateway, always
from flatten_executor.lease import LeaseTimes, RunLease
from flatten_executor.main import Seams, run
from flatten_executor.sending import Patience
from flatten_executor.settings import ExecutorSettings
from flatten_executor.store import Beginning, Store
from runtime.app import run_service

T = TypeVar("T")
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One executor to fork."""

    env: dict[str, str]
    at: int | str = 0
    """The step at which it ends or pauses, counted from 1, or by name the first of that name; 0 for never."""
    signal: int = int(signal.SIGKILL)
    log: str
    """Where it writes what it says, and each step on a line that begins with `step`."""
    times: LeaseTimes
    patience: Patience


class Steps:
    """Counts the calls at the seam, before and after each, and sends the process a signal at one of them."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._count = 0
        self._struck = False

    async def around(self, name: str, call: Awaitable[T]) -> T:
        self._reached(f"before {name}")
        answer = await call
        self._reached(f"after {name}")
        return answer

    def _reached(self, name: str) -> None:
        self._count += 1
        os.write(2, f"step {self._count} {name}\n".encode())
        if self._job.at in (self._count, name) and not self._struck:
            self._struck = True
            os.kill(os.getpid(), self._job.signal)


class SteppedGateway:
    """An `OrderGateway` that counts what a run asks of the exchange; keeping warm is not counted."""

    def __init__(self, gateway: OrderGateway, steps: Steps) -> None:
        self._gateway, self._steps = gateway, steps
        self.marks = gateway.marks
        self.listed = gateway.listed
        self.renew_instruments = gateway.renew_instruments
        self.warm = gateway.warm
        self.aclose = gateway.aclose

    @property
    def symbols_shown(self) -> frozenset[str]:
        return self._gateway.symbols_shown

    order_lifetime_ms = 0
    """Nothing is on its way: the simulator never lags, and the former process is dead."""

    async def instruments(self) -> Listings:
        return await self._gateway.instruments()

    def pace(self, orders: Sequence[ReducingOrder]) -> Pace:
        return self._gateway.pace(orders)

    async def positions(self) -> PositionReading:
        return await self._steps.around("positions", self._gateway.positions())

    async def position_mode(self) -> PositionMode:
        return await self._steps.around("mode", self._gateway.position_mode())

    async def resting_orders(self, *, in_order: bool = False) -> tuple[RestingOrder, ...]:
        return await self._steps.around("resting", self._gateway.resting_orders(in_order=in_order))

    async def cancel_resting(self, symbol: str, *, conditional: bool) -> None:
        await self._steps.around("cancel", self._gateway.cancel_resting(symbol, conditional=conditional))

    async def place_reducing(
        self, orders: Sequence[ReducingOrder], *, may_send: Callable[[], bool] = always
    ) -> tuple[SendResult, ...]:
        return await self._steps.around("place", self._gateway.place_reducing(orders, may_send=may_send))

    async def look_up(self, symbol: str, client_order_id: str) -> LookupResult:
        return await self._steps.around("look up", self._gateway.look_up(symbol, client_order_id))


class SteppedStore(Store):
    """A `Store` that counts what a run writes; confirming the lease in the background is not counted."""

    def __init__(self, *args: Any, steps: Steps, **more: Any) -> None:
        super().__init__(*args, **more)
        self._steps = steps

    async def begin(self, request: FlattenRequested) -> tuple[Beginning, RunLease]:
        return await self._steps.around("begin", super().begin(request))

    async def write(self, lease: RunLease, fields: Mapping[str, str], events: Sequence[Event]) -> bool:
        writing = super().write(lease, fields, events)
        if not (fields or events):
            return await writing
        kinds = ",".join(sorted({event.event_type() for event in events}))
        return await self._steps.around(f"write {kinds}", writing)

    async def finish(self, entry_id: str, lease: RunLease, completed: FlattenCompleted) -> FlattenCompleted:
        return await self._steps.around("finish", super().finish(entry_id, lease, completed))


def become_executor(job: Job) -> None:
    """Never returns."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    said = os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.environ.clear()
    os.environ.update(job.env)
    steps = Steps(job)

    def opened(config: ExchangeConfig) -> OrderGateway:
        return SteppedGateway(open_gateway(config), steps)

    seams = Seams(
        open_gateway=opened,
        open_store=partial(SteppedStore, steps=steps, times=job.times),
        patience=job.patience,
    )
    try:
        run_service(partial(run, seams=seams), ExecutorSettings, "flatten-executor", job.env, arguments=())
    except SystemExit as ended:
        os._exit(int(ended.code or 0))
    os._exit(0)


def main() -> None:
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        job = msgspec.json.decode(line, type=Job)
        Path(job.log).touch()
        pid = os.fork()
        if pid == 0:
            become_executor(job)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
