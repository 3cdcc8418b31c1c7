"""What the command line needs to know: the same environment variables as the services, read as strictly."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from contracts.streams import DEFAULT_NAMESPACE, DEFAULT_POSITIONS_PREFIX, Keys
from contracts.vocabulary import Environment
from exchange.config import ExchangeConfig, server_of
from flatctl.plan import PlanLimits
from runtime.latch import DEFAULT_LATCH, latch_problems
from runtime.secret import Secret, SecretUrl
from runtime.settings import redis_problems


class FlatctlSettings(Struct, frozen=True, kw_only=True):
    """Whose account, where its events are, and how to read the exchange."""

    redis_url: SecretUrl = SecretUrl("redis://127.0.0.1:6379/0")
    flatten_namespace: Annotated[
        str, Meta(pattern=r"^[!-~]{1,200}$", description="must be printable ASCII without whitespace")
    ] = DEFAULT_NAMESPACE
    account: Annotated[
        str, Meta(pattern=r"^\S{1,100}$", description="must be 1 to 100 characters without whitespace")
    ] = "main"
    exchange_id: str = "binanceusdm"
    exchange_env: Environment = Environment.SIM
    exchange_base_url: str | None = None
    exchange_api_key: Secret = Secret("")
    exchange_api_secret: Secret = Secret("")
    ess_latch: str = DEFAULT_LATCH
    operators_file: str = ""
    operator_key_file: str = ""
    operator_key_passphrase: Secret = Secret("")
    flatten_cooldown_seconds: Annotated[Decimal, Meta(ge=0, le=86_400)] = Decimal(60)
    flatten_positions_prefix: str = DEFAULT_POSITIONS_PREFIX
    max_flatten_symbols: Annotated[int, Meta(ge=1, le=10_000)] = 200
    min_flatten_notional_usd: Annotated[Decimal, Meta(ge=0, le=1_000_000)] = Decimal("1.0")
    flatten_qty_epsilon: Annotated[Decimal, Meta(ge=0, le=0.000001)] = Decimal("1e-8")
    flatten_max_rounds: Annotated[int, Meta(ge=1, le=20)] = 3
    flatten_run_max_seconds: Annotated[int, Meta(ge=1, le=3_600)] = 120

    def problems(self) -> Iterator[str]:
        """What no type tells: one line each, which begins with the variable's name."""
        yield from redis_problems(self.redis_url)
        yield from latch_problems(self.ess_latch)

    @property
    def keys(self) -> Keys:
        """The keys of the namespace."""
        return Keys(self.flatten_namespace)

    @property
    def exchange(self) -> ExchangeConfig:
        """The connection."""
        return ExchangeConfig(
            exchange_id=self.exchange_id,
            environment=self.exchange_env,
            base_url=server_of(self.exchange_env, self.exchange_base_url),
            api_key=self.exchange_api_key.reveal(),
            api_secret=self.exchange_api_secret.reveal(),
        )

    @property
    def limits(self) -> PlanLimits:
        """What a plan is made with: the executor's variables, as they are here."""
        return PlanLimits(
            quantity_epsilon=self.flatten_qty_epsilon,
            min_notional_usd=self.min_flatten_notional_usd,
            max_positions=self.max_flatten_symbols,
            max_rounds=self.flatten_max_rounds,
            run_max_s=self.flatten_run_max_seconds,
        )

    @property
    def banner(self) -> str:
        """What every screen begins with: whose positions this is about."""
        real = "REAL MONEY" if self.exchange_env is Environment.LIVE else "not real money"
        return (
            f"environment {self.exchange_env.value.upper()} ({real})   account {self.account}   "
            f"namespace {self.flatten_namespace}"
        )
