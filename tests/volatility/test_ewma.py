"""The time-aware estimate: one number in array, stream and plain Python, unbiased on irregular times."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.compiled_loops import feed_ewma
from workbench.volatility import EwmaVolatility, ewma_volatility
from workbench.volatility.ewma import STATE_SIZE, ewma_update


def make_path(seed: int = 3, n: int = 5_000, sigma: float = 2e-4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(0.5, n)
    prices = 77_000 * np.exp(np.cumsum(rng.normal(0, 1, n) * sigma * np.sqrt(gaps)))
    return np.cumsum(gaps), prices


def test_stream_and_array_give_the_same_numbers() -> None:
    times, prices = make_path()
    stream = EwmaVolatility(half_life_s=20.0, sample_s=0.25)
    streamed = [stream.update(t, p) for t, p in zip(times, prices, strict=True)]
    np.testing.assert_array_equal(streamed, ewma_volatility(times, prices, 20.0, 0.25))


def test_a_million_prices_in_a_stream_and_in_an_array_give_the_same_volatility() -> None:
    times, prices = make_path(n=1_000_000)
    streamed = np.empty(len(prices))
    feed_ewma(np.zeros(STATE_SIZE), times, prices, 20.0, 0.25, streamed)
    np.testing.assert_array_equal(np.sqrt(streamed), ewma_volatility(times, prices, 20.0, 0.25))


def test_compiled_and_plain_python_give_the_same_numbers() -> None:
    times, prices = make_path(n=300)
    states = np.zeros(STATE_SIZE), np.zeros(STATE_SIZE)
    for t, p in zip(times, prices, strict=True):
        fast = ewma_update(states[0], t, p, 20.0, 0.0)
        slow = ewma_update.py_func(states[1], t, p, 20.0, 0.0)  # type: ignore[attr-defined]
        assert fast == pytest.approx(slow, rel=1e-12, nan_ok=True)


def test_it_finds_the_volatility_of_irregular_times() -> None:
    times, prices = make_path(n=40_000)
    late = ewma_volatility(times, prices, half_life_s=2_000.0)[-1]
    assert late == pytest.approx(2e-4, rel=0.05)


def test_the_weights_halve_every_half_life() -> None:
    # One return of 1 % over 1 s, then silence of one half-life without a move.
    got = ewma_volatility([0.0, 1.0, 11.0], [100.0, 100.0 * math.e**0.01, 100.0 * math.e**0.01], half_life_s=10.0)
    assert got[1] == pytest.approx(0.01)
    assert got[2] == pytest.approx(math.sqrt(0.5 * 1e-4 / (0.5 * 1 + 10)))


def test_scaling_prices_changes_nothing_and_scaling_time_scales_by_its_root() -> None:
    times, prices = make_path(n=500)
    base = ewma_volatility(times, prices, 30.0)
    np.testing.assert_allclose(ewma_volatility(times, 7 * prices, 30.0)[1:], base[1:], rtol=1e-9)
    np.testing.assert_allclose(ewma_volatility(4 * times, prices, 120.0)[1:], base[1:] / 2, rtol=1e-9)


def test_no_number_is_given_before_enough_samples_and_none_over_a_gap() -> None:
    stream = EwmaVolatility(min_samples=3)
    assert math.isnan(stream.update(0.0, 100.0))
    assert math.isnan(stream.update(1.0, 101.0))
    stream.break_series()
    assert math.isnan(stream.update(100.0, 200.0))
    assert stream.samples == 1
    stream.update(101.0, 200.0)
    assert stream.update(102.0, 200.0) < 0.01


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_bad_prices_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="price"):
        EwmaVolatility().update(0.0, bad)
    with pytest.raises(ValueError, match="positive"):
        ewma_volatility([0.0, 1.0], [100.0, bad])


def test_unsorted_empty_or_unequal_input_is_refused() -> None:
    with pytest.raises(ValueError, match="sort"):
        ewma_volatility([1.0, 0.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="length"):
        ewma_volatility([], [])
    with pytest.raises(ValueError, match="length"):
        ewma_volatility([1.0, 2.0], [1.0])
    stream = EwmaVolatility()
    stream.update(5.0, 100.0)
    with pytest.raises(ValueError, match="time"):
        stream.update(4.0, 100.0)
    with pytest.raises(ValueError, match="half_life_s"):
        EwmaVolatility(half_life_s=0.0)
