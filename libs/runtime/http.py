"""/healthz, /readyz and /metrics of a service."""

import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from prometheus_client.exposition import choose_encoder

from runtime.errors import StartupError
from runtime.health import Checks
from runtime.metrics import Metrics

_log = structlog.get_logger("runtime.http")
_SHUTDOWN_S = 1.0


def health_app(*, metrics: Metrics, checks: Checks) -> web.Application:
    """The application. /healthz: the loop runs. /readyz: 503 with the reasons unless every check is ok."""
    passing = metrics.gauge("flatguard_check_ok", "1 while that part of /readyz is able to do its work", ("check",))
    for name, check in checks.items():
        passing.labels(name).set_function(lambda check=check: check().ok)  # type: ignore[misc]  # a default binds it

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_request: web.Request) -> web.Response:
        answers = {name: check() for name, check in checks.items()}
        ready = all(answer.ok for answer in answers.values())
        body = {
            "ready": ready,
            "checks": {name: {"ok": answer.ok, "why": answer.why} for name, answer in answers.items()},
        }
        return web.json_response(body, status=200 if ready else 503)

    async def exposition(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(metrics.registry), headers={"Content-Type": content_type})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", exposition)
    return app


@asynccontextmanager
async def health_server(
    *,
    host: str,
    port: int,
    metrics: Metrics,
    checks: Checks,
    more: Callable[[web.Application], None] | None = None,
) -> AsyncIterator[int]:
    """Serve while the block runs; gives the port. Raises StartupError, one clear line, when it cannot listen.

    `more` adds what a service serves besides.

    Around everything else that a service does: one that cannot have its port has not begun, and has read no entry.
    """
    app = health_app(metrics=metrics, checks=checks)
    if more is not None:
        more(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise StartupError(_why_not(host, port, error)) from error
        bound = int(runner.addresses[0][1])
        _log.info(f"http listening on http://{host}:{bound}")
        yield bound
    finally:
        await runner.cleanup()


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"HTTP_PORT={port}: {host}:{port} is in use by another process; stop it or choose another HTTP_PORT"
    return f"cannot listen on {host}:{port} (HTTP_HOST, HTTP_PORT): {error.strerror or error}"
