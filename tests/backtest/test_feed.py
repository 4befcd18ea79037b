"""Feeds: what cannot be a market is refused, what is out of order is put right, and processes share the result."""

from __future__ import annotations

import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.backtest.made_feed import make_feed
from workbench.backtest import Feed
from workbench.backtest.kernels.books import (
    ASKS,
    BEST,
    BIDS,
    FAR_FULL,
    NO_ASK,
    grow_far,
    level_size,
    make_book,
    set_level,
)
from workbench.backtest.kernels.rows import EXCHANGE, KIND_MASK, LOCAL
from workbench.data import CLEAR, DEPTH, FUNDING, GAP, HFTBACKTEST_DTYPE, MARK, RESYNC, SNAPSHOT, TRADE, event_table
from workbench.errors import DataError
from workbench.instruments import Instrument

INSTRUMENT = Instrument("BTC-USDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"))
BUY, SELL, BOTH = 1 << 29, 1 << 28, 3 << 30


def raw(*rows: tuple[int, int, int, float, float]) -> np.ndarray[Any, Any]:
    """Rows (kind and side, exch_ts, local_ts, px, qty), in both views."""
    array = np.zeros(len(rows), HFTBACKTEST_DTYPE)
    for i, (kind, exch, local, px, qty) in enumerate(rows):
        array[i] = (kind | BOTH, exch, local, px, qty, 0, 0, 0.0)
    return array


def table(*rows: tuple[Any, ...]) -> Any:
    """Event rows (t_ns, venue_ns, kind, side, price_ticks, size, value, value_ns)."""
    names = ("t_ns", "venue_ns", "kind", "side", "price_ticks", "size", "value", "value_ns")
    columns = {name: np.array(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
    return event_table({**columns, "value": columns["value"].astype(float), "seq": np.arange(len(rows))})


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ((1 | BUY, 10, 20, float("nan"), 1.0), "positive finite"),
        ((1 | BUY, 10, 20, -5.0, 1.0), "positive finite"),
        ((1 | BUY, 10, 20, float("inf"), 1.0), "positive finite"),
        ((1 | BUY, 10, 20, 100.0, -1.0), "between 0 and"),
        ((1 | BUY, 10, 20, 100.0, float("nan")), "between 0 and"),
        ((1 | BUY, 10, 20, 100.0, 1e9), "between 0 and"),
        ((1 | BUY, 10, 20, 100.05, 1.0), "multiple of the tick"),
        ((2 | BUY, 10, 20, 100.0, 0.0015), "whole number of contracts"),
        ((10 | BUY, 10, 20, 100.0, 1.0), "market-by-order"),
        ((1 | BUY, 3, 20, 100.0, 1.0), "older than the one before"),
    ],
)
def test_what_cannot_be_a_market_is_refused_with_its_row(row: tuple[int, int, int, float, float], why: str) -> None:
    with pytest.raises(DataError, match=why) as refusal:
        Feed.prepare(raw((1 | BUY, 5, 15, 100.0, 1.0), row), INSTRUMENT, cache=False)
    assert "row 1" in str(refusal.value)


def test_a_missing_file_an_empty_array_and_a_strange_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        Feed.prepare(tmp_path / "none.npz", INSTRUMENT)
    with pytest.raises(DataError, match="no rows"):
        Feed.prepare(raw(), INSTRUMENT, cache=False)
    with pytest.raises(DataError, match="64 bytes"):
        Feed.prepare(np.zeros(3), INSTRUMENT, cache=False)
    with pytest.raises(DataError, match="instrument is missing"):
        Feed.prepare(raw((1 | BUY, 5, 15, 100.0, 1.0)))


