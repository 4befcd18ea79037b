"""Rounding and the inventory gate, compiled against plain Python and against their definitions."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from workbench.quoting import ceil_to_increment, floor_to_increment, half_up_to_increment, inventory_gate

ticks = st.integers(1, 10**9).map(lambda quarter: quarter / 4)
increments = st.sampled_from([1, 2, 5, 10, 1000])


@given(ticks, increments)
def test_floor_and_ceil_bracket_the_price(price: float, increment: int) -> None:
    low, high = floor_to_increment(price, increment), ceil_to_increment(price, increment)
    slack = Fraction(increment, 10**8)
    assert low <= Fraction(price) + slack
    assert high >= Fraction(price) - slack
    assert 0 <= high - low <= increment
    assert low % increment == high % increment == 0
    assert low == floor_to_increment.py_func(price, increment)  # type: ignore[attr-defined]
    assert high == ceil_to_increment.py_func(price, increment)  # type: ignore[attr-defined]


@given(ticks, increments)
def test_half_up_is_the_nearest_and_a_half_goes_up(price: float, increment: int) -> None:
    rounded = half_up_to_increment(price, increment)
    difference = Fraction(rounded) - Fraction(price)
    assert -Fraction(increment, 2) < difference <= Fraction(increment, 2)
    assert rounded == half_up_to_increment.py_func(price, increment)  # type: ignore[attr-defined]


def test_a_floats_last_digit_does_not_move_a_quote_by_a_tick() -> None:
    assert floor_to_increment(0.1 * 3 * 10, 1) == 3
    assert floor_to_increment(2.9999999999, 1) == 3
    assert ceil_to_increment(3.0000000001, 1) == 3


@given(st.integers(-2000, 2000), st.sampled_from([-1, 0, 1]))
def test_the_gate_never_holds_back_the_reducing_side(inventory: int, before: int) -> None:
    gated = inventory_gate(inventory, 1000.0, 0.8, 0.7, before)
    assert gated * inventory >= 0
    assert gated == inventory_gate.py_func(inventory, 1000.0, 0.8, 0.7, before)  # type: ignore[attr-defined]
    if abs(inventory) >= 800:
        assert gated != 0
    if abs(inventory) < 700:
        assert gated == 0
