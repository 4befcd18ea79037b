from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.analysis import drawdown, epoch_ms, extremes, min_max


@given(
    steps=st.lists(st.integers(0, 5_000), min_size=1, max_size=400),
    seed=st.integers(0, 1_000),
    max_points=st.integers(6, 60),
)
def test_thinning_keeps_extremes_ends_and_order_within_the_budget(steps: list[int], seed: int, max_points: int) -> None:
    times = np.cumsum(steps).astype(np.float64) + 1.78e12
    values = np.random.default_rng(seed).normal(size=len(times))
    thin_t, thin_v = min_max(times, values, max_points)
    assert len(thin_t) == len(thin_v) <= max_points
    assert np.all(np.diff(thin_t) >= 0)
    assert (thin_v.min(), thin_v.max()) == (values.min(), values.max())
    assert (thin_t[0], thin_v[0], thin_t[-1], thin_v[-1]) == (times[0], values[0], times[-1], values[-1])
    assert set(thin_v) <= set(values)


def test_a_short_series_comes_back_unchanged() -> None:
    thin_t, thin_v = min_max([1.0, 2.0, 3.0], [5.0, np.nan, 4.0])
    assert thin_t.tolist() == [1.0, 2.0, 3.0]
    assert np.array_equal(thin_v, [5.0, np.nan, 4.0], equal_nan=True)


def test_a_gap_that_fills_a_stretch_stays_a_gap() -> None:
    times = np.arange(1_000.0)
    values = np.where((times >= 300) & (times < 700), np.nan, 1.0)
    thin_t, thin_v = min_max(times, values, 50)
    inside = (thin_t > 320) & (thin_t < 680)
    assert inside.any()
    assert np.isnan(thin_v[inside]).all()
    assert not np.isnan(thin_v[(thin_t < 280) | (thin_t > 720)]).any()


def test_a_sliding_window_keeps_its_inner_points() -> None:
    times = np.arange(0.0, 60_000.0, 10.0)
    values = np.random.default_rng(1).normal(size=len(times))
    first = set(zip(*min_max(times[:5_000], values[:5_000], 200), strict=True))
    later = set(zip(*min_max(times[100:5_100], values[100:5_100], 200), strict=True))
    inner = {point for point in first if 2_000 <= point[0] < 49_000}
    assert inner <= later


def test_an_empty_series_stays_empty() -> None:
    assert [len(part) for part in min_max([], [])] == [0, 0]


@pytest.mark.parametrize(
    ("times", "values", "points"), [([1.0], [1.0, 2.0], 10), ([[1.0]], [[1.0]], 10), ([1.0], [1.0], 5)]
)
def test_nonsense_is_refused(times: list[float], values: list[float], points: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        min_max(times, values, points)


def test_times_are_milliseconds_as_floats() -> None:
    ms = epoch_ms([1_780_000_000_123_456_789])
    assert ms.dtype == np.float64
    assert ms[0] == pytest.approx(1_780_000_000_123.4568, abs=1e-3)


@given(
    steps=st.lists(st.integers(0, 5_000), min_size=1, max_size=400),
    seed=st.integers(0, 1_000),
    max_points=st.integers(6, 60),
)
def test_marks_that_are_drawn_hold_the_extremes_within_the_budget(steps: list[int], seed: int, max_points: int) -> None:
    times = np.cumsum(steps).astype(np.float64) + 1.78e12
    values = np.random.default_rng(seed).normal(size=len(times))
    rows = extremes(times, values, max_points)
    assert len(rows) <= max_points
    assert np.all(np.diff(rows) > 0)
    assert (values[rows].min(), values[rows].max()) == (values.min(), values.max())
    assert {0, len(times) - 1} <= set(rows.tolist())


def test_drawdown_counts_from_the_start_and_from_each_new_high() -> None:
    assert drawdown([-2.0, 3.0, 1.0, 4.0, 4.0, -1.0]).tolist() == [-2.0, 0.0, -2.0, 0.0, 0.0, -5.0]
