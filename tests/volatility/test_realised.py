"""Realised variance and its kin over arrays: values by hand, the noise table, the recorded market, holes, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import volatility
from workbench.volatility import (
    bipower_variance,
    by_period,
    noise_variance,
    parzen_bandwidth,
    parzen_weights,
    realised_kernel,
    realised_variance,
    sample_prices,
    signature,
    subsampled_variance,
    two_scale_variance,
)
from workbench.volatility.arrays import (
    first_decrease,
    first_not_positive,
    log_ratio,
    log_ratios,
    longest_step,
    write_log_ratios,
)
from workbench.volatility.inputs import previous_tick
from workbench.volatility.kernel import weighted_past
from workbench.volatility.power_sums import neighbour_sums, sum_of_squares

NS = 1_000_000_000
DAY_S = 86_400
SEED = 20262
"""Of every simulation here."""

ESTIMATORS: dict[str, dict[str, Any]] = {
    "realised_variance": {},
    "subsampled_variance": {"subgrids": 3},
    "two_scale_variance": {"subgrids": 3},
    "realised_kernel": {"bandwidth": 4},
    "bipower_variance": {},
}


def estimate(name: str, prices: Any, times: Any = None, **settings: Any) -> volatility.Variance:
    found: volatility.Variance = getattr(volatility, name)(prices, times, **ESTIMATORS[name], **settings)
    return found


def walk(seed: int, n: int, sigma: float = 1e-4) -> tuple[np.ndarray, np.ndarray]:
    """Irregular times in ns and prices."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.integers(1, 2 * NS, n))
    return times, 77_000 * np.exp(np.cumsum(rng.normal(0, sigma, n)))


# --- values by hand ---------------------------------------------------------------------------------------------------

# Log prices 0, 1, 3, 2, 2, 5 in hundredths: returns 1, 2, -1, 0, 3.
PRICES = np.exp(0.01 * np.array([0.0, 1.0, 3.0, 2.0, 2.0, 5.0]))
R = 0.01 * np.array([1.0, 2.0, -1.0, 0.0, 3.0])


def test_realised_variance_is_the_sum_of_squares_and_knows_its_time() -> None:
    found = realised_variance(PRICES, np.arange(6.0))
    assert found == pytest.approx(15e-4, rel=1e-12)
    assert (found.span_s, found.samples) == (5.0, 5)
    assert found.per("second") == pytest.approx(3e-4, rel=1e-12)
    assert found.volatility("minute") == pytest.approx(math.sqrt(3e-4 * 60), rel=1e-12)


def test_a_subsampled_variance_is_the_mean_over_the_shifted_grids() -> None:
    # Every second price: 0, 3, 2 (9 + 1) and 1, 2, 5 (1 + 9).
    found = subsampled_variance(PRICES, np.arange(6.0), subgrids=2)
    assert found == pytest.approx((10 + 10) / 2 * 1e-4, rel=1e-12)
    assert found.span_s == 4.0
    assert realised_variance(PRICES[::2]) == pytest.approx(10e-4, rel=1e-12)


def test_two_scales_take_the_noise_off_with_the_small_sample_factor() -> None:
    n, k = 5, 2
    nbar = (n - k + 1) / k
    expected = (10e-4 - nbar / n * 15e-4) / (1 - nbar / n)
    assert two_scale_variance(PRICES, subgrids=2) == pytest.approx(expected, rel=1e-12)


def test_bipower_multiplies_neighbours() -> None:
    assert bipower_variance(PRICES) == pytest.approx(math.pi / 2 * 5 / 4 * (2 + 2 + 0 + 0) * 1e-4, rel=1e-12)


