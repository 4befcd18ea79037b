"""The account of a venue that fills orders here: position, settled balance, fees and funding, exact."""

from __future__ import annotations

from decimal import Decimal

from workbench.instruments import Instrument
from workbench.trading import Ledger

__all__ = ["BALANCE", "LocalAccount"]

BALANCE = Decimal(10_000)
"""Settled balance at the start, settlement currency."""


class LocalAccount:
    """One account on one market, by the ledger's own rules of rounding.

    Parameters
    ----------
    instrument : Instrument
        Gives fees and values.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._ledger = Ledger(instrument)
        self._mark: Decimal | None = None

    def executed(self, side: int, size: int, price_ticks: int, *, maker: bool) -> Decimal:
        """Book an execution; returns its fee (a rebate is negative)."""
        instrument = self._instrument
        rate = instrument.maker_fee if maker else instrument.taker_fee
        fee = instrument.money(instrument.fee_units(instrument.ticks_to_price(price_ticks), size, rate))
        self._ledger.fill(side, size, price_ticks, fee, instrument.value_of_half_ticks(2 * price_ticks))
        return fee

    def marked(self, mark: Decimal) -> None:
        """A new mark price."""
        self._mark = mark

    def funded(self, funding_id: str, rate: Decimal, mark: Decimal) -> Decimal:
        """Book the funding of a stamp on the position held now; returns it, received positive."""
        units = self._instrument.funding_units(mark, self.position, rate)
        amount = self._instrument.money(units)
        if amount:
            self._ledger.funding(funding_id, amount)
        return amount

    @property
    def position(self) -> int:
        """Signed contracts."""
        return self._ledger.position

    @property
    def mark(self) -> Decimal | None:
        """The newest mark price, once there is one."""
        return self._mark

    @property
    def balance(self) -> Decimal:
        """Settled: realised profit, fees and funding included."""
        return BALANCE + self._ledger.wallet_change

    @property
    def unrealised(self) -> Decimal:
        """Position at the mark price less its cost."""
        if self._mark is None:
            return Decimal(0)
        return self._ledger.unrealised(self._instrument.value(self._mark))

    @property
    def entry_price(self) -> Decimal:
        """Mean price of the position, quote currency; 0 without one."""
        if not self.position:
            return Decimal(0)
        # At a value of nothing, all that a position has cost is lost.
        each = -self._ledger.unrealised(0) / self.position
        if self._instrument.inverse:
            return -self._instrument.contract_size / each
        return each / self._instrument.contract_size
