"""What a runbook is about: the trio on the simulator with a Redis of its own, and an operator at a terminal."""

import asyncio
import re
import shutil
import stat
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from contracts.arming import ArmRequested
from contracts.flattening import FlattenCompleted, RunVerdict
from contracts.streams import DEFAULT_NAMESPACE
from runtime.redis_client import open_reader, open_redis, raw
from support.keyring import Keyring
from support.letters import a_letter
from support.redis_server import RedisServer
from support.requester import Requester
from support.runbooks import Step
from support.scenes import positions_in
from support.scribe import Scribe
from support.sim import Simulator
from support.terminal import Seen, in_a_terminal
from support.tree import program
from support.trio import Trio, trio_env

PORTS = {"oracle": 8041, "governor": 8044, "executor": 8045}
LETTER = "1769571479200-0"
"""The dead letter that the pages speak of."""
PROMPTS = ((re.compile(r"Type the account's name[ a-z]* \((main[ 0-9]*)\) to"), r"\1"),)
"""The account, or the account and the notional: as it asks."""
_ASK_REDIS = "import sys, redis; print(redis.Redis.from_url(sys.argv[1]).execute_command(*sys.argv[2:]))"


class Situation:
    """`async with Situation(redis, directory) as here:` everything runs, is ready, and was flattened once."""

    def __init__(self, server: RedisServer, directory: Path) -> None:
        self.server = server
        self.directory = directory
        self.latch = directory / "ESS_ON"
        self.sim = Simulator("--scenario", "incident")
        self._stack = AsyncExitStack()
        self._urls: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.sim)
        redis = open_redis(self.server.url, name="test")
        reader = open_reader(self.server.url, name="test")
        self._stack.push_async_callback(redis.aclose)
        self._stack.push_async_callback(reader.aclose)
        self.scribe = Scribe(redis, reader, DEFAULT_NAMESPACE)
        people = Keyring(self.directory)
        env = trio_env(self.sim, self.server.url, DEFAULT_NAMESPACE, self.latch)
        env |= people.of("alice") | {
            "FLATTEN_COOLDOWN_SECONDS": "0",
            "ORACLE_POLL_SECONDS": "1",  # what else asks this exchange needs a part of its limit
            "TMPDIR": str(self.directory),
        }
        self.trio = Trio(self.sim, env, Requester(redis, reader, DEFAULT_NAMESPACE))
        for name in PORTS:
            await self._stack.enter_async_context(self.trio.service(name))
        await self.are_ready()
        self._urls = {name: await self.trio.services[name].http_url() for name in PORTS}
        self._put_on_path()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def are_ready(self) -> None:
        for service in self.trio.services.values():
            await service.wait_ready()

    async def calm(self) -> None:
        """The incident is open again, the emergency stop is set, and the last run ended flat."""
        self.latch.touch()
        await self._nothing_unreadable()
        verdicts = await self.scribe.events(FlattenCompleted)
        if not verdicts or verdicts[-1].verdict is not RunVerdict.FLAT:
            await self.sim.reset()
            assert (await self.typed("flatctl arm --yes --wait")).code == 0
        await self.sim.reset()

    async def _nothing_unreadable(self) -> None:
        """What is no event, and was put back where arms come from, is gone again: `doctor` would speak of it."""
        arms = self.scribe.keys.of(ArmRequested)
        for entry_id, fields in await raw(self.scribe.redis, "XRANGE", arms, "-", "+"):
            if fields[:2] == [b"no", b"event"]:
                await raw(self.scribe.redis, "XDEL", arms, entry_id)

    async def a_run_in_flight(self) -> None:
        """One that waits for the exchange's limit, with a few positions closed and most of them open."""
        await self.sim.scenario(positions=await positions_in(self.sim, 30))
        await self.sim.limits(orders_10s=5)
        assert (await self.typed("flatctl arm --yes")).code == 0
        await self.sim.wait(filled=5)

    async def somebody_closes_by_hand(self) -> None:
        await self.sim.scenario(positions=[])

    async def a_refused_arm(self) -> None:
        self.latch.unlink()
        assert (await self.typed("flatctl arm --yes --wait")).code == 3
        self.latch.touch()

    async def a_residual(self) -> None:
        await self.sim.scenario(
            positions=[{"symbol": "ETHUSDT", "qty": "20"}], book=[{"symbol": "ETHUSDT", "qty": "3"}]
        )
        assert (await self.typed("flatctl arm --yes --wait")).code == 2

    async def redis_is_lost(self) -> None:
        await asyncio.to_thread(self.server.stop)

    async def redis_is_back(self) -> None:
        await asyncio.to_thread(self.server.start)
        await self.are_ready()

    async def a_dead_letter(self) -> None:
        await a_letter(self.scribe, ["no", "event"])

    async def it_is_dead_again(self) -> None:
        """What was put back cannot be handled this time either."""
        await self.trio.services["governor"].wait_line("dead-lettered")

    async def run(self, step: Step) -> Seen:
        """Type it as it stands, with this situation's namespace, ports and letter in place of the page's."""
        text = step.text
        for name, port in PORTS.items():
            text = text.replace(f"http://127.0.0.1:{port}/", f"{self._urls[name]}/")
        text = text.replace(" NS:", f" {DEFAULT_NAMESPACE}:")
        if LETTER in text:
            (row,) = await raw(self.scribe.redis, "XRANGE", self.scribe.keys.stream("dead"), "-", "+")
            text = text.replace(LETTER, row[0].decode())
        return await self.typed(text)

    async def typed(self, line: str) -> Seen:
        """What a shell makes of a line, in a terminal; where it asks for the account's name it gets it."""
        reading = {"EXCHANGE_API_KEY": self.sim.read_key, "EXCHANGE_API_SECRET": self.sim.read_secret}
        path = f"{self.directory / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        environ = self.trio.env | reading | {"PATH": path, "HOME": str(self.directory), "LANG": "C.UTF-8"}
        command = ("sh", "-c", f'cd "$HOME" && {line}')
        return await in_a_terminal(*command, environ=environ, columns=160, rows=50, typed=PROMPTS)

    def _put_on_path(self) -> None:
        """What a person has there. Where there is no redis-cli or curl, a few words of Python do the same."""
        url, python = self.server.url, sys.executable
        client = shutil.which("redis-cli") or shutil.which(program("redis-cli"))
        self._command("flatctl", f'exec {program("flatctl")} "$@"')
        self._command(
            "redis-cli", f'exec {client} -u {url} "$@"' if client else f"exec {python} -c '{_ASK_REDIS}' {url} \"$@\""
        )
        self._command(
            "docker",
            'case "$1 $2 $3 $4" in\n'
            '  "compose run --rm flatctl") shift 4; exec flatctl "$@" ;;\n'
            '  "compose run --rm redis-admin") shift 4; exec redis-cli "$@" ;;\n'
            "esac\necho 'this takes containers' >&2; exit 97",
        )
        if shutil.which("curl") is None:
            ask = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
            self._command("curl", f"exec {python} -c '{ask}' \"$@\"")

    def _command(self, name: str, script: str) -> None:
        path = self.directory / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
