"""What stands on the page, in the order in which people ask: what is open, who, why, was it right, what happened."""

from collections.abc import Iterator

from evidence.figures import moment, money, span
from evidence.report import tables
from evidence.report.clockwork import clockwork
from evidence.report.document import Document
from evidence.report.markup import Content, Markup, block, element, together
from evidence.report.model import Alarm, ArmStory, Ended, Mark, Report, SnapshotStory
from evidence.report.pictures import exposure, funnel

_SIGNS = {Alarm.CALM: "✓", Alarm.UNSURE: "?", Alarm.OPEN: "!"}
_NONE = "not shown"


def all_of(document: Document) -> Iterator[Markup]:
    """Every part; one of which nothing is known says so, or is left out where the first line says it."""
    report = document.report
    yield _first(document)
    yield from _still_open(report)
    yield _section("Who, why, what", _facts(document))
    yield _section("Checklist", tables.checklist(report.checklist))
    if report.ended is not None:
        yield _section("Funnel", funnel(report.ended.counts))
    if report.exposure is not None:
        yield _section("Exposure", exposure(report.exposure, report.positions))
    if report.timeline:
        yield _section("Timeline", clockwork(report.timeline, report.positions), _moments(report))
    if report.decision is not None:
        yield _section("Gates", _decision(report), tables.gates(report.decision))
        if report.decision.breaches:
            yield _section("In breach at the decision", tables.breaches(report.decision))
    yield _section("Positions and orders", tables.positions(report.positions))
    yield _section("Readings", _readings(report))
    yield _section("The record", _record(document), tables.record(report.record))
    yield _section("Entries", _carried(document), tables.entries(document))


def _first(document: Document) -> Markup:
    report = document.report
    whose = f"{report.environment.upper()} · account {report.account} · {report.namespace}"
    return block(
        "header",
        element("p", f"Flatten report · {whose}", class_="whose"),
        element(
            "h1",
            element("span", _SIGNS[report.headline.alarm], class_="sign", aria_hidden="true"),
            report.headline.text,
        ),
        block("dl", *(element("div", element("dt", name), element("dd", what)) for name, what in _key_figures(report))),
        element("p", f"{report.request_id} · made {moment(document.made_at_ms)}", class_="quiet"),
        class_=f"first {report.headline.alarm}",
    )


def _key_figures(report: Report) -> Iterator[tuple[str, str]]:
    """The few that everybody asks for."""
    ended, total = report.ended, report.exposure
    if ended is not None:
        yield "closed", f"{ended.counts.ok} of {ended.counts.filtered}"
    if total is not None:
        yield "exposure", f"{money(total.before_usd)} → {money(total.after_usd)}"
    if ended is not None:
        yield "from arm to verdict", span(ended.finished_at_ms - ended.armed_at_ms)
    passed = sum(item.mark is Mark.PASS for item in report.checklist)
    yield "checklist", f"{passed} of {len(report.checklist)} PASS"


def _still_open(report: Report) -> Iterator[Markup]:
    ended = report.ended
    if ended is None:
        return
    if ended.residual:
        unpriced = f" and {ended.residual_unpriced} without a price" if ended.residual_unpriced else ""
        total = element(
            "p", f"{_count(len(ended.residual), 'position')}, {money(ended.residual_notional_usd)}{unpriced}."
        )
        yield _section("Still open", total, tables.residual(report))
    if ended.resting_left:
        yield _section("Orders that still wait", tables.waiting(report))


def _facts(document: Document) -> Markup:
    report = document.report
    return _list([*_armed(report.arm), *_ended(report.ended), *_programs(document)])


def _armed(arm: ArmStory | None) -> Iterator[tuple[str, Content]]:
    if arm is None:
        yield "armed by", _NONE
        return
    yield "armed by", element("strong", arm.operator)
    yield "why", arm.reason or "no reason given"
    yield "scope", "the whole account" if arm.scope.whole_account else ", ".join(arm.scope.symbols)
    yield "arm", together(element("code", arm.arm_id), f" issued {moment(arm.issued_at_ms)}, valid until "
                          f"{moment(arm.expires_at_ms)}")  # fmt: skip
    yield (
        "plan",
        element("code", arm.plan_hash) if arm.plan_hash else "none was looked at before, as far as the arm says",
    )
    if not arm.signatures:
        yield "signatures", "none: the arm is not signed"
    for row in arm.signatures:
        who = f"{row.signer}, " if row.signer else ""
        yield "signature", together(who, "key ", element("code", row.key_id), f": {row.what}")
    if arm.signatures_told:
        yield "signatures in all", arm.signatures_told


