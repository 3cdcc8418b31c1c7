"""The notifier's settings: read once, strict, one struct."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from msgspec import Meta

from contracts.vocabulary import Environment
from notifier.addresses import Addresses
from notifier.targets import problems_with
from runtime.settings import CommonSettings


class NotifierSettings(CommonSettings, frozen=True, kw_only=True):
    """Whom to tell. Nobody is a good answer: then it waits, and says so."""

    about: ClassVar[str] = (
        "Tells people of accepted and refused arms, verdicts, what is still open, and dead letters, through any service"
        " that apprise knows. It reads what the others wrote, and nothing waits for it."
    )
    consumer_name: Annotated[str, Meta(pattern=r"^[!-~]{1,100}$", description="must be one word")] = "notifier-1"
    http_port: Annotated[int, Meta(ge=0, le=65_535)] = 8046
    exchange_env: Environment = Environment.SIM
    notify_urls: Addresses = Addresses("")

    def problems(self) -> Iterator[str]:
        """As `CommonSettings` says. Nothing of an address is shown."""
        yield from super().problems()
        problems = problems_with(self.notify_urls)
        if problems:
            yield f"NOTIFY_URLS: {'; '.join(problems)}"

    @property
    def where(self) -> str:
        """What a title begins with."""
        return f"{self.exchange_env}/{self.account}"
