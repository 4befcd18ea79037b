"""The accounts of a run beside the ledger that trades: the same fills, the same money, to the last unit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.backtest.accounts import keep_accounts, sample_values
from workbench.backtest.log import FILLS_DTYPE, FUNDING_DTYPE, QUOTES_DTYPE, RunLog
from workbench.instruments import Instrument
from workbench.trading import Ledger

LINEAR = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"))
REBATE = Instrument("ETH-PERP", "ETH", "USDT", Decimal("0.05"), Decimal("0.01"), maker_fee=Decimal("-0.000125"))
INVERSE = Instrument("BTC-USD", "BTC", "USD", Decimal("0.5"), Decimal(1), inverse=True)
HUGE = Instrument("SHIB-PERP", "SHIB", "USDT", Decimal("0.00000001"), Decimal(1_000_000))
INSTRUMENTS = (LINEAR, REBATE, INVERSE, HUGE)

fills = st.lists(
    st.tuples(
        st.sampled_from([1, -1]),
        st.integers(1, 7_000_000),
        st.integers(90_000, 110_000),
        st.integers(-400, 400),
        st.booleans(),
    ),
    max_size=30,
)


def make_log(rows: list[tuple[int, int, int, int, bool]], mark: float = np.nan) -> RunLog:
    table = np.zeros(len(rows), FILLS_DTYPE)
    for number, (side, size, price, off, maker) in enumerate(rows):
        table[number]["t_ns"] = table[number]["venue_ns"] = 10 * (number + 1)
        table[number]["side"], table[number]["size"], table[number]["price_ticks"] = side, size, price
        table[number]["mid_half_ticks"], table[number]["maker"] = 2 * price + off, maker
    quotes = np.zeros(2 * len(rows) + 1, QUOTES_DTYPE)
    quotes["t_ns"] = np.arange(len(quotes)) * 5 + 5
    quotes["best_bid"], quotes["best_ask"] = 100_000 - np.arange(len(quotes)), 100_003
    quotes["mark"] = mark
    return RunLog(fills=table, quotes=quotes)


def units(instrument: Instrument, parts: Any) -> list[int]:
    return [instrument.units(part) for part in parts]


@given(rows=fills, instrument=st.sampled_from(INSTRUMENTS), mark=st.sampled_from([np.nan, 100_001.25]))
@settings(max_examples=150, deadline=None)
def test_every_fill_and_every_sample_is_booked_as_the_ledger_books_it(
    rows: list[tuple[int, int, int, int, bool]], instrument: Instrument, mark: float
) -> None:
    log = make_log(rows, mark)
    accounts, values = keep_accounts(log, instrument), sample_values(log, instrument)
    sampled = accounts.at(log.quotes["t_ns"], values)
    ledger = Ledger(instrument)
    heard = 0
    for row, quote in enumerate(log.quotes):
        while heard < len(rows) and log.fills["t_ns"][heard] <= quote["t_ns"]:
            side, size, price, off, maker = rows[heard]
            rate = instrument.maker_fee if maker else instrument.taker_fee
            fee = instrument.money(instrument.fee_units(price * instrument.tick_size, size, rate))
            ledger.fill(side, size, price, fee, instrument.value_of_half_ticks(2 * price + off))
            heard += 1
        expected = units(instrument, ledger.parts(int(values[row])))
        assert [int(part[row]) for part in sampled] == expected
        assert int(sampled.total[row]) == sum(expected)
        assert accounts.position[heard] == ledger.position
    assert units(instrument, accounts.at_end(int(values[-1]))) == units(instrument, ledger.parts(int(values[-1])))


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda instrument: instrument.symbol)
def test_funding_is_paid_as_the_venue_pays_it(instrument: Instrument) -> None:
    funding = np.zeros(2, FUNDING_DTYPE)
    funding["t_ns"], funding["position"] = (100, 200), (70, -13)
    funding["rate"], funding["mark"] = (0.0001, 0.00025), (100_000.25, 99_999.5)
    accounts = keep_accounts(RunLog(funding=funding), instrument)
    paid = [
        instrument.funding_units(Decimal(mark) * instrument.tick_size, position, Decimal(rate))
        for mark, position, rate in (("100000.25", 70, "0.0001"), ("99999.5", -13, "0.00025"))
    ]
    at = accounts.at(np.array([99, 100, 199, 200]), np.zeros(4, np.int64))
    assert at.funding.tolist() == [0, paid[0], paid[0], sum(paid)]
    assert instrument.units(accounts.at_end(None).funding) == sum(paid)


def test_a_sample_without_a_market_is_marked_at_the_last_one_known() -> None:
    log = make_log([(1, 1, 100_000, 0, True), (1, 1, 100_000, 0, True)])
    log.quotes["best_bid"][[0, 3]] = (0, -1)
    values = sample_values(log, LINEAR)
    assert values[0] == values[1] == LINEAR.value_of_half_ticks(99_999 + 100_003)
    assert values[3] == values[2]


def test_sums_beyond_64_bits_stay_exact() -> None:
    rows = [(1, 7_000_000, 109_999, 400, True)] * 30
    rich = Instrument("X-PERP", "X", "USDT", Decimal(1), Decimal(1000))
    accounts = keep_accounts(make_log(rows), rich)
    assert accounts.spread.dtype == object
    assert int(accounts.spread[-1]) == 30 * 7_000_000 * 400 * rich.value_of_half_ticks(1)
