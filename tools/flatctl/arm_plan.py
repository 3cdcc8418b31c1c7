"""What an arm goes by: the plan in the operator's file, or one that is made now so that a person knows the notional."""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from msgspec import Struct

from contracts.arming import ISSUED_AHEAD_MAX_MS, Scope
from flatctl.exits import REFUSED, CommandFailed
from flatctl.figures import money, some, span
from flatctl.plan import Plan
from flatctl.plan_command import NotListed, plan_now
from flatctl.plan_file import load_plan
from flatctl.plan_views import scope_text, show_summary
from flatctl.screen import Screen
from flatctl.session import Session
from flatctl.settings import FlatctlSettings
from flatctl.views import WARNING

_NONE = Decimal(0)
PLAN_AGE_MAX_MS = 300_000
"""A plan counts as long as an arm may live: time to read it and to show it to a second person. An older one tells of
an account that has moved on."""
READ_WITHIN_S = 10.0
"""An exchange that does not answer holds no arm up for longer."""


class Basis(Struct, frozen=True, kw_only=True):
    """What the operator was shown before the arm."""

    plan: Plan | None = None
    """Nothing where no plan was named, and none was or could be made."""
    path: str = ""
    """The plan's file; empty for one that the command made itself."""

    @property
    def plan_hash(self) -> str:
        """What goes into the arm: the hash of a plan that is kept, and that others can look at."""
        return self.plan.plan_hash if self.plan and self.path else ""

    @property
    def notional(self) -> str:
        """The notional as a person types it: whole dollars without separators; empty without a plan."""
        return f"{self.plan.notional_usd.quantize(Decimal(1), ROUND_HALF_UP):f}" if self.plan else ""

    def require_fresh(self, now_ms: int) -> None:
        """Raise CommandFailed when what was shown is too old, or from a time to come."""
        if self.plan is None:
            return
        age_ms = now_ms - self.plan.taken_at_ms
        again = "make a new one: flatctl plan --save" if self.path else "run the command again"
        which = f"plan {self.path}" if self.path else "what was shown"
        if age_ms > PLAN_AGE_MAX_MS:
            raise CommandFailed(
                f"not armed: {which} is {span(age_ms)} old, and counts for {span(PLAN_AGE_MAX_MS)}; {again}", REFUSED
            )
        if age_ms < -ISSUED_AHEAD_MAX_MS:
            raise CommandFailed(
                f"not armed: {which} is of {span(-age_ms)} from now, by this machine's clock; set the clocks right and "
                f"{again}",
                REFUSED,
            )


async def show_basis(session: Session, scope: Scope, path: str, *, asked: bool) -> Basis:
    """Show what an arm would close by the plan in `path`; without one, where a person is `asked`, by one made now.

    Why there is none is said. Raises CommandFailed when the arm must not be made.
    """
    screen, settings = session.screen, session.settings
    if path:
        plan, now_ms = load_plan(Path(path)), session.clock.now_ms()
        _require_same(plan, path, settings, scope)
        basis = Basis(plan=plan, path=path)
        basis.require_fresh(now_ms)
        show_summary(screen, plan, f"plan {plan.plan_hash} of {span(max(0, now_ms - plan.taken_at_ms))} ago")
        if asked:
            await _show_what_moved(screen, plan, settings)
        return basis
    if not asked:
        return Basis()
    try:
        plan = await _made_now(screen, settings, scope)
    except NotListed as error:
        raise CommandFailed(f"not armed: {error}", REFUSED) from error
    except CommandFailed as error:
        screen.line(f"THE NOTIONAL CANNOT BE SHOWN, and need not be typed: {error}", style=WARNING)
        return Basis()
    show_summary(screen, plan, "by the exchange now")
    return Basis(plan=plan)


async def _show_what_moved(screen: Screen, plan: Plan, settings: FlatctlSettings) -> None:
    """Whether the exchange still shows what the plan goes by: an arm closes what is open then, not what was planned."""
    try:
        now = await _made_now(screen, settings, plan.scope)
    except CommandFailed as error:
        screen.line(f"NOT COMPARED with what is open now: {error}", style=WARNING)
        return
    if moved := what_moved(plan, now):
        screen.line(f"WARNING: NOT AS PLANNED: {some(moved, most=5)}", style=WARNING)
        screen.line(f"an arm closes what is open then: now {money(now.notional_usd)}", style=WARNING)


def what_moved(plan: Plan, now: Plan) -> list[str]:
    """Positions that would be closed now and were not planned so, each in a few words. Pure."""
    before, after = ({(row.symbol, row.position_side): row.quantity for row in each.to_close} for each in (plan, now))
    return [
        f"{symbol} was {before.get((symbol, side), _NONE):f}, is {after.get((symbol, side), _NONE):f}"
        for symbol, side in dict.fromkeys([*before, *after])
        if before.get((symbol, side)) != after.get((symbol, side))
    ]


async def _made_now(screen: Screen, settings: FlatctlSettings, scope: Scope) -> Plan:
    if not settings.exchange_api_key or not settings.exchange_api_secret:
        raise CommandFailed("EXCHANGE_API_KEY and EXCHANGE_API_SECRET are not set here, so that nobody can be asked")
    return await plan_now(screen, settings, scope, within_s=READ_WITHIN_S)


def _require_same(plan: Plan, path: str, settings: FlatctlSettings, scope: Scope) -> None:
    """Raise CommandFailed when the plan is of another account, or of other positions, than the arm would be."""
    planned = (plan.environment, plan.account, plan.namespace)
    if planned != (settings.exchange_env, settings.account, settings.flatten_namespace):
        raise CommandFailed(
            f"not armed: plan {path} is for account {plan.account} in {plan.environment}, namespace {plan.namespace}, "
            f"and this is {settings.banner}",
            REFUSED,
        )
    if set(plan.scope.symbols) != set(scope.symbols):
        symbols = ",".join(plan.scope.symbols)
        say = f"arm with --symbols {symbols}" if symbols else "arm without --symbols"
        raise CommandFailed(
            f"not armed: plan {path} is of {scope_text(plan.scope)}, and this arm of {scope_text(scope)}; {say}, or "
            "make another plan",
            REFUSED,
        )
