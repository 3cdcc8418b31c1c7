"""The executor's settings: read once, strict, one struct."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, ClassVar

from msgspec import Meta

from authority import operators_file
from closing.filters import Limits
from contracts.vocabulary import Environment
from exchange.config import ExchangeConfig, server_of
from exchange.factory import problems_with
from runtime.latch import DEFAULT_LATCH, latch_problems
from runtime.secret import Secret
from runtime.settings import CommonSettings

LIVE_PHRASE = "FLATTEN_LIVE"


class ExecutorSettings(CommonSettings, frozen=True, kw_only=True):
    """What may be closed, where, and within which limits."""

    about: ClassVar[str] = (
        "Takes a flatten request, reads the exchange, closes every open position of the account with orders that can"
        " only reduce, reads the exchange again, and publishes a verdict. It needs a key that may trade, without"
        " withdrawal."
    )
    consumer_name: Annotated[str, Meta(pattern=r"^[!-~]{1,100}$", description="must be one word")] = (
        "flatten-executor-1"
    )
    http_port: Annotated[int, Meta(ge=0, le=65_535)] = 8045
    exchange_id: str = "binanceusdm"
    exchange_env: Environment = Environment.SIM
    flatten_allow_live: str = ""
    exchange_base_url: str | None = None
    exchange_api_key: Secret = Secret("")
    exchange_api_secret: Secret = Secret("")
    max_flatten_symbols: Annotated[int, Meta(ge=1, le=10_000)] = 200
    min_flatten_notional_usd: Annotated[Decimal, Meta(ge=0, le=1_000_000)] = Decimal("1.0")
    flatten_qty_epsilon: Annotated[Decimal, Meta(ge=0, le=0.000001)] = Decimal("1e-8")
    flatten_max_rounds: Annotated[int, Meta(ge=1, le=20)] = 3
    flatten_request_max_age_seconds: Annotated[int, Meta(ge=1, le=3_600)] = 120
    flatten_run_max_seconds: Annotated[int, Meta(ge=1, le=3_600)] = 120
    ess_latch: str = DEFAULT_LATCH
    operators_file: str = ""

    def problems(self) -> Iterator[str]:
        """As `CommonSettings` says."""
        yield from super().problems()
        yield from latch_problems(self.ess_latch)
        yield from problems_with(self.exchange)
        yield from operators_file.problems(self.operators_file, self.exchange_env)

    @property
    def live_allowed(self) -> bool:
        """Whether real money may be traded, as the governor asks it too."""
        return self.flatten_allow_live == LIVE_PHRASE

    @property
    def exchange(self) -> ExchangeConfig:
        """The exchange, with the key that may trade."""
        return ExchangeConfig(
            exchange_id=self.exchange_id,
            environment=self.exchange_env,
            base_url=server_of(self.exchange_env, self.exchange_base_url),
            api_key=self.exchange_api_key.reveal(),
            api_secret=self.exchange_api_secret.reveal(),
        )

    @property
    def limits(self) -> Limits:
        """What the filters and the run keep to."""
        return Limits(
            quantity_epsilon=self.flatten_qty_epsilon,
            min_notional_usd=self.min_flatten_notional_usd,
            max_positions=self.max_flatten_symbols,
            max_rounds=self.flatten_max_rounds,
        )
