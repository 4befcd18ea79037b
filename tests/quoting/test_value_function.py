"""The linear equations behind the quotes: eigenvectors, exponentials, tails, and the interpolation between lots."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.quoting.value_function import log_values, steady_log_steps, step_distance

steady: Any = steady_log_steps
distance: Any = step_distance


def matrix_of(growth: np.ndarray, up: float, down: float) -> np.ndarray:
    n = growth.size
    return np.diag(growth) + up * np.eye(n, k=1) + down * np.eye(n, k=-1)


@given(
    bound=st.integers(1, 25),
    penalty=st.floats(1e-5, 0.2),
    trend=st.floats(-0.3, 0.3),
    up=st.floats(0.05, 5.0),
    down=st.floats(0.05, 5.0),
)
def test_the_steps_are_those_of_the_positive_eigenvector(
    bound: int, penalty: float, trend: float, up: float, down: float
) -> None:
    q = np.arange(-bound, bound + 1.0)
    growth = trend * q - penalty * q**2
    steps = np.empty(2 * bound)
    largest = steady_log_steps(growth, up, down, steps)
    matrix = matrix_of(growth, up, down)
    beside = math.sqrt(up * down)
    assert largest == pytest.approx(np.linalg.eigvalsh(matrix_of(growth, beside, beside))[-1], rel=1e-12, abs=1e-12)
    grown = np.concatenate(([0.0], np.cumsum(steps)))
    v = np.exp(grown - grown.max())
    np.testing.assert_allclose(matrix @ v, largest * v, rtol=0, atol=1e-11 * np.abs(matrix).max())


@given(bound=st.integers(1, 6), up=st.floats(0.1, 3.0), down=st.floats(0.1, 3.0), time=st.floats(0.0, 50.0))
def test_log_values_are_the_matrix_exponential(bound: int, up: float, down: float, time: float) -> None:
    """Against Taylor's series of the shifted, non-negative matrix in small steps of its own."""
    q = np.arange(-bound, bound + 1.0)
    growth = 0.02 * q - 0.1 * q**2
    low = growth.min()
    small = matrix_of(growth - low, up, down) * time / 256
    step = np.eye(q.size)
    for term in range(25, 0, -1):
        step = np.eye(q.size) + small @ step / term
    v, log_scale = np.exp(-0.05 * q**2), 0.0
    for _ in range(256):
        v = step @ v
        log_scale += math.log(v.max())
        v /= v.max()
    found = log_values(growth, up, down, -0.05 * q**2, np.array([time]))[0]
    np.testing.assert_allclose(found, np.log(v) + log_scale + low * time, rtol=0, atol=1e-9)


def test_compiled_and_plain_python_give_the_same_numbers() -> None:
    q = np.arange(-9, 10.0)
    growth = 0.03 * q - 0.02 * q**2
    fast, slow = np.empty(18), np.empty(18)
    assert steady(growth, 0.4, 0.7, fast) == pytest.approx(steady.py_func(growth, 0.4, 0.7, slow), rel=1e-14)
    np.testing.assert_allclose(fast, slow, rtol=1e-12)
    for inventory in (-12.0, -9.0, -8.5, 0.0, 0.25, 8.0, 8.4, 9.0, 20.0):
        assert distance(inventory, fast, 0.3) == pytest.approx(distance.py_func(inventory, fast, 0.3), rel=1e-14)


def test_between_lots_a_distance_runs_linearly_and_ends_where_one_lot_more_would_pass_the_bound() -> None:
    steps = np.array([0.4, 0.1, -0.1, -0.4])
    assert step_distance(-2.0, steps, 2.0) == pytest.approx(-0.2)
    assert step_distance(-0.5, steps, 2.0) == pytest.approx((step_distance(-1.0, steps, 2.0) + 0.05) / 2)
    assert step_distance(1.0, steps, 2.0) == pytest.approx(0.2)
    assert step_distance(1.01, steps, 2.0) == math.inf
    assert step_distance(2.0, steps, 2.0) == math.inf
    assert step_distance(-7.0, steps, 2.0) == step_distance(-2.0, steps, 2.0)
