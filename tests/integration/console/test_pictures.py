"""The console as people see it, in both schemes and on a phone. `make pictures` keeps what is seen, in docs/images."""

import os
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, expect

from support.browser import DESKTOP, PHONE, Scheme, Watched, a_page
from support.patience import HANG_S
from support.redis_server import RedisServer
from support.scenes import BATCH
from support.tree import ROOT
from support.trio import ARM, SET_LATCH, Trio

SHORT = ("ETHUSDT", "XRPUSDT", "SOLICUSDT")
"""Their books hold two thirds of what is to be sold: they need a second round, whose answers are held back."""
FIRST_ROUND_BATCHES = 9
SCHEMES: tuple[Scheme, ...] = ("dark", "light")
expect.set_options(timeout=HANG_S * 1000)


@pytest.fixture
def redis_url(own_redis: RedisServer) -> str:
    """A server of its own: the pictures show the usual namespace."""
    return own_redis.url


@pytest.fixture
def namespace() -> str:
    return "quantum:gov:testnet"


@pytest.fixture
def more_env() -> dict[str, str]:
    """A latch without a path of this machine."""
    return {"ESS_LATCH": "redis:quantum:ess:active", "ORACLE_POLL_SECONDS": "1"}


class Album:
    """The pages, and where their pictures go."""

    def __init__(self, directory: Path, pages: dict[str, Watched]) -> None:
        self._directory = directory
        self._pages = pages

    async def take(self, moment: str, of: str) -> None:
        for name, watched in self._pages.items():
            if not name.startswith(of):
                continue
            path = self._directory / f"console-{moment}-{name}.png"
            await watched.page.screenshot(path=path)
            assert path.stat().st_size > 10_000

    async def wait(self, selector: str, text: str) -> None:
        for watched in self._pages.values():
            await expect(self._of(watched, selector)).to_contain_text(text)

    def _of(self, watched: Watched, selector: str) -> Locator:
        return watched.page.locator(selector)


async def test_it_is_seen_before_during_and_after_a_flatten(
    trio: Trio, url: str, browser: Browser, tmp_path: Path
) -> None:
    kept = os.environ.get("PICTURES")
    directory = ROOT / kept if kept else tmp_path / "pictures"
    directory.mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        pages = {
            f"{name}-{scheme}": await stack.enter_async_context(a_page(browser, url, scheme=scheme, size=size))
            for name, size in (("desktop", DESKTOP), ("phone", PHONE))
            for scheme in SCHEMES
        }
        album = Album(directory, pages)
        async with trio.flatctl(*ARM) as arm:
            assert await arm.wait() == 3, "without the latch it is refused"
        await trio.told(*SET_LATCH)
        await album.wait("#headline", "Ready: an arm would be accepted")
        await album.wait("#past", "refused")
        await album.wait("#holdings-rows", "breach")
        await album.wait("#oracle-word", "fresh")
        await album.take("ready", of="desktop")

        open_before = await trio.sim.positions()
        for symbol in SHORT:
            await trio.sim.book(symbol, qty=str(abs(open_before[symbol, "BOTH"]) * 2 // 3), replenish=True)
        held = {**BATCH, "nth": FIRST_ROUND_BATCHES + 1}
        await trio.sim.faults({"action": "delay", "hold_ms": 600_000, "match": held})
        async with trio.flatctl(*ARM) as arm:
            await album.wait("#run-summary", "Positions of the run: 44")
            await album.wait("#run-funnel", "41closed")
            await album.take("run", of="desktop")
            await trio.sim.proceed()
            assert await arm.wait() == 0, arm.text

        await album.wait("#run-verdict", "flat")
        await album.wait("#holdings-sum", "Nothing is open.")
        await album.wait("#oracle-word", "fresh")
        await album.take("flat", of="phone")
