"""What a drill is held on: simulator, governor and executor as processes, with nothing of the real account in them."""

import json
import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from authority.keys import Signer
from authority.operators import OperatorsMistake, entry
from contracts.streams import Keys
from contracts.vocabulary import Environment
from exchange.config import ExchangeConfig
from flatctl.drilling.command import INCIDENT
from flatctl.exits import REFUSED, CommandFailed
from flatctl.session import Session
from flatctl.settings import FlatctlSettings
from runtime.latch import open_latch
from runtime.processes import Processes
from runtime.programs import clean_environment, http_get, listening, ready, tethered
from runtime.secret import Secret

_A_DAY = timedelta(days=1)


class Stage(Struct, frozen=True, kw_only=True):
    """Everything that a drill is held with."""

    session: Session
    """For the drill's namespace and simulator, with a key that may only read."""
    signer: Signer
    """A key that was made for this drill; governor and executor know no other."""


class _State(Struct):
    positions: list[dict[str, object]]


async def set_up(
    session: Session, processes: Processes, directory: Path, *, drill_id: str, operator: str, scenario: str
) -> Stage:
    """Start everything and wait until all are ready. Raises CannotStart, ChildDied or CommandFailed."""
    trading, reading = (secrets.token_hex(16), secrets.token_hex(16)), (secrets.token_hex(16), secrets.token_hex(16))
    environ = child_environment(os.environ)
    simulator = processes.start(
        "exchange-sim", tethered("exchange_sim.main", *_account(scenario, trading, reading)), environ
    )
    keys = session.settings.keys.drill(drill_id)
    settings = replace(
        session.settings,
        flatten_namespace=keys.namespace,
        account=drill_id,
        exchange_id="binanceusdm",
        exchange_env=Environment.SIM,
        exchange_base_url=await listening(simulator),
        exchange_api_key=Secret(reading[0]),
        exchange_api_secret=Secret(reading[1]),
        ess_latch=f"file:{directory / 'ESS_ON'}",
        operator_key_file="",
        operators_file=str(directory / "operators.toml"),
    )
    await require_simulator(settings.exchange)
    signer = _people(Path(settings.operators_file), operator)
    common = environ | _common(settings, keys)
    judging = {"GOV_TESTNET_FORCE_FLATTEN": "true", "GOV_TESTNET_FORCE_FLATTEN_CONFIRM": "FLATTEN_NOW"}
    closing = _limits(settings) | {"EXCHANGE_API_KEY": trading[0], "EXCHANGE_API_SECRET": trading[1]}
    governor = processes.start("governor", tethered("governor.main"), common | judging)
    executor = processes.start("flatten-executor", tethered("flatten_executor.main"), common | closing)
    for child in (governor, executor):
        await ready(child)
    latch = open_latch(settings.ess_latch, session.redis)
    return Stage(session=replace(session, settings=settings, latch=latch), signer=signer)


async def require_simulator(config: ExchangeConfig) -> None:
    """Raise CommandFailed unless this is a simulator on this machine that holds something to close.

    Whatever the settings say: nothing else is ever armed by a drill.
    """
    if config.environment is not Environment.SIM:
        raise CommandFailed(f"no drill: the exchange is {config.environment}, and a drill is for sim alone", REFUSED)
    url = config.base_url or ""
    if not _is_this_machine(url):
        raise CommandFailed(f"no drill: {url or 'the address of the exchange itself'} is not on this machine", REFUSED)
    status, body = await http_get(url.rstrip("/"), "/sim/state")
    try:
        state = msgspec.json.decode(body, type=_State) if status == HTTPStatus.OK else None
    except msgspec.DecodeError:
        state = None
    if state is None:
        raise CommandFailed(f"no drill: {url} is no simulator: /sim/state answers {status}", REFUSED)
    if not state.positions:
        raise CommandFailed("no drill: nothing is open in the simulator, so that it would show nothing", REFUSED)


def _is_this_machine(url: str) -> bool:
    try:
        return ip_address(urlsplit(url).hostname or "").is_loopback
    except ValueError:
        return False


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Of the operator's settings nothing but Redis, the way it was given; and no telemetry of what is no real run."""
    kept = {name: value for name, value in clean_environment(environ).items() if not name.startswith("OTEL_")}
    if "REDIS_URL" in environ:
        kept["REDIS_URL"] = environ["REDIS_URL"]
    if "REDIS_URL_FILE" in environ:
        kept["REDIS_URL_FILE"] = str(Path(environ["REDIS_URL_FILE"]).absolute())
    return kept


def _account(scenario: str, trading: tuple[str, str], reading: tuple[str, str]) -> list[str]:
    """The simulator's options. Its keys are this drill's own: they are good for nothing anywhere else."""
    where = scenario if scenario == INCIDENT else str(Path(scenario).absolute())
    keys = zip(("--api-key", "--api-secret", "--read-key", "--read-secret"), (*trading, *reading), strict=True)
    return ["--port", "0", "--scenario", where, *(word for pair in keys for word in pair)]


def _common(settings: FlatctlSettings, keys: Keys) -> dict[str, str]:
    return {
        "FLATTEN_NAMESPACE": keys.namespace,
        "FLATTEN_ALLOCATION_PREFIX": f"{keys.namespace}:target:",
        "ACCOUNT": settings.account,
        "EXCHANGE_ENV": Environment.SIM.value,
        "EXCHANGE_BASE_URL": settings.exchange_base_url or "",
        "ESS_LATCH": settings.ess_latch,
        "OPERATORS_FILE": settings.operators_file,
        "HTTP_PORT": "0",
        "LOG_FORMAT": "text",
    }


def _limits(settings: FlatctlSettings) -> dict[str, str]:
    """The executor's limits, as they are in the operator's environment."""
    return {
        "MAX_FLATTEN_SYMBOLS": str(settings.max_flatten_symbols),
        "MIN_FLATTEN_NOTIONAL_USD": str(settings.min_flatten_notional_usd),
        "FLATTEN_QTY_EPSILON": str(settings.flatten_qty_epsilon),
        "FLATTEN_MAX_ROUNDS": str(settings.flatten_max_rounds),
        "FLATTEN_RUN_MAX_SECONDS": str(settings.flatten_run_max_seconds),
    }


def _people(path: Path, operator: str) -> Signer:
    """A new key, and the operators' file that names it alone. Raises CommandFailed."""
    signer, now = Signer.new(), datetime.now(UTC)
    try:
        text = entry(operator, "trader", signer.public_key, now - _A_DAY, now + _A_DAY)
    except OperatorsMistake as mistake:
        raise CommandFailed(f"no drill: {json.dumps(operator)} is no operator's name: {mistake}") from mistake
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return signer
