"""Spreads quoted, paid and kept; and the recorded market's, as its description states them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.events import NS
from workbench.market import (
    effective_spread,
    price_impact,
    quoted_spread,
    realised_spread,
    roll_spread,
    time_weighted_spread,
)

SEED = 19840901
QUOTES = np.array([(99, 1, 101, 1), (98, 1, 102, 1), (99, 1, 101, 1)], float)


def test_the_quoted_spread_is_ask_less_bid() -> None:
    assert np.asarray(quoted_spread(QUOTES)).tolist() == [200, 400, 200]
    assert np.asarray(quoted_spread(QUOTES, unit="ticks")).tolist() == [2, 4, 2]


def test_a_quote_counts_for_as_long_as_it_stood() -> None:
    assert time_weighted_spread(QUOTES, [0, 3, 4], unit="ticks") == 2.5
    assert time_weighted_spread(QUOTES, [0, 1, 4]) == 350


def test_what_a_taker_paid_is_what_the_maker_kept_and_what_the_market_moved() -> None:
    prices, sides, mids, later = [101.0, 99.0], [1, -1], [100.0, 100.0], [102.0, 100.5]
    assert np.asarray(effective_spread(prices, sides, mids)).tolist() == [200, 200]
    assert np.asarray(realised_spread(prices, sides, mids, later, unit="ticks")).tolist() == [-2, 3]
    assert np.asarray(price_impact(sides, mids, later, unit="ticks")).tolist() == [4, -1]


def test_the_recorded_spread_splits_as_its_readme_says(
    recorded_quotes: pd.DataFrame, recorded_trades: pd.DataFrame
) -> None:
    mid = ((recorded_quotes["bid"] + recorded_quotes["ask"]) / 2).to_numpy()
    # The order of arrival tells which quote came before a trade; times in milliseconds do not.
    before = mid[np.searchsorted(recorded_quotes["seq"], recorded_trades["seq"]) - 1]
    after = mid[np.searchsorted(recorded_quotes["t_ns"], recorded_trades["t_ns"] + NS, side="right") - 1]
    prices, sides = recorded_trades["price"], recorded_trades["side"]
    effective = effective_spread(prices, sides, before)
    realised = realised_spread(prices, sides, before, after)
    impact = price_impact(sides, before, after)
    assert effective.mean() == pytest.approx(1.24695, abs=5e-6)
    assert realised.mean() == pytest.approx(-0.81762, abs=5e-6)
    assert impact.mean() == pytest.approx(2.06457, abs=5e-6)
    np.testing.assert_allclose(realised + impact, effective, rtol=0, atol=1e-9)


def test_bouncing_prices_betray_the_spread() -> None:
    rng = np.random.default_rng(SEED)
    sides = rng.choice([-1.0, 1.0], size=200_000)
    prices = 10_000 + np.cumsum(rng.normal(size=sides.size) * 0.5) + sides * 1.5
    assert roll_spread(prices) == pytest.approx(3.0, rel=0.02)


def test_prices_that_do_not_bounce_say_nothing() -> None:
    with pytest.raises(ValueError, match="needs it negative"):
        roll_spread([1, 2, 4, 8, 16, 8, 4, 2])
    with pytest.raises(ValueError, match="at least 3"):
        roll_spread([1, 2])


@pytest.mark.parametrize(
    ("prices", "sides", "mids", "why"),
    [
        ([], [], [], "price has shape"),
        ([1.0], [1, 1], [1.0], "2 values for 1 rows"),
        ([np.nan], [1], [1.0], "price 0 is nan"),
        ([1.0], [2], [1.0], "side 0 is 2"),
        ([1.0], [1], [-1.0], "mid 0 is -1"),
    ],
)
def test_bad_trades_have_no_spread(prices: list[float], sides: list[int], mids: list[float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        effective_spread(prices, sides, mids)


def test_another_unit_or_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="'percent'"):
        quoted_spread(QUOTES, unit="percent")
    with pytest.raises(ValueError, match="no time passes"):
        time_weighted_spread(QUOTES, [4, 4, 4])
    with pytest.raises(ValueError, match="sort by time"):
        time_weighted_spread(QUOTES, [4, 3, 5])
