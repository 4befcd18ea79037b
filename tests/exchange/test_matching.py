"""The book against hand-worked cases and against a naive queue of single contracts."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.exchange.matching import Book, BookSide, Execution, Order

ACCOUNT: Any = object()


def order(side: int, price: int, size: int, account: Any = ACCOUNT) -> Order:
    return Order(account, "BTC-PERP", side, price, size)


def take(side: BookSide, limit: int, quantity: int) -> list[Execution]:
    done = []
    while quantity and (execution := side.take_first(limit, quantity)) is not None:
        quantity -= execution.size
        done.append(execution)
    return done


def test_better_prices_trade_first_and_at_the_makers_price() -> None:
    asks = Book().asks
    for price, size in ((101, 5), (100, 3), (102, 9)):
        asks.set_flow(price, size)
    assert take(asks, 101, 6) == [Execution(100, 3, None), Execution(101, 3, None)]
    assert asks.best == 101


def test_a_limit_that_is_not_reached_does_not_trade() -> None:
    bids = Book().bids
    bids.set_flow(99, 4)
    assert take(bids, 100, 1) == []


def test_an_order_waits_for_the_depth_that_was_there_before_it() -> None:
    bids = Book().bids
    bids.set_flow(100, 10)
    mine = order(1, 100, 4)
    bids.add(mine)
    bids.set_flow(100, 15)
    assert take(bids, 100, 9) == [Execution(100, 9, None)]
    assert mine.filled == 0
    assert take(bids, 100, 3) == [Execution(100, 1, None), Execution(100, 2, mine)]
    assert take(bids, 100, 9) == [Execution(100, 2, mine), Execution(100, 5, None)]
    assert not mine.resting
    assert bids.best is None


def test_makers_who_leave_are_those_at_the_back_of_the_queue() -> None:
    bids = Book().bids
    bids.set_flow(100, 10)
    mine = order(1, 100, 4)
    bids.add(mine)
    bids.set_flow(100, 15)
    bids.set_flow(100, 12)
    assert mine.ahead == 10
    bids.set_flow(100, 6)
    assert mine.ahead == 6


def test_two_orders_at_one_price_trade_in_the_order_of_their_arrival() -> None:
    asks = Book().asks
    first, second = order(-1, 100, 2), order(-1, 100, 2)
    asks.add(first)
    asks.set_flow(100, 3)
    asks.add(second)
    assert [(e.size, e.maker) for e in take(asks, 100, 6)] == [(2, first), (3, None), (1, second)]
    assert second.remaining == 1


def test_a_hidden_order_trades_but_does_not_show() -> None:
    asks = Book().asks
    hidden = order(-1, 100, 2)
    hidden.hidden = True
    asks.add(hidden)
    asks.set_flow(101, 5)
    assert asks.best == 100
    assert asks.best_shown == 101
    assert asks.levels[100].shown == 0
    assert take(asks, 100, 1) == [Execution(100, 1, hidden)]


def test_an_own_order_is_met_only_if_the_quantity_reaches_it() -> None:
    asks = Book().asks
    asks.set_flow(100, 5)
    mine = order(-1, 101, 2)
    asks.add(mine)
    asks.set_flow(101, 7)
    assert not asks.meets(ACCOUNT, 101, 5)
    assert asks.meets(ACCOUNT, 101, 6)
    assert not asks.meets(ACCOUNT, 100, 99)
    assert not asks.meets(object(), 101, 99)


def test_what_is_within_a_limit_counts_orders_and_depth() -> None:
    asks = Book().asks
    asks.set_flow(100, 5)
    asks.add(order(-1, 101, 2))
    asks.set_flow(102, 7)
    assert asks.within(99) == 0
    assert asks.within(101) == 7
    assert asks.within(500) == 14


class NaiveSide:
    """Every contract on its own, in the order of arrival: (price, arrival, owner)."""

    def __init__(self) -> None:
        self.queue: list[tuple[int, int, Any]] = []
        self.count = 0

    def add(self, price: int, size: int, owner: Any) -> None:
        for _ in range(size):
            self.count += 1
            self.queue.append((price, self.count, owner))

    def set_flow(self, price: int, size: int) -> None:
        flow = [c for c in self.queue if c[0] == price and c[2] is None]
        if len(flow) < size:
            self.add(price, size - len(flow), None)
        for contract in flow[size:]:
            self.queue.remove(contract)

    def take(self, limit: int, quantity: int) -> list[tuple[int, Any]]:
        best = sorted((c for c in self.queue if c[0] <= limit), key=lambda c: (c[0], c[1]))[:quantity]
        for contract in best:
            self.queue.remove(contract)
        return [(price, owner) for price, _, owner in best]


prices = st.integers(100, 104)
sizes = st.integers(0, 6)
operations = st.lists(
    st.one_of(
        st.tuples(st.just("flow"), prices, sizes),
        st.tuples(st.just("order"), prices, st.integers(1, 6)),
        st.tuples(st.just("take"), prices, st.integers(1, 12)),
        st.tuples(st.just("cancel"), st.integers(0, 20), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(operations)
def test_the_book_does_what_a_queue_of_single_contracts_does(steps: list[tuple[str, int, int]]) -> None:
    asks, naive = Book().asks, NaiveSide()
    orders: list[Order] = []
    for name, first, second in steps:
        if name == "flow":
            asks.set_flow(first, second)
            naive.set_flow(first, second)
        elif name == "order":
            orders.append(order(-1, first, second))
            asks.add(orders[-1])
            naive.add(first, second, orders[-1])
        elif name == "cancel":
            resting = [o for o in orders if o.resting]
            if resting:
                chosen = resting[first % len(resting)]
                asks.remove(chosen)
                naive.queue = [c for c in naive.queue if c[2] is not chosen]
        else:
            got = [(e.price, e.maker) for e in take(asks, first, second) for _ in range(e.size)]
            assert got == naive.take(first, second)
        totals = {price: sum(c[0] == price for c in naive.queue) for price in {c[0] for c in naive.queue}}
        assert {level.price: level.total for level in asks.from_best()} == totals
        assert [level.price for level in asks.from_best()] == sorted(totals)
        for o in orders:
            assert o.remaining == sum(c[2] is o for c in naive.queue) or not o.resting
