"""What a heartbeat's answer means while the batch goes on."""

from runtime.heartbeat import Held


def test_what_waits_and_is_not_found_with_us_was_taken_over() -> None:
    held = Held(["1-0", "2-0", "3-0"])
    held.take("1-0")

    assert held.lose(held.in_hand(), {"3-0"}) == {"3-0"}
    assert held.in_hand() == ["1-0", "2-0"]
    assert held.take("2-0")
    assert not held.take("3-0")


def test_an_entry_that_was_taken_over_is_news_once() -> None:
    held = Held(["1-0", "2-0"])
    held.take("1-0")
    asked = held.in_hand()

    assert held.lose(asked, {"1-0", "2-0"}) == {"1-0", "2-0"}
    assert held.lose(held.in_hand(), {"1-0"}) == set()


def test_what_was_handled_while_the_beat_was_under_way_was_not_taken_over() -> None:
    held = Held(["1-0", "2-0", "3-0"])
    held.take("1-0")
    asked = held.in_hand()
    held.take("3-0")

    assert held.lose(asked, {"1-0", "2-0"}) == set()


def test_of_an_entry_that_came_into_hand_meanwhile_only_the_next_beat_can_tell() -> None:
    held = Held(["1-0", "2-0"])
    held.take("1-0")
    asked = held.in_hand()
    held.take("2-0")

    assert held.lose(asked, {"2-0"}) == set()
    assert held.lose(held.in_hand(), {"2-0"}) == {"2-0"}
