"""The exchange, and whether the key that flatctl was given works, and could do harm."""

from collections.abc import Iterator

from contracts.vocabulary import Environment
from exchange.errors import ExchangeError, KeyRejected
from exchange.factory import open_inspector
from exchange.model import KeyPermissions
from exchange.ports import KeyInspector
from flatctl.doctor.finding import Finding, Grade, skew
from flatctl.session import Session
from flatctl.settings import FlatctlSettings

_WHOSE = "the key that flatctl was given; the executor has its own"


async def examine_venue(session: Session) -> list[Finding]:
    """Clock, key and the key's permissions. A key or secret is in no text."""
    settings = session.settings
    try:
        inspector = open_inspector(settings.exchange)
    except ValueError as error:
        return [Finding(check="exchange", grade=Grade.FAILED, observed=str(error), required="an exchange to ask")]
    try:
        clock = await _clock(inspector)
        if missing := list(_missing(settings)):
            return [clock, _no_key(missing)]
        key = await _key(inspector)
        return [clock, key] if key.grade is Grade.FAILED else [clock, key, *await _permissions(inspector, settings)]
    finally:
        await inspector.aclose()


async def _clock(inspector: KeyInspector) -> Finding:
    try:
        reading = await inspector.clock()
    except ExchangeError as error:
        return Finding(
            check="exchange clock",
            grade=Grade.FAILED,
            observed=f"the exchange does not answer: {error}",
            required="answers",
            do="look at EXCHANGE_ENV and EXCHANGE_BASE_URL, the network, and the exchange's own status page",
        )
    return skew("exchange clock", reading.offset_ms, reading.error_ms, "set this machine's clock right (NTP)")


async def _key(inspector: KeyInspector) -> Finding:
    check, required = "exchange key", "accepted by the exchange"
    try:
        await inspector.try_key()
    except KeyRejected as error:
        do = "check EXCHANGE_API_KEY, EXCHANGE_API_SECRET, and the addresses that the key allows"
        return Finding(check=check, grade=Grade.FAILED, observed=f"REJECTED: {error}", required=required, do=do)
    except ExchangeError as error:
        return Finding(check=check, grade=Grade.UNKNOWN, observed=str(error), required=required, do="try again")
    return Finding(check=check, grade=Grade.OK, observed=f"accepted ({_WHOSE})", required=required)


async def _permissions(inspector: KeyInspector, settings: FlatctlSettings) -> list[Finding]:
    check, required = "key withdrawal", "a key that cannot withdraw"
    by_hand = "look at the key's permissions on the exchange's own screen"
    try:
        permissions = await inspector.permissions()
    except ExchangeError as error:
        return [Finding(check=check, grade=Grade.UNKNOWN, observed=str(error), required=required, do=by_hand)]
    if permissions is None:
        observed = f"the {settings.exchange_env} environment has nobody to ask what a key may do"
        real = settings.exchange_env is Environment.LIVE
        return [
            Finding(check=check, grade=Grade.UNKNOWN, observed=observed, required=required, do=by_hand, decides=real)
        ]
    return list(_judged(permissions))


def _judged(permissions: KeyPermissions) -> Iterator[Finding]:
    trade = "can trade futures" if permissions.trade else "cannot trade"
    yield Finding(
        check="key withdrawal",
        grade=Grade.FAILED if permissions.withdraw else Grade.OK,
        observed=f"it {trade}, and {'CAN WITHDRAW' if permissions.withdraw else 'cannot withdraw'}",
        required="a key that cannot withdraw",
        do="make another key without withdrawal, and revoke this one on the exchange's screen"
        if permissions.withdraw
        else "",
    )
    yield Finding(
        check="key transfer",
        grade=Grade.WARNING if permissions.transfer else Grade.OK,
        observed="it can move funds between accounts" if permissions.transfer else "it cannot move funds",
        required="a key that cannot",
        do="take the permission from the key on the exchange's screen" if permissions.transfer else "",
    )
    yield Finding(
        check="key addresses",
        grade=Grade.OK if permissions.bound else Grade.WARNING,
        observed="it works from named addresses alone" if permissions.bound else "it works from everywhere",
        required="named addresses alone",
        do="" if permissions.bound else "name the addresses on the exchange's screen",
    )


def _missing(settings: FlatctlSettings) -> Iterator[str]:
    if not settings.exchange_api_key:
        yield "EXCHANGE_API_KEY"
    if not settings.exchange_api_secret:
        yield "EXCHANGE_API_SECRET"


def _no_key(missing: list[str]) -> Finding:
    return Finding(
        check="exchange key",
        grade=Grade.UNKNOWN,
        observed=f"{' and '.join(missing)} not set: nobody can tell what the key may do",
        required="a key to ask with",
        do="set them, or their _FILE, as flatctl positions needs them too",
    )
