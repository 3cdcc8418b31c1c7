"""The exchange simulator as a real process, and its control API as methods."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import aiohttp

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 5.0
LISTENING = "exchange-sim listening on "


class SimulatorError(RuntimeError):
    """The simulator did not start, or refused a control request."""


class Simulator:
    """`async with Simulator("--scenario", "incident") as sim:` starts a process on a free port and stops it by pid.

    Keys: `sim-key`/`sim-secret` may trade, `sim-read-key`/`sim-read-secret` may only read.
    """

    api_key = "sim-key"
    api_secret = "sim-secret"
    read_key = "sim-read-key"
    read_secret = "sim-read-secret"

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self.base_url = ""

    async def start(self) -> Self:
        """Start the process and wait until it listens."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "exchange_sim.main",
            "--port",
            "0",
            *self._arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            self.base_url = await asyncio.wait_for(self._listening_url(), START_TIMEOUT_S)
        except BaseException:
            await self.stop()
            raise
        self._session = aiohttp.ClientSession(self.base_url, timeout=aiohttp.ClientTimeout(total=60))
        return self

    async def stop(self) -> None:
        """Stop the process (SIGKILL where SIGTERM is not enough); raises SimulatorError if it failed inside."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
        try:
            _, said = await asyncio.wait_for(process.communicate(), STOP_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            _, said = await process.communicate()
        if b"Traceback" in said:
            raise SimulatorError(f"the simulator failed inside:\n{said.decode()}")

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None, "the simulator is not running"
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

    async def wait_orders(self, count: int, timeout_s: float = 10.0) -> list[dict[str, Any]]:
        """Wait until `count` orders were received; raises SimulatorError when they do not come."""
        orders: list[dict[str, Any]] = await self._call("GET", f"orders?wait_for={count}&timeout_s={timeout_s}")
        if len(orders) < count:
            raise SimulatorError(f"waited {timeout_s} s for {count} orders, {len(orders)} came")
        return orders

    async def wait(self, timeout_s: float = 10.0, **goals: int | str) -> None:
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
        async with self._session.request(method, f"/sim/{name}", json=body) as response:
            answer = await response.json(content_type=None)
            if response.status != 200:
                raise SimulatorError(f"{method} /sim/{name}: {response.status} {answer}")
            return answer

    async def _listening_url(self) -> str:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        assert process.stderr is not None
        line = (await process.stdout.readline()).decode()
        if line.startswith(LISTENING):
            return line.removeprefix(LISTENING).strip()
        raise SimulatorError(f"the simulator did not start: {(await process.stderr.read()).decode().strip()}")
