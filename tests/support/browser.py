"""A real Chromium without a window, driven by Playwright. It may load nothing but the page that is under test."""

import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright

from support.patience import HANG_S

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_BROWSER = f"there is none of {', '.join(NAMES)} on PATH: make browser"
DESKTOP, PHONE = (1280, 860), (390, 844)
Scheme = Literal["dark", "light"]


class NoBrowserError(RuntimeError):
    """REQUIRE_BROWSER=1, and there is none."""


def find_browser(environ: Mapping[str, str]) -> str | None:
    """The program's path. Raises NoBrowserError where there must be one."""
    found = next(filter(None, (shutil.which(name, path=environ.get("PATH", "")) for name in NAMES)), None)
    if found is None and environ.get("REQUIRE_BROWSER") == "1":
        raise NoBrowserError(f"REQUIRE_BROWSER=1, and {NO_BROWSER}")
    return found


def require_browser() -> str:
    """Its path; skips the test without one, or fails it where there must be one."""
    try:
        path = find_browser(os.environ)
    except NoBrowserError as error:
        pytest.fail(str(error), pytrace=False)
    if path is None:
        pytest.skip(f"{NO_BROWSER}; the page is not tested")
    return path


@asynccontextmanager
async def a_browser(path: str) -> AsyncIterator[Browser]:
    """One Chromium for the block."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path)
        try:
            yield browser
        finally:
            await browser.close()


class Watched:
    """A page, and everything that it complained about or asked of others."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        """Every address that it asked for."""
        self._origin = origin
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _on_request(self, request: Request) -> None:
        self.asked.append(request.url)

    @property
    def elsewhere(self) -> list[str]:
        """What it asked of others."""
        return [url for url in self.asked if not url.startswith(f"{self._origin}/")]

    async def violations(self) -> list[str]:
        """What axe finds, by WCAG 2.2 A and AA and its own best practices: rule, and the first element."""
        results = await Axe().run(self.page)
        found = results.response["violations"]
        return [f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:200]}" for each in found]

    async def overflow_px(self) -> int:
        """How far the page is wider than its window."""
        wider: int = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return wider


@asynccontextmanager
async def a_page(
    browser: Browser, url: str, path: str = "/", *, scheme: Scheme = "light", size: tuple[int, int] = DESKTOP
) -> AsyncIterator[Watched]:
    """The page at `path` below `url`, which is a server's root, or a directory."""
    width, height = size
    context = await browser.new_context(
        color_scheme=scheme,
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
        timezone_id="UTC",
        locale="en-US",
        service_workers="block",
    )
    context.set_default_timeout(HANG_S * 1000)
    try:
        page = await context.new_page()
        watched = Watched(page, url)
        await page.goto(f"{url}{path}")
        yield watched
    finally:
        await context.close()
