"""Addresses: what is wrong with one is told, and nothing of it is shown (I18)."""

import asyncio
import io
import logging
import threading
from pathlib import Path

import pytest

from notifier.addresses import Addresses
from notifier.core.notes import Severity
from notifier.core.planning import Message
from notifier.settings import NotifierSettings
from notifier.targets import Target, open_targets, problems_with
from runtime.errors import SettingsError
from runtime.redaction import Redactor
from runtime.settings import describe, load
from support.receiver import Receiver

SECRET = "t0ken-that-nobody-may-see"
MESSAGE = Message(title="a title", body="two\nlines <b>", severity=Severity.FAILURE)
GOOD = {
    "json": "json://127.0.0.1:8000/path",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
    "telegram": "tgram://123456789:abcdefg_hijklmnop/12315544",
    "discord": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "mail": "mailtos://user:pa55word@example.com",
    "ntfy": "ntfy://topic-of-ours",
}
BAD = {
    "no scheme": (SECRET, "does not begin with the name of a service"),
    "unknown": (f"slakc://{SECRET}", "begins with a name that is no service"),
    "not whole": (f"slack://{SECRET}", "is not a whole address of slack://"),
    "no host": (f"json://:{SECRET}@", "is not a whole address of json://"),
}


@pytest.mark.parametrize("url", GOOD.values(), ids=GOOD)
def test_an_address_of_a_service_is_understood(url: str) -> None:
    assert problems_with(Addresses(url)) == []
    assert len(open_targets(Addresses(url))) == 1


@pytest.mark.parametrize(("url", "problem"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_one_line_that_shows_nothing_i18(
    url: str, problem: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(NotifierSettings, {"NOTIFY_URLS": f"{GOOD['json']} {url}"})

    (line,) = refused.value.lines
    assert line.startswith("NOTIFY_URLS: address 2 of 2 ")
    assert problem in line
    assert SECRET not in line
    assert SECRET not in "".join(capfd.readouterr())


def test_several_are_separated_by_blanks_or_line_breaks() -> None:
    text = f"\n{GOOD['json']}  {GOOD['ntfy']}\r\n{GOOD['mail']}\n"

    settings = load(NotifierSettings, {"NOTIFY_URLS": text})

    assert settings.notify_urls.each() == (GOOD["json"], GOOD["ntfy"], GOOD["mail"])
    assert [target.name for target in open_targets(settings.notify_urls)] == ["1", "2", "3"]


def test_a_file_has_one_on_each_line(tmp_path: Path) -> None:
    file = tmp_path / "notify_urls"
    file.write_text(f"{GOOD['json']}\n{GOOD['ntfy']}\n")

    assert load(NotifierSettings, {"NOTIFY_URLS_FILE": str(file)}).notify_urls.each() == (GOOD["json"], GOOD["ntfy"])


def test_settings_show_that_somebody_is_named_and_not_who_i18() -> None:
    named = describe(load(NotifierSettings, {"NOTIFY_URLS": GOOD["slack"]}))
    nobody = describe(load(NotifierSettings, {}))

    assert (named["NOTIFY_URLS"], nobody["NOTIFY_URLS"]) == ("***", None)


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        (GOOD["slack"], ("T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7FQ")),
        (GOOD["telegram"], ("123456789", "abcdefg_hijklmnop", "12315544")),
        (GOOD["discord"], ("4174216298", "JHMHI8qBe7bk2ZwO5U711o3dV_js")),
        (GOOD["mail"], ("pa55word",)),
        ("mailto://user:short@example.com", ("short",)),
        ("sendgrid://SG.Aaaaaaaa.bbbbbbbb:from@example.com", ("SG.Aaaaaaaa.bbbbbbbb",)),
        ("json://h/?+X-Token=quoted%2Btoken", ("quoted%2Btoken", "quoted+token")),
    ],
)
def test_every_piece_that_may_be_a_token_is_masked_i18(url: str, hidden: tuple[str, ...]) -> None:
    redactor = Redactor()
    redactor.add(Addresses(url))

    shown = redactor.text(f"could not post to {url}, that is {' or '.join(hidden)}")

    assert [text for text in hidden if text in shown] == []


def test_the_name_of_a_server_is_no_secret() -> None:
    redactor = Redactor()
    redactor.add(Addresses("json://127.0.0.1:8000/x mailto://u:pa55@mail.example.com"))

    assert redactor.text("127.0.0.1 mail.example.com") == "127.0.0.1 mail.example.com"


async def test_a_message_arrives_as_it_was_written() -> None:
    receiver = await Receiver().up()
    try:
        assert await Target("1", receiver.address).send(MESSAGE) == ""
    finally:
        await receiver.down()

    (message,) = receiver.messages
    assert (message["title"], message["message"], message["type"]) == (MESSAGE.title, MESSAGE.body, "failure")


async def test_a_service_that_says_no_is_quoted() -> None:
    receiver = await Receiver().up()
    receiver.status = 403
    try:
        assert "403" in await Target("1", receiver.address).send(MESSAGE)
    finally:
        await receiver.down()


async def test_nobody_there_is_a_reason_too_and_apprise_says_it_nowhere_else() -> None:
    root, stream = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(stream)
    root.addHandler(handler)
    try:
        assert "onnection error" in await Target("1", Receiver().address).send(MESSAGE)
    finally:
        root.removeHandler(handler)

    assert "JSON" not in stream.getvalue()


async def test_a_service_that_never_answers_has_its_time_and_gets_no_second_thread() -> None:
    receiver = await Receiver().up()
    receiver.answering.clear()
    target = Target("1", receiver.address, limit_s=0.2)
    try:
        assert await target.send(MESSAGE) == "no answer within 0.2 s"
        assert await target.send(MESSAGE) == "the attempt before still hangs"
        hanging = [thread for thread in threading.enumerate() if thread.name == "address-1"]
        assert [thread.daemon for thread in hanging] == [True]
        receiver.answering.set()
        await asyncio.to_thread(hanging[0].join)
        assert await target.send(MESSAGE) == ""
    finally:
        receiver.answering.set()
        await receiver.down()


async def test_a_plugin_that_raises_did_not_send() -> None:
    class Broken(Target):
        def __init__(self) -> None:
            super().__init__("1", GOOD["json"])
            self._apprise = self  # type: ignore[assignment]  # what raises in its place

        def notify(self, **_: object) -> bool:
            raise ZeroDivisionError("in a plugin")

    assert await Broken().send(MESSAGE) == "ZeroDivisionError: in a plugin"