def test_a_feed_is_found_again_by_its_content_and_travels_by_its_path(tmp_path: Path) -> None:
    rows = make_feed(5_000, seed=11)
    stored, packed = tmp_path / "rows.npz", tmp_path / "packed.npz"
    np.savez(stored, data=rows)
    np.savez_compressed(packed, data=rows)
    first = Feed.prepare(rows, INSTRUMENT, cache=tmp_path / "feeds")
    for source in (rows, stored, packed):
        again = Feed.prepare(source, INSTRUMENT, cache=tmp_path / "feeds")
        assert again.path == first.path
    assert len(list((tmp_path / "feeds").iterdir())) == 1
    travelled = pickle.loads(pickle.dumps(first))
    memory = Feed.prepare(rows, INSTRUMENT, cache=False)
    for name in ("code", "price_ticks", "size", "venue_ns", "t_ns", "best_ns", "bests"):
        assert np.array_equal(getattr(travelled, name), getattr(memory, name)), name
    assert rows.tobytes() == make_feed(5_000, seed=11).tobytes(), "the caller's array is as it was"
    (first.path / "size").write_bytes(b"short")  # type: ignore[operator]
    with pytest.raises(DataError, match="damaged"):
        Feed.open(first.path)  # type: ignore[arg-type]


def test_other_data_are_another_feed(tmp_path: Path) -> None:
    rows = make_feed(2_000, seed=12)
    first = Feed.prepare(rows, INSTRUMENT, cache=tmp_path)
    rows["qty"][1_500] += 0.001
    assert Feed.prepare(rows, INSTRUMENT, cache=tmp_path).key != first.key


def test_tables_that_cannot_be_gone_through_twice_and_alike_are_refused(tmp_path: Path) -> None:
    day = table((1_000, 500, DEPTH, 1, 1000, 5, np.nan, 0), (2_000, 900, DEPTH, -1, 1002, 5, np.nan, 0))
    with pytest.raises(DataError, match="gone through once"):
        Feed.prepare(iter([day]), INSTRUMENT, cache=tmp_path)

    class Growing(list[Any]):
        def __iter__(self) -> Any:
            yield from super().__iter__()
            self.append(day)

    with pytest.raises(DataError, match="had 2 rows and then 4: it changed"):
        Feed.prepare(Growing([day]), INSTRUMENT, cache=tmp_path)
    assert not list(tmp_path.iterdir()), "nothing half made is left"


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot be kept in .*WORKBENCH_CACHE"):
        Feed.prepare(raw((1 | BUY, 5, 15, 100.0, 1.0)), INSTRUMENT, cache=tmp_path / "file")


def test_rows_before_the_first_of_a_view_carry_its_stamp() -> None:
    rows = raw((1 | BUY, 5, 15, 100.0, 1.0), (1 | BUY, 6, 15, 100.1, 1.0), (1 | BUY, 7, 17, 100.2, 1.0))
    rows["ev"][0] ^= 1 << 30
    feed = Feed.prepare(rows, INSTRUMENT, cache=False)
    assert feed.start_ns == 5
    assert feed.t_ns.tolist() == [15, 15, 17]


def test_a_clock_behind_the_venues_is_put_right_and_said() -> None:
    feed = Feed.prepare(
        table(
            (1_000_000, 3_000_000, DEPTH, 1, 1000, 5, np.nan, 0), (2_000_000, 5_000_000, DEPTH, -1, 1002, 5, np.nan, 0)
        ),
        INSTRUMENT,
        cache=False,
    )
    assert feed.t_ns.tolist() == [1_000_000, 2_000_000]
    assert feed.venue_ns.tolist() == [-1_000_000, 1_000_000]
    assert "behind the venue's" in feed.notes[0]