def test_parzen_weights_and_the_bandwidth_rule_are_as_printed() -> None:
    weights = parzen_weights(3)
    assert weights.tolist() == pytest.approx([1.0, 1 - 6 / 16 + 6 / 64, 1 - 6 / 4 + 6 / 8, 2 * 0.25**3], rel=1e-14)
    # xi^2 = 1e-8/9e-4 over 86,400 returns: 3.5134 xi^.8 n^.6 = 33.1.
    exact = 3.5134 * math.sqrt(1e-8 / 9e-4) ** 0.8 * 86_400**0.6
    assert parzen_bandwidth(86_400, 1e-8, 9e-4) == math.ceil(exact) == 34
    assert parzen_bandwidth(100, 0.0, 1.0) == 1


@pytest.mark.parametrize("bandwidth", [1, 2, 3, 4, 5, 8, 40, 600, 1_500])
def test_the_kernel_is_the_weighted_sum_of_autocovariances(bandwidth: int) -> None:
    _, prices = walk(1, 2_000)
    moves, weights = np.diff(np.log(prices)), parzen_weights(bandwidth)
    gammas = [moves[h:] @ moves[: len(moves) - h] for h in range(bandwidth + 1)]
    expected = gammas[0] + 2 * sum(weights[h] * gammas[h] for h in range(1, bandwidth + 1))
    assert realised_kernel(prices, bandwidth=bandwidth) == pytest.approx(expected, rel=1e-10)
    plain = weighted_past.py_func(moves[:60], weights)  # type: ignore[attr-defined]
    np.testing.assert_allclose(weighted_past(moves[:60], weights), plain, rtol=1e-9, atol=1e-20)


