"""No secret leaves through a log line (I18), wherever in it the secret stands."""

import io
import json
import logging
from collections.abc import Iterator
from urllib.parse import quote

import msgspec
import pytest
import structlog
from hypothesis import assume, given
from hypothesis import strategies as st

from governor.settings import GovernorSettings
from runtime import logs
from runtime.redaction import Redactor
from runtime.secret import MASK, Secret, SecretUrl, mask_url_passwords
from runtime.settings import describe, redis_problems

HIDDEN = "k3y-that-nobody-may-see"
QUOTED = 'quo"ted\\and-ünicode-secret'


@pytest.fixture(params=["json", "text"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Everything that the process's handler writes; the secrets are known to it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.redact(Secret(HIDDEN))
    logs.redact(QUOTED)
    logs.setup_logs("governor", "debug", request.param, stream)
    yield stream
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_secret_in_the_message_is_masked(written: io.StringIO) -> None:
    logs.get_logger("governor").info(f"using {HIDDEN} now")

    assert HIDDEN not in written.getvalue()
    assert f"using {MASK} now" in written.getvalue()


def test_a_secret_in_any_value_is_masked(written: io.StringIO) -> None:
    logs.get_logger("governor").info(
        "values", plain=HIDDEN, nested={"list": [1, (HIDDEN,), {HIDDEN: 2}]}, shown=repr(HIDDEN), quoted=QUOTED
    )

    assert HIDDEN not in written.getvalue()
    for part in ("quo", "ünicode", "\\u00fcnicode"):
        assert part not in written.getvalue().replace('"quoted"', "").replace("quoted=", "")


def test_a_secret_in_a_traceback_is_masked(written: io.StringIO) -> None:
    try:
        try:
            int(HIDDEN)
        except ValueError as error:
            raise RuntimeError(QUOTED) from error
    except RuntimeError:
        logs.get_logger("governor").exception("it failed")

    text = written.getvalue()
    assert "Traceback" in text
    assert "invalid literal for int() with base 10: '***'" in text
    assert HIDDEN not in text
    assert "ünicode" not in text


@pytest.mark.parametrize("name", ["redis", "aiohttp.server", "opentelemetry.sdk", "asyncio", "any.other"])
def test_other_peoples_loggers_go_the_same_way(written: io.StringIO, name: str) -> None:
    logging.getLogger(name).error("connecting with %s to %s", HIDDEN, "redis://user:pa55word@host:1/0")

    assert "***" in written.getvalue()
    assert HIDDEN not in written.getvalue()
    assert "pa55word" not in written.getvalue()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("redis://:pa55word@h:1/0", "redis://:***@h:1/0"),
        ("rediss://u:p@ss/w@h/0", None),
        ("GET /x?a=1&signature=0123456789abcdef0123456789abcdef&b=2", "GET /x?a=1&signature=***&b=2"),
        ('{"signature": "MEUCIQDx0123456789abcdef=="}', '{"signature": "***"}'),
        ("X-MBX-APIKEY: 0123456789abcdef0123", "X-MBX-APIKEY: ***"),
        ("signature does not verify", "signature does not verify"),
    ],
)
def test_passwords_and_signatures_are_masked_by_their_shape(text: str, masked: str | None) -> None:
    shown = Redactor().text(text)

    if masked is None:
        assert "p@ss" not in shown
    else:
        assert shown == masked


def test_the_message_text_is_left_as_it_was(written: io.StringIO) -> None:
    line = "P2.9 ETHUSDT position=$31361.00 target=$1820.00 burst_cap=$3640.00 verdict=breach ratio=17.23"
    logs.get_logger("governor").info(line)

    text = written.getvalue()
    shown = json.loads(text)["message"] if text.startswith("{") else text
    assert line in shown


def test_a_line_carries_what_was_bound(written: io.StringIO) -> None:
    with logs.bind(request_id="req-1", arm_id="arm-1"):
        logs.get_logger("governor").info("inside")
        logging.getLogger("foreign").warning("inside too")
    logs.get_logger("governor").info("outside")

    lines = written.getvalue().splitlines()
    assert ["req-1" in line and "arm-1" in line for line in lines] == [True, True, False]


