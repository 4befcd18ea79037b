"""The Sharpe ratio, its bootstrap interval and its deflation, against printed values and known limits."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.analysis import deflated_sharpe, expected_best_sharpe, sharpe_ratio

SEED = 20140716


def draw(n: int = 500, mean: float = 0.1) -> np.ndarray:
    return np.random.default_rng(SEED).normal(mean, 1.0, n)


def test_the_example_of_the_paper_comes_out() -> None:
    # Bailey and Lopez de Prado, section "A numerical example": daily data of five years, a hundred trials.
    told = deflated_sharpe(
        2.5 / math.sqrt(250), 1250, skewness=-3.0, kurtosis=10.0, trials=100, ratio_variance=0.5 / 250
    )
    assert told.hurdle == pytest.approx(0.1132, abs=5e-5)
    assert told.probability == pytest.approx(0.9004, abs=5e-5)


@pytest.mark.parametrize(
    ("ratio", "returns", "skewness", "kurtosis", "trials", "variance", "hurdle", "probability"),
    [
        (0.08, 2_000, -1.2, 8.0, 1, 0.0, 0.0, 0.999662147704),
        (0.12, 730, 0.4, 4.5, 25, 0.002, 0.089315258193, 0.800540508563),
        (-0.03, 365, -0.5, 3.5, 7, 0.001, 0.043853658988, 0.077902728714),
    ],
)
def test_other_values_are_those_of_scipys_normal_law(
    ratio: float,
    returns: int,
    skewness: float,
    kurtosis: float,
    trials: int,
    variance: float,
    hurdle: float,
    probability: float,
) -> None:
    # scipy.stats.norm in the two equations of the paper, written apart from ours.
    told = deflated_sharpe(ratio, returns, skewness=skewness, kurtosis=kurtosis, trials=trials, ratio_variance=variance)
    assert told.hurdle == pytest.approx(hurdle, rel=1e-9)
    assert told.probability == pytest.approx(probability, rel=1e-9)


def test_quantstats_gives_the_same_ratio() -> None:
    stats: Any = pytest.importorskip(
        "quantstats.stats", reason="quantstats is not installed (an oracle, no dependency)"
    )
    returns = pd.Series(draw() / 100, index=pd.date_range("2024-01-01", periods=500))
    told = sharpe_ratio(returns, np.random.default_rng(1), periods=365.0)
    assert told.ratio == pytest.approx(stats.sharpe(returns, periods=365), rel=1e-12)


def test_fewer_trials_deflate_less_as_the_paper_says() -> None:
    told = deflated_sharpe(
        2.5 / math.sqrt(250), 1250, skewness=-3.0, kurtosis=10.0, trials=46, ratio_variance=0.5 / 250
    )
    assert told.probability == pytest.approx(0.9505, abs=5e-5)


def test_a_value_reckoned_by_hand() -> None:
    # (0.1 - 0) sqrt(100) / sqrt(1 + 0.5 0.01) = 0.99751
    assert deflated_sharpe(0.1, 101).probability == pytest.approx(NormalDist().cdf(1.0 / math.sqrt(1.005)), abs=1e-15)


def test_one_trial_has_no_hurdle_and_more_trials_have_a_higher_one() -> None:
    assert expected_best_sharpe(1, 4.0) == 0.0
    hurdles = [expected_best_sharpe(n, 4.0) for n in (2, 10, 1_000, 10**20)]
    assert hurdles == sorted(hurdles)
    assert math.isfinite(hurdles[-1])


def test_the_hurdle_is_the_mean_of_the_best_of_normal_draws() -> None:
    best = np.random.default_rng(SEED).normal(0.0, 0.3, (20_000, 50)).max(axis=1)
    # The formula is an approximation for large N, about 1 % high at 50.
    assert expected_best_sharpe(50, 0.09) == pytest.approx(best.mean(), rel=0.02), SEED


def test_no_skill_is_a_coin_toss_and_long_records_decide() -> None:
    assert deflated_sharpe(0.0, 1000).probability == 0.5
    assert deflated_sharpe(0.1, 10**6).probability == pytest.approx(1.0)
    trials: dict[str, Any] = {"trials": 100, "ratio_variance": 0.01}
    hurdle = expected_best_sharpe(**trials)
    assert deflated_sharpe(hurdle, 1000, **trials).probability == 0.5
    assert deflated_sharpe(hurdle / 2, 10**6, **trials).probability == pytest.approx(0.0, abs=1e-12)


def test_bad_tails_make_a_ratio_less_sure() -> None:
    plain = deflated_sharpe(0.1, 500).probability
    assert deflated_sharpe(0.1, 500, skewness=-2.0, kurtosis=12.0).probability < plain


def test_the_ratio_is_mean_over_deviation_scaled_by_the_root_of_time() -> None:
    values = draw()
    told = sharpe_ratio(pd.Series(values), np.random.default_rng(1), periods=252.0)
    assert told.ratio == pytest.approx(math.sqrt(252) * values.mean() / values.std(ddof=1), rel=1e-12)
    assert told.low < told.ratio < told.high
    assert told.returns == 500


def test_the_same_generator_gives_the_same_interval() -> None:
    one, two, other = (sharpe_ratio(draw(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == two
    assert one.low != other.low


def test_for_independent_returns_the_error_is_the_known_one() -> None:
    values = draw(2_000)
    told = sharpe_ratio(values, np.random.default_rng(SEED), resamples=2_000, block=1.0)
    expected = math.sqrt((1.0 + 0.5 * told.ratio**2) / values.size)
    assert told.error == pytest.approx(expected, rel=0.1), SEED


def test_blocks_see_that_correlated_returns_are_less_sure() -> None:
    noise = draw(4_000, 0.0)
    runs = np.convolve(noise, np.ones(20) / 20, mode="valid") + 0.02
    single = sharpe_ratio(runs, np.random.default_rng(SEED), block=1.0, resamples=300)
    blocks = sharpe_ratio(runs, np.random.default_rng(SEED), block=100.0, resamples=300)
    # A moving average of twenty multiplies the variance of the mean by about twenty.
    assert 3.0 < blocks.error / single.error < 6.0, SEED


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(SEED)
    covered = 0
    for _ in range(100):
        told = sharpe_ratio(rng.normal(0.2, 1.0, 200), rng, resamples=200, block=1.0, level=0.9)
        covered += told.low <= 0.2 <= told.high
    assert 0.80 <= covered / 100 <= 0.98, SEED


@pytest.mark.parametrize(
    ("returns", "settings", "why"),
    [
        ([], {}, "at least 10"),
        ([1.0], {}, "at least 10"),
        ([*range(11), math.nan], {}, "return 11 is nan"),
        ([0.1] * 20, {}, "every return is 0.1"),
        (range(20), {"block": 0.5}, "block is 0.5"),
        (range(20), {"periods": 0.0}, "periods is 0.0"),
        (range(20), {"resamples": 10}, "resamples is 10"),
        (range(20), {"level": 1.0}, "level 1.0"),
        ([0.0] * 19 + [1.0], {}, "does not vary"),
    ],
)
def test_returns_that_say_nothing_are_refused(returns: Any, settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        sharpe_ratio(np.asarray(list(returns), dtype=float), np.random.default_rng(SEED), **settings)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"ratio": math.nan}, "expected finite"),
        ({"returns": 1}, "returns is 1"),
        ({"trials": 0}, "trials is 0"),
        ({"trials": 5, "ratio_variance": -1.0}, "ratio_variance is -1.0"),
        ({"skewness": 3.0}, "no law has"),
    ],
)
def test_a_deflation_without_sense_is_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        deflated_sharpe(**({"ratio": 0.1, "returns": 100} | settings))