def test_the_price_at_a_grid_point_is_the_last_one_at_or_before_it() -> None:
    times = pd.to_datetime([500, 1_000, 1_000, 1_999, 4_200], unit="ms")
    grid = sample_prices(pd.Series([1.0, 2.0, 3.0, 4.0, 5.0], index=times), step_s=1.0)
    assert grid.tolist() == [3.0, 4.0, 4.0, 4.0]
    assert grid.index[0] == pd.Timestamp(1, unit="s", tz="UTC")
    shifted = sample_prices(pd.Series([1.0, 2.0, 3.0, 4.0, 5.0], index=times), step_s=1.0, origin_ns=NS // 2)
    assert shifted.tolist() == [1.0, 3.0, 4.0, 4.0]


def test_compiled_helpers_and_plain_python_agree() -> None:
    times, prices = walk(2, 50)
    first = (int(times[0]) // NS + 1) * NS
    args = times, prices, first, NS // 3, 40
    plain = previous_tick.py_func(*args)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(previous_tick(*args), plain)
    for values in (prices, np.array([1.0, math.nan]), np.array([1.0, 2.0, 0.0]), np.array([math.inf])):
        assert first_not_positive(values) == first_not_positive.py_func(values)  # type: ignore[attr-defined]
    for stamps in (times, times[::-1].copy(), times[:1]):
        assert first_decrease(stamps) == first_decrease.py_func(stamps)  # type: ignore[attr-defined]
        assert longest_step(stamps) == longest_step.py_func(stamps)  # type: ignore[attr-defined]


def test_log_ratios_are_right_to_the_last_digit_from_the_smallest_move_to_the_largest() -> None:
    # Powers of two above a base: the difference is exact, so ln(1 + x) is the truth to 16 digits.
    base = 2.0**16
    for x in (2.0**-k for k in range(1, 37)):
        assert log_ratio(base * (1 + x), base) == pytest.approx(math.log1p(x), rel=4e-16)
        assert log_ratio(base, base * (1 + x)) == pytest.approx(-math.log1p(x), rel=4e-16)
        assert log_ratio.py_func(base * (1 + x), base) == log_ratio(base * (1 + x), base)  # type: ignore[attr-defined]
    assert log_ratio(3.0, 1e-300) == pytest.approx(math.log(3.0) + 300 * math.log(10.0), rel=1e-15)
    _, prices = walk(9, 3_000)
    prices[1_500:] *= 5.0
    found = log_ratios(prices[1:], prices[:-1])
    np.testing.assert_array_equal(found, [log_ratio(a, b) for a, b in zip(prices[1:], prices[:-1], strict=True)])
    np.testing.assert_allclose(found, np.diff(np.log(prices)), rtol=0, atol=1e-14)
    plain = log_ratios.py_func(prices[1:50], prices[:49])  # type: ignore[attr-defined]
    np.testing.assert_allclose(found[:49], plain, rtol=1e-15)


def test_sums_over_blocks_are_those_of_all_returns_at_once() -> None:
    _, prices = walk(10, 5_000)
    prices[2_000:] *= 1.5  # one block with a large move
    moves = np.abs(np.diff(np.log(prices)))
    for lag in (1, 7, 1_024):
        expected = np.sum(np.log(prices[lag:] / prices[:-lag]) ** 2)
        assert sum_of_squares(prices, lag) == pytest.approx(expected, rel=1e-9)
        short = prices[1_990 : 2_010 + lag]
        plain = sum_of_squares.py_func(short, lag)  # type: ignore[attr-defined]
        assert sum_of_squares(short, lag) == pytest.approx(plain, rel=1e-12)
    expected_sums = [moves @ moves, moves[1:] @ moves[:-1], np.sum((moves[2:] * moves[1:-1] * moves[:-2]) ** (4 / 3))]
    np.testing.assert_allclose(neighbour_sums(prices, True), expected_sums, rtol=1e-8)
    assert neighbour_sums(prices, False)[2] == 0.0
    plain_sums = neighbour_sums.py_func(prices[:50], True)  # type: ignore[attr-defined]
    np.testing.assert_allclose(neighbour_sums(prices[:50], True), plain_sums, rtol=1e-12)
    fast, slow = np.empty(40), np.empty(40)
    for begin in (0, 1_980):
        top, bottom = prices[begin + 1 : begin + 41], prices[begin : begin + 40]
        write_log_ratios(top, bottom, fast)
        write_log_ratios.py_func(top, bottom, slow)  # type: ignore[attr-defined]
        np.testing.assert_array_equal(fast, slow)


# --- the recorded market ----------------------------------------------------------------------------------------------


def test_the_recorded_market_has_the_variances_that_its_readme_states(recorded_mid: pd.Series) -> None:
    second = realised_variance(recorded_mid, step_s=1.0)
    assert second == pytest.approx(5.037018e-06, rel=1e-6)
    assert (second.span_s, second.samples) == (343.0, 343)
    assert second.volatility("day") == pytest.approx(0.03562, rel=1e-3)
    # Its 10 s grid begins at the first whole second.
    ten = realised_variance(recorded_mid, step_s=10.0, origin_ns=1_723_161_257_000 * 1_000_000)
    assert ten == pytest.approx(4.428813e-06, rel=1e-6)
    assert realised_variance(recorded_mid) == pytest.approx(5.550976e-06, rel=1e-6)


def test_on_the_recorded_market_streams_and_noise_robust_estimates_agree(recorded_mid: pd.Series) -> None:
    stream = volatility.RealisedVariance(step_s=1.0)
    for t_ns, price in zip(recorded_mid.index.tolist(), recorded_mid.tolist(), strict=True):
        stream.update(t_ns, price)
    assert stream.variance == pytest.approx(5.037018e-06, rel=1e-6)
    assert realised_kernel(recorded_mid, step_s=1.0) == pytest.approx(5.0e-6, rel=0.4)
    assert two_scale_variance(recorded_mid, subgrids=200) == pytest.approx(5.0e-6, rel=0.4)


# --- the noise table --------------------------------------------------------------------------------------------------


def test_noise_biases_each_estimator_as_the_table_says() -> None:
    # 86,400 steps of a second, 3 % a day, noise of 1 bp: mean/true and root mean square error over 60 days.
    days, true, noise = 60, 0.03**2, 1e-4
    rng = np.random.default_rng(SEED)
    found: dict[str, list[float]] = {name: [] for name in ("1 s", "60 s", "300 s", "TSRV", "kernel")}
    times = np.arange(DAY_S + 1) * NS
    for _ in range(days):
        efficient = np.r_[0.0, np.cumsum(rng.normal(0.0, 0.03 / math.sqrt(DAY_S), DAY_S))]
        prices = np.exp(efficient + rng.normal(0.0, noise, DAY_S + 1))
        found["1 s"].append(realised_variance(prices, times))
        found["60 s"].append(realised_variance(prices, times, step_s=60))
        found["300 s"].append(realised_variance(prices, times, step_s=300))
        found["TSRV"].append(two_scale_variance(prices, times, subgrids=60))
        found["kernel"].append(realised_kernel(prices, times))
    table = {
        "1 s": (2.92, 1.92),
        "60 s": (1.03, 0.05),
        "300 s": (0.99, 0.10),
        "TSRV": (0.99, 0.03),
        "kernel": (1.01, 0.02),
    }
    for name, (mean, rmse) in table.items():
        ratios = np.array(found[name]) / true
        # Four standard errors of our mean, as much of the table's own, and its rounding.
        assert ratios.mean() == pytest.approx(mean, abs=8 * ratios.std() / math.sqrt(days) + 0.005), name
        assert math.sqrt(np.mean((ratios - 1) ** 2)) == pytest.approx(rmse, rel=0.45, abs=0.005), name
    bias = np.mean(found["1 s"]) - true
    assert bias == pytest.approx(2 * DAY_S * noise**2, rel=0.01), "2 n omega^2"


def test_the_noise_is_found_when_it_is_most_of_what_ticks_show() -> None:
    rng = np.random.default_rng(SEED + 1)
    x = np.cumsum(rng.normal(0, 1e-6, 100_000)) + rng.normal(0, 1e-4, 100_000)
    assert noise_variance(np.exp(x)) == pytest.approx(1e-8, rel=0.02)


# --- properties -------------------------------------------------------------------------------------------------------

seeds = st.integers(0, 2**32 - 1)
names = st.sampled_from(sorted(ESTIMATORS))


@given(seeds, names, st.floats(1e-3, 1e3))
def test_the_unit_of_the_price_does_not_matter(seed: int, name: str, factor: float) -> None:
    times, prices = walk(seed, 60)
    assert estimate(name, factor * prices, times) == pytest.approx(estimate(name, prices, times), rel=1e-6, abs=1e-14)


@given(seeds, names, st.floats(0.1, 10.0))
def test_moves_that_are_twice_as_large_have_four_times_the_variance(seed: int, name: str, factor: float) -> None:
    times, prices = walk(seed, 60)
    larger = estimate(name, np.exp(factor * np.log(prices / prices[0])), times)
    assert larger == pytest.approx(factor**2 * estimate(name, prices, times), rel=1e-6, abs=1e-14)


@given(seeds, names, st.integers(2, 50))
def test_slower_time_changes_the_rate_and_not_the_variance(seed: int, name: str, factor: int) -> None:
    times, prices = walk(seed, 60)
    plain, slow = estimate(name, prices, times), estimate(name, prices, times * factor)
    assert slow == pytest.approx(plain, rel=1e-12)
    assert slow.per("second") * factor == pytest.approx(plain.per("second"), rel=1e-9)
    clocked = realised_variance(prices, times, step_s=1.0)
    assert realised_variance(prices, times * factor, step_s=1.0 * factor) == pytest.approx(clocked, rel=1e-12)


@given(seeds, st.sampled_from([1.0, 2.0, 5.0]))
def test_the_variances_of_the_periods_sum_to_that_of_the_whole(seed: int, step_s: float) -> None:
    times, prices = walk(seed, 300)
    # Four whole periods: one that holds a single return would be too few for the estimator, and NaN.
    times, prices = times[times < 240 * NS], prices[times < 240 * NS]
    for settings_ in ({}, {"step_s": step_s}):
        whole = realised_variance(prices, times, **settings_)  # type: ignore[arg-type]
        parts = by_period(realised_variance, prices, times, period_s=60.0, **settings_)
        assert parts["variance"].sum() == pytest.approx(whole, rel=1e-9)
        assert parts["samples"].sum() == whole.samples
        assert parts["span_s"].sum() == pytest.approx(whole.span_s, rel=1e-9)


@given(seeds, names)
def test_a_random_walk_without_noise_is_measured_right_on_average(seed: int, name: str) -> None:
    _, prices = walk(seed, 4_000)
    assert estimate(name, prices) == pytest.approx(4_000 * 1e-8, rel=0.25)


# --- tables -----------------------------------------------------------------------------------------------------------


def test_a_signature_falls_where_there_is_noise_and_is_level_where_there_is_none() -> None:
    rng = np.random.default_rng(SEED + 2)
    efficient = np.cumsum(rng.normal(0, 1e-4, DAY_S))
    times = np.arange(DAY_S) * 1.0
    noisy = signature(np.exp(efficient + rng.normal(0, 1e-4, DAY_S)), times, steps_s=[1, 5, 60, 300])
    clean = signature(np.exp(efficient), times, steps_s=[1, 5, 60, 300])
    assert noisy.index.name == "step_s"
    assert noisy["variance"].iloc[0] == pytest.approx(3e-8, rel=0.05)
    assert (noisy["variance"].diff().dropna().iloc[:2] < 0).all()
    assert (abs(clean["volatility"] / clean["volatility"].iloc[0] - 1) < 0.15).all()
    assert clean["error"].iloc[-1] == pytest.approx(clean["volatility"].iloc[-1] / math.sqrt(2 * 287), rel=1e-12)
    with pytest.raises(ValueError, match="leaves 8 returns"):
        signature(PRICES.repeat(2), np.arange(12) * 1.0, steps_s=[1.3])
    with pytest.raises(ValueError, match="empty"):
        signature(PRICES, np.arange(6) * 1.0, steps_s=[])


def test_a_period_with_too_few_prices_is_nan_and_a_wrong_setting_still_an_error() -> None:
    times = np.array([0.0, 1.0, 2.0, 100.0, 101.0, 102.0, 103.0])
    prices = np.exp(0.01 * np.arange(7.0))
    table = by_period(realised_variance, prices, times, period_s=60.0, gaps="break", max_gap_s=50.0, step_s=1.0)
    assert table["samples"].tolist() == [2, 3]
    assert by_period(realised_variance, prices, times, period_s=2.0, max_gap_s=100.0)["samples"].min() == 0
    with pytest.raises(ValueError, match="subgrids"):
        by_period(subsampled_variance, prices, times, period_s=60.0, subgrids=1)


# --- holes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
@pytest.mark.parametrize("step", [{}, {"step_s": 2.0}])
def test_a_hole_is_refused_or_nothing_reaches_over_it(name: str, step: dict[str, float]) -> None:
    times, prices = walk(3, 400)
    times, prices = times.copy(), prices.copy()
    times[200:] += 10_000 * NS
    prices[200:] *= 2.0
    with pytest.raises(ValueError, match=r"no price for 1000\d.* after price 199 \(1 holes"):
        estimate(name, prices, times, **step)
    broken = estimate(name, prices, times, gaps="break", **step)
    assert broken == pytest.approx(400e-8, rel=0.6)
    assert broken.span_s < 500
    swallowed = estimate(name, prices, times, max_gap_s=20_000, **step)
    assert swallowed.span_s > 10_000
    if name == "realised_variance":
        assert swallowed > math.log(1.9) ** 2
        halves = [realised_variance(prices[a], times[a], **step) for a in (slice(200), slice(200, None))]  # type: ignore[arg-type]
        assert broken == pytest.approx(sum(halves), rel=1e-12)
        assert broken.span_s == pytest.approx(sum(half.span_s or 0.0 for half in halves))


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*sorted(ESTIMATORS), "noise_variance", "jump_test", "signature", "sample_prices"])
def test_bad_prices_and_times_are_refused_and_the_message_says_which(name: str) -> None:
    call = getattr(volatility, name)
    needed = ESTIMATORS.get(name, {})
    times, prices = walk(4, 50)
    for bad in (0.0, -1.0, math.nan, math.inf):
        wrong = prices.copy()
        wrong[7] = bad
        with pytest.raises(ValueError, match="price 7 is"):
            call(wrong, times, **needed)
    with pytest.raises(ValueError, match="shape"):
        call([], [], **needed)
    with pytest.raises(ValueError, match=r"expected at least|no return"):
        call([1.0], [0.0], **needed)
    with pytest.raises(ValueError, match="sort by time"):
        call(prices[::-1], times[::-1], **needed)
    with pytest.raises(ValueError, match="49 times for 50 prices"):
        call(prices, times[:-1], **needed)
    with pytest.raises(ValueError, match="NaT"):
        call(prices[:3], pd.to_datetime(["2026-01-01", None, "2026-01-02"]), **needed)
    with pytest.raises(ValueError, match="not finite"):
        call(prices[:3], [0.0, math.nan, 2.0], **needed)
    with pytest.raises(ValueError, match="unit of time"):
        call(pd.Series(prices, index=np.arange(50) ** 2), **needed)


