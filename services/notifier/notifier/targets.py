"""apprise: one address, and one message sent to it. The only module that knows it."""

import asyncio
import logging
import re
import threading

import apprise

from notifier.addresses import Addresses
from notifier.core.planning import Message

SEND_LIMIT_S = 30.0
"""A service that takes longer counts as one that did not answer."""
_SCHEME = re.compile(r"([a-z][a-z0-9+-]{0,19})://", re.IGNORECASE)
_NOT_TOLD = "the service did not take it, and apprise does not say why"


class _Ear(logging.Handler):
    """Hears why a sending failed: apprise returns only that it did, and says the rest in its log.

    Nothing of that log goes anywhere else: it shows whole addresses where it is told to be talkative.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._heard = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the last line of this thread."""
        self._heard.line = record.getMessage()

    def listen(self) -> None:
        """Forget what this thread said before."""
        self._heard.line = ""

    @property
    def heard(self) -> str:
        """What this thread said last."""
        return str(getattr(self._heard, "line", ""))


_ear = _Ear()
_logger = logging.getLogger("apprise")
_logger.propagate = False
_logger.setLevel(logging.WARNING)
_logger.addHandler(_ear)


class Target:
    """One address. It is called by its place in NOTIFY_URLS: nothing else of it may be shown."""

    def __init__(self, name: str, url: str, *, limit_s: float = SEND_LIMIT_S) -> None:
        self.name = name
        self._limit_s = limit_s
        opened = _opened(url)
        if opened is None:
            raise ValueError(f"address {name} is none that apprise understands")
        self._apprise = apprise.Apprise(opened, asset=_asset())
        self.service = str(opened.service_name)
        self._thread: threading.Thread | None = None

    async def send(self, message: Message) -> str:
        """Send it; returns why it did not go, empty when it did. Never longer than the limit.

        In a thread that no stop waits for. One that hangs gets no second one beside it.
        """
        if self._thread is not None and self._thread.is_alive():
            return "the attempt before still hangs"
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[str] = loop.create_future()
        self._thread = threading.Thread(
            target=self._send, args=(message, loop, outcome), name=f"address-{self.name}", daemon=True
        )
        self._thread.start()
        try:
            async with asyncio.timeout(self._limit_s):
                return await outcome
        except TimeoutError:
            return f"no answer within {self._limit_s:g} s"

    def _send(self, message: Message, loop: asyncio.AbstractEventLoop, outcome: "asyncio.Future[str]") -> None:
        _ear.listen()
        try:
            sent = self._apprise.notify(
                body=message.body,
                title=message.title,
                notify_type=apprise.NotifyType(message.severity.value),
                body_format=apprise.NotifyFormat.TEXT,
            )
            why = "" if sent else _ear.heard or _NOT_TOLD
        except Exception as error:  # noqa: BLE001 - a hundred plugins: whatever one raises, it did not send
            why = f"{type(error).__name__}: {error}"
        try:
            loop.call_soon_threadsafe(_tell, outcome, why)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more


def open_targets(addresses: Addresses) -> list[Target]:
    """A target for each address. They were looked at before: `problems_with`."""
    return [Target(str(number), url) for number, url in enumerate(addresses.each(), 1)]


def problems_with(addresses: Addresses) -> list[str]:
    """What is wrong with each address that apprise does not understand, in words that show nothing of it."""
    urls = addresses.each()
    return [
        f"address {number} of {len(urls)} {problem}"
        for number, url in enumerate(urls, 1)
        if (problem := _problem_with(url))
    ]


def _problem_with(url: str) -> str:
    scheme = _SCHEME.match(url)
    if scheme is None:
        return "does not begin with the name of a service and ://"
    if scheme.group(1).lower() not in _schemes():
        return "begins with a name that is no service of apprise"
    if _opened(url) is None:
        return f"is not a whole address of {scheme.group(1).lower()}://, or that service needs what is not installed"
    return ""


def _schemes() -> frozenset[str]:
    """Every name of a service that apprise knows."""
    manager = apprise.manager_plugins.NotificationManager()  # type: ignore[no-untyped-call]  # apprise's
    return frozenset(manager.schemas())  # type: ignore[no-untyped-call]  # apprise's


def _opened(url: str) -> "apprise.NotifyBase | None":
    return apprise.Apprise.instantiate(url, asset=_asset())


def _asset() -> apprise.AppriseAsset:
    """It sends in the thread that asks it, and has no pool of threads that an exit would wait for.

    Nothing is written to a disk, no key is made, and no emoji is seen in what others wrote.
    """
    return apprise.AppriseAsset(
        app_id="Flatguard",
        app_desc="Flatguard",
        async_mode=False,
        service_timeout=0,
        secure_logging=True,
        pgp_autogen=False,
        pem_autogen=False,
        interpret_emojis=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )


def _tell(outcome: "asyncio.Future[str]", why: str) -> None:
    if not outcome.done():
        outcome.set_result(why)
