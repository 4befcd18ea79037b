"""The book by price: best prices after any sequence of levels, and no trust in a book that cannot be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.events import BUY, SELL, MarketTrade
from workbench.market import Book, TradeTape


def test_the_example_replay_gives_the_expected_best_prices() -> None:
    book = Book()
    book.snapshot(1, ((770545, 108350), (770544, 1500)), ((770547, 98250), (770549, 2200)))
    assert (book.best_bid, book.best_ask) == (770545, 770547)
    book.delta(2, ((770546, 5000), (770544, 0)), ())
    assert (book.best_bid, book.best_ask) == (770546, 770547)
    book.delta(3, (), ((770547, 0), (770548, 7400), (770999, 0)))
    assert (book.best_bid, book.best_ask, book.ask_size) == (770546, 770548, 7400)
    assert book.mid_half_ticks == 770546 + 770548
    assert book.trusted


def test_a_crossed_book_is_not_trusted_until_a_snapshot() -> None:
    book = Book()
    assert not book.trusted
    book.delta(1, ((10, 1),), ((11, 1),))
    assert not book.trusted, "a delta without a snapshot is no book"
    book.snapshot(2, ((10, 1),), ((11, 1),))
    book.delta(3, ((11, 1),), ())
    assert "crossed" in book.reason
    book.delta(4, ((11, 0),), ())
    assert not book.trusted
    book.snapshot(5, ((10, 1),), ((11, 1),))
    assert book.trusted
    book.lose("gap")
    assert repr(book) == "Book(untrusted: gap)"


def test_a_book_that_lost_a_side_is_trusted_again_when_somebody_quotes_there() -> None:
    book = Book()
    book.snapshot(1, ((10, 1),), ((12, 1),))
    book.delta(2, (), ((12, 0),))
    assert not book.trusted
    assert "empty" in book.reason
    book.delta(3, ((9, 4), (10, 0)), ())
    book.delta(4, (), ((13, 5),))
    assert book.trusted
    assert (book.best_bid, book.best_ask) == (9, 13)
    book.snapshot(5, ((10, 1),), ())
    book.lose("gap")
    book.delta(6, (), ((13, 5),))
    assert not book.trusted, "a gap needs a snapshot, whatever side comes back"


levels = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 9)), max_size=6).map(tuple)


@given(st.lists(st.tuples(levels, levels), max_size=30))
def test_best_prices_are_those_of_the_remaining_levels(deltas: list[tuple[object, object]]) -> None:
    book = Book()
    bids, asks = {20: 5}, {141: 5}
    book.snapshot(0, tuple(bids.items()), tuple(asks.items()))
    for t, (bid_levels, ask_levels) in enumerate(deltas, start=1):
        shifted = tuple((price + 100, size) for price, size in ask_levels)  # type: ignore[attr-defined]
        book.delta(t, bid_levels, shifted)  # type: ignore[arg-type]
        for known, changes in ((bids, bid_levels), (asks, shifted)):
            for price, size in changes:  # type: ignore[attr-defined]
                known.pop(price, None)
                if size:
                    known[price] = size
        assert book.trusted == bool(bids and asks)
        if not book.trusted:
            continue
        assert (book.best_bid, book.best_ask) == (max(bids), min(asks))
        assert book.levels(BUY) == sorted(bids.items(), reverse=True)
        assert book.levels(SELL, 2) == sorted(asks.items())[:2]
        assert book.best_bid <= book.weighted_mid <= book.best_ask


def test_the_tape_takes_each_trade_once() -> None:
    tape = TradeTape(length=2)
    for trade_id in (1, 2, 2, 3, 1):
        tape.add(MarketTrade(0, 0, trade_id, BUY, 100 + trade_id, 5))
    assert [trade.trade_id for trade in tape] == [2, 3]
    assert (len(tape), tape.volume, tape.last_price_ticks) == (2, 15, 103)
