"""Calibration on markets that it should not believe, and on others than its other tests know."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from workbench.quoting import (
    CalibrationError,
    IntensityFit,
    Sweeps,
    fit_by_time_of_day,
    fit_counts,
    fit_depth_bins,
    fit_log_rates,
    fit_survival,
    fit_table,
    fit_tail,
    quoting_parameters,
    sweep_depths,
    virtual_orders,
)

NS = 1_000_000_000
SEED = 1907
ONE = np.full(500, 2.0)
FITS: dict[str, Callable[[np.ndarray], IntensityFit]] = {
    "tail": lambda depths: fit_tail(depths, 60.0),
    "ended tail": lambda depths: fit_tail(depths, 60.0, end=8.0),
    "bins": lambda depths: fit_depth_bins(depths, 60.0, np.arange(0.0, 9.0)),
    "log": lambda depths: fit_log_rates(depths, 60.0, [0.0, 1.0, 2.0]),
}


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize(
    "depths",
    [ONE, np.r_[ONE, ONE + 1], -ONE, 0 * ONE, 1e12 * ONE],
    ids=["one depth", "two depths", "inside of the mid", "at the mid", "far out"],
)
def test_a_market_of_one_price_or_two_is_not_quoted_by(depths: np.ndarray, name: str) -> None:
    with pytest.raises(CalibrationError):
        FITS[name](depths).require()


def test_a_side_that_never_trades_has_no_fit_and_the_other_its_own() -> None:
    rng = np.random.default_rng(SEED)
    times = np.sort(rng.integers(0, 3_600 * NS, 3_000))
    sweeps = Sweeps(times, np.ones(3_000, dtype=np.int64), rng.exponential(4.0, 3_000))
    fits = fit_by_time_of_day(sweeps, 0, 3_600 * NS, lambda d, s, side: fit_tail(d, s, side=side).require())
    table = fit_table(fits).set_index("side")
    assert table.loc["sell", "refusal"] == "0 sweeps; expected two or more"
    assert math.isnan(table.loc["sell", "k"])
    bought = table.loc["buy"]
    assert bought["k"] == pytest.approx(0.25, abs=4 * bought["k_error"]), SEED
    assert bought["a"] == pytest.approx(3_000 / 3_600, abs=4 * bought["a_error"]), SEED


def test_trades_that_all_bear_one_stamp_are_one_sweep_a_side() -> None:
    sides = np.array([1, -1] * 250)
    found = sweep_depths(
        np.zeros(500, dtype=np.int64), sides, 100.0 + sides * np.arange(1, 501) / 10, np.full(500, 100.0)
    )
    assert found.side.tolist() == [1, -1]
    assert found.depth.tolist() == pytest.approx([49.9, 50.0])


def test_orders_that_nobody_fills_say_so_in_place_of_a_rate() -> None:
    times = np.arange(1, 400) * NS
    bought = np.ones(399, dtype=np.int64)
    watched = virtual_orders(
        [0], [100.0], times, bought, np.full(399, 101.0), side="sell", distances=[0.5, 1.0, 2.0], restart_s=5.0
    )
    assert watched.fills.tolist() == [0, 0, 0]
    assert watched.exposure_s.tolist() == pytest.approx([399.0] * 3)
    with pytest.raises(CalibrationError, match="0 events at 0 of 3 distances"):
        fit_counts(*watched, nested=True)
    with pytest.raises(CalibrationError, match="determine no decay"):
        fit_survival([1.0, 2.0, 3.0], [5.0, 5.0, 5.0], [False, False, False])


def test_a_gap_in_the_data_counts_as_time_unless_it_is_left_out() -> None:
    """Half of the span was not recorded: the rate halves, the decay does not; cut at the gap both are right."""
    rng = np.random.default_rng(SEED)
    depths = rng.exponential(4.0, 4_000)
    halved, right = fit_tail(depths, 2_000.0), fit_tail(depths, 1_000.0)
    assert halved.a == pytest.approx(right.a / 2, rel=1e-12)
    assert halved.k == right.k
    assert right.a == pytest.approx(4.0, abs=4 * right.a_error), SEED


@pytest.mark.parametrize(("rate", "k", "seconds"), [(0.7, 0.05, 6_000.0), (25.0, 3.0, 200.0), (6.0, 0.4, 900.0)])
@pytest.mark.parametrize("side", ["buy", "sell", "both"])
def test_other_truths_are_found_and_become_quotes_with_units(rate: float, k: float, seconds: float, side: str) -> None:
    rng = np.random.default_rng(SEED)
    depths = rng.exponential(1.0 / k, rng.poisson(rate * seconds))
    edges = np.linspace(0.0, 4.0 / k, 9)
    for fit in (
        fit_tail(depths, seconds, side=side),
        fit_tail(depths, seconds, start=0.5 / k, end=3.0 / k, side=side),
        fit_depth_bins(depths, seconds, edges, side=side),
        fit_log_rates(depths, seconds, edges[:-2], side=side),
    ):
        assert fit.require().k == pytest.approx(k, abs=4 * fit.k_error), (SEED, fit.method)
        assert fit.a == pytest.approx(rate, abs=4 * fit.a_error), (SEED, fit.method)
        assert fit.side == side
        low, high = fit.fit_range
        middle = low + min(high - low, 2.0 / k) / 2
        found, error = fit.rate(middle)
        assert found == pytest.approx(rate * math.exp(-k * middle), abs=4 * error), (SEED, fit.method)
        made = quoting_parameters(fit, volatility=0.02, per="hour", price=50.0, tick_size=0.01)
        assert made.arrival_rate == fit.a / (2 if side == "both" else 1)
        assert made.sigma == pytest.approx(0.02 * 5_000 / 60, rel=1e-12)
        shown = made.frame()
        assert shown["unit"].tolist()[:4] == ["ticks/sqrt(s)", "1/s and side", "1/tick", "1/(tick lot)"]
        assert shown.loc["k", "standard_error"] == fit.k_error
