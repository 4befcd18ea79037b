"""The exponentially weighted recursions: as printed, by hand, streaming, in any time, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.compiled_loops import feed_decay, feed_irregular
from workbench.volatility import EwmaVariance, IrregularEwmaVariance, ewma_variance, irregular_ewma_variance
from workbench.volatility.recursion import irregular_path, irregular_update, next_variance, weighted_squares

NS = 1_000_000_000


def moves(seed: int = 1, n: int = 1_000) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1e-3, n)


def ticks(seed: int = 2, n: int = 2_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    gaps = np.where(rng.random(n) < 0.2, 0, rng.integers(1, 2 * NS, n))
    return np.cumsum(gaps), 100 * np.exp(np.cumsum(rng.normal(0, 1e-4, n)))


@pytest.mark.parametrize("n", [2, 3, 4, 5, 1_000])
@pytest.mark.parametrize("initial", [None, 2e-6])
def test_the_recursion_is_the_printed_one(n: int, initial: float | None) -> None:
    values = moves(n=n)
    found = ewma_variance(values, 0.9, initial)
    expected = np.empty(n)
    expected[0] = math.nan if initial is None else initial
    state = initial
    for t in range(1, n):
        square = values[t - 1] ** 2
        state = square if state is None else 0.9 * state + 0.1 * square
        expected[t] = state
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_a_million_returns_in_a_stream_and_in_an_array_give_the_same_variances() -> None:
    values = moves(n=1_000_000)
    streamed = np.empty(len(values))
    feed_decay(1e-6, values, 0.94, streamed)
    np.testing.assert_allclose(streamed[:-1], ewma_variance(values, 0.94, 1e-6)[1:], rtol=1e-12)
    stream = EwmaVariance(0.94, 1e-6)
    assert [stream.update(value) for value in values[:100].tolist()] == streamed[:100].tolist()


def test_the_irregular_recursion_is_the_printed_one() -> None:
    times, prices = [0.0, 1.0, 1.0, 4.0, 6.0], [100.0, 101.0, 102.0, 101.0, 103.0]
    rate = math.log(1.01) ** 2
    expected = [math.nan, rate, rate]
    # The second price at 1 s changes nothing by itself: the return to 4 s starts from the first.
    for elapsed, move in ((3.0, math.log(101 / 101)), (2.0, math.log(103 / 101))):
        keep = 2 ** (-elapsed / 10)
        rate = keep * rate + (1 - keep) * move**2 / elapsed
        expected.append(rate)
    np.testing.assert_allclose(irregular_ewma_variance(prices, times, half_life_s=10), expected, rtol=1e-12)


def test_a_million_irregular_prices_in_a_stream_and_in_an_array_give_the_same_variances() -> None:
    times, prices = ticks(n=1_000_000)
    state, streamed = np.array([0.0, math.nan, 0.0]), np.empty(len(prices))
    feed_irregular(state, np.zeros(1, dtype=np.int64), times, prices, 2e10, streamed)
    np.testing.assert_array_equal(streamed, irregular_ewma_variance(prices, times, half_life_s=20.0))
    stream = IrregularEwmaVariance(20.0)
    events = list(zip(times[:1_000].tolist(), prices[:1_000].tolist(), strict=True))
    np.testing.assert_array_equal([stream.update(*event) for event in events], streamed[:1_000])
    assert stream.samples == np.count_nonzero(np.diff(times[:1_000]))


def test_with_equal_times_the_irregular_recursion_is_the_regular_one() -> None:
    values = moves()
    prices = 100 * np.exp(np.r_[0.0, np.cumsum(values)])
    decay = 2 ** (-2.0 / 30.0)
    irregular = irregular_ewma_variance(prices, 2.0 * np.arange(len(prices)), half_life_s=30.0, initial=1e-6)
    regular = ewma_variance(np.r_[values, 0.0], decay, 2e-6)
    np.testing.assert_allclose(irregular[1:], regular[1:] / 2.0, rtol=1e-8)


def test_compiled_and_plain_python_give_the_same_numbers() -> None:
    values, (times, prices) = moves(n=50), ticks(n=50)
    fast, slow = np.empty(50), np.empty(50)
    for n in (0, 1, 2, 49, 50):
        weighted_squares(values[:n], 0.9, 1e-6, fast[:n])
        weighted_squares.py_func(values[:n], 0.9, 1e-6, slow[:n])  # type: ignore[attr-defined]
        np.testing.assert_allclose(fast[:n], slow[:n], rtol=1e-13)
    for before in (math.nan, 1e-6):
        plain = next_variance.py_func(before, 1e-3, 0.9)  # type: ignore[attr-defined]
        assert next_variance(before, 1e-3, 0.9) == pytest.approx(plain, rel=1e-14)
    irregular_path(times, prices, 1e10, math.nan, fast)
    irregular_path.py_func(times, prices, 1e10, math.nan, slow)  # type: ignore[attr-defined]
    np.testing.assert_allclose(fast, slow, rtol=1e-12)
    state, time = np.array([0.0, math.nan, 0.0]), np.zeros(1, dtype=np.int64)
    for t_ns, price, expected in zip(times.tolist(), prices.tolist(), fast.tolist(), strict=True):
        got = irregular_update.py_func(state, time, t_ns, price, 1e10)  # type: ignore[attr-defined]
        assert got == pytest.approx(expected, rel=1e-12, nan_ok=True)


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3), st.integers(2, 100))
def test_neither_the_unit_of_the_price_nor_a_slower_clock_matters(seed: int, factor: float, slower: int) -> None:
    times, prices = ticks(seed, 60)
    base = irregular_ewma_variance(prices, times, half_life_s=5.0)
    np.testing.assert_allclose(irregular_ewma_variance(factor * prices, times, half_life_s=5.0), base, rtol=1e-6)
    slow = irregular_ewma_variance(prices, times * slower, half_life_s=5.0 * slower)
    np.testing.assert_allclose(slow * slower, base, rtol=1e-9)


def test_pandas_in_pandas_out() -> None:
    index = pd.date_range("2026-01-01", periods=50, freq="1s", tz="UTC")
    returns = pd.Series(moves(n=50), index=index)
    out = ewma_variance(returns)
    assert isinstance(out, pd.Series)
    assert out.index.equals(index)
    prices = pd.Series(100.0 + np.arange(50.0), index=index)
    rate = irregular_ewma_variance(prices)
    assert isinstance(rate, pd.Series)
    assert rate.index.equals(index)


def test_after_a_break_no_return_is_taken_over_it() -> None:
    stream = IrregularEwmaVariance(10.0)
    stream.update(0, 100.0)
    before = stream.update(NS, 101.0)
    stream.break_series()
    assert stream.update(2 * NS, 500.0) == before
    assert stream.update(3 * NS, 500.0) < before


def test_bad_input_is_refused() -> None:
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="return 1 is"):
            ewma_variance([0.1, bad, 0.1])
        with pytest.raises(ValueError, match="finite"):
            EwmaVariance().update(bad)
    for wrong in ([], [0.1]):
        with pytest.raises(ValueError, match="at least 2"):
            ewma_variance(wrong)
    for decay in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="decay"):
            ewma_variance([0.1, 0.1], decay)
    with pytest.raises(ValueError, match="initial"):
        EwmaVariance(0.9, -1.0)
    with pytest.raises(ValueError, match="half_life_s"):
        irregular_ewma_variance([1.0, 2.0], [0.0, 1.0], half_life_s=0.0)
    with pytest.raises(ValueError, match="there are none"):
        irregular_ewma_variance([1.0, 2.0])
    with pytest.raises(ValueError, match="sort by time"):
        irregular_ewma_variance([1.0, 2.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="price 1 is"):
        irregular_ewma_variance([1.0, 0.0], [0.0, 1.0])
    with pytest.raises(ValueError, match="at least 2"):
        irregular_ewma_variance([1.0], [0.0])
    stream = IrregularEwmaVariance()
    stream.update(5, 1.0)
    with pytest.raises(ValueError, match="the one before"):
        stream.update(4, 1.0)
    with pytest.raises(ValueError, match="positive"):
        stream.update(6, -1.0)
