"""I18 for the whole: a secret in every setting, every program at work and in trouble, and no secret anywhere."""

import base64
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import quote

import aiohttp
import opentelemetry.sdk.environment_variables as otel_variables
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from runtime.redis_client import open_redis, raw
from support.console import following
from support.flatctl_process import Flatctl, Said
from support.otlp import OtlpReceiver
from support.people import ALICES_SECRET
from support.planted import MODULES, SETTINGS, TELEMETRY, Planted
from support.plants import Plants, everything_in, secret_variables, settings_with_secrets
from support.processes import ServiceProcess
from support.receiver import Receiver
from support.redis_server import RedisServer
from support.sim import Simulator
from support.telling import is_at_its_place
from support.trio import trio_env

pytestmark = pytest.mark.timeout(900)  # two dozen processes, most of them one after the other
NAMESPACE = "test:planted"
VISIBLE = "a-reason-that-everybody-may-see"


def test_every_setting_that_holds_a_secret_has_a_plant(tmp_path: Path) -> None:
    base = {"runtime.settings.CommonSettings", "governor.console.guard.Guard"}  # the latter has the governor's token
    planted = Planted(tmp_path, "redis://127.0.0.1:1/0")

    assert set(settings_with_secrets()) - base == {f"{each.__module__}.{each.__name__}" for each in SETTINGS.values()}
    for program, settings in SETTINGS.items():
        assert planted.secrets_of(program, 1).keys() == secret_variables(settings), program
    assert len(set(planted.plants.values.values())) == len(planted.plants.values)


def test_every_header_that_opentelemetry_reads_for_what_we_send_has_a_plant() -> None:
    headers = {name for name in dir(otel_variables) if name.endswith("_HEADERS") and "_METRICS_" not in name}

    assert set(TELEMETRY) == headers


@pytest.mark.parametrize("form", ["{0}", "{0!r}", '{{"a": "{0}"}}', "x{0}y", "redis://u:{0}@h"])
def test_a_plant_is_found_however_it_is_written(form: str) -> None:
    plants = Plants()
    value = plants.plant("the secret")
    written = form.format(value)

    assert plants.seen_in({"here": written, "there": "nothing"})
    assert plants.seen_in({"here": json.dumps(written)})
    assert plants.seen_in({"here": value.encode().hex()})
    assert plants.seen_in({"here": base64.b64encode(f"user:{value}:more".encode()).decode()})
    assert plants.seen_in({"here": quote(value)[:20]}), "a part of it is too much"
    assert not plants.seen_in({"here": "***", "there": "p1/"})


class World:
    """Everything that runs, and every place where a secret could be seen."""

    def __init__(self, planted: Planted, redis: Redis, sim: Simulator, collector: OtlpReceiver, told: Receiver) -> None:
        self.planted = planted
        self.redis = redis
        self.sim = sim
        self.collector = collector
        self.told = told
        self.places: dict[str, str] = {}
        self.services: dict[str, ServiceProcess] = {}

    def environ(self, program: str, **changed: str) -> dict[str, str]:
        planted, directory = self.planted, self.planted.directory
        common = trio_env(self.sim, planted.redis_url, NAMESPACE, directory / "ESS_ON")
        own = {"OPERATOR_KEY_FILE": planted.key_path} if program == "flatctl" else {"LOG_LEVEL": "debug"}
        return {
            **{name: value for name, value in common.items() if not name.startswith("EXCHANGE_API")},
            "OPERATORS_FILE": planted.operators,
            "ORACLE_POLL_SECONDS": "2",  # however long this takes, the venue's limit is not used up
            **planted.secrets_of(program, self.told.port),
            **planted.telemetry_of(self.collector.endpoint, general=program == "governor"),
            **own,
            **changed,
        }

    def service(self, program: str, why: str = "", **changed: str) -> ServiceProcess:
        """Not started yet. Half of them speak JSON."""
        style = "json" if program in ("governor", "notifier") else "text"
        process = ServiceProcess(MODULES[program], self.environ(program, LOG_FORMAT=style, **changed))
        self.services[f"{program} {why}".strip()] = process
        return process

    async def flatctl(self, *words: str, typed: str = "", **changed: str) -> Said:
        command = Flatctl()
        command.environ |= self.environ("flatctl", **changed)
        said = await command(*words, typed=typed)
        self.places[f"flatctl {' '.join(words)} {sorted(changed)}"] = f"{said.out}\n{said.err}"
        return said

    async def look(self) -> None:
        """Collect what everybody can see now."""
        for name, service in self.services.items():
            self.places[f"log of {name}"] = service.text
        self.places["Redis"] = await everything_in(self.redis)
        self.places["messages"] = json.dumps(self.told.messages)
        self.places["OTLP"] = "\n".join(body.decode(errors="backslashreplace") for body in self.collector.bodies)
        self.places["simulator"] = self.sim.text

    async def pages(self) -> None:
        """What each service serves."""
        async with aiohttp.ClientSession() as session:
            for name in MODULES:
                for page in ("metrics", "readyz", "healthz"):
                    async with session.get(f"{await self.services[name].http_url()}/{page}") as answer:
                        self.places[f"{page} of {name}"] = await answer.text()
        url = await self.services["governor"].http_url()
        async with following(url, authorization=f"Bearer {self.planted.console_token}") as open_page:
            self.places["console"] = json.dumps(
                await open_page.until(lambda parts: parts.get("run") and parts.get("past"))
            )


