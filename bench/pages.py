"""`python -m bench.pages URL COUNT SECONDS`: so many open pages of a console, in a process of their own.

Each takes what comes and throws it away. Says `open` once every page has had a tick, and at the end what came.
"""

import asyncio
import sys
import time

_CHUNK = 256 * 1024
_TICK = b"event: tick\n"


class _Page:
    """One connection."""

    def __init__(self) -> None:
        self.ticks = 0
        self.received = 0
        self.ticked = asyncio.Event()

    async def read(self, host: str, port: int) -> None:
        """Until it is cancelled. Raises ConnectionError when the governor ends the stream."""
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(f"GET /console/stream HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            while chunk := await reader.read(_CHUNK):
                self.received += len(chunk)
                self.ticks += chunk.count(_TICK)  # one that is cut in two is missed: the count is a lower bound
                if self.ticks:
                    self.ticked.set()
            raise ConnectionError("the governor closed a page")
        finally:
            writer.close()


async def _open(url: str, count: int, seconds: float) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    pages = [_Page() for _ in range(count)]
    async with asyncio.TaskGroup() as group:
        reading = [group.create_task(page.read(host, int(port))) for page in pages]
        for page in pages:
            await page.ticked.wait()
        print("open", flush=True)
        before = [(page.ticks, page.received) for page in pages]
        began_s = time.monotonic()
        await asyncio.sleep(seconds)
        elapsed_s = time.monotonic() - began_s
        slowest = min(page.ticks - ticks for page, (ticks, _) in zip(pages, before, strict=True)) / elapsed_s
        received = sum(page.received - had for page, (_, had) in zip(pages, before, strict=True)) / elapsed_s
        print(f"ticks_per_s={slowest:.3f} bytes_per_s={received:.0f}", flush=True)
        for task in reading:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(_open(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
