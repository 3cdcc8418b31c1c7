"""Which exit code an examination ends with, and how clocks are judged."""

import pytest

from flatctl.doctor.finding import Finding, Grade, code_of, skew


def found(grade: Grade, *, decides: bool = True) -> Finding:
    return Finding(check="c", grade=grade, observed="o", decides=decides)


@pytest.mark.parametrize(
    ("grades", "code"),
    [
        ((), 0),
        ((Grade.OK, Grade.WARNING), 0),
        ((Grade.OK, Grade.UNKNOWN), 4),
        ((Grade.UNKNOWN, Grade.FAILED, Grade.OK), 3),
    ],
)
def test_what_is_surely_wrong_comes_before_what_is_unknown(grades: tuple[Grade, ...], code: int) -> None:
    assert code_of([found(grade) for grade in grades]) == code


def test_what_can_never_be_seen_from_here_does_not_count() -> None:
    assert code_of([found(Grade.UNKNOWN, decides=False)]) == 0
    assert code_of([found(Grade.UNKNOWN, decides=False), found(Grade.UNKNOWN)]) == 4


@pytest.mark.parametrize(
    ("offset_ms", "grade"),
    [(0, Grade.OK), (-1_000, Grade.OK), (1_001, Grade.WARNING), (-5_000, Grade.WARNING), (5_001, Grade.FAILED)],
)
def test_a_clock_is_judged_by_how_far_it_is_off_in_either_direction(offset_ms: int, grade: Grade) -> None:
    judged = skew("clock", offset_ms, 3, "set it")

    assert judged.grade is grade
    assert str(abs(offset_ms)) in judged.observed
    assert judged.do == ("" if grade is Grade.OK else "set it")
