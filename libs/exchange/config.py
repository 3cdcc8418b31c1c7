"""What a connection to an exchange needs to know."""

from msgspec import Struct

from contracts.vocabulary import Environment

SIMULATOR_URL = "http://127.0.0.1:8090"


class ExchangeConfig(Struct, frozen=True, kw_only=True):
    """Which exchange, which of its environments, and with which key. Printing it shows neither key nor secret (I18)."""

    exchange_id: str = "binanceusdm"
    environment: Environment
    base_url: str | None = None
    """A server that speaks the exchange's REST API. Mandatory for `sim`; elsewhere it replaces the venue's own."""
    api_key: str
    api_secret: str
    recv_window_ms: int = 5_000
    """How old an order may be on arrival before the venue throws it away."""
    request_timeout_ms: int = 5_000
    order_timeout_ms: int = 6_000
    """Longer than the receive window: after it, an order without an answer can no longer be accepted."""
    warm_connections: int = 10
    """How many connections `warm` keeps open: as many as batches should leave at once."""

    def __repr__(self) -> str:
        """Everything but the key and the secret."""
        where = self.base_url or "the venue's own address"
        return f"ExchangeConfig({self.exchange_id}, {self.environment}, {where}, key and secret hidden)"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """As `repr`, for rich, which would otherwise list the fields."""
        return [("environment", str(self.environment)), ("base_url", self.base_url)]


def server_of(environment: Environment, given: str | None) -> str | None:
    """EXCHANGE_BASE_URL as it was given; without one, `sim` is the simulator on this machine, else the venue's own."""
    return given or (SIMULATOR_URL if environment is Environment.SIM else None)
