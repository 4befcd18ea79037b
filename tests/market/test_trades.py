"""Signs of trades, in arrays, in streams and on the recorded tape."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.market import TradeSigner, trade_signs
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


def test_the_tick_rule_finds_most_sides_of_the_recorded_tape(recorded_trades: pd.DataFrame) -> None:
    signs = trade_signs(recorded_trades["price"])
    assert isinstance(signs, pd.Series)
    assert (signs == recorded_trades["side"]).mean() > 0.95


def test_prices_that_are_none_have_no_sign() -> None:
    for bad in ([], [0.0], [1.0, np.nan]):
        with pytest.raises(ValueError, match="price"):
            trade_signs(bad)
    with pytest.raises(ValueError, match="price is nan"):
        TradeSigner().update(math.nan)
