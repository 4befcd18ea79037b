"""A trader's equity in whole money units, for `risk.max_loss`: the rules of `Instrument` and of the live ledger."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import borrowing, inlined, types
from workbench.errors import ConfigError
from workbench.instruments import FEE_DIGITS, Instrument

__all__ = ["book_fill", "fee_of", "ledger_rules", "take_funding", "value_of_half_ticks", "worth"]

(
    CASH,  # money units: paid for contracts, negative, or received
    COSTS,  # money units: fees paid less funding received
    MARK_VALUE,  # money units a contract is worth at the mark price
    NEXT_MARK,  # row of the marks that is heard next
    FUNDING_DUE,  # money units under way
    FUNDING_DUE_NS,  # when they are heard
    # The rest are rules.
    FLOOR,  # money units: the change in equity that ends quoting
    VALUE_TOP,  # value = half ticks x top (linear), -top / (bottom x half ticks) (inverse)
    VALUE_BOTTOM,  # 0: linear
    TAKER_TOP,  # fee in steps = value x top / bottom, rounded up
    TAKER_BOTTOM,
    MAKER_TOP,
    MAKER_BOTTOM,
    FEE_STEP,  # money units in the last digit of a fee
) = range(14)
LEDGER_SIZE = 14

LARGEST = 1 << 62

_ROW = types.int64[::1]
_i = types.int64


def ledger_rules(instrument: Instrument, max_loss: float) -> NDArray[np.int64]:
    """A ledger without bookings.

    Raises
    ------
    ConfigError
        If the contract's values have more digits than whole numbers of 64 bits.
    """
    row = np.zeros(LEDGER_SIZE, dtype=np.int64)
    scale = Decimal(10) ** instrument.money_digits
    step = 10 ** (instrument.money_digits - FEE_DIGITS)
    if instrument.inverse:
        value = Fraction(2 * instrument.contract_size * scale) / Fraction(instrument.tick_size)
    else:
        value = Fraction(instrument.value_of_half_ticks(1))
    taker, maker = (Fraction(rate) / step for rate in (instrument.taker_fee, instrument.maker_fee))
    rules = [
        -math.ceil(Decimal(str(max_loss)) * scale),
        value.numerator,
        value.denominator if instrument.inverse else 0,
        *(taker.numerator, taker.denominator, maker.numerator, maker.denominator),
        step,
    ]
    if max(map(abs, rules)) > LARGEST:
        raise ConfigError(
            [f"risk.max_loss is {max_loss:g}; on {instrument.symbol} its money has too many digits to be watched"]
        )
    row[FLOOR:] = rules
    return row


@borrowing(_i(_ROW, _i))
def value_of_half_ticks(row: NDArray[np.int64], half_ticks: int) -> int:
    """`Instrument.value_of_half_ticks`."""
    if row[VALUE_BOTTOM] == 0:
        return int(half_ticks * row[VALUE_TOP])
    bottom = row[VALUE_BOTTOM] * half_ticks
    whole = row[VALUE_TOP] // bottom
    twice = 2 * (row[VALUE_TOP] - whole * bottom)
    if twice > bottom or (twice == bottom and whole % 2 == 1):
        whole += 1
    return int(-whole)


@borrowing(_i(_ROW, _i, _i))
def fee_of(row: NDArray[np.int64], value: int, maker: int) -> int:
    """`Instrument.fee_units` of so much traded, money units."""
    top, bottom = row[TAKER_TOP + 2 * maker], row[TAKER_BOTTOM + 2 * maker]
    whole = value // bottom
    # Of the rest alone: the product with the whole could pass 64 bits.
    return int((whole * top - (-(value - whole * bottom) * top) // bottom) * row[FEE_STEP])


@borrowing(types.void(_ROW, _i, _i, _i, _i))
def book_fill(row: NDArray[np.int64], side: int, size: int, price: int, maker: int) -> None:
    """Book an execution."""
    value = size * value_of_half_ticks(row, 2 * price)
    row[CASH] -= side * value
    row[COSTS] += fee_of(row, abs(value), maker)


@inlined
def take_funding(row: NDArray[np.int64]) -> None:
    """Book the funding that was under way."""
    row[COSTS] -= row[FUNDING_DUE]
    row[FUNDING_DUE_NS] = 0


@inlined
def worth(row: NDArray[np.int64], position: int) -> int:
    """The change in equity, the position at the mark price."""
    return int(row[CASH] + position * row[MARK_VALUE] - row[COSTS])
