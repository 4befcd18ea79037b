"""Shapes of ladders: distances, sizes, and a total shared out without losing a lot."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.quoting import distance_schedule, floor_to_lot, level_distance, level_size, size_schedule, split_size


def test_an_even_grid_and_one_that_opens() -> None:
    np.testing.assert_allclose(distance_schedule(4, 5.0), [0, 5, 10, 15])
    np.testing.assert_allclose(distance_schedule(4, 5.0, growth=2.0), [0, 5, 15, 35])
    np.testing.assert_allclose(distance_schedule(4, 8.0, growth=0.5), [0, 8, 12, 14])


def test_sizes_flat_growing_and_shrinking_are_floored_to_the_lot() -> None:
    assert size_schedule(3, 10).tolist() == [10, 10, 10]
    assert size_schedule(3, 10, growth=1.5).tolist() == [10, 15, 22]
    assert size_schedule(3, 10, growth=1.5, lot=5).tolist() == [10, 15, 20]
    assert size_schedule(4, 10, growth=0.3).tolist() == [10, 3, 0, 0]


def test_a_total_is_shared_out_in_proportion() -> None:
    assert split_size(100, 3).tolist() == [34, 33, 33]
    assert split_size(70, 3, growth=2.0).tolist() == [10, 20, 40]
    assert split_size(100, 3, growth=2.0, lot=10).tolist() == [10, 30, 60]


@given(
    lots=st.integers(1, 100_000),
    levels=st.integers(1, 20),
    growth=st.floats(0.2, 3.0),
    lot=st.sampled_from([1, 5, 100]),
)
def test_no_lot_is_lost_whatever_the_shape(lots: int, levels: int, growth: float, lot: int) -> None:
    sizes = split_size(lots * lot, levels, growth, lot)
    assert sizes.sum() == lots * lot
    assert (sizes >= 0).all()
    assert (sizes % lot == 0).all()
    exact = lots * growth ** np.arange(levels) / (growth ** np.arange(levels)).sum()
    assert (np.abs(sizes / lot - exact) < 1 + 1e-6).all()


@given(
    level=st.integers(0, 19),
    size=st.floats(0.5, 1e6),
    growth=st.floats(0.1, 3.0),
    lot=st.sampled_from([1, 7]),
    step=st.floats(0, 100),
)
def test_compiled_and_plain_python_agree(level: int, size: float, growth: float, lot: int, step: float) -> None:
    of_size: Any = level_size
    of_distance: Any = level_distance
    of_lot: Any = floor_to_lot
    assert of_size(level, size, growth, lot) == of_size.py_func(level, size, growth, lot)
    assert of_distance(level, step, growth) == pytest.approx(of_distance.py_func(level, step, growth), rel=1e-14)
    gaps = sum(Fraction(growth) ** i for i in range(level))
    assert of_distance(level, step, growth) == pytest.approx(float(Fraction(step) * gaps), rel=1e-14)
    assert of_lot(size, lot) == of_lot.py_func(size, lot)
    assert 0 <= size - floor_to_lot(size, lot) + 1e-6 * lot < lot * (1 + 1e-6) + 1e-6


def test_a_floats_last_digit_loses_no_lot() -> None:
    assert floor_to_lot(0.1 * 3 * 10, 1) == 3
    assert floor_to_lot(2.9999999999, 1) == 3
    assert floor_to_lot(14.0, 5) == 10


def test_a_size_beyond_counting_is_no_order() -> None:
    assert level_size(19, 1e12, 10.0, 1) == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: distance_schedule(0, 5.0), "levels is 0; expected a whole number of levels, 1 to 20"),
        (lambda: distance_schedule(3, -1.0), r"step is -1\.0"),
        (lambda: distance_schedule(3, 1.0, growth=0.0), r"growth is 0\.0"),
        (lambda: size_schedule(3, 4, lot=5), "size is 4; expected a finite number of at least 5 in contracts"),
        (lambda: size_schedule(3, float("nan")), "size is nan"),
        (lambda: split_size(101, 3, lot=5), "total is 101 contracts; expected a multiple of the lot, 5"),
        (lambda: split_size(0, 3), "total is 0"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()