@pytest_asyncio.fixture
async def world(own_redis: RedisServer, tmp_path: Path) -> AsyncIterator[World]:
    planted = Planted(tmp_path, own_redis.url)
    redis, receiver = open_redis(own_redis.url, name="test"), Receiver()
    async with (
        OtlpReceiver() as collector,
        Simulator("--scenario", "incident", "--access-log", *planted.exchange_keys()) as sim,
    ):
        await planted.make_users(redis)
        await receiver.up()
        yield World(planted, redis, sim, collector, receiver)
        await receiver.down()
    await redis.aclose()


async def test_i18_no_secret_of_any_setting_is_seen_anywhere(world: World) -> None:
    await all_goes_well(world)
    await everything_goes_wrong(world)
    await world.look()

    for kept in (*world.planted.directory.glob("*.json"), *world.planted.directory.glob("*.html")):
        world.places[f"file {kept.name}"] = kept.read_text()
    world.places["export"] = gzip.decompress((world.planted.directory / "all.gz").read_bytes()).decode()
    was_at_work(world)
    assert world.planted.plants.seen_in(world.places) == []
    private_key = (ALICES_SECRET.hex(), base64.b64encode(ALICES_SECRET).decode())
    assert [place for place, text in world.places.items() for form in private_key if form in text] == []


async def all_goes_well(world: World) -> None:
    """A flatten, signed, told and exported, and everything that an operator can look at."""
    async with AsyncExitStack() as stack:
        running = [await stack.enter_async_context(world.service(name)) for name in MODULES]
        for service in running:
            await service.wait_ready()
        await is_at_its_place(world.services["notifier"])
        targets = ServiceProcess("demo.seeding", world.environ("demo-targets", EXCHANGE_ENV="sim"))
        world.services["demo-targets"] = await stack.enter_async_context(targets)
        assert await targets.wait() == 0, targets.text
        desk = world.planted.directory
        for words in (
            ("ess", "activate", "--reason", VISIBLE),
            ("status",),
            ("positions",),
            ("keys", "list"),
            ("keys", "show"),
            ("doctor", "--json"),
            ("plan", "--save", str(desk / "plan.json")),
        ):
            said = await world.flatctl(*words)
            assert said.code == 0 or words[0] == "doctor", (words, said)
        notional = round(float(json.loads((desk / "plan.json").read_text())["notional_usd"]))
        arm = ("arm", "--plan", str(desk / "plan.json"), "--reason", VISIBLE, "--wait")
        said = await world.flatctl(*arm, typed=f"main {notional}\n")
        assert said.code == 0, said
        assert "verdict=flat" in said.out
        for words in (
            ("watch", "--json"),
            ("history", "--json"),
            ("dead", "list"),
            ("verify", "--json"),
            ("audit", "verify"),
            ("export", str(desk / "all.gz")),
            ("report", "--last", "--out", str(desk / "report")),
            ("drill", "--reason", VISIBLE),
        ):
            assert (await world.flatctl(*words)).code == 0, words
        await world.told.wait_for(2)
        await world.pages()


