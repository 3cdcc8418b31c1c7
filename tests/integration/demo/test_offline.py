"""Once installed, nothing needs a network: run where there is none but loopback."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.demo_process import ran
from support.tree import ROOT

WITHOUT_LOOPBACK = ("unshare", "--map-root-user", "--net")
WITHOUT_A_NETWORK = (*WITHOUT_LOOPBACK, "sh", "-c", 'ip link set lo up && exec "$@"', "-")


def can_do_without() -> bool:
    found = all(map(shutil.which, ("unshare", "ip")))
    return found and not subprocess.run([*WITHOUT_A_NETWORK, "true"], capture_output=True, check=False).returncode


pytestmark = pytest.mark.skipif(not can_do_without(), reason="the kernel gives us no network namespace of our own")


async def cut_off(tmp_path: Path, *command: str, where: tuple[str, ...] = WITHOUT_A_NETWORK) -> tuple[int, str]:
    drop = ("REDIS_URL", "REQUIRE_CONTAINERS", "MAKEFLAGS")
    environ = {name: value for name, value in os.environ.items() if name not in drop and "PYTEST" not in name}
    # An engine's socket would answer in here too, but none of its ports would.
    environ |= {"TMPDIR": str(tmp_path), "DOCKER_HOST": "unix:///nonexistent"}
    return await ran(*where, *command, environ=environ, where=ROOT)


async def test_there_really_is_none(tmp_path: Path) -> None:
    program = "import socket; print([name for _, name in socket.if_nameindex()])"

    assert await cut_off(tmp_path, sys.executable, "-c", program) == (0, "['lo']\n")


async def test_the_demo_needs_none(tmp_path: Path) -> None:
    code, said = await cut_off(tmp_path, sys.executable, "-m", "demo")

    assert code == 0, said
    assert said.rstrip().endswith("verdict=flat")


async def test_the_tests_need_none(tmp_path: Path) -> None:
    some = ("tests/unit/runtime", "tests/integration/runtime/test_tail.py")
    code, said = await cut_off(tmp_path, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *some)

    assert code == 0, said
    assert " passed" in said


async def test_without_loopback_the_demo_says_so_instead_of_waiting(tmp_path: Path) -> None:
    code, said = await cut_off(tmp_path, sys.executable, "-m", "demo", where=WITHOUT_LOOPBACK)

    assert code == 1
    assert said.splitlines()[1:] == [
        "demo: 127.0.0.1 cannot be reached: Network is unreachable; is the loopback interface up (ip link set lo up)?"
    ]
    assert list(tmp_path.iterdir()) == []
