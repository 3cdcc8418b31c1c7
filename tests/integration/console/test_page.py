"""The console in a real browser, on a real flatten."""

import pytest
from playwright.async_api import Browser, Locator, expect

from contracts.flattening import RunVerdict
from support.browser import DESKTOP, PHONE, Scheme, Watched, a_page
from support.patience import HANG_S
from support.trio import ARM, SET_LATCH, Trio

expect.set_options(timeout=HANG_S * 1000)


def gate(watched: Watched, name: str) -> Locator:
    return watched.page.locator("#gates li").filter(has_text=name)


async def test_the_page_follows_a_flatten_from_the_latch_to_flat(trio: Trio, url: str, browser: Browser) -> None:
    async with a_page(browser, url) as watched:
        page = watched.page
        await expect(page.locator("#environment")).to_have_text("sim")
        await expect(page.locator("#alive")).to_have_text("live")
        await expect(page.locator("#headline")).to_have_text("Not ready: an arm would be refused by ess latch")
        await expect(gate(watched, "ess latch")).to_contain_text("refuses")
        await expect(page.locator("#holdings-rows tr").first).to_contain_text("ETHUSDT")
        await expect(page.locator("#holdings-rows tr").first).to_contain_text("$31,361.00")
        await expect(page.locator("#holdings-rows tr").first).to_contain_text("breach")

        await trio.told(*SET_LATCH)
        await expect(page.locator("#headline")).to_have_text("Ready: an arm would be accepted")

        await trio.sim.latency(500)
        async with trio.flatctl(*ARM) as arm:
            await expect(page.locator("#run-title")).to_have_text("Run in flight")
            await expect(page.locator("#headline")).to_contain_text("Flattening: ")
            await expect(page.locator("#run-positions li")).to_have_count(44)
            await expect(gate(watched, "no run in flight")).to_contain_text("refuses")
            await expect(page.locator("#run-verdict")).to_have_text("flat")
            assert await arm.wait() == 0, arm.text

        await expect(page.locator("#run-funnel li strong")).to_have_text(["674", "44", "44", "44", "44"])
        await expect(page.locator('#run-positions li[data-state="done"]')).to_have_count(44)
        await expect(page.locator("#residual-word")).to_have_text("nothing is left open")
        await expect(page.locator("#holdings-sum")).to_have_text("Nothing is open.")
        await expect(page.locator("#past li")).to_contain_text("44 of 44 closed, $0.00 left open")
        assert (await trio.events.verdict()).verdict is RunVerdict.FLAT
        assert watched.complaints == []
        assert watched.elsewhere == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_everybody_can_read_it(
    trio: Trio, url: str, browser: Browser, scheme: Scheme, size: tuple[int, int]
) -> None:
    async with a_page(browser, url, scheme=scheme, size=size) as watched:
        await expect(watched.page.locator("#holdings-rows tr")).to_have_count(25)
        assert await watched.overflow_px() == 0
        before = await watched.violations()
        await trio.told(*SET_LATCH)
        await trio.sim.faults(
            {"action": "code", "code": -2027, "times": 0, "match": {"method": "POST", "symbol": "XRPUSDT"}}
        )
        await trio.sim.latency(300)
        async with trio.flatctl(*ARM) as arm:
            await expect(watched.page.locator("#run-title")).to_have_text("Run in flight")
            during = await watched.violations()
            await arm.wait()
        await expect(watched.page.locator("#residual li")).to_have_count(1)
        await expect(watched.page.locator("#detail")).to_contain_text("Last run: not flat, 43 closed, 1 LEFT OPEN")
        left, run = [await watched.page.locator(name).bounding_box() for name in ("#left", "#run")]
        assert left is not None
        assert run is not None
        assert left["y"] < run["y"], "what is left open stands first"
        after = await watched.violations()

        assert (before, during, after) == ([], [], [])
        assert await watched.overflow_px() == 0


async def test_everything_can_be_reached_by_keyboard_and_the_focus_is_seen(
    trio: Trio, url: str, browser: Browser
) -> None:
    async with a_page(browser, url) as watched:
        page = watched.page
        await expect(page.locator("#holdings-rows tr")).to_have_count(25)

        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await expect(page.locator(".skip")).to_be_in_viewport()
        await page.keyboard.press("Enter")
        await expect(page.locator("#main")).to_be_focused()

        await page.keyboard.press("Tab")
        more = page.locator("#holdings-more")
        await expect(more).to_be_focused()
        assert await more.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
        await page.keyboard.press("Enter")
        await expect(page.locator("#holdings-rows tr")).to_have_count(44)
        await expect(more).to_have_attribute("aria-expanded", "true")
        await page.keyboard.press("Space")
        await expect(page.locator("#holdings-rows tr")).to_have_count(25)


async def test_a_state_is_told_by_a_word_beside_every_shape(trio: Trio, url: str, browser: Browser) -> None:
    """What stands for a state in colour stands there in a shape and in a word, for whoever sees no colour."""
    async with a_page(browser, url) as watched:
        await expect(watched.page.locator("#holdings-rows tr")).to_have_count(25)
        await expect(watched.page.locator("#gates li")).to_have_count(8)

        told = await watched.page.locator("#state .verdict:has(.shape):visible").all()
        words = [(await each.inner_text()).strip() for each in told]
        kinds = [await each.locator("use").get_attribute("href") for each in told]
        assert len(told) >= 8 + 25
        assert "" not in words
        assert set(kinds) == {"#shape-good", "#shape-bad", "#shape-open"}
