"""What every open page shows: each part encoded once for all of them, and the pages that look at it.

Nobody waits for a page. One that is slow is given the newest of each part when it can take something again, and what
came in between is passed over: for each page there is never more on its way than one look at the board.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

PAGES_MAX = 64


class Page:
    """One open page: what it has been given so far."""

    def __init__(self) -> None:
        self.given = 0
        """The newest version that it has."""
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There is something new, or the end."""
        self._news.set()

    async def wait(self) -> None:
        """Return once there is something new since the last wait."""
        await self._news.wait()
        self._news.clear()


class Board:
    """The newest of each part, ready to be sent."""

    def __init__(self) -> None:
        self.closed = False
        self._parts: dict[str, tuple[int, bytes]] = {}
        self._version = 0
        self._pages: set[Page] = set()
        self._opened = asyncio.Event()

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return len(self._pages)

    @property
    def full(self) -> bool:
        """Whether no other page may open."""
        return self.pages >= PAGES_MAX

    async def wait_for_a_page(self) -> None:
        """Return once a page is open, or at the end."""
        await self._opened.wait()

    @contextmanager
    def page(self) -> Iterator[Page]:
        """A page that is open while the block runs. The first one finds an empty board: what stood there is old."""
        if not self._pages:
            self._parts.clear()
        page = Page()
        self._pages.add(page)
        self._opened.set()
        if self._parts:
            page.wake()
        try:
            yield page
        finally:
            self._pages.discard(page)
            if not self._pages and not self.closed:
                self._opened.clear()

    def has(self, part: str) -> bool:
        """Whether the part stands there."""
        return part in self._parts

    def put(self, part: str, document: bytes, *, always: bool = False) -> None:
        """One part anew. What stands there already is not sent again, unless it is to be sent always."""
        frame = b"event: %b\ndata: %b\n\n" % (part.encode(), document)
        before = self._parts.get(part)
        if always or before is None or before[1] != frame:
            self._version += 1
            self._parts[part] = (self._version, frame)

    def newer(self, page: Page) -> bytes:
        """What the page does not have yet, in the order in which it was put; nothing when it has everything."""
        frames = sorted(entry for entry in self._parts.values() if entry[0] > page.given)
        page.given = self._version
        return b"".join(frame for _, frame in frames)

    async def show(self) -> None:
        """Wake every page, one in each turn of the loop: between two of them, arms have their turn."""
        for page in tuple(self._pages):
            page.wake()
            await asyncio.sleep(0)

    def close(self) -> None:
        """The end: every page is let go."""
        self.closed = True
        self._opened.set()
        for page in self._pages:
            page.wake()
