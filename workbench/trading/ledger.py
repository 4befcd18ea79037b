"""Exact money: position, cost, wallet and PnL parts in integer money units that sum to the last digit.

Every value is V(price) as `Instrument.value` rounds it. Between two reference values the position earns inventory PnL;
a fill earns the spread between its price and the reference (the mid). Telescoped over the references the parts sum to
the change in equity exactly, whatever mids and marks came between.
"""

from __future__ import annotations

from bisect import bisect_right
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from workbench.instruments import Instrument

__all__ = ["Ledger", "PnlParts"]


KEPT_FILLS = 512
"""An execution heard so many others late is booked as if it had come before the oldest of them."""


class PnlParts(NamedTuple):
    """Change in equity since the start, settlement currency; the four parts sum to `total` exactly."""

    spread: Decimal
    inventory: Decimal
    fees: Decimal
    funding: Decimal

    @property
    def total(self) -> Decimal:
        """Change in equity."""
        return self.spread + self.inventory + self.fees + self.funding


def _share_of_cost(cost: int, part: int, whole: int) -> int:
    """cost x part / whole, half-even: what the closed part of a position had cost."""
    numerator = cost * part
    quotient, remainder = divmod(numerator, whole)
    twice = 2 * remainder
    if twice > whole or (twice == whole and quotient % 2):
        quotient += 1
    return quotient


class _Booked(NamedTuple):
    """An execution, and how the books stood before it."""

    venue_ns: int
    side: int
    size: int
    value: int
    position: int
    cost: int
    realised: int

    def came_after(self, venue_ns: int | None, side: int, value: int) -> bool:
        """A taker that swept both reached this one later: the venue's stamps are too coarse to say so."""
        return self.venue_ns == venue_ns and self.side == side and side * (self.value - value) < 0


class Ledger:
    """Books fills, fees, funding and marks of one instrument.

    Parameters
    ----------
    instrument : Instrument
        Gives V(price) and the money quantum.
    position : int
        Signed contracts held at the start.

    Notes
    -----
    `wallet_change` follows the venue's rule: closing n of |Q| contracts realises against the share n/|Q| of the cost,
    rounded half-even; wallet + unrealised is exact whatever that rounding was. The share depends on the order of
    executions: one that is heard late is booked where it belongs in the venue's time.
    """

    def __init__(self, instrument: Instrument, position: int = 0) -> None:
        self._instrument = instrument
        self.currency = instrument.settlement
        self.position = position
        self.start_position = position
        self._reference: int | None = None
        self._cost = 0
        self._realised = 0
        self._spread = 0
        self._inventory = 0
        self._fees = 0
        self._funding = 0
        self._funding_ids: set[str] = set()
        self._booked: list[_Booked] = []

    def adopt(self, position: int) -> None:
        """The position found at the start of a session, before any fill: PnL counts from here."""
        if position == self.position:
            return
        self.position = self.start_position = position
        self._inventory = 0
        self._booked.clear()
        if self._reference is not None:
            self._cost = position * self._reference

    def mark(self, value: int) -> None:
        """Move the reference to V(mark) or V(mid), money units a contract; the first one is where PnL starts."""
        if self._reference is None:
            self._cost = self.position * value
        else:
            self._inventory += self.position * (value - self._reference)
        self._reference = value

    def fill(
        self,
        side: int,
        size: int,
        price_ticks: int,
        fee: Decimal,
        mid_value: int,
        venue_ns: int | None = None,
        *,
        fetched: bool = False,
    ) -> None:
        """Book an execution against the mid at which it was heard.

        Parameters
        ----------
        side, size, price_ticks : int
            +1/-1, contracts, ticks.
        fee : Decimal
            Paid positive, rebate negative, settlement currency; digits beyond the quantum round against us.
        mid_value : int
            V(mid), money units a contract.
        venue_ns : int, optional
            When it happened at the venue; by default after every other one.
        fetched : bool
            It was asked for, so that it is not heard in its turn: of one stamp and side the better price came first.
        """
        self.mark(mid_value)
        value = self._instrument.value_of_half_ticks(2 * price_ticks)
        self._spread += side * size * (mid_value - value)
        fee_units = int(fee.scaleb(self._instrument.money_digits).to_integral_value(ROUND_CEILING))
        self._fees += fee_units
        self._book(side, size, value, venue_ns, fetched=fetched)

    def _book(self, side: int, size: int, value: int, venue_ns: int | None, *, fetched: bool) -> None:
        """Put an execution where it belongs: what happened after it is booked again behind it."""
        booked = self._booked
        newest_ns = booked[-1].venue_ns if booked else 0
        at = len(booked) if venue_ns is None else bisect_right(booked, venue_ns, key=lambda row: row.venue_ns)
        while fetched and at and booked[at - 1].came_after(venue_ns, side, value):
            at -= 1
        after = booked[at:]
        if after:
            del booked[at:]
            self.position, self._cost, self._realised = after[0].position, after[0].cost, after[0].realised
        self._trade(side, size, value, newest_ns if venue_ns is None else venue_ns)
        for row in after:
            self._trade(row.side, row.size, row.value, row.venue_ns)
        del booked[:-KEPT_FILLS]

    def _trade(self, side: int, size: int, value: int, venue_ns: int) -> None:
        self._booked.append(_Booked(venue_ns, side, size, value, self.position, self._cost, self._realised))
        closing = min(size, abs(self.position)) if side * self.position < 0 else 0
        if closing:
            cost = _share_of_cost(self._cost, closing, abs(self.position))
            self._realised += -side * closing * value - cost
            self._cost -= cost
        opening = size - closing
        self._cost += side * opening * value
        self.position += side * size

    def funding(self, funding_id: str, amount: Decimal) -> bool:
        """Book a funding payment (received positive) once; False if it was booked before."""
        if funding_id in self._funding_ids:
            return False
        self._funding_ids.add(funding_id)
        self._funding += self._instrument.units(amount)
        return True

    @property
    def wallet_change(self) -> Decimal:
        """Realised PnL - fees + funding since the start: what the venue's settled balance has changed by."""
        return self._instrument.money(self._realised - self._fees + self._funding)

    def unrealised(self, value: int) -> Decimal:
        """Position at V(mark) less its cost, settlement currency."""
        return self._instrument.money(self.position * value - self._cost)

    def parts(self, value: int | None = None) -> PnlParts:
        """PnL parts with the position marked at V(mark) (the last reference if not given)."""
        inventory = self._inventory
        if value is not None and self._reference is not None:
            inventory += self.position * (value - self._reference)
        money = self._instrument.money
        return PnlParts(money(self._spread), money(inventory), money(-self._fees), money(self._funding))
