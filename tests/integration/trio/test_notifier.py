"""People are told, and a service that tells them and never answers holds nothing up."""

from contracts.flattening import RunVerdict
from support.processes import ServiceProcess
from support.receiver import Receiver
from support.telling import is_at_its_place
from support.trio import ARM, SET_LATCH, Trio


async def test_a_flatten_is_told_and_waits_for_no_answer(running: Trio) -> None:
    receiver = await Receiver().up()
    receiver.answering.clear()
    try:
        async with ServiceProcess("notifier.main", {**running.env, "NOTIFY_URLS": receiver.address}) as notifier:
            await is_at_its_place(notifier)
            await running.told(*SET_LATCH)
            await running.told(*ARM)
            completed = await running.events.verdict()
            told_by_then = list(receiver.messages)
            receiver.answering.set()
            await receiver.wait_for(2)
    finally:
        receiver.answering.set()
        await receiver.down()

    assert completed.verdict is RunVerdict.FLAT
    assert told_by_then == []
    assert receiver.titles == [
        "[sim/main] ARM ACCEPTED from alice: a flatten begins",
        "[sim/main] FLAT: 44 of 44 positions closed",
    ]


async def test_a_refused_arm_is_told_with_what_was_required(running: Trio) -> None:
    receiver = await Receiver().up()
    try:
        async with ServiceProcess("notifier.main", {**running.env, "NOTIFY_URLS": receiver.address}) as notifier:
            await is_at_its_place(notifier)
            async with running.flatctl(*ARM) as arm:
                assert await arm.wait() == 3, arm.text
            (message,) = await receiver.wait_for(1)
    finally:
        await receiver.down()

    assert message["title"] == "[sim/main] ARM REFUSED from alice: 1 of 8 gates failed"
    assert "ess_latch: observed " in message["message"]
