"""The ten rules of the book stream (API notes 7.3), one by one, and the whole against a plain model."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.client import BookSync, TickTable
from workbench.client.frames import BookData, read_book_frame
from workbench.client.messages import BookLevel
from workbench.events import BookDelta, BookLost, BookSnapshot

Sample = Callable[[str], bytes]
Side = dict[int, int]
T = 7
TICK = Decimal("0.1")
NONE: Side = {}
BIDS: Side = {100: 1, 99: 2}
ASKS: Side = {101: 1, 102: 2}


def text(ticks: int) -> str:
    return f"{ticks // 10}.{ticks % 10}"


def message(
    kind: str, seq: int, bids: Side = NONE, asks: Side = NONE, prev: int | None = None, symbol: str = "BTC-PERP"
) -> BookData:
    return BookData(
        bids=[(text(price), size) for price, size in bids.items()],
        asks=[(text(price), size) for price, size in asks.items()],
        symbol=symbol,
        kind=kind,
        timestamp=1000 + seq,
        seq=seq,
        prev_seq=seq - 1 if prev is None else prev,
    )


def synced(bids: Side = BIDS, asks: Side = ASKS, seq: int = 10) -> BookSync:
    sync = BookSync("BTC-PERP", TICK)
    assert isinstance(sync.on_data(message("snapshot", seq, bids, asks), T), BookSnapshot)
    return sync


def replayed(sample: Sample, *names: str) -> tuple[BookSync, list[object]]:
    sync = BookSync("BTC-PERP", TICK)
    events: list[object] = []
    for name in names:
        data = read_book_frame(sample(f"ws/{name}.json")).data
        assert data is not None
        events.append(sync.on_data(data, T))
    return sync, events


def test_the_example_session_has_the_best_prices_of_its_readme(sample: Sample) -> None:
    names = ("book_snapshot", "book_delta_1", "book_delta_2_topic_without_group")
    expected = [(770545, 770547), (770546, 770547), (770546, 770548)]
    for count, best in enumerate(expected, start=1):
        sync, _ = replayed(sample, *names[:count])
        assert (sync.best_bid, sync.best_ask) == best


def test_a_snapshot_is_sorted_and_stamped_whatever_order_the_wire_has(sample: Sample) -> None:
    _, (event,) = replayed(sample, "book_snapshot")
    assert isinstance(event, BookSnapshot)
    assert [price for price, _ in event.bids] == [770545, 770544, 770540, 770538, 770531]
    assert [price for price, _ in event.asks] == [770547, 770549, 770552, 770559, 770564]
    assert (event.t_ns, event.venue_ns, event.seq) == (T, 1779800650027 * 1_000_000, 628282)


def test_a_delta_carries_the_changes_in_ticks_and_deletions_of_unknown_levels_are_harmless(sample: Sample) -> None:
    _, events = replayed(sample, "book_snapshot", "book_delta_1", "book_delta_2_topic_without_group")
    assert events[1] == BookDelta(T, 1779800650132 * 1_000_000, ((770546, 5000), (770544, 0)), (), 628283)
    assert isinstance(events[2], BookDelta)


@pytest.mark.parametrize(("last", "reason"), [("book_delta_3_gap", "gap"), ("book_delta_crossed", "crossed")])
def test_a_gap_or_a_crossed_book_is_lost_and_deltas_are_dropped_until_a_snapshot(
    last: str, reason: str, sample: Sample
) -> None:
    names = ("book_snapshot", "book_delta_1", "book_delta_2_topic_without_group")
    sync, events = replayed(sample, *names, last)
    assert isinstance(events[-1], BookLost)
    assert reason in events[-1].reason
    assert not sync.valid
    assert sync.on_data(message("delta", 628288), T) is None
    assert isinstance(sync.on_data(message("snapshot", 700000, {100: 1}, {101: 1}), T), BookSnapshot)
    assert sync.valid


def test_deltas_before_the_first_snapshot_are_dropped() -> None:
    sync = BookSync("BTC-PERP", TICK)
    assert sync.on_data(message("delta", 5, {100: 1}), T) is None
    assert not sync.valid


def test_messages_are_routed_by_their_own_symbol() -> None:
    sync = synced()
    assert sync.on_data(message("delta", 11, {100: 9}, symbol="ETH-PERP"), T) is None
    assert sync.on_data(message("snapshot", 99, {1: 1}, {2: 1}, symbol="ETH-PERP"), T) is None
    assert (sync.last_seq, sync.bids) == (10, {100: 1, 99: 2})


def test_stale_messages_are_ignored_until_ten_in_a_row_show_a_restarted_numbering() -> None:
    sync = synced(seq=1000)
    for seq in range(1, 10):
        assert sync.on_data(message("delta", seq, {100: 5}), T) is None
    assert sync.valid
    lost = sync.on_data(message("delta", 10, {100: 5}), T)
    assert isinstance(lost, BookLost)
    assert "numbering restarted" in lost.reason


def test_a_good_delta_in_between_starts_the_count_of_stale_ones_again() -> None:
    sync = synced(seq=1000)
    for _ in range(9):
        sync.on_data(message("delta", 5), T)
    assert isinstance(sync.on_data(message("delta", 1001, {100: 5}), T), BookDelta)
    for _ in range(9):
        assert sync.on_data(message("delta", 5), T) is None
    assert sync.valid


def test_a_second_snapshot_replaces_the_book() -> None:
    sync = synced()
    event = sync.on_data(message("snapshot", 50, {90: 3}, {91: 4}), T)
    assert isinstance(event, BookSnapshot)
    assert (sync.bids, sync.asks, sync.last_seq) == ({90: 3}, {91: 4}, 50)
    assert isinstance(sync.on_data(message("delta", 51, {89: 1}), T), BookDelta)


def test_a_crossed_snapshot_is_reported_even_when_the_book_was_lost_before() -> None:
    sync = BookSync("BTC-PERP", TICK)
    for _ in range(2):
        event = sync.on_data(message("snapshot", 9, {101: 1}, {101: 1}), T)
        assert isinstance(event, BookLost)
        assert "snapshot 9 is crossed" in event.reason


def test_the_l1_topic_is_not_mistaken_for_the_book(sample: Sample) -> None:
    _, events = replayed(sample, "book_l1")
    assert events == [None]


def test_a_full_side_that_thins_out_wants_a_fresh_snapshot_and_keeps_the_book() -> None:
    bids = {1000 - i: 1 for i in range(50)}
    sync = synced(bids, {1001: 1})
    assert isinstance(sync.on_data(message("delta", 11, {1000 - i: 0 for i in range(40)}), T), BookDelta)
    assert (len(sync.bids), sync.wants_snapshot) == (10, False)
    sync.on_data(message("delta", 12, {960: 0}), T)
    assert (sync.wants_snapshot, sync.valid, sync.best_bid) == (True, True, 959)
    sync.on_data(message("snapshot", 20, bids, {1001: 1}), T)
    assert not sync.wants_snapshot


def test_a_small_market_is_known_whole_and_never_thin() -> None:
    sync = synced({100: 1, 99: 1}, {101: 1})
    sync.on_data(message("delta", 11, {99: 0}), T)
    assert not sync.wants_snapshot


@pytest.mark.parametrize("price", ["77054.55", "a", "1e999999", "", ".", "NaN", "Infinity"])
def test_a_price_that_is_no_multiple_of_the_tick_loses_the_book(price: str) -> None:
    sync = synced()
    data = message("delta", 11)
    data.bids = [(price, 1)]
    event = sync.on_data(data, T)
    assert isinstance(event, BookLost)
    assert repr(price) in event.reason or price in event.reason


def test_an_emptied_side_is_no_crossed_book() -> None:
    sync = synced({100: 1}, {101: 1})
    assert isinstance(sync.on_data(message("delta", 11, {}, {101: 0}), T), BookDelta)
    assert (sync.best_ask, sync.valid) == (0, True)
    assert isinstance(sync.on_data(message("delta", 12, {105: 1}, {}), T), BookDelta)
    assert isinstance(sync.on_data(message("delta", 13, {}, {106: 1}), T), BookDelta)
    assert (sync.best_bid, sync.best_ask) == (105, 106)


def levels(*prices: str) -> list[BookLevel]:
    return [BookLevel(Decimal(price), 1) for price in prices]


def test_three_differences_from_rest_in_a_row_lose_the_book() -> None:
    sync = synced()
    wrong = (levels("9.9"), levels("10.1"), sync.venue_ms, T)
    right = (levels("10.0"), levels("10.1"), sync.venue_ms, T)
    late = (levels("9.9"), levels("10.1"), sync.venue_ms + 1001, T)
    assert [sync.check(*case) for case in (wrong, wrong, right, wrong, wrong, late)] == [None] * 6
    lost = sync.check(*wrong)
    assert isinstance(lost, BookLost)
    assert not sync.valid
    assert sync.check(*wrong) is None


def test_losing_a_lost_book_says_nothing_twice() -> None:
    sync = synced()
    assert sync.lose("disconnected", T) == BookLost(T, "disconnected")
    assert sync.lose("disconnected", T) is None


def test_the_tick_table_is_exact_for_text_and_numbers() -> None:
    ticks = TickTable(Decimal("0.1"))
    assert [ticks[price] for price in ("77054.5", "77054.50", 77054.5, "77054", "0.1")] == [
        770545,
        770545,
        770545,
        770540,
        1,
    ]
    with pytest.raises(ValueError, match="not a multiple"):
        _ = ticks["0.15"]


@given(
    st.integers(1, 10**9), st.sampled_from(["0.1", "0.25", "0.5", "1", "5", "10", "0.00001", "2.5"]), st.integers(0, 3)
)
def test_any_multiple_of_any_tick_is_read_back_exactly(ticks: int, tick: str, zeros: int) -> None:
    price = format(ticks * Decimal(tick), "f")
    padded = price + ("." if "." not in price else "") + "0" * zeros
    assert TickTable(Decimal(tick))[padded] == TickTable(Decimal(tick))[price] == ticks


@pytest.mark.parametrize(("tick", "price"), [("0.25", "1.1"), ("5", "7"), ("10", "15"), ("0.1", "1.05"), ("1", "0.5")])
def test_a_price_between_two_ticks_is_refused_whatever_the_tick(tick: str, price: str) -> None:
    with pytest.raises(ValueError, match=f"{price} is not a multiple of the tick {tick}"):
        _ = TickTable(Decimal(tick))[price]


@st.composite
def sessions(draw: st.DrawFn) -> list[tuple[Side, Side]]:
    bid = st.dictionaries(st.integers(900, 999), st.integers(0, 9), max_size=8)
    ask = st.dictionaries(st.integers(1001, 1100), st.integers(0, 9), max_size=8)
    return draw(st.lists(st.tuples(bid, ask), min_size=1, max_size=30))


@given(sessions())
def test_any_run_of_deltas_leaves_the_book_of_a_plain_model(session: list[tuple[Side, Side]]) -> None:
    bids, asks = {990: 5}, {1010: 5}
    sync = synced(bids, asks, seq=100)
    for seq, (new_bids, new_asks) in enumerate(session, start=101):
        event = sync.on_data(message("delta", seq, new_bids, new_asks), T)
        for book, new in ((bids, new_bids), (asks, new_asks)):
            book.update(new)
            for price in [price for price, size in book.items() if size == 0]:
                del book[price]
        assert isinstance(event, BookDelta)
        assert (dict(event.bids), dict(event.asks)) == (new_bids, new_asks)
        assert (sync.bids, sync.asks) == (bids, asks)
        assert (sync.best_bid, sync.best_ask) == (max(bids, default=0), min(asks, default=0))
