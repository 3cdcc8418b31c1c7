"""How far an address was told is kept: across restarts, crashes, other notifiers, and what happens to the streams."""

import asyncio

from runtime.redis_client import raw
from support.receiver import Receiver
from support.scribe import Scribe
from support.telling import STREAMS, accepted, dead_letter, is_at_its_place, readyz, refused, until_kept

from .conftest import MakeNotifier


async def until_renewed(scribe: Scribe) -> None:
    """Return once whoever tells has said so again: every three seconds, in which one that stands by looks six times."""
    left_ms = now_left_ms = await raw(scribe.redis, "PTTL", scribe.keys.notifier_holder)
    while now_left_ms <= left_ms:
        left_ms = now_left_ms
        await asyncio.sleep(0.02)  # another process's: asking is all there is
        now_left_ms = await raw(scribe.redis, "PTTL", scribe.keys.notifier_holder)


async def test_a_restart_repeats_nothing_and_loses_nothing(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    async with notifier() as running:
        await is_at_its_place(running)
        await scribe.tell(accepted("before"))
        await receiver.wait_for(1)
        running.sigterm()
        assert await running.wait() == 0, running.text
        held = await raw(scribe.redis, "EXISTS", scribe.keys.notifier_holder)
        await scribe.tell(accepted("meanwhile"))
        await running.start()
        await receiver.wait_for(2)
        await scribe.tell(accepted("after"))
        await receiver.wait_for(3)

    assert held == 0
    assert [title.split()[4] for title in receiver.titles] == ["before:", "meanwhile:", "after:"]


async def test_a_crash_between_two_messages_loses_nothing(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    receiver.answering.clear()
    async with notifier() as running:
        await is_at_its_place(running)
        await until_kept(scribe, *STREAMS)
        await scribe.tell(accepted("in-hand"))
        await receiver.wait_asked(1)
        running.sigkill()
        await running.wait()
        receiver.status = 503
        receiver.answering.set()
        await receiver.wait_answered(1)
        receiver.status = 200
        await scribe.tell(accepted("next"))
        await running.start()
        await running.wait_line("address 1 was told: .*next")

    assert [title.split()[4] for title in receiver.titles] == ["in-hand:", "next:"]


async def test_two_notifiers_tell_once_and_one_takes_over(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    async with notifier(CONSUMER_NAME="one") as one, notifier(CONSUMER_NAME="two") as two:
        await one.wait_line("this notifier tells|stands by")
        await two.wait_line("this notifier tells|stands by")
        tells, waits = (one, two) if "this notifier tells" in one.text else (two, one)
        await is_at_its_place(tells)
        await waits.wait_ready()
        assert "stands by" in await readyz(waits)
        for number in range(3):
            await scribe.tell(accepted(f"arm-{number}"))
            await receiver.wait_for(number + 1)
        left_ms = await raw(scribe.redis, "PTTL", scribe.keys.notifier_holder)
        tells.sigterm()
        await tells.wait()
        await waits.wait_line("this notifier tells")
        await scribe.tell(accepted("arm-3"))
        await receiver.wait_for(4)

    assert 0 < left_ms <= 15_000
    assert [title.split()[4] for title in receiver.titles] == ["arm-0:", "arm-1:", "arm-2:", "arm-3:"]


async def test_one_that_stands_by_sends_nothing_while_the_other_has_a_message_in_hand(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    async with notifier(CONSUMER_NAME="one") as one, notifier(CONSUMER_NAME="two") as two:
        await one.wait_line("this notifier tells|stands by")
        await two.wait_line("this notifier tells|stands by")
        await until_kept(scribe, *STREAMS)
        receiver.answering.clear()
        await scribe.tell(accepted())
        await receiver.wait_asked(1)
        await until_renewed(scribe)
        await until_renewed(scribe)
        receiver.answering.set()
        await receiver.wait_for(1)

    assert receiver.asked == 1


async def test_one_that_another_took_over_from_moves_no_place(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    receiver.answering.clear()
    async with notifier() as running:
        await is_at_its_place(running)
        await until_kept(scribe, *STREAMS)
        before = await raw(scribe.redis, "HGETALL", scribe.keys.notifier_places)
        await scribe.tell(accepted())
        await receiver.wait_asked(1)
        await raw(scribe.redis, "SET", scribe.keys.notifier_holder, "another 1", "PX", 60_000)
        receiver.answering.set()
        await running.wait_line("another notifier took over meanwhile")
        after = await raw(scribe.redis, "HGETALL", scribe.keys.notifier_places)

    assert after == before


async def test_a_dead_letter_that_was_taken_out_is_not_told_again_nor_those_before_it(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    dead = scribe.keys.stream("dead")
    async with notifier() as running:
        await is_at_its_place(running)
        await raw(scribe.redis, "XADD", dead, "*", *dead_letter("first"))
        await receiver.wait_for(1)
        last = await raw(scribe.redis, "XADD", dead, "*", *dead_letter("second"))
        await receiver.wait_for(2)
        await raw(scribe.redis, "XDEL", dead, last)
        await scribe.tell(accepted("one"))
        await receiver.wait_for(3)
        await scribe.tell(accepted("two"))
        await receiver.wait_for(4)

    assert len(receiver.messages) == 4
    assert "another than before" not in running.text


async def test_a_stream_that_begins_anew_is_told(notifier: MakeNotifier, receiver: Receiver, scribe: Scribe) -> None:
    async with notifier() as running:
        await is_at_its_place(running)
        await scribe.tell(refused())
        await receiver.wait_for(1)
        await until_kept(scribe, *STREAMS)
        await raw(scribe.redis, "DEL", scribe.keys.of(type(refused())))
        await running.wait_line("stream flatten.audit is another than before")
        await scribe.tell(refused("again"))
        await receiver.wait_for(2)

    assert receiver.titles[1] == "[sim/main] ARM REFUSED from again: 1 of 2 gates failed"


async def test_one_stream_that_is_none_hides_no_other(
    notifier: MakeNotifier, receiver: Receiver, scribe: Scribe
) -> None:
    await raw(scribe.redis, "SET", scribe.keys.stream("dead"), "no stream")
    async with notifier() as running:
        await running.wait_line("told of flatten.audit from now on")
        await running.wait_line("stream dead: cannot be read")
        await running.wait_unready()
        await scribe.tell(accepted())
        await receiver.wait_for(1)
        await raw(scribe.redis, "DEL", scribe.keys.stream("dead"))
        await running.wait_ready()
