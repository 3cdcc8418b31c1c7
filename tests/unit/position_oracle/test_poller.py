"""The poller's pace, with a clock that only moves when it is slept on."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from exchange.errors import ExchangeError, KeyRejected, ReadFailed, ReadUnusable
from exchange.model import PositionReading
from position_oracle.observe import Observer
from position_oracle.poller import Poller
from position_oracle.settings import OracleSettings
from runtime.metrics import Metrics
from support.exchange_builders import position, reading

if TYPE_CHECKING:
    from redis.asyncio import Redis


class StillClock:
    """Time passes in sleeps alone; after `sleeps_max` of them the poller is stopped."""

    def __init__(self, stop: asyncio.Event, sleeps_max: int) -> None:
        self.now_s = 1_000.0
        self.sleeps_s: list[float] = []
        self._stop = stop
        self._sleeps_max = sleeps_max

    def now_ms(self) -> int:
        return int(self.now_s * 1000)

    def monotonic_s(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.sleeps_s.append(round(seconds, 6))
        self.now_s += seconds
        if len(self.sleeps_s) >= self._sleeps_max:
            self._stop.set()


class ScriptedReader:
    """Gives or raises one thing after the other, the last one for ever."""

    def __init__(self, *answers: PositionReading | ExchangeError) -> None:
        self._answers = list(answers)

    async def positions(self) -> PositionReading:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, ExchangeError):
            raise answer
        return answer

    async def marks(self) -> Mapping[str, Decimal]:
        return {}

    async def listed(self) -> frozenset[str]:
        raise NotImplementedError

    async def aclose(self) -> None:
        raise NotImplementedError


class FakeRedis:
    """Takes entries, or is away."""

    def __init__(self, *, away: bool = False) -> None:
        self.entries: list[tuple[Any, ...]] = []
        self._away = away

    async def execute_command(self, *command: Any) -> bytes:
        if self._away:
            raise RedisConnectionError("no route")
        self.entries.append(command)
        return b"1-1"


async def poll(
    *answers: PositionReading | ExchangeError, sleeps: int, redis: FakeRedis | None = None, every_s: str = "1"
) -> tuple[StillClock, FakeRedis, Poller]:
    stop, redis = asyncio.Event(), redis or FakeRedis()
    clock = StillClock(stop, sleeps)
    poller = Poller(
        reader=ScriptedReader(*answers),
        redis=cast("Redis", redis),
        settings=OracleSettings(oracle_poll_seconds=Decimal(every_s)),
        clock=clock,
        observer=Observer(Metrics(), clock),
    )
    await poller.run(stop)
    return clock, redis, poller


async def test_each_good_reading_is_published_at_the_pace() -> None:
    clock, redis, poller = await poll(reading(position()), sleeps=3)

    assert len(redis.entries) == 3
    assert clock.sleeps_s == [1.0, 1.0, 1.0]
    assert poller.exchange().ok
    assert poller.redis().ok
    assert poller.snapshot().ok


async def test_the_pace_is_the_one_that_is_set() -> None:
    clock, redis, _ = await poll(reading(position()), sleeps=3, every_s="0.2")

    assert len(redis.entries) == 3
    assert clock.sleeps_s == [0.2, 0.2, 0.2]


async def test_a_rejected_key_is_tried_again_every_fifteen_seconds() -> None:
    clock, redis, poller = await poll(KeyRejected("HTTP 401 code -2015", code=-2015), sleeps=3)

    assert clock.sleeps_s == [15.0, 15.0, 15.0]
    assert redis.entries == []
    assert not poller.exchange().ok


@pytest.mark.parametrize(("retry_after_ms", "waits_s"), [(0, 1.0), (500, 1.0), (7_000, 7.0), (259_200_000, 30.0)])
async def test_the_venue_s_wait_is_kept_within_bounds(retry_after_ms: int, waits_s: float) -> None:
    clock, redis, _ = await poll(ReadFailed("HTTP 429", retry_after_ms=retry_after_ms), sleeps=1)

    assert clock.sleeps_s == [waits_s]
    assert redis.entries == []


async def test_i14_an_unusable_answer_publishes_nothing_and_the_next_good_one_does() -> None:
    _, redis, poller = await poll(ReadUnusable("positionRisk", "cut off"), reading(position()), sleeps=2)

    assert len(redis.entries) == 1
    assert poller.exchange().ok


async def test_while_redis_is_away_the_exchange_is_still_read() -> None:
    _, redis, poller = await poll(reading(position()), sleeps=3, redis=FakeRedis(away=True))

    assert redis.entries == []
    assert poller.exchange().ok
    assert not poller.redis().ok
    assert not poller.snapshot().ok


async def test_a_snapshot_of_five_polls_ago_makes_the_oracle_unready() -> None:
    _, _, young = await poll(reading(position()), ReadFailed("away"), sleeps=4)
    _, _, old = await poll(reading(position()), ReadFailed("away"), sleeps=5)

    assert young.snapshot().ok
    assert not old.snapshot().ok


class SlowMarks(ScriptedReader):
    """Its marks take a few turns of the loop, and say whether they were let finish."""

    finished = False

    async def marks(self) -> Mapping[str, Decimal]:
        for _ in range(3):
            await asyncio.sleep(0)
        self.finished = True
        return {}


async def test_a_reading_is_let_finish_when_the_other_one_fails() -> None:
    stop = asyncio.Event()
    clock, slow = StillClock(stop, 1), SlowMarks(ReadFailed("away"))
    poller = Poller(
        reader=slow,
        redis=cast("Redis", FakeRedis()),
        settings=OracleSettings(),
        clock=clock,
        observer=Observer(Metrics(), clock),
    )

    await poller.run(stop)

    assert slow.finished