def test_wrong_settings_are_refused() -> None:
    times, prices = walk(5, 50)
    for settings_, said in (
        ({"step_s": 0.0}, "step_s"),
        ({"step_s": math.nan}, "step_s"),
        ({"gaps": "fill"}, "gaps"),
        ({"max_gap_s": -1.0}, "max_gap_s"),
        ({"step_s": 1e-9}, "grid points"),
    ):
        with pytest.raises(ValueError, match=said):
            realised_variance(prices, times, **settings_)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="step"):
        realised_variance(prices, times, step=1.0)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="needs times"):
        realised_variance(prices, step_s=1.0)
    with pytest.raises(ValueError, match="no return on a clock of 1000 s"):
        realised_variance(prices, times, step_s=1_000.0)
    for call in (subsampled_variance, two_scale_variance):
        with pytest.raises(ValueError, match="subgrids is 1"):
            call(prices, times, subgrids=1)
        with pytest.raises(ValueError, match="expected at least 80"):
            call(prices, times, subgrids=40)
    with pytest.raises(ValueError, match="bandwidth is 49"):
        realised_kernel(prices, times, bandwidth=49)
    with pytest.raises(ValueError, match="never moved"):
        realised_kernel(np.ones(50))
    with pytest.raises(ValueError, match="returns is 0"):
        parzen_bandwidth(0, 1.0, 1.0)
    with pytest.raises(ValueError, match="bandwidth"):
        parzen_weights(0)


