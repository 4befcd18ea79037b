"""Signs of trades and sweeps, in arrays, in streams and on the recorded tape."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.market import SweepMerger, TradeSigner, merge_sweeps, trade_signs
from workbench.market.trades import sign_path, sign_update


def test_the_mid_decides_and_the_last_change_breaks_a_tie() -> None:
    assert np.asarray(trade_signs([100, 101, 100, 100, 99], [100, 100, 101, 100, 98])).tolist() == [0, 1, -1, -1, 1]


def test_without_a_mid_the_last_change_decides() -> None:
    assert np.asarray(trade_signs([100, 100, 101, 101, 100])).tolist() == [0, 0, 1, 1, -1]


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=20))
def test_one_trade_at_a_time_gives_the_signs_of_the_array(rows: list[tuple[int, int]]) -> None:
    prices, mids = np.array(rows, dtype=float).T
    stream = TradeSigner()
    streamed = [stream.update(float(price), float(mid)) for price, mid in rows]
    assert streamed == np.asarray(trade_signs(prices, mids)).tolist()
    plain = np.empty(len(rows))
    sign_path.py_func(np.array([math.nan, 0.0]), prices, mids, plain)
    assert plain.tolist() == streamed
    state = np.array([math.nan, 0.0])
    assert [sign_update.py_func(state, price, mid) for price, mid in rows] == streamed


def test_prints_of_one_time_and_side_are_one_sweep_though_the_other_side_trades_between() -> None:
    table = merge_sweeps([5, 5, 5, 5, 9], [1, 1, -1, 1, 1], [100, 102, 99, 101, 100], [1, 2, 4, 1, 3])
    assert table.to_dict("records") == [
        {"t_ns": 5, "side": 1, "size": 4, "price": 101.25, "first_price": 100, "last_price": 102, "trades": 3},
        {"t_ns": 5, "side": -1, "size": 4, "price": 99, "first_price": 99, "last_price": 99, "trades": 1},
        {"t_ns": 9, "side": 1, "size": 3, "price": 100, "first_price": 100, "last_price": 100, "trades": 1},
    ]


prints = st.tuples(st.integers(0, 2), st.sampled_from([1, -1]), st.integers(90, 110), st.integers(1, 9))


@given(st.lists(prints, min_size=1, max_size=30))
def test_one_trade_at_a_time_gives_the_sweeps_of_the_array(rows: list[tuple[int, int, int, int]]) -> None:
    times = np.cumsum([row[0] for row in rows])
    stream = SweepMerger()
    streamed = [
        sweep
        for t_ns, (_, side, price, size) in zip(times.tolist(), rows, strict=True)
        for sweep in stream.update(t_ns, side, price, size)
    ]
    streamed += stream.flush()
    assert stream.flush() == []
    _, sides, prices, sizes = zip(*rows, strict=True)
    assert [asdict(sweep) for sweep in streamed] == merge_sweeps(times, sides, prices, sizes).to_dict("records")


def test_the_recorded_tape_holds_its_sweeps(recorded_trades: pd.DataFrame) -> None:
    table = merge_sweeps(*(recorded_trades[name] for name in ("t_ns", "side", "price", "size")))
    assert len(table) == 5_374
    assert table["size"].sum() == recorded_trades["size"].sum()
    assert table["trades"].sum() == len(recorded_trades)


def test_the_tick_rule_finds_most_sides_of_the_recorded_tape(recorded_trades: pd.DataFrame) -> None:
    signs = trade_signs(recorded_trades["price"])
    assert isinstance(signs, pd.Series)
    assert (signs == recorded_trades["side"]).mean() > 0.95


GOOD = {"times": [1, 2], "sides": [1, -1], "prices": [10.0, 11.0], "sizes": [1.0, 1.0]}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"times": []}, "times have shape"),
        ({"times": [2, 1]}, "sort by time"),
        ({"times": pd.DatetimeIndex(["2024-01-01", None])}, "NaT"),
        ({"sides": []}, "side has shape"),
        ({"sides": [1, 0]}, "side 1 is 0"),
        ({"prices": [10.0, np.nan]}, "price 1 is nan"),
        ({"prices": [10.0]}, "1 values for 2 rows"),
        ({"sizes": [1.0, -1.0]}, "size 1 is -1"),
    ],
)
def test_bad_trades_are_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        merge_sweeps(**(GOOD | change))


@pytest.mark.parametrize(
    ("trade", "why"),
    [
        ((4, 1, 10, 1), "1 ns before"),
        ((5, 0, 10, 1), "side"),
        ((5, 1, -1, 1), "positive"),
        ((5, 1, 1, math.nan), "nan"),
    ],
)
def test_a_bad_trade_is_refused_and_not_taken(trade: tuple[int, int, float, float], why: str) -> None:
    stream = SweepMerger()
    stream.update(5, 1, 10, 1)
    with pytest.raises(ValueError, match=why):
        stream.update(*trade)
    (sweep,) = stream.flush()
    assert sweep.size == 1


def test_prices_that_are_none_have_no_sign() -> None:
    for bad in ([], [0.0], [1.0, np.nan]):
        with pytest.raises(ValueError, match="price"):
            trade_signs(bad)
    with pytest.raises(ValueError, match="price is nan"):
        TradeSigner().update(math.nan)
