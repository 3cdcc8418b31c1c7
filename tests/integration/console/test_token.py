"""A governor that others can reach, and a browser that has to give its token; a page that hears nothing any more."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, expect

from support.browser import PHONE, a_page
from support.governing import a_governor
from support.patience import HANG_S
from support.processes import ServiceProcess

TOKEN = "a-token-of-sixteen-characters"
expect.set_options(timeout=HANG_S * 1000)


@pytest_asyncio.fixture
async def governor(redis_url: str, namespace: str, tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    """It listens to everybody."""
    reachable = {"HTTP_HOST": "0.0.0.0", "CONSOLE_TOKEN": TOKEN}
    async with a_governor(redis_url, namespace, tmp_path / "ESS_ON", **reachable) as process:
        await process.wait_ready()
        yield process


async def here(governor: ServiceProcess) -> str:
    return (await governor.http_url()).replace("0.0.0.0", "127.0.0.1")


async def test_the_token_is_given_by_keyboard_stays_in_the_tab_and_is_in_no_address(
    governor: ServiceProcess, browser: Browser
) -> None:
    async with a_page(browser, await here(governor)) as watched:
        page = watched.page
        await expect(page.locator("#token")).to_be_focused()
        await expect(page.locator("#state")).to_be_hidden()

        await page.keyboard.type("not-the-right-token")
        await page.keyboard.press("Enter")
        await expect(page.locator("#login-error")).to_have_text("the token is not right")
        await expect(page.locator("#token")).to_be_focused()
        await page.keyboard.type(TOKEN)
        await page.keyboard.press("Enter")
        await expect(page.locator("#alive")).to_have_text("live")
        await page.reload()
        await expect(page.locator("#alive")).to_have_text("live")

        assert watched.asked
        assert [url for url in watched.asked if TOKEN in url] == []
        assert await page.evaluate("document.cookie") == ""
        assert await page.evaluate("localStorage.length") == 0
        assert TOKEN not in await page.content()

        await page.locator("#forget").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#login")).to_be_visible()
        assert await page.evaluate("sessionStorage.length") == 0


async def test_everybody_can_log_in(governor: ServiceProcess, browser: Browser) -> None:
    async with (
        a_page(browser, await here(governor), scheme="dark", size=PHONE) as dark,
        a_page(browser, await here(governor), scheme="light") as light,
    ):
        for watched in (dark, light):
            await expect(watched.page.locator("#login")).to_be_visible()
            assert await watched.violations() == []
            assert await watched.overflow_px() == 0


async def test_a_page_that_hears_nothing_says_so_and_comes_back_by_itself(
    governor: ServiceProcess, browser: Browser
) -> None:
    async with a_page(browser, await here(governor)) as watched:
        page = watched.page
        await expect(page.locator("#token")).to_be_focused()
        await page.keyboard.type(TOKEN)
        await page.keyboard.press("Enter")
        await expect(page.locator("#alive")).to_have_text("live")

        governor.sigstop()
        await expect(page.locator("#alive")).to_contain_text("NOT LIVE for")
        assert await watched.violations() == []
        governor.sigcont()

        await expect(page.locator("#alive")).to_have_text("live")
