"""Approving: another person looks at an arm that waits, and adds a signature to exactly what was shown."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace
from redis.asyncio import Redis

from authority.operators import Operators, normal
from authority.verdict import LOOKED_AT_MAX, judge
from contracts.arming import ARM_LIFETIME_MAX_MS, ArmRequested, Signature
from contracts.statements import signed_bytes
from contracts.streams import Keys
from flatctl import exits, views
from flatctl.arm_commands import follow_arm
from flatctl.arming import approve, armed_now
from flatctl.exits import CommandFailed
from flatctl.figures import span
from flatctl.history import backwards
from flatctl.session import Session
from flatctl.settings import FlatctlSettings
from flatctl.signing import Identity, identify, people_of
from runtime import tracing
from runtime.redis_client import raw, unix_ms

PUBLISHED_AGO_MAX_MS = ARM_LIFETIME_MAX_MS + 60_000
"""An older entry holds no arm that can still be approved."""


class Waiting(Struct, frozen=True, kw_only=True):
    """An arm that is armed, as it stands in the stream, with every signature that was seen of it."""

    arm: ArmRequested
    left_ms: int
    signed_by: tuple[str, ...]
    """People whose signatures count; the keys' ids where nobody can say whose they are."""
    unverified: str
    """Why the signatures were not verified here; empty when they were."""


async def announce_approval(session: Session, arm_id: str | None, shown: list[Waiting]) -> int:
    """Show the arm that would be approved. Changes nothing; `shown` gets it."""
    screen, settings = session.screen, session.settings
    screen.line(settings.banner, style="bold")
    waiting = await find_waiting(session.redis, settings, arm_id)
    shown[:] = [waiting]
    arm = waiting.arm
    whole = arm.scope.whole_account
    screen.table(
        ("", ""),
        [
            ("arm", arm.arm_id),
            ("armed by", arm.operator),
            ("because", arm.reason or "no reason was given"),
            ("closes", "the WHOLE ACCOUNT" if whole else f"only {', '.join(arm.scope.symbols)}"),
            ("of account", f"{arm.account} in {arm.environment}"),
            *([("plan", arm.plan_hash)] if arm.plan_hash else []),
            ("signed by", ", ".join(waiting.signed_by) or "nobody"),
            ("expires in", span(waiting.left_ms)),
        ],
        numeric=frozenset(),
    )
    if waiting.unverified:
        screen.line(f"WARNING: its signatures were not verified here: {waiting.unverified}", style=views.WARNING)
    return exits.OK


def approver(settings: FlatctlSettings, waiting: Waiting, given: str) -> Identity:
    """Who approves. Raises CommandFailed when that is nobody else than who signed already."""
    arm = waiting.arm
    identity = identify(settings, given)
    if identity.signer is None:
        raise CommandFailed("not approved: there is nothing to sign with; set OPERATOR_KEY_FILE")
    if normal(identity.operator) == normal(arm.operator):
        raise CommandFailed(
            f"not approved: {arm.arm_id} is {arm.operator}'s own arm; another person has to approve it", exits.REFUSED
        )
    signed = {normal(name) for name in waiting.signed_by} | {signature.key_id for signature in arm.signatures}
    if {normal(identity.operator), identity.signer.key_id} & signed:
        raise CommandFailed(
            f"not approved: {identity.operator} has signed {arm.arm_id} already; another person has to approve it",
            exits.REFUSED,
        )
    return identity


async def approve_and_follow(
    session: Session, shown: Waiting, identity: Identity, *, wait: bool, within_s: float
) -> int:
    """Sign what was shown, publish it, and tell what the governor decides."""
    if identity.signer is None:
        raise ValueError("an approval is signed")
    settings = session.settings
    waiting = await find_waiting(session.redis, settings, shown.arm.arm_id)
    if signed_bytes(waiting.arm) != signed_bytes(shown.arm):
        raise CommandFailed(
            f"not approved: {shown.arm.arm_id} is no more what was shown; somebody forges arms, see flatctl status",
            exits.REFUSED,
        )
    with tracing.span("flatctl approve"):
        armed = await approve(session.redis, settings.keys, identity.signer.sign(waiting.arm))
    session.screen.line(f"approved: {armed.arm_id} by {identity.operator}, signed with key {identity.signer.key_id}")
    return await follow_arm(session, armed, wait=wait, within_s=within_s)


