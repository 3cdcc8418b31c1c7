import math
from collections.abc import Sequence
from statistics import median

import pytest
from bench.figures import Figure, at_least, at_most, percentile, ratios
from hypothesis import given
from hypothesis import strategies as st

SAMPLES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=50)


def a_figure(samples: Sequence[float], **changed: object) -> Figure:
    return Figure(name="x", unit="ms", samples=tuple(samples), **changed)  # type: ignore[arg-type]  # what is changed


@given(SAMPLES)
def test_the_value_is_the_median(samples: list[float]) -> None:
    assert a_figure(samples).value == median(samples)


@given(SAMPLES, st.sampled_from([1, 25, 95, 99, 100]))
def test_a_percentile_is_a_sample_that_so_many_do_not_exceed(samples: list[float], percent: int) -> None:
    value = percentile(samples, percent)

    assert value in samples
    assert sum(sample <= value for sample in samples) >= len(samples) * percent / 100
    assert sum(sample < value for sample in samples) < max(1, len(samples) * percent / 100)


def test_the_99th_of_a_hundred_is_the_second_largest() -> None:
    assert a_figure(range(1, 101), percentile=99).value == 99


def test_a_few_samples_have_no_95th_percentile() -> None:
    assert a_figure(range(1, 20)).p95 is None
    assert a_figure(range(1, 21)).p95 == 19


@pytest.mark.parametrize("samples", [(), (1.0, math.nan), (math.inf,)])
def test_what_was_not_measured_has_no_value(samples: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="percentile"):
        _ = a_figure(samples).value


def test_a_goal_is_met_at_its_limit() -> None:
    held = [(125, at_most(125)), (125.1, at_most(125)), (0.8, at_least(0.8)), (0.79, at_least(0.8)), (1, None)]

    assert [a_figure([value], goal=goal).met for value, goal in held] == [True, False, True, False, None]


def test_ratios_are_taken_between_neighbours() -> None:
    figure = a_figure([10, 90], ratios=ratios([10, 90], [5, 30, 1]))

    assert list(figure.ratios) == [2, 3]
    assert figure.ratio == 2.5
