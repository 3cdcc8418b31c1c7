"""The exchange simulator as a real process, and its control API as methods."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import aiohttp

from support.patience import HANG_S
from support.processes import ServiceProcess

LISTENING = "exchange-sim listening on "


class SimulatorError(RuntimeError):
    """The simulator did not start or stop as it should, failed inside, or refused a control request."""


class Simulator:
    """`async with Simulator("--scenario", "incident") as sim:` starts a process on a free port and stops it by pid.

    Keys: `sim-key`/`sim-secret` may trade, `sim-read-key`/`sim-read-secret` may only read.
    """

    api_key = "sim-key"
    api_secret = "sim-secret"
    read_key = "sim-read-key"
    read_secret = "sim-read-secret"

    def __init__(self, *arguments: str) -> None:
        self._process = ServiceProcess("exchange_sim.main", {}, arguments=("--port", "0", *arguments))
        self._running = False
        self._session: aiohttp.ClientSession | None = None
        self.base_url = ""

    async def start(self) -> Self:
        """Start the process and wait until it listens."""
        await self._process.start()
        self._running = True
        try:
            line = await self._process.wait_line(f"^{LISTENING}")
        except BaseException as error:
            self._running = False
            await self._process.close()
            if isinstance(error, AssertionError):
                raise SimulatorError(str(error)) from error
            raise
        self.base_url = line.removeprefix(LISTENING).strip()
        # Longer than the longest wait that the simulator is asked for: it answers that one itself, with what it saw.
        self._session = aiohttp.ClientSession(self.base_url, timeout=aiohttp.ClientTimeout(total=2 * HANG_S))
        return self

    @property
    def text(self) -> str:
        """Everything it said so far."""
        return self._process.text

    async def stop(self) -> None:
        """Ask the process to end, and wait; raises SimulatorError if it does not end well, or failed inside before."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        if not self._running:
            return
        self._running = False
        if self._process.returncode is None:
            self._process.sigterm()
        try:
            code = await self._process.wait()
        except AssertionError as error:
            raise SimulatorError(str(error)) from error
        finally:
            await self._process.close()
        if code or "Traceback" in self._process.text:
            raise SimulatorError(f"the simulator ended with {code}:\n{self._process.text}")

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def reset(self) -> None:
        """Return to how the simulator started, evidence and faults gone."""
        await self._post("reset", None)

    async def scenario(self, **scenario: Any) -> None:
        """Start a scenario from a flat account; fields as in `exchange_sim.core.scenario.Scenario`."""
        await self._post("scenario", scenario)

    async def change(self, **change: Any) -> None:
        """Change only what is named; the same fields."""
        await self._post("change", change)

    async def position(self, symbol: str, qty: str | Decimal, **more: Any) -> None:
        """Someone else changes a position."""
        await self._post("position", {"symbol": symbol, "qty": str(qty), **more})

    async def price(self, symbol: str, mark: str | Decimal) -> None:
        """Move a mark price."""
        await self._post("price", {"symbol": symbol, "mark": str(mark)})

    async def book(self, symbol: str, **depth: Any) -> None:
        """Thin a book: qty, or bid_qty, ask_qty, bid, ask, replenish, expire_as."""
        await self._post("book", {"symbol": symbol, **depth})

    async def latency(self, round_trip_ms: float) -> None:
        """Delay every request to the venue, half before and half after it is executed."""
        await self._post("latency", {"round_trip_ms": round_trip_ms})

    async def clock(self, offset_ms: int) -> None:
        """Skew the venue's clock."""
        await self._post("clock", {"offset_ms": offset_ms})

    async def limits(self, **limits: int) -> None:
        """Replace the venue's limits."""
        await self._post("limits", limits)

    async def faults(self, *faults: Mapping[str, Any]) -> None:
        """Add planned faults; see `exchange_sim.control`."""
        await self._post("faults", list(faults))

    async def clear_faults(self) -> None:
        """Drop all planned faults and cut what they hold back."""
        await self._call("DELETE", "faults")

    async def proceed(self) -> None:
        """Let what is held back for a time go on, as if the time were over."""
        await self._post("proceed", None)

    async def fault_counts(self) -> list[dict[str, Any]]:
        """Return how often each planned fault was met and struck."""
        counts: list[dict[str, Any]] = await self._call("GET", "faults")
        return counts

    async def state(self) -> dict[str, Any]:
        """Return positions, orders and evidence."""
        state: dict[str, Any] = await self._call("GET", "state")
        return state

    async def positions(self) -> dict[tuple[str, str], Decimal]:
        """Return what is open, by symbol and position side (BOTH, LONG, SHORT)."""
        rows: Sequence[dict[str, str]] = (await self.state())["positions"]
        return {(row["symbol"], row["position_side"]): Decimal(row["qty"]) for row in rows}

    async def orders(self) -> list[dict[str, Any]]:
        """Return every order received since the last reset."""
        return await self.wait_orders(0)

    async def wait_orders(self, count: int, timeout_s: float = HANG_S) -> list[dict[str, Any]]:
        """Wait until `count` orders were received; raises SimulatorError when they do not come."""
        orders: list[dict[str, Any]] = await self._call("GET", f"orders?wait_for={count}&timeout_s={timeout_s}")
        if len(orders) < count:
            raise SimulatorError(f"waited {timeout_s} s for {count} orders, {len(orders)} came")
        return orders

    async def wait(self, timeout_s: float = HANG_S, **goals: int | str) -> None:
        """Wait for orders=N, filled=N, requests=N (of method=, path=) or open_positions=N (at most); else raises."""
        query = "&".join(f"{name}={value}" for name, value in goals.items())
        answer = await self._call("GET", f"wait?{query}&timeout_s={timeout_s}")
        if not answer["met"]:
            raise SimulatorError(f"waited {timeout_s} s for {goals}: {answer}")

    async def requests(self) -> list[dict[str, Any]]:
        """Return the request log."""
        requests: list[dict[str, Any]] = await self._call("GET", "requests")
        return requests

    async def _post(self, name: str, body: Any) -> None:
        await self._call("POST", name, body)

    async def _call(self, method: str, name: str, body: Any = None) -> Any:
        assert self._session is not None, "the simulator is not running"
        try:
            async with self._session.request(method, f"/sim/{name}", json=body) as response:
                answer = await response.json(content_type=None)
                if response.status != 200:
                    raise SimulatorError(f"{method} /sim/{name}: {response.status} {answer}")
                return answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SimulatorError(f"{method} /sim/{name}: {error!r}\n{self._process.text}") from error
