"""Whatever happens in the market, own orders fill by what traded or came, and by no more."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.backtest import ConstantLatency, queue_model
from workbench.backtest.queues import QUEUE_NAMES
from workbench.backtest.stepped import SteppedVenue

MIDDLE = 1000

events = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), st.sampled_from([1, -1]), st.integers(-6, 6), st.integers(1, 60)),
        st.tuples(st.just("level"), st.sampled_from([1, -1]), st.integers(0, 6), st.integers(0, 60)),
        st.tuples(st.just("place"), st.sampled_from([1, -1]), st.integers(0, 6), st.integers(1, 40)),
        st.tuples(st.just("take"), st.sampled_from([1, -1]), st.integers(0, 6), st.integers(1, 40)),
        st.tuples(st.just("cancel"), st.integers(0, 10), st.just(0), st.just(0)),
        st.tuples(st.just("shrink"), st.integers(0, 10), st.just(0), st.integers(1, 40)),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(events=events, queue=st.sampled_from(sorted(QUEUE_NAMES)))
def test_fills_never_exceed_what_traded_or_came_through(events: list[tuple[Any, ...]], queue: str) -> None:
    venue = SteppedVenue(queue_model(queue), ConstantLatency(0.0, 0.0))
    shown: dict[tuple[int, int], int] = {}
    orders: dict[int, tuple[int, int, int]] = {}
    done: dict[int, int] = {}
    position = 0
    for now, (what, a, b, size) in enumerate(events):
        most = 0
        if what == "trade":
            venue.trade(a, MIDDLE + b, size, now)
            most = size
        elif what == "level":
            price = MIDDLE - 1 - b if a > 0 else MIDDLE + 1 + b
            venue.level(a, price, size, now)
            most = max(0, size - shown.get((a, price), 0))
            shown[a, price] = size
        elif what in ("place", "take"):
            price = MIDDLE - a * (b + 1) if what == "place" else MIDDLE + a * (b + 1)
            number = venue.place(a, price, size, now, post_only=what == "place", ioc=what == "take")
            orders[number] = (a, price, size)
            most = size
        elif orders:
            number = sorted(orders)[a % len(orders)]
            if venue.is_resting(number):
                if what == "cancel":
                    venue.cancel(number, now)
                else:
                    venue.amend(number, min(size, orders[number][2]), now)
        got = 0
        for answer in venue.take_answers():
            if answer.kind != "fill":
                continue
            side, limit, whole = orders[answer.order_no]
            assert answer.size > 0
            assert side * (limit - answer.price_ticks) >= 0, "filled beyond its limit"
            assert answer.maker == (what in ("trade", "level"))
            if what == "trade":
                assert side == -a, "a taker hits the other side"
                assert side * (limit - (MIDDLE + b)) >= 0, "filled by a trade that did not reach it"
            got += answer.size
            done[answer.order_no] = done.get(answer.order_no, 0) + answer.size
            position += side * answer.size
            assert done[answer.order_no] <= whole
        assert got <= most
        assert venue.position == position
        bid, ask = venue.best
        assert not bid or not ask or bid < ask


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    ahead=st.integers(0, 100),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    trades=st.lists(st.integers(1, 60), max_size=12),
    queue=st.sampled_from(sorted(QUEUE_NAMES)),
)
def test_at_one_price_all_fills_are_what_traded_past_the_queue(
    ahead: int, sizes: list[int], trades: list[int], queue: str
) -> None:
    venue = SteppedVenue(queue_model(queue), ConstantLatency(0.0, 0.0))
    venue.levels(((MIDDLE, ahead),), ((MIDDLE + 1, 10),), 0, whole=True)
    numbers = [venue.place(1, MIDDLE, size, 0) for size in sizes]
    left = ahead
    for size in trades:
        venue.trade(-1, MIDDLE, size, 1)
        left = max(0, left - size)
        venue.level(1, MIDDLE, left, 1)
    done = dict.fromkeys(numbers, 0)
    for answer in venue.take_answers():
        if answer.kind == "fill":
            done[answer.order_no] += answer.size
    past = min(max(0, sum(trades) - ahead), sum(sizes))
    assert sum(done.values()) == past
    for number, size in zip(numbers, sizes, strict=True):
        assert done[number] == min(size, past), "the first to arrive is the first to fill"
        past -= done[number]
