"""Avellaneda and Stoikov's formulas: reference values of theory.md section 1, symmetries, what they refuse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.quoting import (
    avellaneda_stoikov_quotes,
    avellaneda_stoikov_spread,
    glft_exact,
    reservation_price,
    stationary_avellaneda_stoikov_quotes,
)
from workbench.quoting.avellaneda import half_spread_from_fills, stationary_distance

TABLE = {"gamma": 0.1, "sigma": 2.0, "k": 1.5}


def test_the_average_spread_of_the_paper_is_its_time_average() -> None:
    """1.4908 in continuous time, 1.4918 on the grid of 200 points; 1.49 in the journal."""
    assert avellaneda_stoikov_spread(**TABLE, time_left=0.5) == pytest.approx(1.4908, abs=5e-5)
    on_the_grid = avellaneda_stoikov_spread(**TABLE, time_left=1.0 - np.arange(200) / 200)
    assert on_the_grid.mean() == pytest.approx(1.491770, abs=5e-7)


def test_the_spread_is_the_sum_of_its_two_terms_and_independent_of_inventory() -> None:
    bid, ask = avellaneda_stoikov_quotes(100.0, np.arange(-5, 6), **TABLE, time_left=0.3)
    expected = 0.1 * 4 * 0.3 + 20 * math.log(1 + 0.1 / 1.5)
    np.testing.assert_allclose(ask - bid, expected, rtol=0, atol=1e-12)


def test_at_no_inventory_the_quotes_are_symmetric_and_a_long_position_lowers_both() -> None:
    flat, long, short = (avellaneda_stoikov_quotes(100.0, q, **TABLE, time_left=0.5) for q in (0, 3, -3))
    assert 100.0 - flat.bid == pytest.approx(flat.ask - 100.0, abs=1e-12)
    assert long.bid < flat.bid < short.bid
    assert long.ask < flat.ask < short.ask
    assert reservation_price(100.0, 3, gamma=0.1, sigma=2.0, time_left=0.5) == pytest.approx(100 - 3 * 0.1 * 4 * 0.5)


@pytest.mark.parametrize(
    ("time_left", "taylor", "exact"),
    [
        (0.1, 3.279477, 3.279477),
        (1.0, 3.283932, 3.283932),
        (10.0, 3.328482, 3.328194),
        (60.0, 3.575982, 3.526127),
        (600.0, 6.248982, 3.653479),
    ],
)
def test_near_the_end_the_exact_quotes_expand_to_these(time_left: float, taylor: float, exact: float) -> None:
    """theory.md section 2: the bid distance at q = 5 with the parameters of figures 1 to 3."""
    figure = {"gamma": 0.01, "sigma": 0.3, "k": 0.3}
    assert -avellaneda_stoikov_quotes(0.0, 5, **figure, time_left=time_left).bid == pytest.approx(taylor, abs=5e-7)
    depths = glft_exact(time_left, **figure, arrival_rate=0.9, max_inventory=30)
    assert depths.bid[30 + 5] == pytest.approx(exact, abs=5e-7)


def test_without_risk_aversion_a_side_stands_one_over_k_away() -> None:
    quotes = avellaneda_stoikov_quotes(100.0, 7, gamma=0.0, sigma=2.0, k=1.5, time_left=1.0)
    assert quotes == pytest.approx((100 - 1 / 1.5, 100 + 1 / 1.5))
    assert half_spread_from_fills(1e-9, 1.5) == pytest.approx(1 / 1.5, rel=1e-8)


def test_for_ever_the_quotes_stop_at_the_bound_and_mirror_each_other() -> None:
    q = np.arange(-4, 5)
    bid, ask = stationary_avellaneda_stoikov_quotes(100.0, q, gamma=0.1, k=1.5, max_inventory=4)
    assert bid[-1] == -math.inf
    assert ask[0] == math.inf
    np.testing.assert_allclose(100 - bid[:-1], (ask - 100)[::-1][:-1], rtol=0, atol=1e-12)
    # By hand at q = 1 of 4: (25 - 1) / (25 - 4) for the bid, (25 - 1) / 25 for the ask.
    half = 10 * math.log(1 + 0.1 / 1.5)
    assert 100 - bid[5] == pytest.approx(half + 10 * math.log(24 / 21), abs=1e-12)
    assert ask[5] - 100 == pytest.approx(half - 10 * math.log(25 / 24), abs=1e-12)
    assert (np.diff(bid[:-1]) < 0).all()
    assert (np.diff(ask[1:]) < 0).all()


def test_the_stationary_bid_price_leaves_the_maker_indifferent() -> None:
    """Its definition: v = -exp(-gamma (x + q s)) / (omega - gamma^2 q^2 sigma^2 / 2) is the same after buying one."""
    gamma, sigma, bound, q, mid = 0.1, 2.0, 6, 2, 100.0
    omega = 0.5 * gamma**2 * sigma**2 * (bound + 1) ** 2
    cost = mid - stationary_distance(q, bound, gamma)

    def value(cash: float, inventory: int) -> float:
        return -math.exp(-gamma * (cash + inventory * mid)) / (omega - 0.5 * gamma**2 * inventory**2 * sigma**2)

    assert value(-cost, q + 1) == pytest.approx(value(0.0, q), rel=1e-12)


def test_compiled_and_plain_python_give_the_same_numbers() -> None:
    for gamma in (0.0, 1e-6, 0.1, 3.0):
        slow = half_spread_from_fills.py_func(gamma, 1.5)  # type: ignore[attr-defined]
        assert half_spread_from_fills(gamma, 1.5) == pytest.approx(slow, rel=1e-14)
    for q in (-5.0, -1.5, 0.0, 4.999, 5.0):
        slow = stationary_distance.py_func(q, 5.0, 0.1)  # type: ignore[attr-defined]
        assert stationary_distance(q, 5.0, 0.1) == pytest.approx(slow, rel=1e-14)


def test_pandas_in_pandas_out_with_the_rows_kept() -> None:
    index = pd.date_range("2026-01-01", periods=3, freq="s")
    mid = pd.Series([100.0, 101.0, 102.0], index)
    inventory = pd.Series([0, 1, -1], index)
    quotes = avellaneda_stoikov_quotes(mid, inventory, **TABLE, time_left=60.0)
    assert isinstance(quotes.bid, pd.Series)
    assert quotes.bid.index.equals(index)
    arrays = avellaneda_stoikov_quotes(mid.to_numpy(), inventory.to_numpy(), **TABLE, time_left=60.0)
    np.testing.assert_array_equal(quotes.ask.to_numpy(), arrays.ask)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mid": []}, "mid is empty"),
        ({"mid": [100.0, math.nan]}, r"mid\[1\] is nan"),
        ({"mid": "high"}, "mid is 'high'"),
        ({"inventory": [math.inf]}, r"inventory\[0\] is inf"),
        ({"gamma": -0.1}, "gamma is -0.1; expected a finite number of at least 0 in 1/price"),
        ({"gamma": None}, "gamma is None"),
        ({"sigma": -1.0}, "sigma is .*-1.0"),
        ({"k": 0.0}, "k is 0.0; expected a finite number over 0"),
        ({"time_left": -1.0}, "time_left is .*-1.0"),
    ],
)
def test_input_that_makes_no_sense_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    given: dict[str, Any] = {"mid": 100.0, "inventory": 0, **TABLE, "time_left": 1.0} | changes
    mid, inventory = given.pop("mid"), given.pop("inventory")
    with pytest.raises(ValueError, match=says):
        avellaneda_stoikov_quotes(mid, inventory, **given)


def test_series_of_different_rows_are_refused() -> None:
    mid, inventory = pd.Series([100.0, 101.0]), pd.Series([0, 1], index=[1, 2])
    with pytest.raises(ValueError, match="mid and inventory have different indices"):
        avellaneda_stoikov_quotes(mid, inventory, **TABLE, time_left=1.0)


def test_the_stationary_form_refuses_what_it_has_no_answer_for() -> None:
    with pytest.raises(ValueError, match="inventory reaches 5 lots; expected at most 4"):
        stationary_avellaneda_stoikov_quotes(100.0, [0, 5], gamma=0.1, k=1.5, max_inventory=4)
    with pytest.raises(ValueError, match=r"gamma is 0\.0"):
        stationary_avellaneda_stoikov_quotes(100.0, 0, gamma=0.0, k=1.5, max_inventory=4)
    with pytest.raises(ValueError, match=r"max_inventory is 2\.5"):
        stationary_avellaneda_stoikov_quotes(100.0, 0, gamma=0.1, k=1.5, max_inventory=2.5)  # type: ignore[arg-type]
