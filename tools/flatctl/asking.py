"""Asking the exchange: what it is called, and its troubles in one line each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from exchange.config import ExchangeConfig
from exchange.errors import ExchangeError, KeyRejected
from flatctl.exits import UNKNOWN, CommandFailed
from flatctl.settings import FlatctlSettings

R = TypeVar("R")


def opened(connect: Callable[[ExchangeConfig], R], settings: FlatctlSettings) -> tuple[R, str]:
    """A connection, and what to call its other end. Raises CommandFailed for a wrong setting."""
    config = settings.exchange
    try:
        return connect(config), config.base_url or f"{settings.exchange_id} ({settings.exchange_env})"
    except ValueError as error:
        keyless = "; set it, or name a file that holds it" if "EXCHANGE_API_" in str(error) else ""
        raise CommandFailed(f"{error}{keyless}") from error


@contextmanager
def asking(where: str) -> Iterator[None]:
    """Raise CommandFailed with one line for what the exchange does not answer; a key or secret is in none of them."""
    try:
        yield
    except KeyRejected as error:
        raise CommandFailed(
            f"{where} rejects the key: {error}; check EXCHANGE_API_KEY and EXCHANGE_API_SECRET"
        ) from error
    except ExchangeError as error:
        raise CommandFailed(
            f"{where} could not be read: {error}; nothing is known about what is open", UNKNOWN
        ) from error