def test_json_lines_are_json_with_the_fields_that_tools_read(written: io.StringIO) -> None:
    logs.get_logger("governor.handlers").warning("text", count=3)

    text = written.getvalue()
    if text.startswith("{"):
        line = json.loads(text)
        assert (line["message"], line["level"], line["logger"]) == ("text", "warning", "governor.handlers")
        assert (line["service"], line["count"]) == ("governor", 3)
        assert line["timestamp"].endswith("Z")
    else:
        assert "WARNING  governor.handlers: text count=3" in text


def test_telemetry_that_is_down_complains_seldom(written: io.StringIO) -> None:
    for _ in range(50):
        logging.getLogger("opentelemetry.exporter").error("collector at %s is down", "http://c")
        logging.getLogger("governor").error("ours counts")

    assert written.getvalue().count("is down") == 1
    assert written.getvalue().count("ours counts") == 50


@given(before=st.text(max_size=20), after=st.text(max_size=20), hidden=st.text("abcXYZ019-_", min_size=8, max_size=30))
def test_a_known_secret_is_masked_in_any_text(before: str, after: str, hidden: str) -> None:
    redactor = Redactor()
    redactor.add(Secret(hidden))

    assert hidden not in redactor.text(f"{before}{hidden}{after}").replace(MASK, "\0")


def test_a_longer_secret_leaves_nothing_behind_when_a_shorter_one_is_inside_it() -> None:
    redactor = Redactor()
    redactor.add("abcd")
    redactor.add("abcd-efgh")

    assert redactor.text("x abcd-efgh y") == "x *** y"


def test_a_urls_password_alone_is_what_is_sensitive() -> None:
    url = SecretUrl("redis://user:pa55word@host:6379/0")

    assert url.sensitive() == ("pa55word",)
    assert str(url) == "redis://user:***@host:6379/0"
    assert SecretUrl("redis://host/0").sensitive() == ()
    assert mask_url_passwords("no url here: a@b") == "no url here: a@b"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:p%40ss%2Fword@h:1/0", "redis://:***@h:1/0"),
        ("redis://u:p@ss:word@h:1/0", "redis://u:***@h:1/0"),
        ("redis://token-alone@h/0", "redis://***@h/0"),
        ("rediss://u:pw@h/0?ssl_ca_certs=/ca.pem", "rediss://u:***@h/0?ssl_ca_certs=/ca.pem"),
        ("unix://u:pw@/run/redis.sock?db=1", "unix://u:***@/run/redis.sock?db=1"),
        ("redis://u:pa/ss@h/0", "redis://***"),
        ("redis://u:12/ss@h/0", "redis://***"),
        ("redis://u:12#ss@h/0", "redis://***"),
        ("redis://u:12?ss@h/0", "redis://***"),
        ("redis://h/0?password=hunter2", "redis://***"),
        ("hunter2", "***"),
    ],
)
def test_of_an_address_that_is_surely_taken_apart_all_but_the_password_is_shown_and_of_another_nothing_i18(
    url: str, shown: str
) -> None:
    assert str(SecretUrl(url)) == shown


ANYTHING = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=24)
PLACES = st.sampled_from(
    ["redis://u:{}@h:1/0", "redis://:{}@h/0", "redis://{}@h/0", "redis://h/0?password={}", "redis://h:1/0?db=1&username={}",
     "rediss://h/{}", "redis://h:{}/0", "{}"]
)  # fmt: skip


@given(PLACES, ANYTHING.map(lambda text: f"S3cret{text}"))
def test_whatever_a_password_holds_and_wherever_it_stands_nothing_shows_it_i18(place: str, password: str) -> None:
    assume(place != "redis://{}@h/0" or ":" not in password)  # what stands before a colon there is a user's name
    url = SecretUrl(place.format(password))
    redactor = Redactor()
    redactor.add(url)
    told = "".join(redis_problems(url))

    settings = msgspec.structs.replace(GovernorSettings(), redis_url=url)
    texts = [str(url), repr(url), str(describe(settings)), told, redactor.text(f"connecting to {url.reveal()} now")]
    assert not [text for text in texts if "S3cret" in text]


@given(st.text(min_size=6, max_size=24).map(lambda text: f"S3cret{text}"))
def test_a_password_that_is_encoded_as_it_should_be_is_masked_in_every_form_i18(password: str) -> None:
    url = SecretUrl(f"redis://u:{quote(password, safe='')}@h:1/0")
    redactor = Redactor()
    redactor.add(url)

    assert list(redis_problems(url)) == []
    for form in (password, quote(password, safe=""), url.reveal()):
        assert "S3cret" not in redactor.text(f"a {form} b")
