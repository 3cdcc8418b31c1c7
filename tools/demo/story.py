"""The story, step by step. Nothing here is printed from a constant: every number was read from somewhere."""

import asyncio
import secrets
import shlex
import sys
from collections.abc import Iterable
from decimal import Decimal
from importlib.metadata import version

from redis.asyncio import Redis

from contracts.flattening import FlattenCompleted
from contracts.positions import AllocationStateChanged, AllocationVerdict
from demo import gathering
from demo.stack import Stack
from demo.telling import Teller, money
from evidence.three_ways import ALLOCATION, DirectReading, Proof, judge
from runtime.processes import Processes
from runtime.programs import TICK_S, CannotStart, until
from runtime.redis_client import open_redis

TOP = 6
AFTERMATH_S = 10.0


async def tell(stack: Stack, processes: Processes, teller: Teller) -> bool:
    """Flatten the incident and prove it; whether all three ways agree."""
    redis = open_redis(stack.redis_url, name="demo")
    try:
        before = await _before(stack, redis, teller)
        arm_id = f"demo-{secrets.token_hex(4)}"
        teller.step("The operator stops trading and arms one flatten")
        await _flatctl(stack, processes, teller, "ess", "activate", "--reason", "P2.9 breach")
        code = await _flatctl(
            stack, processes, teller, "arm", "--yes", "--wait", "--arm-id", arm_id, "--reason", "P2.9 breach"
        )
        teller.line(f"   exit code {code}")
        proof = await _aftermath(stack, redis, teller, arm_id, before)
        return _conclude(teller, await gathering.verdicts(redis, stack.keys), proof)
    finally:
        await redis.aclose()


def introduce(stack: Stack, teller: Teller, seconds: float) -> None:
    """What runs, and where."""
    teller.step(f"The trio is up after {seconds:.1f} s, version {version('flatguard')}")
    rows = [("   ", service.name, str(service.pid), service.url) for service in stack.services]
    teller.table(("   ", "program", "pid", "address"), rows, numeric=frozenset({"pid"}))
    teller.line(f"   {stack.redis_origin}", "dim")


async def _before(stack: Stack, redis: Redis, teller: Teller) -> DirectReading:
    before = await gathering.read_exchange(stack.exchange_url)
    teller.step("What the exchange shows, and what the P2.9 check makes of it")
    environ = stack.environ
    teller.line(
        f"   environment {environ['EXCHANGE_ENV'].upper()}   account {environ['ACCOUNT']}   "
        f"namespace {environ['FLATTEN_NAMESPACE']}"
    )
    teller.line(
        f"   exchange: {before.rows_seen} symbols, {len(before.holdings)} open, exposure {money(_exposure(before))}"
    )
    symbols = {holding.symbol for holding in before.holdings}

    async def all_checked() -> bool:
        return symbols <= gathering.newest_verdicts(await gathering.checks(redis, stack.keys)).keys()

    await until("the governor's P2.9 check", all_checked)
    last = gathering.newest_verdicts(await gathering.checks(redis, stack.keys)).values()
    tally: dict[str, int] = {}
    for change in last:
        tally[change.check.verdict] = tally.get(change.check.verdict, 0) + 1
    teller.line("   P2.9 verdicts: " + ", ".join(f"{verdict} {count}" for verdict, count in sorted(tally.items())))
    _quote_governor(stack, teller, gathering.breaches(tuple(last)))
    return before


def _quote_governor(stack: Stack, teller: Teller, changes: Iterable[AllocationStateChanged]) -> None:
    """The governor's own last words on these symbols, as people grep them."""
    for symbol in sorted({change.check.symbol for change in changes}):
        for message in gathering.log_messages(stack.log_of("governor"), f"P2.9 {symbol} ")[-1:]:
            teller.quote("   log:  ", message, "yellow")


