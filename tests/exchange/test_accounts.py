"""Exact money: the venue's own arithmetic against fractions and against the instrument's rules."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from workbench.exchange.accounts import Holding, fee_of, funding_of
from workbench.exchange.listing import LISTINGS
from workbench.exchange.wire_numbers import plain, round_half_even

BTC = LISTINGS["BTC-PERP"]
trades = st.lists(st.tuples(st.sampled_from((1, -1)), st.integers(1, 50), st.integers(700_000, 800_000)), max_size=30)
rates = st.decimals(min_value=-1, max_value=1, places=6).map(lambda r: r / 100)


def test_a_round_trip_by_hand() -> None:
    holding = Holding(BTC)
    assert holding.trade(1, 10, 77_000_000) == 0
    assert holding.trade(1, 10, 77_100_000) == 0
    assert holding.trade(-1, 5, 77_200_000) == 5 * 77_200_000 - 1_541_000_000 // 4
    assert (holding.position, holding.cost) == (15, 1_541_000_000 * 3 // 4)
    assert holding.trade(-1, 20, 77_000_000) == 15 * 77_000_000 - 1_155_750_000
    assert (holding.position, holding.cost) == (-5, -5 * 77_000_000)


def test_the_share_of_a_reduction_is_rounded_half_to_even() -> None:
    assert [round_half_even(n, 2) for n in (-3, -1, 1, 3, 5)] == [-2, 0, 0, 2, 2]
    assert [round_half_even(n, 3) for n in (-4, -2, 2, 4)] == [-1, -1, 1, 1]


@given(trades, st.integers(700_000, 800_000))
def test_equity_is_exactly_the_sum_of_all_values_exchanged(steps: list[tuple[int, int, int]], mark_ticks: int) -> None:
    holding, realised, cash, position = Holding(BTC), 0, 0, 0
    for side, size, ticks in steps:
        value = BTC.value(ticks)
        realised += holding.trade(side, size, value)
        cash -= side * size * value
        position += side * size
    mark = BTC.value(mark_ticks)
    assert holding.position == position
    assert realised + holding.unrealised(mark) == cash + position * mark
    if not position:
        assert holding.cost == 0


@given(st.integers(1, 10**7), st.integers(1, 10**5), rates)
def test_fees_are_those_of_the_instrument_rounded_against_the_account(ticks: int, size: int, rate: Decimal) -> None:
    fee = fee_of(BTC.value(ticks), size, rate)
    assert fee == BTC.instrument.fee_units(BTC.instrument.ticks_to_price(ticks), size, rate)
    exact = Fraction(BTC.value(ticks) * size) * Fraction(rate)
    assert 0 <= fee - exact < 1


@given(st.decimals(min_value=1, max_value=10**6, places=9), st.integers(-(10**5), 10**5), rates)
def test_funding_is_that_of_the_instrument_and_long_pays_a_positive_rate(
    mark: Decimal, position: int, rate: Decimal
) -> None:
    value = BTC.instrument.value(mark)
    assert funding_of(value, position, rate) == BTC.instrument.funding_units(mark, position, rate)
    if rate > 0 and position > 0:
        assert funding_of(value, position, rate) < 0


@given(st.integers(-(10**20), 10**20), st.integers(0, 12))
def test_numbers_on_the_wire_are_plain_and_exact(units: int, digits: int) -> None:
    text = plain(units, digits)
    assert Decimal(text) == Decimal(units).scaleb(-digits)
    assert set(text) <= set("-0123456789.")
    assert not (text.endswith(("0", ".")) and "." in text)


def test_margin_covers_the_worst_case_of_position_and_open_orders() -> None:
    holding = Holding(BTC, position=100, cost=100 * 77_000_000, open_buy=50, open_sell=300)
    assert holding.worst_case() == 200
    assert holding.margin(77_000_000) == 200 * 77_000_000 // 100
    holding.set_margin(10, 1)
    assert holding.margin(77_000_000) == 200 * 77_000_000 // 10
