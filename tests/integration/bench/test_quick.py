"""The benchmark itself, in small: it measures everything that it says it does. How fast it was is nobody's business."""

import asyncio
import math
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import msgspec
import pytest

ROOT = Path(__file__).parents[3]
CELL = {
    "Flatguard, last close",
    "Flatguard, FlattenCompleted",
    "the incident's way: one by one, 0.1 s pause, new connections, last close",
    "ccxt, one by one, throttle off, last close",
    "ccxt, concurrent, default throttle, last close",
}
FIGURES = {
    **{f"Arm → …, {count} positions, 5 ms": CELL for count in (3, 6)},
    "Arm → …, 44 positions, 50 ms, the first flatten after a start": {
        "Flatguard, last close",
        "Flatguard, FlattenCompleted",
    },
    "Resident memory, after the runs": {"governor", "flatten-executor"},
    "Oracle, 674 symbols": {
        "CPU for one poll",
        "bytes of one snapshot's data",
        "position-oracle, resident memory",
    },
    "Governor": {"CPU for one snapshot, P2.9 on 44 positions", "arm → request, p50", "arm → request, p99"},
    "Console: 50 open pages, 674 open positions read every second": {
        "arm → request without a page, p50",
        "the same with the pages, p50",
        "arm → request without a page, p99",
        "the same with the pages, p99",
        "governor's CPU without a page",
        "the same with the pages",
        "sent to all pages",
        "ticks of the slowest page",
    },
    "Entries through one group": {
        "consumer loop",
        "bare redis-py loop of XREADGROUP and XACK",
        "consumer loop / bare loop",
    },
}


@pytest.mark.timeout(400)  # a dozen programs start, one after the other
async def test_every_figure_is_measured_and_in_the_table(tmp_path: Path) -> None:
    bench = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench", "--quick", "--out", str(tmp_path), cwd=ROOT, stdout=PIPE, stderr=PIPE
    )
    try:
        said, complained = await bench.communicate()
    finally:
        if bench.returncode is None:
            bench.terminate()
            await bench.wait()

    assert bench.returncode == 0, complained.decode()
    (kept,) = tmp_path.glob("*.json")
    sections = msgspec.json.decode(kept.read_bytes())["sections"]
    assert {section["title"]: {figure["name"] for figure in section["figures"]} for section in sections} == FIGURES
    assert [figure["name"] for section in sections for figure in section["figures"] if not _measured(figure)] == []
    for name in {name for names in FIGURES.values() for name in names}:
        assert f"| {name} " in said.decode()


def _measured(figure: dict[str, Any]) -> bool:
    """CPU beyond idling may come out as nothing, or less, in a run this short; everything else takes its time."""
    samples = figure["samples"]
    whole = bool(samples) and all(math.isfinite(sample) for sample in samples)
    return whole and (figure["name"].startswith("CPU ") or max(samples) > 0)
