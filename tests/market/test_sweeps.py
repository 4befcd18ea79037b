"""The prints of one taker merged into sweeps: in arrays, in streams, on the recorded tape."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.market import SweepMerger, merge_sweeps, sweep_columns
from workbench.market.sweeps import CLOCK_SIZE, SWEEP_SIZE, close_sweeps, sweep_path, sweep_update


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
    stamps, taken = np.asarray(times), np.asarray(sides)
    opened = sweep_columns(times, sides, prices, sizes).opened
    before = [stamps[:i][taken[:i] == taken[i]] for i in range(len(rows))]
    assert opened.tolist() == [i for i in range(len(rows)) if not before[i].size or before[i][-1] != stamps[i]]


@given(st.lists(prints, min_size=1, max_size=12))
def test_the_compiled_merger_is_its_plain_twin(rows: list[tuple[int, int, int, int]]) -> None:
    sides, prices, sizes = (np.array(column) for column in zip(*[row[1:] for row in rows], strict=True))
    given_rows = (np.cumsum([row[0] for row in rows]), sides, prices.astype(float), sizes.astype(float))
    outcomes = []
    for path in (sweep_path, sweep_path.py_func):
        opened, stamps, out = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64), np.zeros((len(rows), 6))
        count = path(*given_rows, opened, stamps, out)
        outcomes.append((count, opened.tolist(), stamps.tolist(), out.tolist()))
    assert outcomes[0] == outcomes[1]
    state = np.zeros(CLOCK_SIZE, np.int64), np.zeros((2, SWEEP_SIZE))
    out = np.zeros((2, SWEEP_SIZE))
    told = [sweep_update.py_func(*state, *row, out) for row in zip(*given_rows, strict=True)]
    assert sum(told) + close_sweeps.py_func(*state, out) == outcomes[0][0]
    for bad, code in (((9_999, 0, 1.0, 1.0), -1), ((9_999, 1, math.nan, 1.0), -2)):
        assert sweep_update.py_func(*state, *bad, out) == sweep_update(*state, *bad, out) == code


def test_the_recorded_tape_holds_its_sweeps(recorded_trades: pd.DataFrame) -> None:
    table = merge_sweeps(*(recorded_trades[name] for name in ("t_ns", "side", "price", "size")))
    assert len(table) == 5_374
    assert table["size"].sum() == recorded_trades["size"].sum()
    assert table["trades"].sum() == len(recorded_trades)


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
