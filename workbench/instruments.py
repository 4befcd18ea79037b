"""What is traded: tick, contract size, minimums and fees; exact price <-> ticks, amount <-> contracts, value -> money.

Money is counted in integer *units* of the instrument's quantum, 10**-money_digits of the settlement currency, so that
sums of values, fees and funding are exact. Decimals appear at the wire and in what people read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from functools import cached_property
from typing import Literal

from workbench.errors import InstrumentError

__all__ = ["Instrument", "decimal_of"]

FEE_DIGITS = 8
"""Fees are rounded per fill to 1e-8 of the fee currency, against us."""


def decimal_of(value: Decimal | int | float | str, what: str = "value") -> Decimal:
    """A finite Decimal of a number as it is written (a float goes through its shortest text, 0.1 is 0.1).

    Raises
    ------
    InstrumentError
        If it is not a finite number.
    """
    try:
        number = value if isinstance(value, Decimal) else Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError):
        raise InstrumentError(f"{what} is {value!r}; expected a number") from None
    if not number.is_finite():
        raise InstrumentError(f"{what} is {value!r}; expected a finite number")
    return number


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


@dataclass(frozen=True)
class Instrument:
    """One perpetual (or dated) contract as its venue describes it.

    Parameters
    ----------
    symbol, base, quote : str
        For example "BTC-PERP", "BTC", "USDT".
    tick_size : Decimal
        Price increment, quote currency.
    contract_size : Decimal
        Base currency per contract (linear), or quote currency per contract (inverse).
    lot, min_size, max_size : int
        Size increment, smallest and largest order, contracts.
    min_price : Decimal
        Lowest valid price.
    maker_fee, taker_fee : Decimal
        Fractions of the traded value; negative is a rebate.
    inverse : bool
        Settled in base currency: a contract is worth -contract_size/price coins.
    min_notional : Decimal
        Orders worth less (quote currency) are spam at LMEX: hidden, taker fee, refused when post-only.
    """

    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    contract_size: Decimal
    lot: int = 1
    min_size: int = 1
    max_size: int = 7_500_000
    min_price: Decimal = Decimal(0)
    maker_fee: Decimal = Decimal("0.0002")
    taker_fee: Decimal = Decimal("0.0006")
    inverse: bool = False
    min_notional: Decimal = Decimal(5)
    active: bool = True
    perpetual: bool = True
    funding_interval_ns: int = field(default=8 * 3600 * 1_000_000_000)

    def __post_init__(self) -> None:
        for name in ("tick_size", "contract_size"):
            value = decimal_of(getattr(self, name), f"{self.symbol} {name}")
            if value <= 0:
                raise InstrumentError(f"{self.symbol} {name} is {value}; expected more than 0")
        for name in ("lot", "min_size", "max_size"):
            count = getattr(self, name)
            if not isinstance(count, int) or count < 1:
                raise InstrumentError(
                    f"{self.symbol} {name} is {count!r}; expected a whole number of contracts, at least 1"
                )

    @property
    def settlement(self) -> str:
        """The currency of margin, PnL and fees."""
        return self.base if self.inverse else self.quote

    @cached_property
    def money_digits(self) -> int:
        """Decimal places of the money quantum: linear values of ticks and half ticks (mids) are exact."""
        if self.inverse:
            return 12
        return max(FEE_DIGITS, _decimals(self.tick_size * self.contract_size) + 1)

    @cached_property
    def _linear_unit(self) -> int:
        """Money units of half a tick on one contract (linear)."""
        units = (self.tick_size * self.contract_size / 2).scaleb(self.money_digits)
        return int(units)

    # --- prices -------------------------------------------------------------------------------------------------

    def price_to_ticks(
        self, price: Decimal | int | float | str, rounding: Literal["exact", "floor", "ceil"] = "exact"
    ) -> int:
        """Price in integer ticks. "exact" refuses a price off the tick; bids floor, asks ceil."""
        number = decimal_of(price, f"{self.symbol} price")
        if number <= 0:
            raise InstrumentError(f"{self.symbol} price is {price}; expected more than 0")
        ticks = number / self.tick_size
        whole = ticks.to_integral_value(ROUND_CEILING if rounding == "ceil" else ROUND_FLOOR)
        if rounding == "exact" and whole != ticks:
            raise InstrumentError(
                f"{self.symbol} price {price} is not a multiple of the tick {self.tick_size}; "
                f"use {whole * self.tick_size} or {(whole + 1) * self.tick_size}"
            )
        return int(whole)

    def ticks_to_price(self, ticks: int) -> Decimal:
        """Price of integer ticks, with as many decimals as the tick has."""
        return ticks * self.tick_size

    # --- sizes --------------------------------------------------------------------------------------------------

    def amount_to_contracts(
        self, amount: Decimal | int | float | str, price: Decimal | int | float | str, unit: Literal["base", "quote"]
    ) -> int:
        """Whole lots, in contracts, that an amount of base or quote currency buys at a price; never rounds up."""
        number = decimal_of(amount, f"{self.symbol} amount")
        if number < 0:
            raise InstrumentError(f"{self.symbol} amount is {amount}; expected 0 or more")
        contracts = number / self._per_contract(decimal_of(price, f"{self.symbol} price"), unit)
        return int(contracts // self.lot) * self.lot

    def contracts_to_amount(
        self, contracts: int, price: Decimal | int | float | str, unit: Literal["base", "quote"]
    ) -> Decimal:
        """Base or quote currency that a number of contracts is worth at a price."""
        return contracts * self._per_contract(decimal_of(price, f"{self.symbol} price"), unit)

    def notional(self, contracts: int, price: Decimal) -> Decimal:
        """Absolute value in quote currency."""
        return abs(self.contracts_to_amount(contracts, price, "quote"))

    def min_contracts(self, price: Decimal) -> int:
        """The smallest order at this price that is neither below the minimum size nor spam, contracts."""
        if price <= 0:
            raise InstrumentError(f"{self.symbol} price is {price}; expected more than 0")
        need = (self.min_notional / self._per_contract(price, "quote")).to_integral_value(ROUND_CEILING)
        lots = -(-max(self.min_size, int(need)) // self.lot)
        return lots * self.lot

    def _per_contract(self, price: Decimal, unit: Literal["base", "quote"]) -> Decimal:
        if price <= 0:
            raise InstrumentError(f"{self.symbol} price is {price}; expected more than 0")
        if unit == "base":
            return self.contract_size / price if self.inverse else self.contract_size
        if unit == "quote":
            return self.contract_size if self.inverse else self.contract_size * price
        raise InstrumentError(f"unit is {unit!r}; expected 'base' or 'quote'")

    # --- money --------------------------------------------------------------------------------------------------

    def value_of_half_ticks(self, half_ticks: int) -> int:
        """V(price) of one contract in money units, price in half ticks (a mid may lie between two ticks)."""
        if not self.inverse:
            return half_ticks * self._linear_unit
        return self.value(half_ticks * self.tick_size / 2)

    def value(self, price: Decimal) -> int:
        """V(price) of one contract in money units, rounded once, half-even: the form every PnL part uses."""
        with localcontext() as context:
            context.prec = 60
            if self.inverse:
                exact = -self.contract_size / price
            else:
                exact = price * self.contract_size
            return int(exact.scaleb(self.money_digits).to_integral_value(ROUND_HALF_EVEN))

    def fee_units(self, price: Decimal, contracts: int, rate: Decimal) -> int:
        """Fee of one fill in money units: paid is positive, a rebate negative; rounded to 1e-8 against us."""
        with localcontext() as context:
            context.prec = 60
            value = Decimal(abs(self.value(price)) * abs(contracts)).scaleb(-self.money_digits)
            fee = (value * rate).quantize(Decimal(1).scaleb(-FEE_DIGITS), ROUND_CEILING)
            return int(fee.scaleb(self.money_digits))

    def funding_units(self, mark: Decimal, position: int, rate: Decimal) -> int:
        """Funding received (negative: paid) in money units for a position held at the stamp; 1e-8, against us."""
        with localcontext() as context:
            context.prec = 60
            value = Decimal(abs(self.value(mark)) * position).scaleb(-self.money_digits)
            paid = (-value * rate).quantize(Decimal(1).scaleb(-FEE_DIGITS), ROUND_FLOOR)
            return int(paid.scaleb(self.money_digits))

    def money(self, units: int) -> Decimal:
        """Money units as a Decimal of the settlement currency."""
        return Decimal(units).scaleb(-self.money_digits)

    def units(self, money: Decimal | int | str) -> int:
        """Money units of a Decimal; refuses more digits than the quantum has."""
        scaled = decimal_of(money, "money").scaleb(self.money_digits)
        if scaled != scaled.to_integral_value():
            raise InstrumentError(f"{money} {self.settlement} has more than {self.money_digits} decimals")
        return int(scaled)