async def everything_goes_wrong(world: World) -> None:
    """Keys that are refused, wrong passwords, settings that are no settings, a collector that is away, a crash."""
    plant = world.planted.plants.plant
    refused = {
        "EXCHANGE_API_KEY": world.planted.plants.plain("refused key"),
        "EXCHANGE_API_SECRET": plant("refused secret"),
    }
    for program in ("position-oracle", "flatten-executor"):
        async with world.service(program, "with a refused key", FLATTEN_NAMESPACE="test:refused", **refused) as service:
            await service.wait_unready()
            await service.wait_line(r"-2015|reject")
            service.sigterm()
            await service.wait()
    for words in (("positions",), ("plan",), ("verify",), ("doctor", "exchange"), ("arm",)):
        said = await world.flatctl(*words, typed="no\n", **refused)
        assert said.code != 0, words
    for program in MODULES:
        wrong = world.planted.address_of(program, plant(f"wrong password of {program}"))
        async with world.service(program, "with a wrong password", REDIS_URL=wrong) as service:
            await service.wait_line("WRONGPASS|invalid username-password")
            service.sigterm()
            await service.wait()
    wrong = world.planted.address_of("flatctl", plant("wrong password of flatctl"))
    for words, code in ((("status",), 1), (("arm", "--yes"), 1), (("doctor",), 3)):
        assert (await world.flatctl(*words, REDIS_URL=wrong)).code == code, words
    assert (await world.flatctl("arm", "--yes", OPERATOR_KEY_PASSPHRASE=plant("wrong passphrase"))).code == 1
    await no_settings(world)
    await crashes(world)


async def no_settings(world: World) -> None:
    """Values that stop the start: one line each, which does not show them."""
    plain = world.planted.plants.plain
    nonsense = {
        "REDIS_URL": f"redis:{plain('no address of Redis')}",
        "EXCHANGE_API_SECRET": f"{plain('two lines')}\nand more",
        "NOTIFY_URLS": f"nosuchservice://{plain('no service')}",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"ftp://{plain('no collector')}",
        "OPERATOR_KEY_PASSPHRASE": f"{plain('a passphrase of two lines')}\n-",
    }
    for program in MODULES:
        async with world.service(program, "with nonsense", **nonsense) as service:
            assert await service.wait() == 2, service.text
    assert (await world.flatctl("status", **nonsense)).code == 1


async def crashes(world: World) -> None:
    """A stream that is none: an exception nobody expects, with its traceback; and nobody takes spans and lines."""
    for stream in ("flatten.arm", "flatten.requested", "position.snapshot", "flatten.audit"):
        await raw(world.redis, "SET", f"test:crash:stream:{stream}", "no stream")
    away = {"FLATTEN_NAMESPACE": "test:crash", **world.planted.telemetry_of("http://127.0.0.1:1")}
    words = {"position-oracle": "did not take the snapshot", "notifier": "stream flatten.audit: cannot be read"}
    for program in MODULES:
        async with world.service(program, "that crashes", **away) as service:
            await service.wait_line(words.get(program, "crashed: ResponseError"))
            await service.wait_line(r"with url: /v1/logs\?")
            service.sigterm()
            await service.wait()
    assert (await world.flatctl("status", **away)).code == 1


def was_at_work(world: World) -> None:
    """What may be seen is seen in every place, and the secrets were used: else this test would look at nothing."""
    places = world.places
    for place in ("Redis", "messages", "OTLP", "log of governor", "flatctl history --json []"):
        assert VISIBLE in places[place], place
    asked = "".join(path + headers for path, headers in world.collector.asked)
    seen = world.planted.plants.seen_in({"requests": asked})
    assert [name for name in world.planted.telemetry if not any(line.startswith(f"{name} (") for line in seen)] == []
    assert "Traceback" in places["log of governor that crashes"]
    assert all(places[f"metrics of {program}"].count("\n") > 20 for program in MODULES)