@pytest.mark.parametrize("form", ["naive", "aware", "microseconds", "named integers", "evenly spaced", "float seconds"])
def test_times_mean_the_same_in_every_form(form: str) -> None:
    _, prices = walk(6, 50)
    times = np.arange(50) * NS // 2 + 1_700_000_000 * NS
    index: pd.Index = {
        "naive": lambda: pd.DatetimeIndex(times.view("M8[ns]")),
        "aware": lambda: pd.DatetimeIndex(times.view("M8[ns]"), tz="Asia/Tokyo").tz_convert("UTC"),
        "microseconds": lambda: pd.DatetimeIndex((times // 1_000).view("M8[us]")),
        "named integers": lambda: pd.Index(times, name="t_ns"),
        "evenly spaced": lambda: pd.RangeIndex(times[0], times[-1] + 1, NS // 2, name="t_ns"),
        "float seconds": lambda: pd.Index(times / NS, name="time_s"),
    }[form]()
    found = realised_variance(pd.Series(prices, index=index), step_s=1.0)
    plain = realised_variance(prices, times, step_s=1.0)
    assert (found, found.span_s, found.samples) == (plain, plain.span_s, plain.samples)
    if isinstance(index, pd.DatetimeIndex):
        for same in (index, index.to_series(), list(index)):
            assert realised_variance(prices, same, step_s=1.0) == plain
