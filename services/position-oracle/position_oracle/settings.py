"""The oracle's settings: read once, strict, one struct."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, ClassVar

from msgspec import Meta

from contracts.vocabulary import Environment
from exchange.config import ExchangeConfig, server_of
from exchange.factory import problems_with
from runtime.secret import Secret
from runtime.settings import CommonSettings


class OracleSettings(CommonSettings, frozen=True, kw_only=True):
    """Whose positions are read, where, how often. The key needs no permission but reading."""

    about: ClassVar[str] = (
        "Reads every position and mark price of one account from the exchange, at its own pace, and publishes them as"
        " snapshots. It needs a read-only key. It never trades and never decides."
    )
    consumer_name: Annotated[str, Meta(pattern=r"^[!-~]{1,100}$", description="must be one word")] = "position-oracle-1"
    http_port: Annotated[int, Meta(ge=0, le=65_535)] = 8041
    exchange_id: str = "binanceusdm"
    exchange_env: Environment = Environment.SIM
    exchange_base_url: str | None = None
    exchange_api_key: Secret = Secret("")
    exchange_api_secret: Secret = Secret("")
    oracle_poll_seconds: Annotated[Decimal, Meta(gt=0, le=3_600)] = Decimal(1)

    def problems(self) -> Iterator[str]:
        """As `CommonSettings` says."""
        yield from super().problems()
        yield from problems_with(self.exchange)

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
