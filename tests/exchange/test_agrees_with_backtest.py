"""One script of orders at the simulated LMEX and at the venue of a backtest: one position, the same open orders."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.exchange.conftest import QUIET
from workbench.backtest import ConstantLatency, SteppedVenue

MIDDLE, REACH = 770_000, 600
TICK = Decimal("0.1")
SIDES = {1: "BUY", -1: "SELL"}

side = st.sampled_from([1, -1])
kinds = st.sampled_from(["post", "reduce", "post", "reduce", "take"])
place = st.tuples(kinds, side, st.integers(1, 4), st.integers(10, 40))
trade = st.tuples(st.just("trade"), side, st.integers(1, 5), st.integers(5, 30))
amend = st.tuples(st.just("amend"), st.integers(0, 9), st.integers(0, 4), st.integers(8, 50))
cancel = st.tuples(st.just("cancel"), st.integers(0, 9), st.just(0), st.just(0))
steps = st.lists(st.one_of(place, place, place, place, place, trade, amend, cancel), min_size=20, max_size=30)


class Both:
    """A wide market that stands still; own bids rest below its middle and own asks above, alone at their prices."""

    def __init__(self, make_bench: Callable[..., Any]) -> None:
        self.bench = make_bench(**QUIET)
        self.bench.add_account("taker", 10_000_000)
        self.stepped = SteppedVenue(latency=ConstantLatency(0.0, 0.0))
        book = self.bench.get("orderbook/L2", "symbol=BTC-PERP&depth=50")
        bids, asks = (
            tuple((int(Decimal(row["price"]) / TICK), int(row["size"])) for row in book[name])
            for name in ("buyQuote", "sellQuote")
        )
        self.stepped.levels(bids, asks, 0, whole=True)
        self.numbers: dict[str, int] = {}
        self.resting: dict[int, tuple[int, int, int]] = {}
        self.filled: dict[int, int] = {}
        self.now = 0

    def do(self, what: str, a: int, b: int, size: int) -> None:
        self.now += 1
        self.bench.wait(0.001)
        if what == "trade":
            price = MIDDLE + a * b
            self.bench.place(SIDES[a], float(price * TICK), size, "taker", time_in_force="IOC")
            self.stepped.trade(a, price, size, self.now)
        elif what in ("post", "reduce", "take"):
            self._place(what, a, b, size)
        elif self.resting:
            number = sorted(self.resting)[a % len(self.resting)]
            self._change(what, number, b, size)
        self._hear()

    def _place(self, what: str, side: int, level: int, size: int) -> None:
        taking = what == "take"
        if taking and any(other == -side for other, _, _ in self.resting.values()):
            # The exchange refuses what would meet an own order; the backtest takes past it.
            return
        price = MIDDLE + side * REACH if taking else MIDDLE - side * level
        more: dict[str, Any] = {"time_in_force": "IOC"} if taking else {"postOnly": True}
        name = f"n{self.now:03}"
        self.bench.order(SIDES[side], float(price * TICK), size, clOrderID=name, reduceOnly=what == "reduce", **more)
        number = self.stepped.place(
            side, price, size, self.now, post_only=not taking, reduce_only=what == "reduce", ioc=taking
        )
        self.numbers[name] = number
        self.resting[number] = (side, price, size)

    def _change(self, what: str, number: int, level: int, size: int) -> None:
        name = next(name for name, its in self.numbers.items() if its == number)
        if what == "cancel":
            self.bench.call("DELETE", "order", f"symbol=BTC-PERP&clOrderID={name}")
            self.stepped.cancel(number, self.now)
            return
        side, old, _ = self.resting[number]
        price = MIDDLE - side * level if level else old
        body = {"symbol": "BTC-PERP", "type": "ALL", "clOrderID": name, "orderSize": size}
        self.bench.call("PUT", "order", body=body | {"orderPrice": float(price * TICK)})
        self.stepped.amend(number, size, self.now, price_ticks=price)

    def _hear(self) -> None:
        """Follow the backtest's venue by what it says."""
        for answer in self.stepped.take_answers():
            number = answer.order_no
            side, _, _ = self.resting[number]
            if answer.kind == "fill":
                self.filled[number] = self.filled.get(number, 0) + answer.size
            elif answer.kind == "amended":
                self.resting[number] = (side, answer.price_ticks, answer.size)
            elif answer.kind in ("cancelled", "rejected", "expired"):
                del self.resting[number]
                continue
            if self.filled.get(number, 0) >= self.resting[number][2]:
                del self.resting[number]

    def in_backtest(self) -> list[tuple[int, int, int, int]]:
        """Number, side, price and rest of every order that rests."""
        return sorted(
            (number, side, price, size - self.filled.get(number, 0))
            for number, (side, price, size) in self.resting.items()
        )

    def at_exchange(self) -> list[tuple[int, int, int, int]]:
        """The same of the simulated LMEX."""
        orders = self.bench.venue.account().open_orders.values()
        return sorted((self.numbers[o.client_id], o.side, o.price, o.remaining) for o in orders)


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(script=steps)
def test_both_venues_do_the_same_with_reduce_only_orders_amends_and_takers(
    make_bench: Callable[..., Any], script: list[tuple[Any, ...]]
) -> None:
    both = Both(make_bench)
    for step in [("take", 1, 1, 60), *script]:
        both.do(*step)
        assert both.stepped.position == both.bench.venue.account().position("BTC-PERP"), step
        assert both.in_backtest() == both.at_exchange(), step
