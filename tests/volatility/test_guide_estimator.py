"""The guide's number over an array: what it prints, and that it does not know what time it is."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tests.compiled_loops import feed_guide
from workbench.volatility import GuideVolatility, calculate_volatility, guide_estimator
from workbench.volatility.guide import guide_path, spread_of_returns

SEED = 20265


def prices(n: int = 400, step_s: float = 60.0) -> np.ndarray:
    rng = np.random.default_rng(SEED)
    return 100 * np.exp(np.cumsum(rng.normal(0, 0.03 * math.sqrt(step_s / 86_400), n)))


def test_array_stream_and_function_give_the_same_numbers() -> None:
    values = prices()
    array = guide_estimator(values)
    stream = GuideVolatility()
    for i, price in enumerate(values.tolist()):
        assert stream.update(price) == array[i] == calculate_volatility(values[: i + 1])
    assert (array[:19] == 0.01).all()
    expected = np.std(np.diff(np.log(values[-20:]))) * math.sqrt(1440)
    assert array[-1] == pytest.approx(expected, rel=1e-12)


def test_a_million_prices_in_a_stream_and_in_an_array_give_the_same_numbers() -> None:
    values = prices(1_000_000)
    streamed = np.empty(len(values))
    feed_guide(np.ones(20), values, streamed)
    np.testing.assert_array_equal(streamed[19:], guide_estimator(values)[19:])


@pytest.mark.parametrize(("step_s", "share"), [(60.0, 1.0), (1.0, 0.129), (0.1, 0.041)])
def test_it_shows_the_root_of_a_step_over_a_minute_of_the_daily_figure(step_s: float, share: float) -> None:
    # 3 % a day; the mean over windows of 20 of a deviation with ddof 0 is about 4 % low by itself.
    shown = float(np.mean(guide_estimator(prices(40_000, step_s))[19:]))
    assert shown / 0.03 == pytest.approx(share * 0.96, rel=0.02)


def test_compiled_and_plain_python_give_the_same_numbers() -> None:
    values = prices(40)
    fast, slow = np.empty(40), np.empty(40)
    guide_path(values, 20, 0.01, fast)
    guide_path.py_func(values, 20, 0.01, slow)  # type: ignore[attr-defined]
    np.testing.assert_allclose(fast, slow, rtol=1e-13)
    for oldest in (0, 7, 19):
        plain = spread_of_returns.py_func(values[:20], oldest)  # type: ignore[attr-defined]
        assert spread_of_returns(values[:20], oldest) == pytest.approx(plain, rel=1e-13)


def test_pandas_in_pandas_out_and_bad_prices_are_refused() -> None:
    series = pd.Series(prices(30), index=pd.date_range("2026-01-01", periods=30, freq="1min"))
    out = guide_estimator(series)
    assert isinstance(out, pd.Series)
    assert out.index.equals(series.index)
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="at 1; expected positive finite"):
            guide_estimator([100.0, bad])
    with pytest.raises(ValueError, match="at least 1 price"):
        guide_estimator([])
    with pytest.raises(ValueError, match="window is 1"):
        guide_estimator([1.0, 2.0], window=1)
