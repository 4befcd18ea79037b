"""Prices, sizes and money of an instrument are exact, and round the way that does not flatter us."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import InstrumentError
from workbench.instruments import Instrument

BTC = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.1"), Decimal("0.00001"))
INVERSE = Instrument("BTC-USD", "BTC", "USD", Decimal("0.5"), Decimal("1"), inverse=True)


def test_prices_go_to_ticks_and_back() -> None:
    assert BTC.price_to_ticks("77050.1") == 770501
    assert BTC.price_to_ticks(77050.1) == 770501
    assert BTC.ticks_to_price(770501) == Decimal("77050.1")


def test_bids_floor_and_asks_ceil() -> None:
    assert BTC.price_to_ticks("77050.19", "floor") == 770501
    assert BTC.price_to_ticks("77050.11", "ceil") == 770502


@pytest.mark.parametrize("price", ["77050.15", 0, -1, float("nan"), "Infinity", "cheap", None])
def test_a_price_off_the_tick_or_not_a_number_is_refused(price: object) -> None:
    with pytest.raises(InstrumentError):
        BTC.price_to_ticks(price)  # type: ignore[arg-type]


@given(st.integers(1, 10**8), st.integers(1, 10**7))
def test_an_amount_never_buys_more_contracts_than_it_is_worth(amount_e8: int, ticks: int) -> None:
    price, amount = BTC.ticks_to_price(ticks), Decimal(amount_e8).scaleb(-8)
    for unit in ("base", "quote"):
        contracts = BTC.amount_to_contracts(amount, price, unit)  # type: ignore[arg-type]
        assert BTC.contracts_to_amount(contracts, price, unit) <= amount  # type: ignore[arg-type]
        assert BTC.contracts_to_amount(contracts + BTC.lot, price, unit) > amount  # type: ignore[arg-type]


@given(st.integers(1, 10**7))
def test_the_smallest_order_is_just_not_spam(ticks: int) -> None:
    price = BTC.ticks_to_price(ticks)
    smallest = BTC.min_contracts(price)
    assert BTC.notional(smallest, price) >= 5
    assert smallest == 1 or BTC.notional(smallest - 1, price) < 5


@given(st.integers(1, 10**8))
def test_linear_values_of_half_ticks_are_exact(half_ticks: int) -> None:
    exact = Fraction(half_ticks, 2) * Fraction("0.1") * Fraction("0.00001") * 10**BTC.money_digits
    assert BTC.value_of_half_ticks(half_ticks) == exact


@given(st.decimals("0.5", "1000000", places=4))
def test_inverse_values_are_rounded_once_half_even(price: Decimal) -> None:
    exact = Fraction(-1) / Fraction(price) * 10**INVERSE.money_digits
    assert abs(INVERSE.value(price) - exact) <= Fraction(1, 2)


def test_a_mark_price_with_many_decimals_is_rounded_to_the_quantum() -> None:
    # 77056.402831145 x 0.00001 = 0.77056402831145
    assert BTC.money(BTC.value(Decimal("77056.402831145"))) == Decimal("0.77056403")


def test_fees_round_against_us() -> None:
    # 7 contracts at 77050.1 are worth 5.393507; at 0.01 % the fee is 0.0005393507.
    assert BTC.money(BTC.fee_units(Decimal("77050.1"), 7, Decimal("0.0001"))) == Decimal("0.00053936")
    assert BTC.money(BTC.fee_units(Decimal("77050.1"), 7, Decimal("-0.0001"))) == Decimal("-0.00053935")


def test_funding_is_paid_by_the_long_when_the_rate_is_positive() -> None:
    paid = BTC.money(BTC.funding_units(Decimal("77000"), 100, Decimal("0.0001")))
    assert paid == Decimal("-0.0077")
    assert BTC.money(BTC.funding_units(Decimal("77000"), -100, Decimal("0.0001"))) == Decimal("0.0077")


def test_money_with_too_many_digits_is_refused() -> None:
    assert BTC.units("0.00000001") == 1
    with pytest.raises(InstrumentError, match="more than 8 decimals"):
        BTC.units("0.000000001")


@pytest.mark.parametrize("change", [{"tick_size": Decimal(0)}, {"contract_size": Decimal("NaN")}, {"lot": 0}])
def test_an_instrument_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    fields = {"tick_size": Decimal("0.1"), "contract_size": Decimal(1), **change}
    with pytest.raises(InstrumentError):
        Instrument("X-PERP", "X", "USDT", **fields)  # type: ignore[arg-type]
