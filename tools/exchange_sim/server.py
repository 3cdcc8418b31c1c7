"""The HTTP server: routes, start and stop."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.log import access_logger

from exchange_sim.control import Control, Handler
from exchange_sim.core.venue import Venue
from exchange_sim.gateway import Gateway
from exchange_sim.observe import exposition
from exchange_sim.settings import Settings
from exchange_sim.watch import Watch

BODY_BYTES_MAX: Final = 4 * 1024 * 1024
DRAIN_S: Final = 0.2
"""How long a stop waits for answers under way."""


def application(venue: Venue) -> tuple[web.Application, Gateway]:
    """Build the application around a venue."""
    watch = Watch()
    gateway = Gateway(venue, watch)
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    app.router.add_routes(Control(venue, gateway, watch).routes())
    app.router.add_get("/healthz", _healthy)
    app.router.add_get("/readyz", _healthy)
    app.router.add_get("/metrics", _metrics_of(venue))
    app.router.add_route("*", "/{path:.*}", gateway.answer)
    return app, gateway


async def run(settings: Settings, venue: Venue, stop: asyncio.Event, listening: Callable[[str], None]) -> None:
    """Serve until `stop` is set. Raises OSError when the address cannot be listened on."""
    venue.reset(time.time_ns() // 1_000_000)
    app, gateway = application(venue)
    log = access_logger if settings.access_log else None
    runner = web.AppRunner(app, access_log=log, shutdown_timeout=DRAIN_S, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
        host, port = runner.addresses[0][:2]
        listening(f"http://{host}:{port}")
        await stop.wait()
    finally:
        gateway.release()
        await runner.cleanup()


async def _healthy(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def _metrics_of(venue: Venue) -> Handler:
    async def metrics(_request: web.Request) -> web.Response:
        body, content_type = exposition(venue)
        return web.Response(body=body, headers={"Content-Type": content_type})

    return metrics
