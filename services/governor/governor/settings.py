"""The governor's settings: read once, strict, one struct."""

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, ClassVar

from msgspec import Meta

from authority import operators_file
from contracts.streams import DEFAULT_ALLOCATION_PREFIX
from contracts.vocabulary import Environment
from governor.core.allocation import Rules
from governor.core.case import Standing
from runtime.app import software_version
from runtime.latch import DEFAULT_LATCH, latch_problems
from runtime.secret import Secret
from runtime.settings import CommonSettings, config_hash

LIVE_PHRASE = "FLATTEN_LIVE"


class GovernorSettings(CommonSettings, frozen=True, kw_only=True):
    """Which arms are judged, and by which rules. The phrases are conditions, not secrets."""

    about: ClassVar[str] = (
        "Checks every position against its allocation target (P2.9), and judges arms: it fires exactly one flatten"
        " request when every gate passes, and otherwise refuses with all the reasons. It holds no exchange key."
    )
    consumer_name: Annotated[str, Meta(pattern=r"^[!-~]{1,100}$", description="must be one word")] = "governor-1"
    http_port: Annotated[int, Meta(ge=0, le=65_535)] = 8044
    exchange_env: Environment = Environment.SIM
    flatten_allow_live: str = ""
    gov_testnet_force_flatten: bool = False
    gov_testnet_force_flatten_confirm: str = ""
    gov_testnet_enable_p29: bool = True
    p29_burst_factor: Annotated[Decimal, Meta(ge=1, le=1_000)] = Decimal(2)
    p29_stale_seconds: Annotated[Decimal, Meta(gt=0, le=31_536_000)] = Decimal(300)
    flatten_allocation_prefix: str = DEFAULT_ALLOCATION_PREFIX
    flatten_cooldown_seconds: Annotated[Decimal, Meta(ge=0, le=86_400)] = Decimal(60)
    ess_latch: str = DEFAULT_LATCH
    operators_file: str = ""
    console_token: (
        Annotated[Secret, Meta(pattern=r"^[!-~]{16,200}$", description="must be 16 to 200 characters without blanks")]
        | None
    ) = None

    def problems(self) -> Iterator[str]:
        """As `CommonSettings` says."""
        yield from super().problems()
        yield from latch_problems(self.ess_latch)
        yield from operators_file.problems(self.operators_file, self.exchange_env)

    @property
    def standing(self) -> Standing:
        """What the gates need to know."""
        return Standing(
            environment=self.exchange_env,
            account=self.account,
            live_allowed=self.flatten_allow_live == LIVE_PHRASE,
            force_flatten=self.gov_testnet_force_flatten,
            confirm_phrase=self.gov_testnet_force_flatten_confirm,
            cooldown_ms=_ms_up(self.flatten_cooldown_seconds),
            software_version=software_version(),
            config_hash=config_hash(self),
        )

    @property
    def rules(self) -> Rules:
        """What the P2.9 check measures by."""
        return Rules(burst_factor=self.p29_burst_factor, stale_after_ms=_ms_up(self.p29_stale_seconds))


def _ms_up(seconds: Decimal) -> int:
    """Up to a whole millisecond: rounding never makes a wait shorter."""
    return int((seconds * 1000).to_integral_value(ROUND_CEILING))