async def _flatctl(stack: Stack, processes: Processes, teller: Teller, *arguments: str) -> int:
    """Run the operator's own command line; its output is the demo's."""
    teller.command(f"$ flatctl {shlex.join(arguments)}", "bold")
    child = processes.start_tool("flatctl", [sys.executable, "-m", "flatctl.main", *arguments], stack.environ)
    while (code := child.popen.poll()) is None:  # noqa: ASYNC110 - a process: there is nothing to wait on but asking
        await asyncio.sleep(TICK_S)
    processes.forget(child)
    return code


async def _aftermath(stack: Stack, redis: Redis, teller: Teller, arm_id: str, before: DirectReading) -> Proof:
    completed = await gathering.verdicts(redis, stack.keys)
    if not completed:
        raise CannotStart("the run left no verdict: see above, and the logs of governor and flatten-executor")
    await _settled(stack, redis, completed[-1])
    after = await gathering.read_exchange(stack.exchange_url)
    teller.step("Before and after, read from the exchange")
    _compare(teller, before, after)
    teller.step("The proof: three ways, each by itself")
    evidence = await gathering.gather(redis, stack.keys, arm_id, before, after)
    proof = judge(evidence)
    for part in proof.parts:
        teller.line(f"   {part.name}", "bold")
        for finding in part.findings:
            teller.finding(finding)
        if part.name == ALLOCATION:
            once = [change for change in evidence.checks if change.check.verdict is AllocationVerdict.BREACH]
            _quote_governor(stack, teller, once)
    return proof


async def _settled(stack: Stack, redis: Redis, completed: FlattenCompleted) -> None:
    """Give oracle and governor the time of a reading. What is not there by then fails the proof, not the wait."""
    verified_at_ms = completed.timings.verified_at_ms or completed.timings.finished_at_ms

    async def looked_again() -> bool:
        snapshot = await gathering.newest_snapshot(redis, stack.keys)
        return snapshot is not None and snapshot.taken_at_ms > verified_at_ms

    async def checked_again() -> bool:
        return not gathering.breaches(await gathering.checks(redis, stack.keys))

    for found in (looked_again, checked_again):
        try:
            await until("the oracle and the governor", found, AFTERMATH_S)
        except CannotStart:
            return


def _compare(teller: Teller, before: DirectReading, after: DirectReading) -> None:
    now = {holding.leg: holding.quantity for holding in after.holdings}
    rows = [
        (
            "   ",
            holding.symbol,
            "long" if holding.quantity > 0 else "short",
            f"{holding.quantity:f}",
            money(holding.notional_usd),
            f"{now.get(holding.leg, Decimal(0)):f}",
        )
        for holding in before.holdings[:TOP]
    ]
    if rest := len(before.holdings) - len(rows):
        still = sum(holding.leg in now for holding in before.holdings[TOP:])
        rows.append(("   ", f"… {rest} more", "", "", money(_exposure(before, TOP)), f"{still} open"))
    rows.append(
        (
            "   ",
            f"total, {before.rows_seen} symbols",
            "",
            f"{len(before.holdings)} open",
            money(_exposure(before)),
            f"{len(after.holdings)} open, {money(_exposure(after))}",
        )
    )
    numeric = frozenset({"quantity", "notional", "after"})
    teller.table(("   ", "symbol", "side", "quantity", "notional", "after"), rows, numeric=numeric)


def _exposure(reading: DirectReading, first: int = 0) -> Decimal:
    return sum((holding.notional_usd or Decimal(0) for holding in reading.holdings[first:]), Decimal(0))


def _conclude(teller: Teller, completed: tuple[FlattenCompleted, ...], proof: Proof) -> bool:
    teller.line()
    if proof.agreed:
        teller.line("All three agree.", "bold green")
    else:
        teller.line(f"They do NOT agree: {len(proof.disagreements)} statements do not hold.", "bold red")
    for run in completed:
        counts = run.counts
        teller.line(
            f"seen={counts.seen} nonzero={counts.nonzero} filtered={counts.filtered} sent={counts.sent} "
            f"ok={counts.ok} errors={counts.errors} verdict={run.verdict}",
            "bold",
        )
    return proof.agreed
