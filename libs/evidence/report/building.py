"""From the entries of one run to its report."""

from authority.operators import Operators
from contracts.flattening import RunVerdict
from evidence.figures import moment
from evidence.findings import Standing
from evidence.history import History
from evidence.report.checklist import checklist
from evidence.report.model import Alarm, Headline, Record, Report
from evidence.report.positions import exposure, position_stories
from evidence.report.selecting import NoSuchRun
from evidence.report.story import (
    arm_story,
    attempts,
    decision,
    ended,
    readings,
    request_of,
    snapshot_afterwards,
    snapshot_before,
)
from evidence.report.timeline import timeline
from evidence.runs import Run, runs_of
from evidence.still_open import still_open
from evidence.verification import Verification, verify


def build(history: History, request_id: str, operators: Operators | None = None) -> Report:
    """What the entries say of the run. `history` is what `select` made of a whole one. Raises NoSuchRun."""
    run = next((run for run in runs_of(history) if run.request_id == request_id), None)
    if run is None:
        raise NoSuchRun(f"no entry tells of {request_id}")
    verification = verify(history, operators=operators)
    record = _record(verification)
    positions = position_stories(run)
    afterwards = snapshot_afterwards(history, run)
    environment, account = _whose(history, run)
    return Report(
        headline=_headline(run, record),
        request_id=request_id,
        namespace=history.frame.namespace,
        environment=environment,
        account=account,
        arm=arm_story(run, operators),
        decision=decision(history, run),
        snapshot=snapshot_before(history, run),
        afterwards=afterwards,
        attempts=attempts(run),
        readings=readings(run),
        positions=positions,
        exposure=exposure(run, positions),
        ended=ended(run),
        timeline=timeline(history, run),
        checklist=checklist(history, run, positions, afterwards, {check.name: check for check in record.checks}),
        record=record,
    )


def _record(verification: Verification) -> Record:
    chain = verification.chain
    return Record(
        standing=verification.standing,
        chain_first=chain.first,
        chain_last=chain.last,
        chain_head=chain.head,
        unchained=chain.unchained,
        checks=verification.verdicts,
    )


def _whose(history: History, run: Run) -> tuple[str, str]:
    """Environment and account, as the events say; where they do not, whose record it was taken for."""
    request = request_of(run)
    if request is not None:
        return str(request.event.arm.environment), request.event.arm.account
    for told in run.completed:
        return str(told.event.environment), told.event.account
    return history.frame.environment, history.frame.account


def _headline(run: Run, record: Record) -> Headline:
    """What is open comes first, and before it whether the record can be believed at all."""
    alarm, text = _outcome(run)
    if record.standing is Standing.BROKEN:
        names = ", ".join(check.name for check in record.checks if check.standing is Standing.BROKEN)
        return Headline(alarm=Alarm.OPEN, text=f"THE RECORD IS NOT AS IT MUST BE ({names}). It says: {text}")
    return Headline(alarm=alarm, text=text)


def _outcome(run: Run) -> tuple[Alarm, str]:
    if not run.completed:
        return Alarm.UNSURE, "NO VERDICT is on record: what is open now, only the exchange can say"
    completed = run.completed[0].event
    left = still_open(completed)
    aborted = f" The run was aborted: {completed.abort_reason}" if completed.abort_reason else ""
    if completed.verdict is RunVerdict.FLAT_EXCEPT_DUST:
        return Alarm.CALM, f"FLAT EXCEPT DUST. {left.heading}: {left.text}, which is dust"
    if left.certain:
        return Alarm.OPEN, f"{left.heading}: {left.text}.{aborted}"
    if left.doubted or aborted or left.read_at_ms is None:
        return Alarm.UNSURE, f"NOT PROVED FLAT. {left.heading}: {left.text}.{aborted}"
    read_at = f"the exchange was read at {moment(left.read_at_ms)}, after the last order"
    inside = "within the arm's scope; " if left.outside else ""
    outside = f", {left.outside} positions outside it were not touched" if left.outside else ""
    return Alarm.CALM, f"FLAT: {inside}nothing is open{outside}; {read_at}"
