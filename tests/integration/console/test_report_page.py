"""The report of a real run as people see it, in a real Chromium. `make pictures` keeps what is seen, in docs/images."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser

from support.browser import PHONE, Scheme, a_page
from support.redis_server import RedisServer
from support.reporting import others_have_looked, written
from support.tree import ROOT
from support.trio import ARM, SET_LATCH, Trio

TALL = (1080, 1580)
VIEWS: tuple[tuple[str, tuple[int, int], Scheme], ...] = (
    ("desktop-light", TALL, "light"),
    ("desktop-dark", TALL, "dark"),
    ("phone-light", PHONE, "light"),
)


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


async def test_the_report_is_legible_everywhere_and_asks_nobody(trio: Trio, browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    await trio.told(*SET_LATCH)
    await trio.told(*ARM)
    await others_have_looked(trio.events)
    told = await written(trio, page)

    assert set(told["checklist"].values()) == {"PASS"}
    for name, size, scheme in VIEWS:
        async with a_page(browser, f"file://{tmp_path}", f"/{page.name}", scheme=scheme, size=size) as watched:
            assert (await watched.page.title()).startswith("FLAT: nothing is open; the exchange was read at ")
            assert await watched.page.locator("h1").inner_text() == f"✓{told['headline']}"
            assert (watched.complaints, watched.elsewhere) == ([], [])
            assert await watched.overflow_px() <= 0, name
            assert await watched.violations() == [], name
            kept = os.environ.get("PICTURES")
            path = (ROOT / kept if kept else tmp_path) / f"report-{name}.png"
            await watched.page.screenshot(path=path)
            assert path.stat().st_size > 10_000
