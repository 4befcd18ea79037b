"""What bars of few ticks, and bars with a drift, do to the range estimators: the tables of section 6, by simulation."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from workbench import volatility

SEED = 20261
"""Of every simulation here."""

NAMES = ("parkinson", "garman_klass", "rogers_satchell")


@cache
def simulated(steps: int, bars: int, drift: float = 0.0) -> np.ndarray:
    """Bars of unit variance, as log prices around zero scaled by a hundredth: float64[bars, 4] of prices."""
    rng = np.random.default_rng(SEED)
    out = np.empty((bars, 4))
    for a in range(0, bars, 250):
        part = out[a : a + 250]
        path = rng.standard_normal((len(part), steps)) / math.sqrt(steps) + drift / steps
        np.cumsum(path, axis=1, out=path)
        part[:, 1], part[:, 2] = np.maximum(path.max(1), 0), np.minimum(path.min(1), 0)
        part[:, 0], part[:, 3] = 0.0, path[:, -1]
    return np.exp(0.01 * out)


def biases(bars: np.ndarray) -> list[float]:
    return [float(getattr(volatility, f"{name}_variance")(bars)) / 1e-4 for name in NAMES]


@pytest.mark.parametrize(
    ("steps", "bars", "drift", "expected"),
    [
        (50, 40_000, 0.0, (0.83, 0.76, 0.76)),
        (500, 20_000, 0.0, (0.94, 0.92, 0.92)),
        (4_000, 12_000, 0.0, (0.98, 0.97, 0.97)),
        (4_000, 12_000, 1.0, (1.35, 1.10, 0.97)),
    ],
)
def test_the_mean_over_the_true_variance_is_as_in_the_table(
    steps: int, bars: int, drift: float, expected: tuple[float, ...]
) -> None:
    # The table has two digits; the error of a mean of so many bars is below .01.
    assert biases(simulated(steps, bars, drift)) == pytest.approx(expected, abs=0.02)


def test_the_range_estimators_are_as_much_sharper_than_closes_as_the_table_says() -> None:
    bars = np.log(simulated(4_000, 12_000)) / 0.01
    high, low, close = bars[:, 1], bars[:, 2], bars[:, 3]
    terms = {
        "parkinson": ((high - low) ** 2 / (4 * math.log(2)), 4.9),
        "garman_klass": (0.5 * (high - low) ** 2 - (2 * math.log(2) - 1) * close**2, 7.8),
        "rogers_satchell": (high * (high - close) + low * (low - close), 6.4),
    }
    for name, (term, expected) in terms.items():
        one_by_one = [float(x) for x in term[:200]]
        rows = np.exp(0.01 * bars[:200])
        mean_of_two = [float(getattr(volatility, f"{name}_variance")(np.vstack([row, row]))) for row in rows]
        np.testing.assert_allclose(mean_of_two, np.array(one_by_one) * 1e-4, rtol=1e-6, atol=1e-12)
        assert np.var(close**2) / np.var(term) == pytest.approx(expected, rel=0.1), name


def test_yang_zhang_over_21_bars_is_about_nine_times_as_sharp_as_closes() -> None:
    bars = simulated(4_000, 12_000)
    # Each bar begins where the one before it ended: prices without gaps.
    level = np.exp(np.r_[0.0, np.cumsum(np.log(bars[:-1, 3]))])
    chained = bars * level[:, None]
    windows = slice(21, None, 22)
    sharp = volatility.yang_zhang_variance(chained, 21).to_numpy()[windows]  # type: ignore[union-attr]
    plain = volatility.close_to_close_variance(chained, 21).to_numpy()[windows]  # type: ignore[union-attr]
    assert len(plain) > 500
    # Two variances of 545 values each: the ratio has an error of about a tenth.
    assert np.var(plain) / np.var(sharp) == pytest.approx(8.8, rel=0.3)
