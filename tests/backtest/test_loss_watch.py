"""What a trader's loss limit counts is what the ledger of a session counts: whole units, fees and funding included."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.backtest import ConstantLatency, Feed, backtest
from workbench.backtest.kernels.ledger import (
    FLOOR,
    MARK_VALUE,
    book_fill,
    fee_of,
    ledger_rules,
    take_funding,
    value_of_half_ticks,
    worth,
)
from workbench.backtest.kernels.ledger import FUNDING_DUE as DUE
from workbench.backtest.log import HALTED_LOSS
from workbench.data import CLEAR, DEPTH, FUNDING, MARK, RESYNC, SNAPSHOT, TRADE, event_table
from workbench.errors import ConfigError
from workbench.events import NS
from workbench.instruments import Instrument
from workbench.trading import Ledger

LINEAR = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"))
REBATE = Instrument("ETH-PERP", "ETH", "USDT", Decimal("0.05"), Decimal("0.01"), maker_fee=Decimal("-0.000125"))
INVERSE = Instrument("BTC-USD", "BTC", "USD", Decimal("0.5"), Decimal(1), inverse=True, min_notional=Decimal(0))
SMALL = Instrument("XRP-USD", "XRP", "USD", Decimal("0.0003"), Decimal(10), inverse=True, maker_fee=Decimal("-0.00005"))
INSTRUMENTS = (LINEAR, REBATE, INVERSE, SMALL)
COARSE = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.5"), Decimal("0.001"))
START = 1_700_000_000 * NS

trades = st.lists(
    st.tuples(st.sampled_from([1, -1]), st.integers(1, 5_000_000), st.integers(90_000, 110_000), st.booleans()),
    max_size=20,
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    rows=trades,
    mark=st.integers(180_000, 220_000),
    funding=st.integers(-(10**9), 10**9),
    instrument=st.sampled_from(INSTRUMENTS),
)
def test_it_is_worth_what_the_ledger_says(
    rows: list[tuple[int, int, int, bool]], mark: int, funding: int, instrument: Instrument
) -> None:
    row, ledger = ledger_rules(instrument, 1.0), Ledger(instrument)
    for side, size, price, maker in rows:
        rate = instrument.maker_fee if maker else instrument.taker_fee
        fee = instrument.fee_units(price * instrument.tick_size, size, rate)
        value = size * value_of_half_ticks(row, 2 * price)
        assert value == value_of_half_ticks.py_func(row, 2 * price) * size
        assert fee_of(row, abs(value), int(maker)) == fee_of.py_func(row, abs(value), int(maker)) == fee
        ledger.fill(side, size, price, instrument.money(fee), instrument.value_of_half_ticks(2 * price))
        book_fill(row, side, size, price, int(maker))
    row[DUE] = funding
    take_funding.py_func(row)
    ledger.funding("one", instrument.money(funding))
    row[MARK_VALUE] = value_of_half_ticks(row, mark)
    assert row[MARK_VALUE] == instrument.value_of_half_ticks(mark)
    total = ledger.parts(int(row[MARK_VALUE])).total
    assert instrument.money(worth.py_func(row, ledger.position)) == total


def test_the_limit_is_not_passed_a_unit_early() -> None:
    for most in (0.5, 1e-8, 3.0000000001):
        floor = int(ledger_rules(LINEAR, most)[FLOOR])
        assert LINEAR.money(floor) <= -Decimal(str(most)) < LINEAR.money(floor + 1)


def test_money_that_no_whole_number_holds_is_refused() -> None:
    strange = Instrument("X-USD", "X", "USD", Decimal("0.00000001"), Decimal(1_000_000), inverse=True)
    with pytest.raises(ConfigError, match="too many digits"):
        ledger_rules(strange, 1.0)


# --- whole runs, by hand --------------------------------------------------------------------------------------------


def feed_of(instrument: Instrument, *later: tuple[float, int, int, int, int, float, int]) -> Feed:
    """A book of 99,990 to 100,010 half-dollar ticks, and what comes later: seconds, kind, side, price, size, value."""
    nothing = float("nan")
    opening = [
        (0.0, RESYNC, 0, 0, 0, nothing, 0),
        (0.0, CLEAR, 0, 0, 0, nothing, 0),
        (0.0, SNAPSHOT, 1, 99_990, 500, nothing, 0),
        (0.0, SNAPSHOT, -1, 100_010, 500, nothing, 0),
        (0.0, MARK, 0, 0, 0, 50_000.0, 0),
    ]
    alive = [(second, DEPTH, 1, 99_000, 1 + int(second) % 2, nothing, 0) for second in np.arange(0.5, 30.0, 0.5)]
    marks = [(second + 0.01, MARK, 0, 0, 0, 50_000.0, 0) for second in np.arange(5.0, 30.0, 5.0)]
    rows = sorted([*opening, *alive, *marks, *later], key=lambda row: row[0])
    names = ("t_ns", "kind", "side", "price_ticks", "size", "value", "value_ns")
    columns: dict[str, Any] = {
        name: np.array(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    columns["venue_ns"] = START + (columns["t_ns"] * NS).astype(np.int64)
    columns["t_ns"] = columns["venue_ns"] + NS // 1000
    columns["seq"] = np.arange(len(rows))
    return Feed.prepare(event_table(columns), instrument, cache=False)


QUOTES = {"order_size": 100, "max_position_size": 200, "spread_bps": 10, "max_orders_per_side": 1}
BOUGHT = (10.2, TRADE, -1, 99_000, 100, float("nan"), 0)
SOLD = (20.2, TRADE, 1, 101_000, 100, float("nan"), 0)


def rate(value: float) -> tuple[float, int, int, int, int, float, int]:
    """Said at once, due in the 15th second."""
    return (0.1, FUNDING, 0, 0, 0, value, START + 15 * NS)


def test_an_inverse_round_trip_with_funding_by_hand() -> None:
    feed = feed_of(INVERSE, rate(0.001), BOUGHT, SOLD)
    result = backtest(feed, "guide_fixed", QUOTES, latency=ConstantLatency(0.001, 0.001))
    fills = result.log.fills
    assert fills[["side", "price_ticks", "size", "maker"]].tolist() == [(1, 99_900, 100, 1), (-1, 100_100, 100, 1)]
    # 100 contracts of 1 USD bought at 49,950 and sold at 50,050, the mid at 50,000 throughout: V = -1/price coins.
    bought, mid, sold = (Decimal(text) for text in ("-0.000020020020", "-0.000020000000", "-0.000019980020"))
    pnl = result.pnl
    assert pnl.spread == 100 * (mid - bought) + 100 * (sold - mid) == Decimal("0.000004000000")
    assert pnl.inventory == 0
    # Two basis points of 0.0020020020 and of 0.0019980020 coins, each rounded up to 1e-8.
    assert pnl.fees == -(Decimal("0.00000041") + Decimal("0.00000040"))
    # 0.001 of 100 x 0.00002 coins at the mark, paid by who is long.
    assert pnl.funding == Decimal("-0.00000200")
    assert pnl.total == Decimal("0.000001190000")


@pytest.mark.parametrize(("first", "sign"), [(BOUGHT, -1), (SOLD, 1)], ids=["long", "short"])
@pytest.mark.parametrize("instrument", [COARSE, INVERSE], ids=["linear", "inverse"])
def test_who_is_long_pays_funding_when_the_rate_is_positive(instrument: Instrument, first: Any, sign: int) -> None:
    trade = (10.2, *first[1:])
    for value in (0.0005, -0.0005):
        feed = feed_of(instrument, rate(value), trade)
        result = backtest(feed, "guide_fixed", QUOTES, latency=ConstantLatency(0.001, 0.001))
        received = result.pnl.funding
        assert np.sign(float(received)) == sign * np.sign(value)
        assert result.log.funding["position"].tolist() == [-100 * sign]
        assert instrument.units(received) == instrument.funding_units(Decimal(50_000), -100 * sign, Decimal(str(value)))
        assert sum(result.pnl) == result.pnl.total


def test_a_run_that_never_quotes_is_a_run() -> None:
    result = backtest(feed_of(LINEAR, BOUGHT), "guide_fixed", QUOTES)
    assert (len(result.log.orders), len(result.log.fills), result.pnl.total) == (0, 0, 0)


def test_funding_without_a_mark_price_is_paid_at_the_mid() -> None:
    rows = [rate(0.001), BOUGHT]
    feed = feed_of(INVERSE, *rows)
    unmarked = np.array(feed.funding)
    unmarked["mark"] = np.nan
    feed.__dict__["funding"] = unmarked
    result = backtest(feed, "guide_fixed", QUOTES, latency=ConstantLatency(0.001, 0.001))
    assert result.log.funding["mark"].tolist() == [100_000.0]
    assert result.pnl.funding == Decimal("-0.00000200")


@pytest.mark.parametrize(("most", "halts"), [(0.0000034, True), (0.0000035, False)])
def test_funding_counts_against_the_limit(most: float, halts: bool) -> None:
    # Bought 50 under the mark: +0.000002002, fee -0.00000041; funding of -0.00000500 leaves -0.000003408.
    feed = feed_of(INVERSE, rate(0.0025), BOUGHT)
    result = backtest(feed, "guide_fixed", QUOTES | {"risk.max_loss": most}, latency=ConstantLatency(0.001, 0.001))
    assert result.pnl.total == Decimal("-0.000003408000")
    halted = result.log.quotes[result.log.quotes["reason"] == HALTED_LOSS]
    assert bool(halted.size) == halts
    if halts:
        assert START + 15 * NS < halted["t_ns"][0] < START + 15.2 * NS
