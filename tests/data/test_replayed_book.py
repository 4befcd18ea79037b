"""The compiled replay of a book against a plain dictionary, for any rows in any batches."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.made_data import random_book, rows, table_of
from workbench.data import CLEAR, DEPTH, GAP, GAP_SEQUENCE, GAP_TRADES, RESYNC, SNAPSHOT, TRADE, best_quotes
from workbench.data.replayed import BookReplay, replay_levels


def by_dictionary(frame: pd.DataFrame) -> list[tuple[int, int, int, int]]:
    """Best bid, its size, best ask, its size after each row; zeros where unknown."""
    book: dict[int, dict[int, int]] = {1: {}, -1: {}}
    known, out = True, []
    for row in frame.itertuples():
        if row.kind == GAP:
            known = known and row.size >= GAP_TRADES
        elif row.kind == RESYNC:
            known = True
        else:
            for side in (1, -1):
                if row.side not in (0, side):
                    continue
                if row.kind == CLEAR:
                    reach = [p for p in book[side] if not row.price_ticks or side * p >= side * row.price_ticks]
                    for price in reach:
                        del book[side][price]
                elif row.size:
                    book[side][row.price_ticks] = row.size
                else:
                    book[side].pop(row.price_ticks, None)
        best = [max(book[1], default=0), min(book[-1], default=0)] if known else [0, 0]
        out.append((best[0], book[1].get(best[0], 0), best[1], book[-1].get(best[1], 0)))
    return out


levels = st.tuples(st.sampled_from([DEPTH, SNAPSHOT]), st.sampled_from([1, -1]), st.integers(1, 12), st.integers(0, 3))
clears = st.tuples(st.just(CLEAR), st.sampled_from([1, -1, 0]), st.integers(0, 13), st.just(0)).map(
    lambda row: row if row[1] else (CLEAR, 0, 0, 0)
)
remarks = st.sampled_from([(GAP, 0, 0, GAP_SEQUENCE), (GAP, 0, 0, GAP_TRADES), (RESYNC, 0, 0, 0)])


@given(st.lists(st.one_of(levels, levels, levels, clears, remarks), min_size=1, max_size=60), st.integers(1, 60))
def test_the_replay_is_the_dictionarys(events: list[tuple[int, int, int, int]], cut: int) -> None:
    frame = rows(*[(number, *event) for number, event in enumerate(events)])
    replay = BookReplay()
    got: list[list[int]] = []
    for part in (frame.iloc[:cut], frame.iloc[cut:]):
        columns = {name: part[name].to_numpy() for name in part.columns}
        got += replay.play(columns, np.ones(len(part), dtype=np.bool_)).tolist()
    assert [tuple(row) for row in got] == by_dictionary(frame)


@pytest.mark.parametrize("seed", [1, 2])
def test_best_quotes_are_the_changes_of_a_good_book(seed: int) -> None:
    frame = random_book(seed, 300)
    quotes = best_quotes(frame)
    pd.testing.assert_frame_equal(best_quotes(table_of(frame)), quotes)
    want = pd.DataFrame(by_dictionary(frame), columns=["bid", "bid_size", "ask", "ask_size"])
    want.insert(0, "t_ns", frame["t_ns"])
    want = want.groupby("t_ns").last().reset_index()
    want = want[(want["bid_size"] > 0) & (want["ask_size"] > 0) & (want["bid"] < want["ask"])]
    columns = ["bid", "bid_size", "ask", "ask_size"]
    changed = (want[columns] != want[columns].shift()).any(axis=1)
    assert quotes[["t_ns", *columns]].to_numpy().tolist() == want[changed].to_numpy().tolist()
    assert len(quotes) > 50


def test_trades_and_marks_do_not_touch_the_book_and_a_gap_hides_it() -> None:
    first = [(0, SNAPSHOT, 1, 10, 5, {"venue_seq": 1}), (0, SNAPSHOT, -1, 12, 5, {"venue_seq": 1})]
    later = [(1, TRADE, 1, 12, 3), (2, GAP, 0, 0, GAP_SEQUENCE), (3, DEPTH, 1, 11, 4), (4, RESYNC, 0, 0, GAP_SEQUENCE)]
    quotes = best_quotes(rows(*first, *later, (5, DEPTH, -1, 13, 1)))
    assert quotes[["bid", "ask"]].to_numpy().tolist() == [[10, 12], [11, 12]]


def test_the_kernel_is_its_own_plain_python() -> None:
    frame = random_book(5, 60)
    rank = frame["price_ticks"].to_numpy() - frame["price_ticks"].min()
    outs = []
    for kernel in (replay_levels, replay_levels.py_func):
        out = np.zeros((len(frame), 4), dtype=np.int64)
        sizes, best = np.zeros((2, int(rank.max()) + 1), dtype=np.int64), np.array([-1, -1, 1])
        columns = [frame[name].to_numpy() for name in ("kind", "side")]
        kernel(*columns, rank, frame["size"].to_numpy(), np.ones(len(frame), dtype=np.bool_), sizes, best, out)
        outs.append(out)
    assert (outs[0] == outs[1]).all()
    assert (outs[0][:, 1] > 0).any()