async def find_waiting(redis: Redis, settings: FlatctlSettings, arm_id: str | None) -> Waiting:
    """The arm that is armed, else CommandFailed: there is none, it is not for us, or nobody can say which it is."""
    keys = settings.keys
    armed = await armed_now(redis, keys)
    if armed is None or armed != (arm_id or armed):
        raise CommandFailed(
            f"not approved: {f'{arm_id} is not armed' if arm_id else 'nothing is armed'}; see flatctl status",
            exits.REFUSED,
        )
    now_ms = unix_ms(await raw(redis, "TIME"))
    operators, unverified = people_of(settings)
    arm = _the_one(armed, await _published(redis, keys, armed, now_ms), operators, settings, now_ms)
    if (arm.environment, arm.account) != (settings.exchange_env, settings.account):
        raise CommandFailed(
            f"not approved: {armed} is for account {arm.account} in {arm.environment}, and this is {settings.banner}",
            exits.REFUSED,
        )
    if now_ms >= arm.expires_at_ms:
        raise CommandFailed(f"not approved: {armed} has expired", exits.REFUSED)
    signed_by = tuple(signature.key_id for signature in arm.signatures)
    if operators is not None:
        signed_by = judge(arm, operators, settings.exchange_env, now_ms).signed_by
    return Waiting(arm=arm, left_ms=arm.expires_at_ms - now_ms, signed_by=signed_by, unverified=unverified)


async def _published(redis: Redis, keys: Keys, arm_id: str, now_ms: int) -> list[ArmRequested]:
    """Every entry of the arm that can still matter, newest first."""
    found = []
    async for record in backwards(redis, keys.of(ArmRequested)):
        if int(record.entry_id.partition("-")[0]) < now_ms - PUBLISHED_AGO_MAX_MS:
            break
        if isinstance(record.event, ArmRequested) and record.event.arm_id == arm_id:
            found.append(record.event)
    return found


def _the_one(
    arm_id: str, entries: Sequence[ArmRequested], operators: Operators | None, settings: FlatctlSettings, now_ms: int
) -> ArmRequested:
    """The arm that its operator signed, with every signature of it that counts. Forged entries are passed over."""
    by_statement: dict[bytes, list[Signature]] = {}
    arms: dict[bytes, ArmRequested] = {}
    for entry in entries:
        statement = signed_bytes(entry)
        arms.setdefault(statement, replace(entry, signatures=()))
        by_statement.setdefault(statement, []).extend(entry.signatures[:LOOKED_AT_MAX])
    candidates = []
    for statement, arm in arms.items():
        unique = tuple(dict.fromkeys(by_statement[statement]))
        if operators is None:
            candidates.append(replace(arm, signatures=unique[: LOOKED_AT_MAX - 1]))
            continue
        counted = [
            signature
            for signature in unique
            if judge(replace(arm, signatures=(signature,)), operators, settings.exchange_env, now_ms).signed_by
        ]
        signed = replace(arm, signatures=tuple(counted[: LOOKED_AT_MAX - 1]))
        if judge(signed, operators, settings.exchange_env, now_ms).by_the_operator:
            candidates.append(signed)
    if len(candidates) == 1:
        return candidates[0]
    what = "two different arms have this id" if candidates else "no entry of it holds its operator's valid signature"
    raise CommandFailed(
        f"not approved: {arm_id}: {what}. Do not trust it; take it back: flatctl disarm {arm_id}", exits.REFUSED
    )
