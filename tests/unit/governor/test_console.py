"""Who may see the console, and how pages are served that are slow."""

import asyncio
from itertools import pairwise

import pytest

from governor.console.assets import read_assets
from governor.console.board import PAGES_MAX, Board, Page
from governor.console.guard import Door, Guard, is_loopback
from runtime.secret import Secret

TOKEN = Secret("a-token-of-sixteen")


@pytest.mark.parametrize(
    ("host", "token", "door"),
    [
        ("127.0.0.1", None, Door.OPEN),
        ("::1", None, Door.OPEN),
        ("localhost", None, Door.OPEN),
        ("127.0.0.1", TOKEN, Door.LOCKED),
        ("0.0.0.0", TOKEN, Door.LOCKED),
        ("0.0.0.0", None, Door.ABSENT),
        ("::", None, Door.ABSENT),
        ("10.1.2.3", None, Door.ABSENT),
        ("governor", None, Door.ABSENT),
        ("", None, Door.ABSENT),
    ],
)
def test_beyond_loopback_there_is_no_console_without_a_token(host: str, token: Secret | None, door: Door) -> None:
    assert Guard(host, token).door is door


@pytest.mark.parametrize(
    "given", ["", "Bearer ", "Bearer wrong", "bearer a-token-of-sixteen", "a-token-of-sixteen", "Bearer \udcff"]
)
def test_what_is_not_the_token_is_refused(given: str) -> None:
    refused = Guard("0.0.0.0", TOKEN).refuse(given, "flatguard.example")

    assert refused is not None
    assert refused.status == 401
    assert "sixteen" not in refused.why


def test_the_token_opens_under_whatever_name_one_asks() -> None:
    assert Guard("0.0.0.0", TOKEN).refuse("Bearer a-token-of-sixteen", "flatguard.example") is None


@pytest.mark.parametrize("asked", ["127.0.0.1:8044", "localhost:8044", "localhost", "[::1]:8044"])
def test_whoever_is_on_this_machine_needs_none(asked: str) -> None:
    assert Guard("127.0.0.1", None).refuse("", asked) is None


@pytest.mark.parametrize("asked", ["evil.example:8044", "evil.example", "", "[::2]:8044", "127.0.0.1.evil.example"])
def test_a_name_from_elsewhere_that_points_here_is_refused(asked: str) -> None:
    refused = Guard("127.0.0.1", None).refuse("", asked)

    assert refused is not None
    assert refused.status == 403


def test_a_name_is_no_loopback_address() -> None:
    assert [is_loopback(name) for name in ("127.9.9.9", "LOCALHOST", "127.0.0.1.example", "")] == [
        True,
        True,
        False,
        False,
    ]


def test_the_page_and_what_it_asks_for_are_shipped() -> None:
    assets = read_assets()
    page = assets["index.html"].body.decode()

    asked = {name.split('"')[0] for name in page.split("/console/")[1:]}
    assert asked
    assert asked <= assets.keys()


def frames(board: Board, page: Page) -> bytes:
    return board.newer(page)


def test_what_did_not_change_is_not_sent_again() -> None:
    board = Board()
    with board.page() as page:
        board.put("run", b"1")
        assert frames(board, page) == b"event: run\ndata: 1\n\n"
        board.put("run", b"1")
        assert frames(board, page) == b""
        board.put("tick", b"2", always=True)
        board.put("tick", b"2", always=True)
        assert frames(board, page) == b"event: tick\ndata: 2\n\n"


def test_a_slow_page_gets_the_newest_and_nothing_piles_up() -> None:
    board = Board()
    with board.page() as page:
        for number in range(1_000):
            board.put("holdings", b"%d" % number)

        assert frames(board, page) == b"event: holdings\ndata: 999\n\n"


async def test_a_page_that_comes_later_gets_everything_at_once() -> None:
    board = Board()
    with board.page():
        board.put("present", b"1")
        board.put("run", b"2")
        with board.page() as late:
            await late.wait()
            assert frames(board, late) == b"event: present\ndata: 1\n\nevent: run\ndata: 2\n\n"


def test_what_stood_there_when_nobody_looked_is_not_shown_to_the_next() -> None:
    board = Board()
    with board.page():
        board.put("present", b"old")
    with board.page() as page:
        assert frames(board, page) == b""


async def test_pages_are_woken_one_in_each_turn_of_the_loop() -> None:
    board, woken = Board(), list[int]()

    async def look(number: int) -> None:
        with board.page() as page:
            await page.wait()
            woken.append(number)

    looking = [asyncio.create_task(look(number)) for number in range(3)]
    await asyncio.sleep(0)
    showing = asyncio.create_task(board.show())
    seen = []
    while not showing.done():
        await asyncio.sleep(0)
        seen.append(len(woken))
    await asyncio.gather(*looking)

    assert sorted(woken) == [0, 1, 2]
    assert max(later - before for before, later in pairwise([0, *seen])) == 1


async def test_the_end_lets_every_page_go_and_those_that_wait_for_one() -> None:
    board = Board()
    with board.page() as page:
        board.close()
        await page.wait()
        await board.wait_for_a_page()
        assert board.closed


def test_there_is_a_bound_to_pages() -> None:
    board = Board()
    pages = [board.page() for _ in range(PAGES_MAX)]
    for page in pages:
        page.__enter__()

    assert board.full
    pages[0].__exit__(None, None, None)
    assert not board.full
