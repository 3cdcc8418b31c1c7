"""Every question that a dashboard asks has an answer, after a flatten of the running services."""

import asyncio
import time

import pytest

from support.patience import HANG_S
from support.questions import Question, questions, variables

from .conftest import Watched

pytestmark = [pytest.mark.containers, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("question", questions(), ids=lambda question: question.where)
async def test_every_expression_returns_data(flattened: Watched, question: Question) -> None:
    labels = await labels_of(flattened, question)

    assert question.labels <= labels, "the legend names a label that is not there"


@pytest.mark.parametrize(("metric", "label"), variables())
async def test_every_variable_has_values_to_choose(flattened: Watched, metric: str, label: str) -> None:
    await flattened.prometheus.until(metric)

    assert "ETHUSDT" in await flattened.prometheus.label_values(label, metric)


@pytest.mark.parametrize("histogram", ["flatten_run_seconds", "flatten_order_seconds", "flatguard_entry_seconds"])
async def test_exemplars_lead_from_a_metric_to_the_trace_of_the_run(flattened: Watched, histogram: str) -> None:
    prometheus = flattened.prometheus
    await prometheus.until(f"sum({histogram}_count) > 0")

    found = await prometheus.exemplars(f"{histogram}_bucket", flattened.began_s, time.time())

    assert {"trace_id": flattened.trace_id} in found


async def test_the_last_run_leads_to_its_trace(flattened: Watched) -> None:
    (row,) = await flattened.prometheus.until("flatten_last_run_info")

    shown = {name: row["metric"][name] for name in ("request_id", "trace_id", "verdict")}
    assert shown == {"request_id": flattened.request_id, "trace_id": flattened.trace_id, "verdict": "flat"}


async def test_the_table_of_positions_has_a_row_for_each_that_was_closed(flattened: Watched) -> None:
    rows = await flattened.prometheus.until(
        'max by (symbol, position_side) (flatten_last_position_fate{fate="closed"})'
    )

    assert len(rows) == 44


async def labels_of(watched: Watched, question: Question) -> set[str]:
    """The labels that every series of the answer has, once there is one with a number."""
    try:
        async with asyncio.timeout(HANG_S):
            while True:
                if question.over_time:
                    rows = await watched.prometheus.query_range(question.expr, watched.began_s, time.time())
                    numbers = [value for row in rows for _, value in row["values"]]
                else:
                    rows = await watched.prometheus.query(question.expr)
                    numbers = [row["value"][1] for row in rows]
                if any(number != "NaN" for number in numbers):
                    return set.intersection(*(set(row["metric"]) for row in rows))
                await asyncio.sleep(0.1)  # Prometheus scrapes by itself: there is nothing to wait on but asking
    except TimeoutError:
        raise AssertionError(f"{question.where}: no data for {question.expr}") from None
