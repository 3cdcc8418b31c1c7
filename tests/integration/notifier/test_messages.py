"""Each kind of message, by a real process to a real receiver. None of it shows a secret (I18)."""

from msgspec.structs import replace
from redis.asyncio import Redis

from contracts.streams import Keys
from runtime.redis_client import raw
from support.event_samples import EVENT_SAMPLES
from support.governing import wait_metrics
from support.receiver import TOKEN, Receiver
from support.scribe import Scribe
from support.telling import accepted, dead_letter, flat, is_at_its_place, not_flat, readyz, refused

from .conftest import MakeNotifier


async def test_an_accepted_arm_is_told(notifier: MakeNotifier, receiver: Receiver, scribe: Scribe) -> None:
    async with notifier() as running:
        await is_at_its_place(running)
        await scribe.tell(accepted())
        (message,) = await receiver.wait_for(1)

    assert message["title"] == "[sim/main] ARM ACCEPTED from alice: a flatten begins"
    assert message["type"] == "warning"
    assert "reason: runaway governor" in message["message"]
    assert "runbook: docs/runbooks/emergency-flatten.md" in message["message"]


async def test_a_refused_arm_is_told_with_every_gate_that_failed(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    async with notifier(EXCHANGE_ENV="demo", ACCOUNT="second") as running:
        await is_at_its_place(running)
        await scribe.tell(refused())
        (message,) = await receiver.wait_for(1)

    assert message["title"] == "[demo/second] ARM REFUSED from bob: 1 of 2 gates failed"
    assert message["type"] == "warning"
    assert "cooldown: observed 12.3s, required >= 60s" in message["message"]
    assert "force_flag" not in message["message"]
    assert "runbook: docs/runbooks/refused-arm.md" in message["message"]


async def test_a_verdict_is_told_with_its_counts(notifier: MakeNotifier, receiver: Receiver, scribe: Scribe) -> None:
    async with notifier() as running:
        await is_at_its_place(running)
        await scribe.tell(flat())
        (message,) = await receiver.wait_for(1)

    assert message["title"] == "[testnet/main] FLAT: 43 of 43 positions closed"
    assert message["type"] == "success"
    assert "seen=674 nonzero=43 filtered=43 sent=43 ok=43" in message["message"]
    assert "0.9 s from the arm to the verdict" in message["message"]


async def test_what_is_still_open_is_told_with_its_dollars_and_reason(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    async with notifier() as running:
        await is_at_its_place(running)
        await scribe.tell(not_flat())
        (message,) = await receiver.wait_for(1)
        await wait_metrics(running, 'notifier_events_told_total{address="1",kind="residual"} 1.0')

    assert message["title"] == ("[testnet/main] NOT FLAT: 812.40 USD still open in 1 position, and 1 without a price")
    assert message["type"] == "failure"
    assert "open: OLDUSDT both -20 (812.40 USD): untradable: status SETTLING" in message["message"]
    assert "errors=2 unknown=1" in message["message"]
    assert "runbook: docs/runbooks/unknown-order.md" in message["message"]


async def test_a_dead_letter_is_told_without_what_was_in_it(
    notifier: MakeNotifier, receiver: Receiver, redis: Redis, namespace: str
) -> None:
    async with notifier() as running:
        await is_at_its_place(running)
        await raw(redis, "XADD", Keys(namespace).stream("dead"), "*", *dead_letter())
        (message,) = await receiver.wait_for(1)

    assert message["title"] == "[sim/main] DEAD LETTER: an entry of flatten.arm will never be handled"
    assert message["type"] == "failure"
    assert "why: no such account" in message["message"]
    assert "after 3 deliveries" in message["message"]
    assert "runbook: docs/runbooks/dead-letter.md" in message["message"]
    assert "of whoever wrote it" not in str(receiver.messages)


async def test_nothing_else_on_the_audit_stream_is_told(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe, redis: Redis
) -> None:
    told = {"arm.accepted.v1", "arm.refused.v1"}
    others = [event for name, event in EVENT_SAMPLES.items() if event.stream == "flatten.audit" and name not in told]
    async with notifier() as running:
        await is_at_its_place(running)
        await raw(redis, "XADD", scribe.keys.stream("flatten.audit"), "*", "no", "event")
        await scribe.tell(*others, accepted("the-last"))
        await receiver.wait_for(1)

    assert len(others) > 5
    assert "cannot be decoded" not in running.text
    assert receiver.titles == ["[sim/main] ARM ACCEPTED from the-last: a flatten begins"]


async def test_an_event_that_cannot_be_read_is_counted_and_stops_nothing(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe, redis: Redis
) -> None:
    async with notifier() as running:
        await is_at_its_place(running)
        await raw(redis, "XADD", scribe.keys.stream("flatten.audit"), "*", "type", "arm.refused.v1", "data", "{")
        await scribe.tell(accepted())
        await receiver.wait_for(1)
        metrics = await running.metrics()

    assert "cannot be decoded, nobody is told of it" in running.text
    assert 'notifier_unreadable_entries_total{stream="flatten.audit"} 1.0' in metrics


async def test_no_secret_is_in_a_message_a_log_line_a_metric_or_redis_i18(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe, redis: Redis
) -> None:
    reason = f"see {receiver.address}, it is {TOKEN} with pa55word; redis://ops:hunter2@h/0"
    async with notifier(LOG_LEVEL="debug") as running:
        await is_at_its_place(running)
        await scribe.tell(replace(accepted(), reason=reason))
        await raw(redis, "XADD", scribe.keys.stream("dead"), "*", *dead_letter(why=reason))
        await receiver.wait_for(2)
        receiver.status = 401
        await scribe.tell(refused())
        await running.wait_line("was not told, .*401")
        shown = f"{await running.metrics()} {await readyz(running)}"
        kept = await raw(redis, "HGETALL", scribe.keys.notifier_places)

    seen = f"{receiver.messages} {running.text} {shown} {kept}"
    assert "401" in shown
    assert "reason: see " in seen
    assert [secret for secret in (TOKEN, "pa55word", "hunter2") if secret in seen] == []
