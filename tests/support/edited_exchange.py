"""The simulator behind a proxy that edits its answers: what no fault of the simulator's can say."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from support.sim import Simulator

_HEADERS = ("retry-after", "x-mbx-order-count-10s", "x-mbx-order-count-1m", "x-mbx-used-weight-1m")


@asynccontextmanager
async def edited(sim: Simulator, path: str, edit: Callable[[Any], None]) -> AsyncIterator[str]:
    """The address of an exchange whose answers on `path` are edited, in place, before they are given."""
    async with aiohttp.ClientSession() as session:

        async def handle(request: web.Request) -> web.Response:
            url = URL(sim.base_url + request.raw_path, encoded=True)
            passed = {name: text for name, text in request.headers.items() if name.lower().startswith(("x-mbx", "con"))}
            async with session.request(request.method, url, headers=passed, data=await request.read()) as answer:
                body = await answer.read()
                headers = {name: text for name, text in answer.headers.items() if name.lower() in _HEADERS}
                if request.path == path and answer.status == 200:
                    content = json.loads(body)
                    edit(content)
                    body = json.dumps(content).encode()
                return web.Response(status=answer.status, body=body, headers=headers, content_type="application/json")

        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{tail:.*}", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