def _ended(ended: Ended | None) -> Iterator[tuple[str, Content]]:
    if ended is None:
        yield "verdict", f"{_NONE}: no verdict is on record"
        return
    yield "verdict", together(element("strong", str(ended.verdict)), f" after {_count(ended.rounds, 'round')}")
    if ended.abort_reason:
        yield "aborted", ended.abort_reason
    yield "in the executor's log", element("code", ended.log_line)
    stages = (("first order", ended.first_order_at_ms), ("last order", ended.last_order_at_ms),
              ("verified", ended.verified_at_ms), ("finished", ended.finished_at_ms))  # fmt: skip
    told = [f"{name} {f'+{span(at - ended.armed_at_ms)}' if at is not None else _NONE}" for name, at in stages]
    yield "since it was armed", f"{', '.join(told)}, by the clocks of who wrote it"
    for note in ended.notes:
        yield "note", note


def _programs(document: Document) -> Iterator[tuple[str, Content]]:
    report, decision = document.report, document.report.decision
    if decision is not None:
        yield "governor", _program(decision.software_version, decision.config_hash)
    for attempt in report.attempts:
        again = ", taken up again" if attempt.resumed else ""
        program = _program(attempt.software_version, attempt.config_hash)
        yield "executor", together(f"{attempt.executor}, attempt {attempt.fence}{again}: ", program)
    yield "report", f"by flatctl {document.software_version}"


def _program(version: str, config_hash: str) -> Markup:
    settings = element("code", config_hash) if config_hash else _NONE
    return together(f"version {version or _NONE}, settings ", settings)


def _decision(report: Report) -> Markup:
    decision = report.decision
    if decision is None:
        return element("p", _NONE)
    again = f" The arm came again {len(decision.repeated)} times, which did nothing." if decision.repeated else ""
    return element(
        "p",
        f"Decided {moment(decision.decided_at_ms)}, in ",
        element("code", decision.entry),
        f". The arm was used up by it, and the cooldown counts from {moment(decision.cooldown_from_ms)}.{again} "
        "Whether the emergency stop is still set is not in the streams.",
    )


def _moments(report: Report) -> Markup:
    start = report.decision.cooldown_from_ms if report.decision else report.timeline[0].at_ms
    return tables.timeline(report.timeline, start)


def _readings(report: Report) -> Markup:
    facts: list[tuple[str, Content]] = [("snapshot before", _snapshot(report.snapshot))]
    for reading in report.readings:
        unread = f", {reading.unreadable} unreadable" if reading.unreadable else ""
        facts.append(
            (
                f"executor, round {reading.round_number}",
                together(
                    f"{moment(reading.read_started_at_ms)}: {reading.rows} rows, {reading.open} open{unread}; ",
                    element("code", reading.entry),
                ),
            )
        )
    facts.append(("snapshot after", _snapshot(report.afterwards)))
    return _list(facts)


def _snapshot(snapshot: SnapshotStory | None) -> Markup:
    if snapshot is None:
        return together(f"{_NONE}: none is among the entries")
    age = f", {span(snapshot.age_ms)} old at the decision" if snapshot.age_ms is not None else ""
    if not snapshot.entry or snapshot.taken_at_ms is None:
        return together(element("code", snapshot.snapshot_id), f"{age}; what it showed is {_NONE}: it was trimmed")
    unread = f", {snapshot.unreadable} unreadable" if snapshot.unreadable else ""
    unpriced = f" and {snapshot.unpriced} without a price" if snapshot.unpriced else ""
    return together(
        f"{moment(snapshot.taken_at_ms)}{age}: {snapshot.rows} rows, {snapshot.positions} positions, "
        f"{money(snapshot.notional_usd)}{unpriced}{unread}; ",
        element("code", snapshot.entry),
    )


def _record(document: Document) -> Markup:
    record = document.report.record
    chained = f"entries {record.chain_first} to {record.chain_last}, head " if record.chain_last else "no entry, "
    return element(
        "p",
        f"Looked at again when this report was made, over its own entries. The audit chain: {chained}",
        element("code", record.chain_head or "none"),
        ". Compare this head with one that was noted elsewhere: in a log, in an export, by flatctl audit verify.",
    )


def _carried(document: Document) -> Markup:
    return element(
        "p",
        f"{len(document.entries)} entries are in this file as they stand in the streams. flatctl report --verify works "
        "out everything on this page from them again. SHA-256 of the document: ",
        element("code", document.sha256),
    )


def _section(title: str, *content: Markup) -> Markup:
    name = title.lower().replace(" ", "-").replace(",", "")
    return block("section", element("h2", title, id=name), *content, aria_labelledby=name)


def _list(facts: list[tuple[str, Content]]) -> Markup:
    return block("dl", *(element("div", element("dt", name), element("dd", what)) for name, what in facts))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
