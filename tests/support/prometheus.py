"""A real Prometheus that scrapes what a test runs: a binary on PATH, or a container on this machine's own network.

`REQUIRE_CONTAINERS=1` allows the container alone, as for Redis: a build never silently uses another version.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp
from testcontainers.core.container import DockerContainer

from support.patience import HANG_S
from support.redis_container import engine_answers
from support.redis_local import free_port

IMAGE = "prom/prometheus:v2.53.3"
NO_PROMETHEUS = "no Prometheus for the tests: install the program prometheus, or start a Docker engine"
_CONFIG_IN_CONTAINER = "/tmp/prometheus.yml"


class NoPrometheusError(Exception):
    """There is none to test with; the text says how to get one."""


class Prometheus:
    """`async with Prometheus(directory).watching(targets) as prometheus:` scrapes every second and keeps exemplars."""

    def __init__(self, directory: Path, environ: Mapping[str, str] = os.environ) -> None:
        """Find one, and start nothing yet. Raises NoPrometheusError."""
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._directory = directory
        self._config = ""
        must = environ.get("REQUIRE_CONTAINERS") == "1"
        self._binary = None if must else shutil.which("prometheus")
        if self._binary is None and not engine_answers(environ):
            raise NoPrometheusError(NO_PROMETHEUS)
        self._process: subprocess.Popen[bytes] | None = None
        self._container: Any = None
        self._session: aiohttp.ClientSession | None = None

    def watching(self, targets: Mapping[str, str]) -> Self:
        """What it is to scrape: host:port of each job."""
        self._config = json.dumps(_config(targets))  # JSON is YAML
        return self

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._start_process if self._binary else self._start_container)
        self._session = aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(total=HANG_S))
        try:
            await self._wait_ready()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
        await asyncio.to_thread(self._end)

    async def query(self, expr: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        return await self._result("query", query=expr)

    async def query_range(self, expr: str, start_s: float, end_s: float) -> list[dict[str, Any]]:
        """The series that an expression gives in that time, second by second."""
        return await self._result("query_range", query=expr, start=str(start_s), end=str(end_s), step="1")

    async def exemplars(self, query: str, start_s: float, end_s: float) -> list[dict[str, str]]:
        """The labels of every exemplar in that time."""
        series = await self._get("query_exemplars", query=query, start=str(start_s), end=str(end_s))
        return [exemplar["labels"] for each in series for exemplar in each["exemplars"]]

    async def label_values(self, label: str, match: str) -> list[str]:
        """What a label holds in the series that match."""
        values: list[str] = await self._get(f"label/{label}/values", **{"match[]": match})
        return values

    async def until(self, expr: str, holds: Callable[[list[dict[str, Any]]], bool] = bool) -> list[dict[str, Any]]:
        """What an expression gives, once that is as wanted: Prometheus scrapes by itself, there is only asking."""
        found: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(HANG_S):
                while True:
                    found = await self.query(expr)
                    if holds(found):
                        return found
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{expr} gives {found}\n{self._said()}") from None

    async def _result(self, what: str, **parameters: str) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = (await self._get(what, **parameters))["result"]
        return result

    async def _get(self, what: str, **parameters: str) -> Any:
        assert self._session is not None, "not started"
        async with self._session.get(f"/api/v1/{what}", params=parameters) as response:
            answer = await response.json()
        assert answer["status"] == "success", f"{what} {parameters}: {answer}"
        return answer["data"]

    async def _wait_ready(self) -> None:
        assert self._session is not None
        try:
            async with asyncio.timeout(HANG_S):
                while True:
                    assert not await asyncio.to_thread(self._ended), f"Prometheus ended:\n{self._said()}"
                    try:
                        async with self._session.get("/-/ready") as response:
                            if response.status == 200:
                                return
                    except aiohttp.ClientError:
                        pass
                    await asyncio.sleep(0.1)  # another process's state: there is nothing to wait on but asking
        except TimeoutError:
            raise AssertionError(f"Prometheus is not ready:\n{self._said()}") from None

    def _start_process(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        config = self._directory / "prometheus.yml"
        config.write_text(self._config)
        arguments = self._arguments(str(config), str(self._directory / "data"))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([str(self._binary), *arguments], stdout=log, stderr=log)

    def _start_container(self) -> None:
        arguments = " ".join(self._arguments(_CONFIG_IN_CONTAINER, "/tmp/data"))
        command = f'printf "%s" "$CONFIG" >{_CONFIG_IN_CONTAINER} && exec prometheus {arguments}'
        container = DockerContainer(IMAGE).with_env("CONFIG", self._config).with_command(["-c", command])
        self._container = container.with_kwargs(entrypoint=["/bin/sh"], network_mode="host").start()

    def _arguments(self, config: str, data: str) -> tuple[str, ...]:
        return (
            f"--config.file={config}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            "--enable-feature=exemplar-storage",
        )

    def _ended(self) -> bool:
        if self._process is not None:
            return self._process.poll() is not None
        container = self._container.get_wrapped_container()
        container.reload()
        return bool(container.status in ("exited", "dead"))

    def _said(self) -> str:
        if self._process is not None:
            return self._log.read_text(errors="replace")
        return str(self._container.get_wrapped_container().logs().decode(errors="replace"))

    @property
    def _log(self) -> Path:
        return self._directory / "prometheus.log"

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._container is not None:
            self._container.stop()
            self._container = None


def _config(targets: Mapping[str, str]) -> dict[str, Any]:
    jobs = [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()]
    return {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}


def address_of(url: str) -> str:
    """host:port, as Prometheus wants it."""
    return re.sub(r"^http://", "", url)