def test_marks_funding_gaps_and_repeats_find_their_places() -> None:
    second = 10**9
    rows = [
        (1 * second, second // 2, SNAPSHOT, 1, 1000, 5, np.nan, 0),
        (1 * second, second // 2, SNAPSHOT, -1, 1002, 5, np.nan, 0),
        (2 * second, 3 * second // 2, MARK, 0, 0, 0, 100.1, 0),
        (3 * second, 5 * second // 2, FUNDING, 0, 0, 0, 0.0001, 4 * second),
        (5 * second, 9 * second // 2, GAP, 0, 0, 1, np.nan, 0),
        (6 * second, 11 * second // 2, RESYNC, 0, 0, 1, np.nan, 0),
        (6 * second, 11 * second // 2, CLEAR, 0, 0, 0, np.nan, 0),
        (6 * second, 11 * second // 2, SNAPSHOT, 1, 1001, 7, np.nan, 0),
        (6 * second, 11 * second // 2, SNAPSHOT, -1, 1003, 7, np.nan, 0),
        (7 * second, 10 * second // 2, DEPTH, 1, 1002, 9, np.nan, 0),
        (8 * second, 15 * second // 2, TRADE, 1, 1003, 1, np.nan, 0),
    ]
    feed = Feed.prepare(table(*rows), INSTRUMENT, cache=False)
    shown = dict(zip(feed.best_ns.tolist(), feed.bests.tolist(), strict=True))
    assert shown[1 * second] == [1000, 1002, 5, 5]
    assert shown[5 * second] == [-1, -1, 0, 0]
    assert shown[6 * second] == [1001, 1003, 7, 7]
    assert 7 * second not in shown, "older than the whole book before it"
    assert any("older than the whole book" in note for note in feed.notes)
    assert feed.prices["mark"].tolist() == pytest.approx([1001.0, 1001.0])
    assert feed.funding[0].item() == pytest.approx((4 * second, 0.0001, 1001.0))
    assert len(feed.funding) == 1


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(1, 400), st.integers(1, 300)), min_size=1, max_size=60))
def test_both_views_have_every_row_once_and_in_their_order(stamps: list[tuple[int, int]]) -> None:
    received = np.cumsum([step for step, _ in stamps]) + 1_000
    rows = [
        (int(t), int(t - lag), DEPTH, 1, 1000 + i, i + 1, np.nan, 0)
        for i, (t, (_, lag)) in enumerate(zip(received, stamps, strict=True))
    ]
    feed = Feed.prepare(table(*rows), INSTRUMENT, cache=False)
    for view, column, stamp in ((EXCHANGE, feed.venue_ns, 1), (LOCAL, feed.t_ns, 0)):
        seen = (feed.code & view) != 0
        assert sorted(feed.price_ticks[seen].tolist()) == [row[4] for row in rows]
        wanted = [row[4] for row in sorted(rows, key=lambda row: row[stamp])]
        assert feed.price_ticks[seen].tolist() == wanted
        assert (np.diff(column) >= 0).all()
        assert column[seen].tolist() == sorted(row[stamp] for row in rows)
    assert ((feed.code & KIND_MASK) == DEPTH).all()


class PlainBook:
    """The book as anybody would write it: two dicts."""

    def __init__(self) -> None:
        self.levels: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.best = [0, NO_ASK]

    def set_level(self, side: int, tick: int, size: int) -> None:
        levels, best = self.levels[side], self.best
        levels[tick] = size
        if size == 0:
            levels.pop(tick)
            if tick == best[side]:
                best[side] = self.beyond(side, tick)
        elif side == BIDS and tick > best[BIDS]:
            best[BIDS] = tick
            if tick >= best[ASKS]:
                best[ASKS] = self.beyond(ASKS, tick)
        elif side == ASKS and tick < best[ASKS]:
            best[ASKS] = tick
            if tick <= best[BIDS]:
                best[BIDS] = self.beyond(BIDS, tick)

    def beyond(self, side: int, tick: int) -> int:
        if side == BIDS:
            return max((t for t in self.levels[BIDS] if t < tick), default=0)
        return min((t for t in self.levels[ASKS] if t > tick), default=NO_ASK)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([BIDS, ASKS]),
            st.one_of(st.integers(480, 520), st.integers(1, 5_000), st.integers(1, 2**31 - 1)),
            st.integers(0, 3),
        ),
        max_size=120,
    )
)
def test_the_window_and_the_far_levels_are_one_book(changes: list[tuple[int, int, int]]) -> None:
    book, plain = make_book(window=64, far_room=16), PlainBook()
    for side, tick, size in changes:
        while set_level.py_func(book, side, tick, size) == FAR_FULL:
            book = grow_far(book)
        plain.set_level(side, tick, size)
        assert [int(book.marks[BEST]), int(book.marks[BEST + 1])] == plain.best
        for near in range(tick - 3, tick + 4):
            assert level_size(book, side, near) == plain.levels[side].get(near, 0)
