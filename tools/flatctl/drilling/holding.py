"""Holding a drill: set up, play, and in any case take everything away again and put the result on record."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from redis.exceptions import RedisError

from contracts.drills import DrillCompleted, DrillOutcome, DrillStarted, DrillTimes
from contracts.streams import Keys
from contracts.vocabulary import Environment
from flatctl.arming import Intent
from flatctl.drilling.play import Course, play
from flatctl.drilling.record import forget, forget_cut_off, write_down
from flatctl.drilling.stage import set_up
from flatctl.exits import REFUSED, CommandFailed
from flatctl.figures import span
from flatctl.session import Session
from runtime.app import software_version
from runtime.processes import ChildDied, Processes
from runtime.programs import CannotStart
from runtime.redis_client import raw, unix_ms

R = TypeVar("R")

WATCH_S = 0.05
CLEARING_S = 60
"""More than it takes to end the processes and to delete the keys."""


class Wish(Struct, frozen=True, kw_only=True):
    """What the operator asked for."""

    drill_id: str
    operator: str
    reason: str
    scenario: str
    within_s: float
    """For all of it, from the first start to the last reading."""


async def hold(session: Session, wish: Wish) -> DrillCompleted:
    """Hold one drill; returns what was put on record. Raises CommandFailed or RedisError when it could not begin."""
    keys = session.settings.keys
    directory = _directory()
    processes, course = Processes(directory), Course()
    try:
        started = await _begin(session, wish)
        _hear_a_terminal_that_closes()
        await _undergo(_guarded(session, processes, directory, wish, course), wish.within_s, course)
        with session.screen.busy("ending what the drill started, and deleting its keys"):
            left = await _undisturbed(_clear(session, processes, keys, wish.drill_id))
    finally:
        processes.stop_all()
        shutil.rmtree(directory, ignore_errors=True)
    if left:
        course.end(DrillOutcome.FAILED, f"{course.detail}; {left}".removeprefix("; "))
    return await _undisturbed(_put_on_record(session, started, wish, course))


async def _begin(session: Session, wish: Wish) -> DrillStarted:
    settings = session.settings
    now_ms = unix_ms(await raw(session.redis, "TIME"))
    for drill_id in await forget_cut_off(session.redis, settings.keys, now_ms):
        session.screen.line(f"{drill_id} was cut off; what it had left in Redis is deleted")
    started = DrillStarted(
        drill_id=wish.drill_id,
        operator=wish.operator,
        reason=wish.reason,
        environment=settings.exchange_env,
        account=settings.account,
        namespace=settings.keys.drill(wish.drill_id).namespace,
        started_at_ms=now_ms,
        ends_before_ms=now_ms + round((wish.within_s + CLEARING_S) * 1000),
    )
    await write_down(session.redis, settings.keys, started)
    return started


async def _undergo(drill: Awaitable[None], within_s: float, course: Course) -> None:
    """Let it take its course. How it ended otherwise is said in `course`: only what is a mistake of ours comes out."""
    try:
        async with asyncio.timeout(within_s):
            await drill
    except TimeoutError:
        course.end(DrillOutcome.UNKNOWN, f"not done within {within_s:g} s (--timeout)")
    except asyncio.CancelledError:
        if task := asyncio.current_task():
            task.uncancel()
        course.end(DrillOutcome.INTERRUPTED, "stopped by who held it")
    except CommandFailed as error:
        course.end(DrillOutcome.REFUSED if error.code == REFUSED else DrillOutcome.FAILED, str(error))
    except (CannotStart, ChildDied, RedisError, OSError) as error:
        course.end(DrillOutcome.FAILED, str(error) or type(error).__name__)


async def _guarded(session: Session, processes: Processes, directory: Path, wish: Wish, course: Course) -> None:
    """The drill, unless one of its processes dies before (ChildDied)."""

    async def all_alive() -> None:
        while True:
            processes.check()
            await asyncio.sleep(WATCH_S)

    tasks = [asyncio.create_task(work) for work in (_drill(session, processes, directory, wish, course), all_alive())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    if tasks[0] not in done or tasks[0].exception() is not None:
        processes.check()  # a dead process explains what the drill could only see the consequence of
    for task in tasks:
        if task in done:
            task.result()


async def _drill(session: Session, processes: Processes, directory: Path, wish: Wish, course: Course) -> None:
    began_s = session.clock.monotonic_s()
    with session.screen.busy("starting a simulator, a governor and an executor"):
        stage = await set_up(
            session,
            processes,
            directory,
            drill_id=wish.drill_id,
            operator=wish.operator,
            scenario=wish.scenario,
        )
    course.ready_ms = round((session.clock.monotonic_s() - began_s) * 1000)
    session.screen.line(f"simulator, governor and executor are ready, after {span(course.ready_ms)}")
    intent = Intent(
        arm_id=wish.drill_id,
        operator=wish.operator,
        reason=wish.reason or "drill",
        environment=Environment.SIM,
        account=wish.drill_id,
        signer=stage.signer,
    )
    await play(stage, course, intent, within_s=wish.within_s)


async def _clear(session: Session, processes: Processes, keys: Keys, drill_id: str) -> str:
    """End the processes, then delete what they wrote; what could not be done, in a line."""
    await asyncio.to_thread(processes.stop_all)
    try:
        await forget(session.redis, keys, drill_id)
    except RedisError as error:
        return f"keys below {keys.drill(drill_id).namespace} are left, Redis: {error}; the next drill deletes them"
    return ""


async def _undisturbed(work: Awaitable[R]) -> R:
    """Do it to its end, whoever cancels."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    return task.result()


def _hear_a_terminal_that_closes() -> None:
    """It ends a drill as Ctrl-C does."""
    task = asyncio.current_task()
    if task is not None and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, task.cancel)


def _directory() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="flatguard-drill-"))
    except OSError as error:
        raise CommandFailed(f"no drill: no directory for its files can be made: {error}; set TMPDIR") from error


async def _put_on_record(session: Session, started: DrillStarted, wish: Wish, course: Course) -> DrillCompleted:
    completed = course.completed
    drill = DrillCompleted(
        drill_id=wish.drill_id,
        operator=wish.operator,
        reason=wish.reason,
        environment=started.environment,
        account=started.account,
        scenario=Path(wish.scenario).name,
        outcome=course.outcome,
        detail=course.detail,
        gates=course.gates,
        request_id=course.request_id,
        verdict=completed.verdict if completed else None,
        counts=completed.counts if completed else None,
        timings=completed.timings if completed else None,
        times=DrillTimes(
            ready_ms=course.ready_ms,
            decided_ms=course.decided_ms,
            verdict_ms=course.verdict_ms,
            verified_ms=course.verified_ms,
        ),
        verified=course.verified,
        software_version=software_version(),
        started_at_ms=started.started_at_ms,
        finished_at_ms=unix_ms(await raw(session.redis, "TIME")),
    )
    await write_down(session.redis, session.settings.keys, drill)
    return drill
