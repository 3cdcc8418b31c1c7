"""What Binance says of a key and of its own clock: nothing that a flatten needs, and nothing that trades.

Documented shape: GET /sapi/v1/account/apiRestrictions. The futures API itself knows no permissions of a key:
`canWithdraw` of GET /fapi/v2/account and /fapi/v1/accountConfig is the account's, "if can transfer out asset".
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from exchange.binance_calls import BinanceCalls
from exchange.binance_decode import whole
from exchange.binance_wire import API_RESTRICTIONS, POSITION_MODE, BinanceWire
from exchange.budget import RateBudget
from exchange.config import ExchangeConfig
from exchange.decoder import Decoder
from exchange.model import ClockReading, KeyPermissions


class _Restrictions(Struct, rename="camel"):
    enable_futures: bool
    enable_withdrawals: bool
    ip_restrict: bool = False
    enable_internal_transfer: bool = True
    permits_universal_transfer: bool = True


_RESTRICTIONS: Final = Decoder(_Restrictions)


class BinanceInspector:
    """Asks about one key: a `KeyInspector`. Clocks are in milliseconds, Unix time and monotonic."""

    def __init__(self, config: ExchangeConfig, *, now_ms: Callable[[], int], monotonic_ms: Callable[[], int]) -> None:
        self._wire = BinanceWire(config, now_ms)
        self._calls = BinanceCalls(self._wire, RateBudget(monotonic_ms), now_ms=now_ms, monotonic_ms=monotonic_ms)

    async def clock(self) -> ClockReading:
        """How far the exchange's clock is from ours: the better of two looks, for the first one has to connect."""
        first, second = await self._calls.measure_clock(), await self._calls.measure_clock()
        return min(first, second, key=lambda reading: reading.error_ms)

    async def try_key(self) -> None:
        """One question that needs the key. Raises KeyRejected when the exchange refuses it."""
        await self._calls.read(POSITION_MODE)

    async def permissions(self) -> KeyPermissions | None:
        """What the key may do; nothing where the environment has nobody to ask. Raises as a reading does."""
        if not self._wire.has_wallet:
            return None
        said = whole(API_RESTRICTIONS.name, _RESTRICTIONS, (await self._calls.read(API_RESTRICTIONS)).body)
        return KeyPermissions(
            trade=said.enable_futures,
            withdraw=said.enable_withdrawals,
            transfer=said.enable_internal_transfer or said.permits_universal_transfer,
            bound=said.ip_restrict,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._calls.aclose()
