"""Imbalance and the weighted mid: over arrays, and of a live book."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.market import Book, book_imbalance, imbalance, weighted_mid

BIDS, ASKS = ((100, 6), (99, 2), (95, 8)), ((102, 2), (103, 2))


def live() -> Book:
    book = Book()
    book.snapshot(1, BIDS, ASKS)
    return book


def test_the_weighted_mid_leans_to_the_thin_side_and_is_the_book_s_own() -> None:
    assert np.asarray(weighted_mid([[100, 6, 102, 2]])).tolist() == [101.5]
    assert live().weighted_mid == 101.5


def test_the_imbalance_of_one_level_is_the_difference_over_the_sum() -> None:
    assert np.asarray(imbalance([6, 1, 3], [2, 1, 0])).tolist() == [0.5, 0, 1]


def test_deeper_levels_count_less_when_they_decay() -> None:
    bids, asks = [[6, 2, 8]], [[2, 2, 0]]
    assert np.asarray(imbalance(bids, asks)).tolist() == [12 / 20]
    assert np.asarray(imbalance(bids, asks, decay=0.5)).tolist() == [(4 + 0 + 2) / (8 + 2 + 2)]


@given(st.integers(1, 4), st.floats(0.1, 1.0))
def test_a_live_book_s_imbalance_is_that_of_its_sizes(levels: int, decay: float) -> None:
    bids = [[size for _, size in BIDS[:levels]] + [0] * max(0, levels - 3)]
    asks = [[size for _, size in ASKS[:levels]] + [0] * max(0, levels - 2)]
    assert book_imbalance(live(), levels=levels, decay=decay) == np.asarray(imbalance(bids, asks, decay=decay))[0]


def test_depth_in_ticks_is_counted_from_each_side_s_best_price() -> None:
    assert book_imbalance(live()) == (6 - 2) / 8
    assert book_imbalance(live(), within_ticks=0) == (6 - 2) / 8
    assert book_imbalance(live(), within_ticks=1) == (8 - 4) / 12
    assert book_imbalance(live(), within_ticks=5) == (16 - 4) / 20


def test_pandas_in_gives_pandas_out() -> None:
    index = pd.Index([4, 9])
    one = imbalance(pd.Series([1.0, 3.0], index=index), pd.Series([1.0, 1.0], index=index))
    assert isinstance(one, pd.Series)
    assert one.to_dict() == {4: 0.0, 9: 0.5}
    many = imbalance(pd.DataFrame([[1, 1], [3, 3]], index=index), pd.DataFrame([[1, 1], [1, 1]], index=index))
    assert isinstance(many, pd.Series)
    frame = pd.DataFrame([[100, 6, 102, 2]], columns=["bid", "bid_size", "ask", "ask_size"], index=[7])
    assert weighted_mid(frame).to_dict() == {7: 101.5}


@pytest.mark.parametrize(
    ("bids", "asks", "decay", "why"),
    [
        ([], [], 1.0, "at least one row"),
        ([1, 2], [1], 1.0, "same"),
        ([-1], [1], 1.0, "row 0, level 0"),
        ([np.nan], [1], 1.0, "row 0, level 0"),
        ([1, 0], [1, 0], 1.0, "row 1 has no size"),
        ([1], [1], 0.0, "decay is 0"),
        ([1], [1], 1.5, "decay is 1.5"),
    ],
)
def test_bad_sizes_are_refused(bids: list[float], asks: list[float], decay: float, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        imbalance(bids, asks, decay=decay)


def test_a_book_that_cannot_be_trusted_or_a_depth_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no book yet"):
        book_imbalance(Book())
    for depth in ({"levels": 0}, {"within_ticks": -1}, {"levels": 1, "within_ticks": 1}):
        with pytest.raises(ValueError, match=r"levels|ticks"):
            book_imbalance(live(), **depth)


def test_a_frame_without_a_column_is_refused() -> None:
    with pytest.raises(ValueError, match="no column 'bid_size'"):
        weighted_mid(pd.DataFrame({"bid": [1.0], "ask": [2.0]}))
