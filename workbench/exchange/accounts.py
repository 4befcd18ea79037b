"""Accounts of the simulated venue: wallet, positions, margin, and the records that the private calls show.

Money is whole units of 1e-8 USDT. The rules are the workbench's promise about exact money: a cost basis of rounded
values, the share of a reduction rounded half-even, fees and funding rounded against the account.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from msgspec import Raw

from workbench.clock import NS
from workbench.exchange.listing import Listing, RiskTier
from workbench.exchange.matching import Order
from workbench.exchange.wire_numbers import ceil_div, round_half_even

__all__ = ["MONEY_DIGITS", "Account", "Fill", "Holding", "WalletRow", "fee_of", "funding_of"]

MONEY_DIGITS = 8
FUNDING_ROW, PROFIT_ROW, TRANSFER_ROW = 110, 108, 105
KEPT_NS = 1800 * NS
"""Finished orders can be asked for during 30 minutes (lmex-api.md section 4.7)."""


def fee_of(value: int, contracts: int, rate: Decimal) -> int:
    """Fee of one fill in money units, rounded against the account; a rebate is negative."""
    numerator, denominator = rate.as_integer_ratio()
    return ceil_div(abs(value) * contracts * numerator, denominator)


def funding_of(mark_value: int, position: int, rate: Decimal) -> int:
    """Funding that the holder of a position receives (negative: pays), rounded against the account."""
    numerator, denominator = rate.as_integer_ratio()
    return -ceil_div(abs(mark_value) * position * numerator, denominator)


class Fill(NamedTuple):
    """One execution of an account's order, as the trade history keeps it."""

    serial: int
    stream_serial: int
    trade_id: str
    order: Order
    order_price: int
    order_size: int
    price: int
    size: int
    fee: int
    realised: int
    maker: bool
    time_ns: int
    average_ticks: tuple[int, int]


class WalletRow(NamedTuple):
    """One booking in the wallet."""

    kind: int
    amount: int
    fee: int
    reference: str
    time_ns: int


@dataclass
class Holding:
    """An account's stake in one market: position, cost basis, open order sizes and its margin settings."""

    listing: Listing
    position: int = 0
    cost: int = 0
    open_buy: int = 0
    open_sell: int = 0
    reduce_only_open: int = 0
    leverage: int = 0
    tier: int = 1
    mode: str = "ONE_WAY"

    def __post_init__(self) -> None:
        self.set_margin(self.leverage, self.tier)

    def trade(self, side: int, size: int, value: int) -> int:
        """Book an execution at `value` a contract; returns what it realised, in money units."""
        if self.position * side >= 0:
            self.position += side * size
            self.cost += side * size * value
            return 0
        held = 1 if self.position > 0 else -1
        closed = min(size, abs(self.position))
        share = round_half_even(self.cost * closed, abs(self.position))
        realised = held * closed * value - share
        self.cost -= share
        self.position -= held * closed
        rest = side * (size - closed)
        self.position += rest
        self.cost += rest * value
        return realised

    @property
    def in_use(self) -> bool:
        """Whether there is a position or an open order."""
        return bool(self.position or self.open_buy or self.open_sell)

    def unrealised(self, mark_value: int) -> int:
        return self.position * mark_value - self.cost

    def closable(self, side: int) -> int:
        """Contracts that an order of this side can take off the position."""
        return max(0, -side * self.position)

    def risk_tier(self) -> RiskTier:
        return self.listing.tiers[self.tier - 1]

    def set_margin(self, leverage: int, tier: int) -> None:
        """Choose leverage (0: the maximum) and risk tier; together they make the initial margin rate."""
        self.leverage, self.tier = leverage, tier
        rate = Fraction(self.risk_tier().initial)
        if leverage:
            rate = max(rate, Fraction(1, leverage))
        self._initial = rate.as_integer_ratio()

    def worst_case(self, extra_buy: int = 0, extra_sell: int = 0) -> int:
        """Largest position, in contracts, that the open orders could lead to."""
        return max(abs(self.position + self.open_buy + extra_buy), abs(self.position - self.open_sell - extra_sell))

    def margin(self, mark_value: int, extra_buy: int = 0, extra_sell: int = 0) -> int:
        """Initial margin in money units for position and open orders."""
        return self._margin_of(self.worst_case(extra_buy, extra_sell), mark_value)

    def position_margin(self, mark_value: int) -> int:
        """Initial margin in money units for the position alone."""
        return self._margin_of(abs(self.position), mark_value)

    def _margin_of(self, contracts: int, mark_value: int) -> int:
        numerator, denominator = self._initial
        return ceil_div(contracts * mark_value * numerator, denominator)

    def maintenance(self, mark_value: int) -> int:
        """Maintenance margin in money units."""
        numerator, denominator = self.risk_tier().maintenance.as_integer_ratio()
        return ceil_div(abs(self.position) * mark_value * numerator, denominator)

    def count_open(self, order: Order, contracts: int) -> None:
        """Add contracts of an order to (or with a minus take them from) the open sizes."""
        if order.side > 0:
            self.open_buy += contracts
        else:
            self.open_sell += contracts
        if order.reduce_only:
            self.reduce_only_open += contracts


