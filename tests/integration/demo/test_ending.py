"""However the demo is ended, it says so in a line and leaves nothing."""

import shlex
import signal
import sys
from pathlib import Path

import pytest

from support.demo_process import SERVICES, Demo, is_running, shell


async def test_stopped_from_another_terminal_it_ends_calmly(started: list[Demo], tmp_path: Path) -> None:
    demo = await Demo(tmp_path, "--only-run").start()
    started.append(demo)
    pids = await demo.pids()
    path = (await demo.line(r"^   PATH=")).strip()
    await demo.line(r"^stop everything:")

    stopped = await shell(f"{path}; demo-stop")

    assert await demo.end() == (0, "demo: stopped from outside\n")
    assert stopped[0] == 0, stopped
    assert f"stopped: {', '.join(reversed(SERVICES))}; removed " in stopped[1]
    assert not any(map(is_running, pids.values()))
    assert demo.traces() == []


async def test_one_that_cannot_hear_ctrl_c_does_not_offer_it(started: list[Demo], tmp_path: Path) -> None:
    """A background job of a script begins so."""
    demo = await Demo(tmp_path, "--only-run", at_birth=deaf_to_ctrl_c).start()
    started.append(demo)
    path = (await demo.line(r"^   PATH=")).strip()
    await demo.line(r"^stop everything:")

    told = (await demo.line("")).strip()
    demo.process.send_signal(signal.SIGINT)

    assert told == "demo-stop"
    assert (await shell(f"{path}; {told}"))[0] == 0
    assert await demo.end() == (0, "demo: stopped from outside\n")


def deaf_to_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=str)
async def test_a_signal_that_comes_before_everything_is_imported_ends_it_in_a_line(
    tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "argparse.py").write_text("import signal\nprint('importing', flush=True)\nsignal.pause()\n")
    demo = await Demo(tmp_path, environ={"PYTHONPATH": str(tmp_path)}).start()
    await demo.line("^importing$")

    demo.process.send_signal(number)

    assert await demo.end() == (128 + number, f"demo: {number.name}: ended before anything was started\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this machine")
async def test_what_cannot_be_written_is_told_in_a_line(tmp_path: Path) -> None:
    code, said = await shell(f"TMPDIR={tmp_path} exec {shlex.quote(sys.executable)} -m demo 2>&1 >/dev/full")

    assert (code, said) == (1, "demo: cannot write to stdout: No space left on device\n")
    assert Demo(tmp_path).traces() == []


async def test_a_service_that_was_restarted_from_another_terminal_ends_no_demo_and_ends_with_it(
    started: list[Demo], tmp_path: Path
) -> None:
    demo = await Demo(tmp_path, "--only-run", environ={"SOMEBODY_ELSES": "a-secret-of-theirs"}).start()
    started.append(demo)
    pids = await demo.pids()
    path = (await demo.line(r"^   PATH=")).strip()
    await demo.line(r"^stop everything:")
    (kept,) = tmp_path.glob("flatguard-demo-*/kept.json")
    assert "FLATTEN_NAMESPACE" in kept.read_text()
    assert "a-secret-of-theirs" not in kept.read_text()

    refused = await shell(f"{path}; demo-restart redis")
    first = await shell(f"{path}; demo-restart")
    second = await shell(f"{path}; demo-restart governor")

    assert refused[0] == 1
    assert "only these can be restarted: flatten-executor, position-oracle, governor" in refused[1]
    assert first[0] == second[0] == 0, (first, second)
    replaced = int(first[1].rpartition(" ")[2]), int(second[1].rpartition(" ")[2])
    assert not any(map(is_running, (pids.pop("governor"), replaced[0])))
    assert is_running(replaced[1])
    assert all(map(is_running, pids.values()))
    demo.process.send_signal(signal.SIGINT)
    assert (await demo.end())[0] == 0
    assert not any(map(is_running, (*pids.values(), *replaced)))
    assert demo.traces() == []
