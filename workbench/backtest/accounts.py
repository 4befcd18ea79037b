"""The money of a run, all fills at once: the parts of `workbench.trading.Ledger`, in integer money units, exact."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.log import RunLog
from workbench.instruments import FEE_DIGITS, Instrument, decimal_of
from workbench.trading.ledger import PnlParts

__all__ = ["Accounts", "Parts", "keep_accounts", "mark_price", "mark_values", "sample_values"]

Whole = NDArray[Any]
"""int64 or, where sums could pass its range, Python integers (object)."""

SAFE = float(2**61)

UNSURE, LARGEST_SURE = 1e-2, 2.0**44
"""Where a product of floats does not say which whole number is nearest."""


class Parts(NamedTuple):
    """Money units since the start at some times: int64 or object, shape (n,). Fees paid are negative."""

    spread: Whole
    inventory: Whole
    fees: Whole
    funding: Whole

    @property
    def total(self) -> Whole:
        """Change in equity, exactly."""
        return self.spread + self.inventory + self.fees + self.funding


@dataclass(frozen=True)
class Accounts:
    """How the books stood after each of n fills (row 0: before the first) and m funding stamps.

    Attributes
    ----------
    instrument : Instrument
    t_ns : ndarray of int64[n]
        When each fill was heard, not decreasing.
    position : ndarray of int64[n + 1]
        Contracts, signed.
    spread, inventory, fees : ndarray[n + 1]
        Money units so far; the inventory up to the mid of the last fill, fees paid positive.
    reference : ndarray[n + 1]
        V(mid) of the last fill, money units a contract.
    funding_ns, funding : ndarray of int64[m], ndarray[m + 1]
        Received (negative: paid) so far.
    """

    instrument: Instrument
    t_ns: NDArray[np.int64]
    position: NDArray[np.int64]
    spread: Whole
    inventory: Whole
    fees: Whole
    reference: Whole
    funding_ns: NDArray[np.int64]
    funding: Whole

    def at(self, t_ns: NDArray[np.int64], value: Whole) -> Parts:
        """The parts at some times with the position marked at V, money units a contract.

        What is heard at a time counts at that time.
        """
        fill = np.searchsorted(self.t_ns, t_ns, side="right")
        paid = np.searchsorted(self.funding_ns, t_ns, side="right")
        moved = _product(self.position[fill], value - self.reference[fill])
        return Parts(self.spread[fill], self.inventory[fill] + moved, -self.fees[fill], self.funding[paid])

    def at_end(self, value: int | None) -> PnlParts:
        """The parts after everything, the position marked at V (None: at the last fill's mid)."""
        units = [int(self.spread[-1]), int(self.inventory[-1]), -int(self.fees[-1]), int(self.funding[-1])]
        if value is not None:
            units[1] += int(self.position[-1]) * (value - int(self.reference[-1]))
        return PnlParts(*(self.instrument.money(unit) for unit in units))


def keep_accounts(log: RunLog, instrument: Instrument) -> Accounts:
    """Book a run's fills and funding as the ledger of a live session does.

    Parameters
    ----------
    log : RunLog
        Fills in the order heard, from a flat position.
    instrument : Instrument
        Values, fees and funding by its rules.
    """
    fills, funding = log.fills, log.funding
    signed = fills["side"] * fills["size"]
    position = np.concatenate([[0], np.cumsum(signed)])
    value = _values(2 * fills["price_ticks"], instrument)
    mid = _values(fills["mid_half_ticks"], instrument)
    reference = np.concatenate([mid[:1] if len(mid) else [0], mid])
    paid = [
        instrument.funding_units(mark_price(mark, instrument), position, decimal_of(rate))
        for _, position, rate, mark in funding.tolist()
    ]
    return Accounts(
        instrument=instrument,
        t_ns=fills["t_ns"],
        position=position,
        spread=_running(_product(signed, mid - value)),
        inventory=_running(_product(position[:-1], np.diff(reference))),
        fees=_running(_fees(fills, value, instrument)),
        reference=reference,
        funding_ns=funding["t_ns"],
        funding=_running(np.array(paid, dtype=object)),
    )


def sample_values(log: RunLog, instrument: Instrument) -> Whole:
    """V at each row of the quotes: of the mark price, else of the mid, else the last one known, money units.

    Rows before anything is known have the first known value; where nothing ever is, 0.
    """
    quotes = log.quotes
    known = (quotes["best_bid"] > 0) & (quotes["best_ask"] > 0)
    marked = np.isfinite(quotes["mark"])
    value = np.zeros(len(quotes), dtype=np.int64)
    value[known] = _values(quotes["best_bid"][known] + quotes["best_ask"][known], instrument)
    value[marked] = mark_values(quotes["mark"][marked], instrument)
    has = np.flatnonzero(known | marked)
    if not len(has):
        return value
    filled = has[np.maximum(np.searchsorted(has, np.arange(len(value)), side="right") - 1, 0)]
    return np.asarray(value[filled])


def _values(half_ticks: NDArray[np.int64], instrument: Instrument) -> Whole:
    """`Instrument.value_of_half_ticks` of many."""
    if not instrument.inverse:
        return _product(half_ticks, np.int64(instrument.value_of_half_ticks(1)))
    prices, where = np.unique(half_ticks, return_inverse=True)
    return np.array([instrument.value_of_half_ticks(int(price)) for price in prices], dtype=np.int64)[where]


def mark_values(ticks: NDArray[np.float64], instrument: Instrument) -> NDArray[np.int64]:
    """V of mark prices in ticks and parts of them, money units a contract."""
    marks, where = np.unique(ticks, return_inverse=True)
    if instrument.inverse:
        return np.array([instrument.value(mark_price(mark, instrument)) for mark in marks], dtype=np.int64)[where]
    floats = marks * float(instrument.value_of_half_ticks(2))
    values = np.rint(floats).astype(np.int64)
    # A float says which whole number is nearest, but for those in the middle between two, and very large ones.
    unsure = (np.abs(floats - np.floor(floats) - 0.5) < UNSURE) | (np.abs(floats) > LARGEST_SURE)
    for at in np.flatnonzero(unsure).tolist():
        values[at] = instrument.value(mark_price(marks[at], instrument))
    return values[where]


def _fees(fills: NDArray[np.void], value: Whole, instrument: Instrument) -> Whole:
    """`Instrument.fee_units` of many: of the traded value, to 1e-8, against us."""
    fees: Whole = np.zeros(len(fills), dtype=np.int64)
    for maker, rate in ((True, instrument.maker_fee), (False, instrument.taker_fee)):
        which = np.flatnonzero((fills["maker"] != 0) == maker)
        share = Fraction(rate) / 10 ** (instrument.money_digits - FEE_DIGITS)
        traded = _product(np.abs(value[which]), fills["size"][which])
        parts = _product(traded, np.int64(share.numerator))
        rounded = -(-parts // share.denominator)
        units = _product(rounded, np.int64(10 ** (instrument.money_digits - FEE_DIGITS)))
        if units.dtype == object:
            fees = fees.astype(object)
        fees[which] = units
    return fees


def _product(a: Whole, b: Whole | np.int64) -> Whole:
    """a x b, in Python integers where int64 could overflow."""
    if a.dtype != object and not _fits(np.abs(np.asarray(a, dtype=np.float64) * np.asarray(b, dtype=np.float64))):
        a = a.astype(object)
    return np.asarray(a * b)


def _running(amounts: Whole) -> Whole:
    """Sums after each amount, beginning with 0."""
    if amounts.dtype == object:
        if _fits(np.abs(amounts.astype(np.float64)).sum()):
            amounts = amounts.astype(np.int64)
    elif not _fits(np.abs(amounts.astype(np.float64)).sum()):
        amounts = amounts.astype(object)
    return np.concatenate([np.zeros(1, dtype=amounts.dtype), np.cumsum(amounts)])


def _fits(sizes: Any) -> bool:
    return bool(np.max(sizes, initial=0.0) < SAFE)


def mark_price(ticks: float, instrument: Instrument) -> Decimal:
    """A mark price that was kept in ticks, as the venue wrote it."""
    return decimal_of(float(ticks), "mark price") * instrument.tick_size
