"""The guide's functions give the guide's numbers, faults included; each also in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.quoting import adjust_spread_for_volatility, calculate_order_prices, should_place_orders
from workbench.volatility import GuideVolatility, calculate_volatility


def test_the_guide_quotes_twice_the_spread_it_names() -> None:
    bid, ask = calculate_order_prices(50_000.0, 20.0)
    assert (bid, ask) == (49_900.0, 50_100.0)
    assert (ask - bid) / 50_000 == pytest.approx(40e-4)


@pytest.mark.parametrize(
    ("volatility", "spread"), [(0.01, 20.0), (0.5, 20.0), (0.6, 24.0), (1.0, 40.0), (2.5, 100.0), (10.0, 100.0)]
)
def test_the_multiplier_needs_half_and_stops_at_five(volatility: float, spread: float) -> None:
    assert adjust_spread_for_volatility(20.0, volatility, 2.0, 5.0) == pytest.approx(spread)


@pytest.mark.parametrize(("position", "goes_on"), [(0, True), (800, True), (801, False), (-800, True), (-801, False)])
def test_the_gate_stops_over_four_fifths_of_the_limit(position: float, goes_on: bool) -> None:
    assert should_place_orders(position, 1000.0) is goes_on


def test_volatility_is_the_default_until_the_window_is_full() -> None:
    assert calculate_volatility([100.0] * 19) == 0.01
    assert calculate_volatility([]) == 0.01
    assert calculate_volatility([100.0] * 20) == 0.0


def test_volatility_is_the_population_std_of_log_returns_times_root_1440() -> None:
    prices = [100.0 * math.exp(0.001 * (-1) ** i) for i in range(20)]
    returns = np.diff(np.log(prices))
    assert calculate_volatility(prices) == pytest.approx(returns.std(ddof=0) * math.sqrt(1440), rel=1e-12)


def test_one_second_prices_show_thirteen_percent_of_the_daily_volatility() -> None:
    rng = np.random.default_rng(5)
    daily = 0.03
    prices = 100 * np.exp(np.cumsum(rng.normal(0, daily / math.sqrt(86_400), 20_000)))
    seen = np.mean([calculate_volatility(prices[i : i + 20]) for i in range(0, 19_980, 20)])
    assert seen / daily == pytest.approx(math.sqrt(1 / 60), rel=0.05)


def test_the_stream_uses_the_last_20_of_100_prices() -> None:
    prices = 100 + np.sin(np.arange(250))
    stream = GuideVolatility()
    for n, price in enumerate(prices, start=1):
        assert stream.update(float(price)) == calculate_volatility(prices[max(0, n - 100) : n])


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_a_price_that_is_none_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="positive finite"):
        GuideVolatility().update(bad)
    with pytest.raises(ValueError, match="positive finite"):
        calculate_volatility([100.0] * 19 + [bad])