@dataclass
class Account:
    """One user of the venue, with one key."""

    key: str
    secret: str
    username: str
    balance: int
    fees: tuple[Decimal, Decimal]
    holdings: dict[str, Holding]
    open_orders: dict[str, Order] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    wallet_rows: list[WalletRow] = field(default_factory=list)
    fills_written: dict[int, Raw] = field(default_factory=dict)
    wallet_rows_written: dict[int, Raw] = field(default_factory=dict)
    """What the wire has shown of a list, by place: clients ask for the newest rows again and again."""
    dead_man_ns: int | None = None
    _finished: dict[str, Order] = field(default_factory=dict)
    _by_client_id: dict[str, list[Order]] = field(default_factory=dict)

    @property
    def money(self) -> Decimal:
        """Settled wallet balance, USDT."""
        return Decimal(self.balance).scaleb(-MONEY_DIGITS)

    def position(self, symbol: str) -> int:
        """Signed contracts."""
        return self.holdings[symbol].position

    def equity(self, mark_values: dict[str, int]) -> int:
        """Balance plus unrealised profit of every position, money units."""
        held = (self.holdings[symbol] for symbol in self.holdings)
        return self.balance + sum(h.unrealised(mark_values[h.listing.symbol]) for h in held if h.position)

    # --- orders -------------------------------------------------------------------------------------------------

    def remember(self, order: Order) -> None:
        """Index an order that was given an id."""
        if order.client_id:
            self._by_client_id.setdefault(order.client_id, []).append(order)

    def opened(self, order: Order) -> None:
        """An order rests from now on."""
        self.open_orders[order.order_id] = order
        self.holdings[order.symbol].count_open(order, order.remaining)

    def finished(self, order: Order, now_ns: int) -> None:
        """An order ended; it can be asked for during 30 minutes."""
        self.open_orders.pop(order.order_id, None)
        self._finished[order.order_id] = order
        while self._finished:
            oldest = next(iter(self._finished.values()))
            if oldest.updated_ns > now_ns - KEPT_NS:
                break
            self._forget(oldest)

    def _forget(self, order: Order) -> None:
        del self._finished[order.order_id]
        same_id = self._by_client_id.get(order.client_id)
        if same_id is not None:
            same_id.remove(order)
            if not same_id:
                del self._by_client_id[order.client_id]

    def find(self, order_id: str, client_id: str, now_ns: int) -> list[Order]:
        """Orders with this id, else with this client id, that are open or ended within the last 30 minutes."""
        if order_id:
            order = self.open_orders.get(order_id) or self._finished.get(order_id)
            found = [order] if order is not None else []
        else:
            found = self._by_client_id.get(client_id, [])
        return [o for o in found if o.resting or o.updated_ns > now_ns - KEPT_NS]

    def open_on(self, symbol: str) -> list[Order]:
        """Open orders of one market, oldest first."""
        return [order for order in self.open_orders.values() if order.symbol == symbol]
