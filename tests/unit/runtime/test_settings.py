"""Settings are strict: every mistake is one clear line, and a secret is in none of them."""

import string
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import SettingsError
from runtime.secret import MASK, Secret, SecretUrl
from runtime.settings import CommonSettings, Var, describe, load, secrets_of
from runtime.variables import KNOWN_VARIABLES, VARIABLES


class Env(StrEnum):
    SIM = "sim"
    LIVE = "live"


class Settings(CommonSettings, frozen=True, kw_only=True):
    consumer_name: str = "governor-1"
    http_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8044
    force: Annotated[bool, Var("GOV_TESTNET_FORCE_FLATTEN")] = False
    p29_burst_factor: Annotated[Decimal, msgspec.Meta(gt=0, le=100)] = Decimal(2)
    max_flatten_symbols: Annotated[int, msgspec.Meta(ge=1)] = 200
    exchange_env: Env = Env.SIM
    exchange_api_secret: Secret | None = None
    exchange_base_url: str | None = None


def mistakes(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(Settings, environ)
    assert str(caught.value) == "\n".join(caught.value.lines)
    return list(caught.value.lines)


def test_without_any_variable_the_defaults_hold() -> None:
    settings = load(Settings, {})

    assert settings == Settings()
    assert settings.redis_url == SecretUrl("redis://127.0.0.1:6379/0")
    assert settings.flatten_namespace == "quantum:gov:testnet"
    assert settings.account == "main"


def test_every_type_is_read() -> None:
    settings = load(
        Settings,
        {
            "GOV_TESTNET_FORCE_FLATTEN": "Yes",
            "P29_BURST_FACTOR": "1.50",
            "MAX_FLATTEN_SYMBOLS": "12",
            "EXCHANGE_ENV": "live",
            "EXCHANGE_API_SECRET": "s3cret-value",
            "EXCHANGE_BASE_URL": "http://127.0.0.1:1",
            "LOG_LEVEL": "WARNING",
            "REDIS_URL": "redis://u:pw@h:1/2",
        },
    )

    assert settings.force is True
    assert settings.p29_burst_factor == Decimal("1.50")
    assert settings.max_flatten_symbols == 12
    assert settings.exchange_env is Env.LIVE
    assert settings.exchange_api_secret == Secret("s3cret-value")
    assert settings.exchange_base_url == "http://127.0.0.1:1"
    assert settings.log_level == "warning"
    assert settings.redis_url.reveal() == "redis://u:pw@h:1/2"


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        (
            "GOV_TESTNET_FORCE_FLATTEN",
            "ture",
            "GOV_TESTNET_FORCE_FLATTEN='ture' is not a boolean: use true or false",
        ),
        ("MAX_FLATTEN_SYMBOLS", "many", "MAX_FLATTEN_SYMBOLS='many' is not a whole number"),
        ("MAX_FLATTEN_SYMBOLS", "1.5", "MAX_FLATTEN_SYMBOLS='1.5' is not a whole number"),
        ("MAX_FLATTEN_SYMBOLS", "1_000", "MAX_FLATTEN_SYMBOLS='1_000' is not a whole number"),
        ("MAX_FLATTEN_SYMBOLS", " 5", "MAX_FLATTEN_SYMBOLS=' 5' is not a whole number"),
        ("MAX_FLATTEN_SYMBOLS", "٣", "MAX_FLATTEN_SYMBOLS='٣' is not a whole number"),
        ("MAX_FLATTEN_SYMBOLS", "0", "MAX_FLATTEN_SYMBOLS='0' must be at least 1"),
        ("P29_BURST_FACTOR", "nan", "P29_BURST_FACTOR='nan' is not a number: write it in digits, e.g. 1.5"),
        ("P29_BURST_FACTOR", "Infinity", "P29_BURST_FACTOR='Infinity' is not a number: write it in digits, e.g. 1.5"),
        ("P29_BURST_FACTOR", "1,5", "P29_BURST_FACTOR='1,5' is not a number: write it in digits, e.g. 1.5"),
        ("P29_BURST_FACTOR", "0", "P29_BURST_FACTOR='0' must be more than 0"),
        ("P29_BURST_FACTOR", "1e9999", "P29_BURST_FACTOR='1e9999' must be at most 100"),
        ("EXCHANGE_ENV", "lvie", "EXCHANGE_ENV='lvie' is not one of sim, live; did you mean 'live'?"),
        ("EXCHANGE_ENV", "mars", "EXCHANGE_ENV='mars' is not one of sim, live"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT='xml' is not one of json, text"),
        ("HTTP_PORT", "70000", "HTTP_PORT='70000' must be at most 65535"),
        (
            "FLATTEN_NAMESPACE",
            "two words",
            "FLATTEN_NAMESPACE='two words' must be printable ASCII without whitespace",
        ),
        (
            "EXCHANGE_BASE_URL",
            "http://h\r",
            "EXCHANGE_BASE_URL='http://h\\r' holds a line break or a NUL character: it must be one line of text",
        ),
        (
            "EXCHANGE_API_SECRET",
            "two\nlines",
            "EXCHANGE_API_SECRET=(secret) holds a line break or a NUL character: it must be one line of text",
        ),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_variable(name: str, text: str, line: str) -> None:
    assert mistakes({name: text}) == [line]


def test_all_mistakes_are_told_at_once_in_order() -> None:
    lines = mistakes({"MAX_FLATTEN_SYMBOLS": "x", "EXCHANGE_ENV": "x", "P29_BURST_FACTOR": "x"})

    assert [line.split("=")[0] for line in lines] == ["EXCHANGE_ENV", "MAX_FLATTEN_SYMBOLS", "P29_BURST_FACTOR"]


def test_an_unknown_variable_with_our_prefix_refuses_to_start() -> None:
    assert mistakes({"GOV_TESTNET_FORCE_FLATEN": "true"}) == [
        "GOV_TESTNET_FORCE_FLATEN is not a variable that Flatguard knows; did you mean 'GOV_TESTNET_FORCE_FLATTEN'?"
    ]
    assert mistakes({"P29_XYZZY": "1"}) == ["P29_XYZZY is not a variable that Flatguard knows"]


@pytest.mark.parametrize("name", ["FLATTEN_FOO", "FLATTEN_MAX_FOO", "EXCHANGE_FOO"])
def test_only_a_name_that_is_alike_is_offered_for_a_wrong_one(name: str) -> None:
    assert mistakes({name: "1"}) == [f"{name} is not a variable that Flatguard knows"]
    assert mistakes({"FLATTEN_COOLDOWN": "1"})[0].endswith("; did you mean 'FLATTEN_COOLDOWN_SECONDS'?")


def test_a_misspelt_prefix_refuses_to_start() -> None:
    assert mistakes({"MAX_FLATEN_SYMBOLS": "1"}) == [
        "MAX_FLATEN_SYMBOLS is not a variable that Flatguard knows; did you mean 'MAX_FLATTEN_SYMBOLS'?"
    ]


def test_variables_of_other_services_and_other_programs_are_let_pass() -> None:
    load(Settings, dict.fromkeys(KNOWN_VARIABLES, ""))
    load(Settings, {"ORACLE_POLL_SECONDS": "x", "FLATTEN_MAX_ROUNDS": "x", "EXCHANGE_API_KEY_FILE": "/k"})
    load(Settings, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "PATH": "/bin", "HOME": "/", "ACCOUNT_NUMBER": "1"})


def test_also_known_variables_are_let_pass() -> None:
    load(Settings, {"FLATTEN_EXTRA_THING": "1"}, also_known=frozenset({"FLATTEN_EXTRA_THING"}))


def test_a_field_without_default_must_be_set() -> None:
    class Needy(msgspec.Struct, frozen=True):
        exchange_api_key: Secret
        exchange_id: str
        operators_file: str | None

    with pytest.raises(SettingsError) as caught:
        load(Needy, {})

    assert caught.value.lines == ("EXCHANGE_API_KEY is not set", "EXCHANGE_ID is not set")


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("from-the-file \n\n")

    with pytest.raises(SettingsError, match="line break"):
        load(Settings, {"EXCHANGE_API_SECRET_FILE": str(path)})
    path.write_text(" from the file \n")
    settings = load(Settings, {"EXCHANGE_API_SECRET_FILE": str(path)})

    assert settings.exchange_api_secret == Secret(" from the file ")


def test_a_value_and_its_file_together_are_a_mistake(tmp_path: Path) -> None:
    assert mistakes({"EXCHANGE_API_SECRET": "s", "EXCHANGE_API_SECRET_FILE": str(tmp_path)}) == [
        "EXCHANGE_API_SECRET and EXCHANGE_API_SECRET_FILE are both set: keep one"
    ]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert mistakes({"ACCOUNT_FILE": str(missing)}) == [
        f"ACCOUNT_FILE={str(missing)!r} cannot be read: No such file or directory"
    ]
    assert mistakes({"ACCOUNT_FILE": str(tmp_path)}) == [
        f"ACCOUNT_FILE={str(tmp_path)!r} cannot be read: Is a directory"
    ]
    (tmp_path / "empty").write_text("\n")
    assert mistakes({"ACCOUNT_FILE": str(tmp_path / "empty")}) == [f"ACCOUNT_FILE={str(tmp_path / 'empty')!r} is empty"]
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert mistakes({"ACCOUNT_FILE": str(tmp_path / "binary")}) == [
        f"ACCOUNT_FILE={str(tmp_path / 'binary')!r} is not UTF-8 text"
    ]


def test_what_a_struct_refuses_is_a_line() -> None:
    class Pair(msgspec.Struct, frozen=True):
        flatten_max_rounds: int = 3
        max_flatten_symbols: int = 3

        def __post_init__(self) -> None:
            if self.flatten_max_rounds > self.max_flatten_symbols:
                raise ValueError("FLATTEN_MAX_ROUNDS is above MAX_FLATTEN_SYMBOLS")

    with pytest.raises(SettingsError) as caught:
        load(Pair, {"FLATTEN_MAX_ROUNDS": "9"})

    assert caught.value.lines == ("FLATTEN_MAX_ROUNDS is above MAX_FLATTEN_SYMBOLS",)


def test_no_setting_is_a_float() -> None:
    class Loose(msgspec.Struct, frozen=True):
        factor: float = 1.0

    with pytest.raises(TypeError, match="float"):
        load(Loose, {})


def test_a_secret_never_shows() -> None:
    settings = load(Settings, {"EXCHANGE_API_SECRET": "hunter2-secret", "REDIS_URL": "redis://u:hunter3@h:1/0"})
    described = describe(settings)

    for text in (repr(settings), str(described), f"{settings.exchange_api_secret}", f"{settings.redis_url!r}"):
        assert "hunter" not in text
    assert described["EXCHANGE_API_SECRET"] == MASK
    assert described["REDIS_URL"] == "redis://u:***@h:1/0"
    assert {text for secret in secrets_of(settings) for text in secret.sensitive()} == {"hunter2-secret", "hunter3"}


def test_the_configuration_hash_changes_with_values_but_not_with_secrets() -> None:
    base = describe(load(Settings, {}))["config_hash"]

    assert describe(load(Settings, {}))["config_hash"] == base
    assert describe(load(Settings, {"MAX_FLATTEN_SYMBOLS": "199"}))["config_hash"] != base
    one, other = (describe(load(Settings, {"EXCHANGE_API_SECRET": text}))["config_hash"] for text in ("aaaa", "bbbb"))
    assert one == other


def test_the_list_of_variables_names_each_once_with_a_meaning() -> None:
    names = [variable.name for variable in VARIABLES]

    assert len(names) == len(set(names))
    assert all(variable.meaning and variable.default for variable in VARIABLES)


_HIDDEN = st.text(string.ascii_letters + string.digits, min_size=24, max_size=60)


@given(hidden=_HIDDEN, junk=st.text(max_size=20), where=st.sampled_from(["value", "url", "both", "multiline"]))
def test_no_mistake_ever_holds_a_secret(hidden: str, junk: str, where: str) -> None:
    class Strict(msgspec.Struct, frozen=True):
        exchange_api_secret: Annotated[Secret, msgspec.Meta(min_length=100)]
        redis_url: Annotated[SecretUrl, msgspec.Meta(pattern="^never$")]
        exchange_base_url: Literal["a", "b"] = "a"
        max_flatten_symbols: int = 1

    environ = {
        "EXCHANGE_API_SECRET": hidden if where != "multiline" else f"{hidden}\n{junk}",
        "REDIS_URL": f"redis://u:{hidden}@h",
        "EXCHANGE_BASE_URL": f"http://u:{hidden}@h" if where == "url" else junk,
        "MAX_FLATTEN_SYMBOLS": junk,
    }
    with pytest.raises(SettingsError) as caught:
        load(Strict, environ)

    assert hidden not in str(caught.value)
    assert hidden not in repr(caught.value)
    assert all("\n" not in line and "\r" not in line for line in caught.value.lines)


@given(
    environ=st.dictionaries(
        st.sampled_from([*sorted(KNOWN_VARIABLES), "FLATTEN_X", "P29_Y", "ACCOUNT_FILE", "HTTP_PORT_FILE"]),
        st.text(max_size=30),
        max_size=8,
    )
)
def test_any_environment_gives_settings_or_lines(environ: dict[str, str]) -> None:
    lines: tuple[str, ...] = ()
    try:
        settings = load(Settings, environ)
    except SettingsError as error:
        settings, lines = Settings(), error.lines
        refused = True
    else:
        refused = False

    assert refused == bool(lines)
    assert all(line and "\n" not in line for line in lines)
    assert settings.p29_burst_factor.is_finite()
    assert settings.max_flatten_symbols >= 1
