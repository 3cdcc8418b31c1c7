from pathlib import Path

import msgspec
from bench.figures import Figure, at_most
from bench.machine import Machine
from bench.report import Report, Section, as_markdown, write

MACHINE = Machine(
    cpu="Some CPU (R)",
    cores=4,
    kernel="Linux 6",
    python="CPython 3.11.7",
    redis="7.0",
    flatguard="0.1.0",
    others_percent=0,
)
REPORT = Report(
    machine=MACHINE,
    sections=(
        Section(
            title="Far away",
            figures=(
                Figure(name="last close", unit="ms", samples=(101.26, 99.0), goal=at_most(99), ratios=(12.345678, 13)),
                Figure(name="memory", unit="MB", samples=(7.5,)),
            ),
        ),
    ),
)


def test_the_table_names_the_machine_and_what_was_missed() -> None:
    about, _, table = as_markdown(REPORT).partition("\n\n")

    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert about.startswith("Some CPU (R), 4 cores; Linux 6; CPython 3.11.7; Redis 7.0, appendonly yes")
    assert rows[2] == ["**Far away**", "", "", "", "", "", "", "", ""]
    assert rows[3] == ["last close", "ms", "2", "100", "", "99.0 … 101", "≤ 99.0", "NO", "12.7"]
    assert rows[4] == ["memory", "MB", "1", "7.50", "", "7.50 … 7.50", "", "", ""]


def test_columns_line_up() -> None:
    _, _, table = as_markdown(REPORT).partition("\n\n")

    assert len({len(line) for line in table.splitlines()}) == 1


def test_a_machine_has_one_result_and_every_sample_of_it(tmp_path: Path) -> None:
    write(REPORT, tmp_path)
    table, samples = write(REPORT, tmp_path)

    assert (table.name, samples.name) == ("some-cpu-r-4-cores.md", "some-cpu-r-4-cores.json")
    assert sorted(tmp_path.iterdir()) == [samples, table]
    read = msgspec.json.decode(samples.read_bytes(), type=Report)
    assert read.sections[0].figures[0].samples == (101.26, 99.0)
    assert read.sections[0].figures[0].ratios == (12.346, 13)
