"""Passwords that are there stay, rules are brought up to date, and no password is seen where it should not be."""

import hashlib
from pathlib import Path

import pytest

from contracts.redis_users import redis_users
from governor.settings import GovernorSettings
from redis_users.accounts import NOBODY, NotOursError, acl_text, address, password_in
from redis_users.main import main, write
from runtime.secret import Secret
from runtime.settings import load

USERS = redis_users()
NAMES = sorted(USERS.keys() - {NOBODY})
SERVER = "redis:6379"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in ("redis", *NAMES):
        (tmp_path / name).mkdir()
    return tmp_path


def addresses(directory: Path) -> dict[str, str]:
    return {name: (directory / name / "redis_url").read_text() for name in NAMES}


def acl(directory: Path) -> dict[str, list[str]]:
    lines = (directory / "redis/users.acl").read_text().splitlines()
    return {line.split()[1]: line.split()[2:] for line in lines}


def test_each_user_is_on_with_a_password_of_its_own_that_redis_knows_by_its_hash(directory: Path) -> None:
    write(directory, SERVER, USERS)

    passwords = {name: password_in(text, name) for name, text in addresses(directory).items()}
    assert len(set(passwords.values())) == len(NAMES)
    for name, password in passwords.items():
        assert addresses(directory)[name] == f"redis://{name}:{password}@{SERVER}/0\n"
        assert acl(directory)[name][:3] == ["reset", "on", f"#{hashlib.sha256(password.encode()).hexdigest()}"]
        assert acl(directory)[name][3:] == " ".join(USERS[name]).split()


def test_whoever_says_no_name_can_do_nothing_and_a_health_check_can_only_ping(directory: Path) -> None:
    write(directory, SERVER, USERS)

    assert acl(directory)[NOBODY] == ["reset", "off", *USERS[NOBODY]]
    assert acl(directory)["health"] == ["reset", "on", "nopass", "+ping"]
    assert acl(directory).keys() == {NOBODY, "health", *NAMES}


def test_passwords_stay_and_rules_are_brought_up_to_date(directory: Path) -> None:
    first = write(directory, SERVER, dict.fromkeys(USERS, ("+ping",)))
    before = addresses(directory)

    again = write(directory, SERVER, USERS)

    assert (first.new, again.new) == (len(NAMES), 0)
    assert addresses(directory) == before
    assert acl(directory)["governor"][3:] == " ".join(USERS["governor"]).split()


def test_who_lost_its_file_gets_a_new_password_and_the_others_keep_theirs(directory: Path) -> None:
    write(directory, SERVER, USERS)
    before = addresses(directory)
    (directory / "governor/redis_url").unlink()

    written = write(directory, SERVER, USERS)

    assert written.new == 1
    assert {name for name in NAMES if addresses(directory)[name] != before[name]} == {"governor"}


def test_only_the_owner_reads_an_address_and_nothing_is_left_beside_it(directory: Path) -> None:
    write(directory, SERVER, USERS)
    write(directory, SERVER, USERS)

    assert {path.stat().st_mode & 0o777 for path in directory.glob("*/redis_url")} == {0o400}
    assert (directory / "redis/users.acl").stat().st_mode & 0o777 == 0o444
    names = sorted(path.name for path in directory.glob("*/*"))
    assert names == ["console_token", *["redis_url"] * len(NAMES), "users.acl"]


def test_the_console_has_a_token_that_the_governor_alone_reads_and_that_stays(directory: Path) -> None:
    write(directory, SERVER, USERS)
    token = directory / "governor/console_token"
    before = token.read_text()

    write(directory, SERVER, USERS)

    assert load(GovernorSettings, {"CONSOLE_TOKEN_FILE": str(token)}).console_token == Secret(before.strip())
    assert token.read_text() == before
    assert token.stat().st_mode & 0o777 == 0o400


def test_a_file_that_something_else_wrote_is_not_replaced(directory: Path) -> None:
    (directory / "viewer/redis_url").write_text("redis://viewer:hunter2@redis:6379/0")

    with pytest.raises(NotOursError, match="viewer/redis_url is no address of the user viewer: remove it") as caught:
        write(directory, SERVER, USERS)

    assert "hunter2" not in str(caught.value)
    assert [path.name for path in directory.glob("*/*")] == ["redis_url"]


def test_the_program_says_how_many_and_shows_no_password(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLATTEN_NAMESPACE", "house:of:one")

    main(["--directory", str(directory)])

    said = capsys.readouterr()
    assert said.out == f"redis-users: {len(NAMES)} users, {len(NAMES)} with a new password\n"
    assert said.err == ""
    assert "%R~house:of:one:stream:*" in " ".join(acl(directory)["viewer"])


@pytest.mark.parametrize("missing", ["redis", "governor"])
def test_a_place_that_is_not_there_is_one_line(
    directory: Path, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / missing).rmdir()

    with pytest.raises(SystemExit) as ended:
        main(["--directory", str(directory)])

    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("redis-users: ")
    assert f"/{missing}/" in line


def test_a_variable_that_nobody_knows_is_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLATTEN_NAMESPACES", "x")

    with pytest.raises(SystemExit) as ended:
        main(["--directory", str(directory)])

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("redis-users: FLATTEN_NAMESPACES is not a variable")


def test_an_address_is_read_as_it_was_written() -> None:
    password = "a-Z_9" * 8

    assert password_in(address("governor", password, SERVER), "governor") == password
    with pytest.raises(NotOursError):
        password_in(address("governor", password, SERVER), "viewer")


def test_a_user_without_a_password_is_off() -> None:
    assert acl_text({"governor": ("+ping",)}, {}).splitlines()[0] == "user governor reset off +ping"
