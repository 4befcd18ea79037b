"""Volatility by time of day: a known pattern is found, taken out, and streamed."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tests.compiled_loops import feed_prices
from workbench.volatility import TimeOfDayVariance, realised_variance, seasonal_factors, time_of_day_variance

SEED = 20264
NS = 1_000_000_000
DAY_S = 86_400


def market(days: int = 10, step_s: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times in ns, prices, and the true factor of each hour: a wave whose squares average 1."""
    rng = np.random.default_rng(SEED)
    factors = 1.0 + 0.5 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    factors /= math.sqrt(np.mean(factors**2))
    times = np.arange(days * DAY_S // step_s + 1) * step_s
    moves = rng.normal(0, 0.03 / math.sqrt(DAY_S / step_s), len(times) - 1) * factors[times[:-1] % DAY_S // 3_600]
    return (times + 1_767_225_600) * NS, 100 * np.exp(np.r_[0.0, np.cumsum(moves)]), factors


def test_a_known_pattern_is_found_and_its_squares_average_one() -> None:
    times, prices, factors = market(40)
    table = time_of_day_variance(prices, times)
    assert table.index.tolist() == [3_600.0 * hour for hour in range(24)]
    assert np.mean(table["factor"] ** 2) == pytest.approx(1.0, rel=1e-12)
    # 2,400 returns a bin: an error of 1.4 %.
    np.testing.assert_allclose(table["factor"], factors, rtol=0.06)
    assert (table["samples"] == 2_400).all()
    assert table["variance"].mean() * DAY_S == pytest.approx(realised_variance(prices, times) / 40, rel=1e-9)


def test_returns_divided_by_their_factor_are_level_over_the_day() -> None:
    times, prices, _ = market(40)
    factors = seasonal_factors(time_of_day_variance(prices, times), times[:-1])
    level = np.diff(np.log(prices)) / factors
    flat = time_of_day_variance(np.exp(np.r_[0.0, np.cumsum(level)]), times)
    np.testing.assert_allclose(flat["factor"], 1.0, rtol=1e-6)


def test_a_stream_gives_the_table_of_the_array_over_a_million_events() -> None:
    rng = np.random.default_rng(SEED + 1)
    times = np.cumsum(rng.integers(0, 600, 1_000_000)) * 1_000_000
    prices = 100 * np.exp(np.cumsum(rng.normal(0, 1e-5, 1_000_000)))
    stream = TimeOfDayVariance(step_s=10.0, origin_ns=3)
    assert feed_prices(stream._clock, stream._sums, times, prices) == -1
    expected = time_of_day_variance(prices, times, step_s=10.0, origin_ns=3)
    pd.testing.assert_frame_equal(stream.table(), expected, rtol=1e-10)


def test_bins_with_too_few_returns_have_no_factor_and_say_so_when_asked() -> None:
    times, prices, _ = market(1)
    part = time_of_day_variance(prices[:130], times[:130])
    assert part["factor"].notna().tolist() == [True, True, *[False] * 22]
    with pytest.raises(ValueError, match=r"the bin at 7200\.0 s after midnight has too few returns"):
        seasonal_factors(part, times[:200])


def test_bad_input_is_refused() -> None:
    times, prices, _ = market(1)
    with pytest.raises(ValueError, match="no bin has 30 returns"):
        time_of_day_variance(prices[:10], times[:10])
    with pytest.raises(ValueError, match="no bin has"):
        TimeOfDayVariance().table()
    for bin_s, step_s in ((1_000.0, 60.0), (3_600.0, 7.0)):
        with pytest.raises(ValueError, match="expected whole steps"):
            time_of_day_variance(prices, times, bin_s=bin_s, step_s=step_s)
    with pytest.raises(ValueError, match="never moved"):
        time_of_day_variance(np.ones(200), times[:200])
    with pytest.raises(ValueError, match="price 3 is"):
        time_of_day_variance(np.r_[prices[:3], -1.0, prices[4:]], times)
    with pytest.raises(ValueError, match="sort by time"):
        time_of_day_variance(prices[::-1], times[::-1])
    with pytest.raises(ValueError, match="no price for"):
        time_of_day_variance(np.delete(prices, slice(50, 70)), np.delete(times, slice(50, 70)))
