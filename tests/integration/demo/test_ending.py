"""However the demo is ended, it says so in a line and leaves nothing."""

from pathlib import Path

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
