"""Whatever two accounts do on a lively market: nothing is lost, nothing crosses, the wallet is exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Bench

KEYS = ("left", "right")
START = 50

actions = st.lists(
    st.tuples(
        st.sampled_from(
            ("limit", "limit", "post", "ioc", "fok", "market", "reduce", "cancel", "cancel all", "amend", "wait")
        ),
        st.sampled_from(KEYS),
        st.sampled_from(("BUY", "SELL")),
        st.integers(-300, 300),
        st.integers(1, 400),
    ),
    min_size=5,
    max_size=30,
)


def act(bench: Any, action: tuple[str, str, str, int, int]) -> None:
    name, key, side, offset, size = action
    mid = bench.venue.market("BTC-PERP").mark
    price = str((mid + offset) // Decimal("0.1") * Decimal("0.1"))
    flags: dict[str, Any] = {
        "post": {"postOnly": True},
        "ioc": {"time_in_force": "IOC"},
        "fok": {"time_in_force": "FOK"},
        "reduce": {"reduceOnly": True},
    }.get(name, {})
    if name == "wait":
        bench.wait(size / 200)
    elif name == "market":
        bench.order(side, None, size, key, type="MARKET")
    elif name == "cancel all":
        bench.call("DELETE", "order", "symbol=BTC-PERP", key=key)
    elif name in ("cancel", "amend"):
        rows = bench.get("user/open_orders", key=key)
        if rows:
            chosen = rows[size % len(rows)]["orderID"]
            if name == "cancel":
                bench.call("DELETE", "order", f"symbol=BTC-PERP&orderID={chosen}", key=key)
            else:
                kind, value = ("SIZE", size) if offset % 2 else ("PRICE", float(price))
                body = {"symbol": "BTC-PERP", "orderID": chosen, "type": kind, "value": value}
                bench.call("PUT", "order", body=body, key=key)
    else:
        bench.order(side, price, size, key, **flags)


def check(bench: Any, key: str) -> None:
    account = bench.venue.account(key)
    market = bench.venue.market("BTC-PERP")
    holding = account.holdings["BTC-PERP"]
    # Position and money are those of the fills.
    assert holding.position == sum(f.order.side * f.size for f in account.fills)
    booked = sum(row.amount - row.fee for row in account.wallet_rows)
    assert account.balance == booked
    cash = sum(-f.order.side * f.size * market.listing.value(f.price) - f.fee for f in account.fills)
    equity = account.balance + holding.unrealised(market.mark_value)
    assert equity == START * 10**8 + cash + holding.position * market.mark_value
    # Open orders are exactly those in the book, and are counted.
    resting = {o for side in (market.book.bids, market.book.asks) for level in side.from_best() for o in level.orders}
    mine = {o for o in resting if o.account is account}
    assert mine == set(account.open_orders.values())
    assert all(o.resting and 0 <= o.filled < o.current_size for o in mine)
    assert holding.open_buy == sum(o.remaining for o in mine if o.side > 0)
    assert holding.open_sell == sum(o.remaining for o in mine if o.side < 0)
    assert holding.reduce_only_open == sum(o.remaining for o in mine if o.reduce_only)
    reducing = [o for o in mine if o.reduce_only]
    assert sum(o.remaining for o in reducing) <= abs(holding.position)
    # An order's fills are its fills.
    for order in {f.order for f in account.fills}:
        parts = [f for f in account.fills if f.order is order]
        assert sum(f.size for f in parts) == order.filled <= order.current_size
        assert all(order.side * f.price <= order.side * f.order_price for f in parts)


def check_book(bench: Any) -> None:
    book = bench.venue.market("BTC-PERP").book
    best_bid, best_ask = book.bids.best, book.asks.best
    assert best_bid is None or best_ask is None or best_bid < best_ask
    for side in (book.bids, book.asks):
        assert side.ranks == sorted(side.ranks)
        for level in side.from_best():
            assert level.flow >= 0
            assert level.total > 0
            aheads = [o.ahead for o in level.orders]
            assert aheads == sorted(aheads)
            assert all(0 <= ahead <= level.flow for ahead in aheads)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**20), actions)
def test_nothing_is_lost_nothing_crosses_and_the_wallet_is_exact(seed: int, steps: list[Any]) -> None:
    bench = Bench(seed=seed, trade_rate=6.0, volatility_bps=6.0)
    for key in KEYS:
        bench.add_account(key, START)
    for step in steps:
        act(bench, step)
        check_book(bench)
    for key in KEYS:
        check(bench, key)
        wallet = bench.get("user/wallet", key=key)[0]
        account = bench.venue.account(key)
        assert wallet["totalValue"] == account.money
        assert wallet["walletTotalValue"] == wallet["totalValue"] + wallet["unrealisedProfitLoss"]
    trades = bench.venue.market("BTC-PERP").trades
    assert [t.serial for t in trades] == list(range(35_000_001, 35_000_001 + len(trades)))
