"""The six bar estimators: the reference values, windows, streams, properties, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compiled_loops import feed_bars
from workbench import volatility
from workbench.volatility import BarVariance, Variance, make_bars
from workbench.volatility.bar_steps import STATE_SIZE, bar_update, odd_bars, push_terms, roll_terms
from workbench.volatility.bars import KINDS

# Reference formulas and values, section 6.
BARS = pd.DataFrame(
    {
        "open": [100, 101.5, 100.2, 102, 101.1, 103],
        "high": [102, 102.3, 101.9, 103.5, 103.2, 104.4],
        "low": [99.1, 100, 99.5, 100.8, 100.9, 102.1],
        "close": [101.2, 100.4, 101.8, 101, 103.1, 102.5],
    }
)
EXPECTED = {
    "close_to_close": 1.854925939962e-04,
    "parkinson": 2.176113594310e-04,
    "garman_klass": 2.362300083820e-04,
    "rogers_satchell": 2.423649519137e-04,
    "garman_klass_yang_zhang": 2.149774648513e-04,
    "yang_zhang": 2.249715346892e-04,
}
NEED_CLOSE_BEFORE = {"close_to_close", "garman_klass_yang_zhang", "yang_zhang"}


def estimator(kind: str) -> Callable[..., Any]:
    return getattr(volatility, f"{kind}_variance")


def random_bars(seed: int, n: int, drift: float = 0.0, steps: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    paths = np.cumsum(rng.normal(drift / steps, 0.01 / math.sqrt(steps), (n, steps)), axis=1)
    start = np.cumsum(np.r_[0.0, paths[:-1, -1]] + rng.normal(0, 0.004, n))
    path = start[:, None] + np.column_stack([np.zeros(n), paths])
    return pd.DataFrame(
        100 * np.exp(np.column_stack([path[:, 0], path.max(1), path.min(1), path[:, -1]])),
        columns=["open", "high", "low", "close"],
    )


def plainly(kind: str, bars: pd.DataFrame) -> float:
    """The formulas of section 6, line by line."""
    o, h, low, c = (np.log(bars[name].to_numpy()) for name in ("open", "high", "low", "close"))
    u, d, r = h - o, low - o, c - o
    jump, whole = o[1:] - c[:-1], np.diff(c)
    gk = 0.5 * (u - d) ** 2 - (2 * math.log(2) - 1) * r**2
    rs = u * (u - r) + d * (d - r)
    n = len(jump)
    k = 0.34 / (1.34 + (n + 1) / (n - 1)) if n > 1 else math.nan
    values = {
        "close_to_close": lambda: np.var(whole, ddof=1),
        "parkinson": lambda: np.mean((u - d) ** 2) / (4 * math.log(2)),
        "garman_klass": lambda: np.mean(gk),
        "rogers_satchell": lambda: np.mean(rs),
        "garman_klass_yang_zhang": lambda: np.mean(jump**2 + gk[1:]),
        "yang_zhang": lambda: np.var(jump, ddof=1) + k * np.var(r[1:], ddof=1) + (1 - k) * np.mean(rs[1:]),
    }
    return float(values[kind]())


@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_values_come_out_to_ten_digits(kind: str) -> None:
    found = estimator(kind)(BARS, bar_s=86_400)
    assert found == pytest.approx(EXPECTED[kind], rel=1e-10)
    assert found.samples == (5 if kind in NEED_CLOSE_BEFORE else 6)
    assert found.volatility("day") == pytest.approx(math.sqrt(EXPECTED[kind]), rel=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rolling_window_gives_what_the_formula_gives_for_each_window(kind: str) -> None:
    bars, window = random_bars(5, 200), 7
    rolling = estimator(kind)(bars, window)
    assert rolling.index.equals(bars.index)
    first = window if kind in NEED_CLOSE_BEFORE else window - 1
    assert rolling[:first].isna().all()
    for i in range(first, len(bars)):
        expected = plainly(kind, bars.iloc[i - first : i + 1])
        assert rolling.iloc[i] == pytest.approx(expected, rel=1e-9), i


@pytest.mark.parametrize("window", [None, 50])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_gives_the_same_numbers_as_the_array_over_a_million_bars(kind: str, window: int | None) -> None:
    bars = np.ascontiguousarray(np.tile(random_bars(6, 10_000).to_numpy(), (100, 1)))
    stream = BarVariance(kind, window)  # type: ignore[arg-type]
    out = np.empty(len(bars))
    feed_bars(stream.state, stream._ring, KINDS.index(kind), bars, out)
    array = estimator(kind)(bars, window)
    if window is None:
        assert out[-1] == pytest.approx(array, rel=1e-10)
        assert out[-1] == pytest.approx(plainly(kind, pd.DataFrame(bars, columns=BARS.columns)), rel=1e-9)
    else:
        np.testing.assert_allclose(out, array.to_numpy(), rtol=1e-12)
        last = pd.DataFrame(bars[-51 if kind in NEED_CLOSE_BEFORE else -50 :], columns=BARS.columns)
        assert out[-1] == pytest.approx(plainly(kind, last), rel=1e-9), "no rounding has piled up"


@pytest.mark.parametrize("kind", KINDS)
def test_feeding_bars_one_by_one_gives_the_rolling_numbers(kind: str) -> None:
    bars = random_bars(7, 60)
    stream = BarVariance(kind, 5)  # type: ignore[arg-type]
    streamed = [stream.update(*row) for row in bars.to_numpy().tolist()]
    np.testing.assert_allclose(streamed, estimator(kind)(bars, 5).to_numpy(), rtol=1e-12)
    assert stream.samples == 5


@pytest.mark.parametrize("kind", range(6))
def test_compiled_and_plain_python_give_the_same_numbers(kind: int) -> None:
    states, rings = (np.zeros(STATE_SIZE), np.zeros(STATE_SIZE)), (np.zeros((3, 4)), np.zeros((3, 4)))
    for row in random_bars(8, 30).to_numpy().tolist():
        fast = bar_update(states[0], rings[0], kind, *row)
        slow = bar_update.py_func(states[1], rings[1], kind, *row)  # type: ignore[attr-defined]
        assert fast == pytest.approx(slow, rel=1e-13, nan_ok=True)
    plain = push_terms.py_func(states[0].copy(), rings[0].copy(), kind, 0.1, 0.2, 0.3)  # type: ignore[attr-defined]
    assert push_terms(states[1].copy(), rings[1].copy(), kind, 0.1, 0.2, 0.3) == pytest.approx(plain, rel=1e-12)
    terms = np.random.default_rng(1).normal(size=(3, 30))
    fast_path, slow_path = np.empty(30), np.empty(30)
    roll_terms(kind, *terms, 4, fast_path)
    roll_terms.py_func(kind, *terms, 4, slow_path)  # type: ignore[attr-defined]
    np.testing.assert_allclose(fast_path, slow_path, rtol=1e-12)


def test_odd_bars_are_counted_alike_by_compiled_and_plain_python() -> None:
    bars = random_bars(12, 40)
    for place, column, bad in ((3, "low", math.nan), (7, "high", math.inf), (9, "open", 0.0), (20, "close", 1e9)):
        bars.loc[place, column] = bad
    columns = [bars[name].to_numpy() for name in bars.columns]
    assert odd_bars(*columns) == odd_bars.py_func(*columns) == 4  # type: ignore[attr-defined]


seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.floats(1e-3, 1e3), st.sampled_from(KINDS))
def test_the_unit_of_the_price_does_not_matter(seed: int, factor: float, kind: str) -> None:
    bars = random_bars(seed, 12)
    assert estimator(kind)(factor * bars) == pytest.approx(estimator(kind)(bars), rel=1e-7)


@given(seeds, st.floats(0.1, 10.0), st.sampled_from(KINDS))
def test_moves_that_are_twice_as_large_have_four_times_the_variance(seed: int, factor: float, kind: str) -> None:
    bars = random_bars(seed, 12)
    assert estimator(kind)(100 * (bars / 100) ** factor) == pytest.approx(factor**2 * estimator(kind)(bars), rel=1e-9)


@given(seeds, st.floats(-0.05, 0.05), st.sampled_from(["rogers_satchell", "yang_zhang", "close_to_close"]))
def test_a_drift_from_bar_to_bar_does_not_matter(seed: int, drift: float, kind: str) -> None:
    bars = random_bars(seed, 12)
    drifting = bars.mul(np.exp(drift * np.arange(12)), axis=0)
    assert estimator(kind)(drifting) == pytest.approx(estimator(kind)(bars), rel=1e-7)


@settings(max_examples=15)
@given(st.floats(-1.0, 1.0))
def test_a_drift_within_bars_biases_neither_rogers_satchell_nor_yang_zhang(sigmas: float) -> None:
    # The same noise with and without a drift of so many sigmas a bar, 400 ticks a bar: so ticks miss about as much.
    quiet, drifting = random_bars(1, 2_000, steps=400), random_bars(1, 2_000, 0.01 * sigmas, steps=400)
    for kind in ("rogers_satchell", "yang_zhang"):
        assert estimator(kind)(drifting) == pytest.approx(estimator(kind)(quiet), rel=0.06)
    assert estimator("parkinson")(drifting) >= estimator("parkinson")(quiet) * (1 + 0.2 * sigmas**2 - 0.03)


@given(st.floats(0.001, 0.1), st.integers(3, 20))
def test_bars_that_only_trend_have_no_variance_left_for_those_that_allow_drift(drift: float, n: int) -> None:
    edge = 100 * np.exp(drift * np.arange(n + 1))
    trend = np.column_stack([edge[:-1], edge[1:], edge[:-1], edge[1:]])
    for kind in ("rogers_satchell", "yang_zhang", "close_to_close"):
        assert estimator(kind)(trend) == pytest.approx(0.0, abs=1e-14)
    assert estimator("parkinson")(trend) > 0.0


@given(seeds, st.sampled_from([60.0, 3_600.0, 86_400.0]), st.sampled_from(KINDS))
def test_the_length_of_a_bar_sets_the_unit_and_nothing_else(seed: int, bar_s: float, kind: str) -> None:
    bars = random_bars(seed, 12)
    bars.index = pd.date_range("2026-01-01", periods=12, freq=pd.Timedelta(seconds=bar_s), tz="UTC")
    found = estimator(kind)(bars)
    assert isinstance(found, Variance)
    assert found.span_s == bar_s
    assert found.volatility("day") == pytest.approx(math.sqrt(found * 86_400 / bar_s), rel=1e-12)


# --- bars from prices, and bars that are not there --------------------------------------------------------------------


def test_bars_from_prices_hold_first_highest_lowest_and_last_and_say_where_there_was_none() -> None:
    times = pd.to_datetime(["2026-01-01 00:00:01", "2026-01-01 00:00:02", "2026-01-01 00:00:59", "2026-01-01 00:02:30"])
    bars = make_bars(pd.Series([3.0, 5.0, 4.0, 7.0], index=times), bar_s=60)
    assert bars.to_numpy()[0].tolist() == [3.0, 5.0, 3.0, 4.0, 3.0]
    assert bars.iloc[1, :4].isna().all()
    assert bars["ticks"].tolist() == [3, 0, 1]
    assert bars.index[2] == pd.Timestamp("2026-01-01 00:02", tz="UTC")


@pytest.mark.parametrize("as_rows", [True, False], ids=["a row of NaN", "a step in the index"])
def test_missing_bars_are_refused_or_no_return_is_taken_over_them_or_it_counts(as_rows: bool) -> None:
    bars = random_bars(9, 12)
    bars.index = pd.date_range("2026-01-01", periods=12, freq="1min", tz="UTC")
    bars.iloc[6:, :4] *= 3.0  # so that the return over the hole stands out
    bars.iloc[5] = np.nan
    holed = bars if as_rows else bars.dropna()
    for kind in KINDS:
        with pytest.raises(ValueError, match="gaps='break'"):
            estimator(kind)(holed)
        assert estimator(kind)(holed, gaps="break") < 1e-3
    joined = estimator("close_to_close")(holed, gaps="join")
    assert joined == pytest.approx(plainly("close_to_close", bars.dropna()), rel=1e-9)
    assert joined > 0.1
    parts = [np.diff(np.log(part["close"].to_numpy())) for part in (bars.iloc[:5], bars.iloc[6:])]
    broken = estimator("close_to_close")(holed, gaps="break")
    assert broken == pytest.approx(np.var(np.concatenate(parts), ddof=1), rel=1e-9)


def test_a_stream_told_of_missing_bars_takes_no_return_over_them() -> None:
    bars = random_bars(10, 12)
    holed = bars.copy()
    holed.iloc[5] = np.nan
    stream = BarVariance("yang_zhang")
    for i, row in enumerate(holed.to_numpy().tolist()):
        if i == 5:
            stream.break_series()
        else:
            stream.update(*row)
    assert stream.variance == pytest.approx(estimator("yang_zhang")(holed, gaps="break"), rel=1e-12)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_prices_that_are_no_positive_numbers_are_refused_with_their_place(kind: str, bad: float) -> None:
    bars = random_bars(11, 6)
    bars.iloc[3, 2] = bad
    with pytest.raises(ValueError, match="low 3 is"):
        estimator(kind)(bars)
    with pytest.raises(ValueError, match="expected positive finite"):
        BarVariance(kind).update(1.0, 2.0, bad, 1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_too_few_bars_are_refused_and_a_stream_says_nothing_yet(kind: str) -> None:
    with pytest.raises(ValueError, match="too few"):
        estimator(kind)(BARS.iloc[:1])
    with pytest.raises(ValueError, match="expected"):
        estimator(kind)(BARS.iloc[:0])
    assert math.isnan(BarVariance(kind).update(1.0, 2.0, 0.5, 1.5))  # type: ignore[arg-type]


def test_unsorted_bars_wrong_extremes_missing_columns_and_bad_settings_are_refused() -> None:
    dated = BARS.set_index(pd.date_range("2026-01-01", periods=6, freq="1D"))
    with pytest.raises(ValueError, match="sort"):
        volatility.parkinson_variance(dated.iloc[::-1])
    with pytest.raises(ValueError, match="not the extreme"):
        volatility.parkinson_variance(BARS.assign(high=100.0))
    with pytest.raises(ValueError, match="no column 'low'"):
        volatility.parkinson_variance(BARS.drop(columns="low"))
    with pytest.raises(ValueError, match="shape"):
        volatility.parkinson_variance([1.0, 2.0])
    with pytest.raises(ValueError, match="window"):
        volatility.parkinson_variance(BARS, 1)
    with pytest.raises(ValueError, match="gaps"):
        volatility.parkinson_variance(BARS, gaps="fill")
    with pytest.raises(ValueError, match="unit of time"):
        volatility.parkinson_variance(BARS.set_index(pd.Index([1, 5, 9, 13, 17, 22])))
    with pytest.raises(ValueError, match="expected one of"):
        BarVariance("range")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="bar_s"):
        volatility.parkinson_variance(BARS).volatility("day")
