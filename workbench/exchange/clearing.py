"""What follows from a trade or a cancel of an account's order: money, position, records, messages."""

from __future__ import annotations

import hashlib

from workbench.clock import NS
from workbench.exchange.accounts import (
    FUNDING_ROW,
    PROFIT_ROW,
    Account,
    Fill,
    Holding,
    WalletRow,
    fee_of,
    funding_of,
)
from workbench.exchange.market import Market
from workbench.exchange.matching import Order
from workbench.exchange.streams import Hub

__all__ = ["CANCELLED", "FILLED", "INSERTED", "PARTIAL", "REFUNDED", "Clearing", "Ids"]

INSERTED, FILLED, PARTIAL, CANCELLED, REFUNDED = 2, 4, 5, 6, 7


class Ids:
    """Identifiers in the form of UUIDs, from the seed and a counter."""

    def __init__(self, seed: int) -> None:
        self._prefix = f"{seed}:".encode()
        self._count = 0

    def next(self) -> str:
        self._count += 1
        digest = hashlib.blake2b(self._prefix + str(self._count).encode(), digest_size=16).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:]}"


class Clearing:
    """Books executions and cancellations on accounts and tells their owners."""

    def __init__(self, markets: dict[str, Market], hub: Hub, ids: Ids) -> None:
        self._markets = markets
        self._hub = hub
        self._ids = ids
        self._serial = 374_000_000
        self._stream_serial = 189_000_000

    def execute(self, order: Order, price: int, size: int, *, maker: bool, now_ns: int) -> None:
        """An order traded `size` contracts at `price` ticks; its filled size is already counted."""
        account, symbol = order.account, order.symbol
        holding = account.holdings[symbol]
        if maker:
            holding.count_open(order, -size)
        value = holding.listing.value(price)
        realised = holding.trade(order.side, size, value)
        maker_fee, taker_fee = account.fees
        fee = fee_of(value, size, maker_fee if maker and not order.hidden else taker_fee)
        account.balance += realised - fee
        self._serial += 1
        self._stream_serial += 1
        fill = Fill(
            self._serial,
            self._stream_serial,
            self._ids.next(),
            order,
            order.price,
            order.current_size,
            price,
            size,
            fee,
            realised,
            maker and not order.hidden,
            now_ns,
            (order.filled_ticks, order.filled),
        )
        account.fills.append(fill)
        account.wallet_rows.append(WalletRow(PROFIT_ROW, realised, fee, fill.trade_id, now_ns))
        order.updated_ns = now_ns
        order.status = PARTIAL if order.remaining else FILLED
        if not order.remaining:
            account.finished(order, now_ns)
        self._hub.tell_order(order, size, maker=fill.maker, now_ns=now_ns)
        self._hub.tell_fill(fill)
        if holding.reduce_only_open:
            self._trim_reduce_only(account, holding, now_ns)

    def _trim_reduce_only(self, account: Account, holding: Holding, now_ns: int) -> None:
        """Reduce-only orders beyond the position are cancelled, the newest first."""
        resting = [o for o in reversed(account.open_on(holding.listing.symbol)) if o.reduce_only and o.resting]
        for order in resting:
            if holding.reduce_only_open <= holding.closable(order.side):
                break
            self.withdraw(order, now_ns)

    def withdraw(self, order: Order, now_ns: int, status: int = CANCELLED) -> None:
        """Cancel a resting order."""
        self._markets[order.symbol].book.own(order.side).remove(order)
        order.account.holdings[order.symbol].count_open(order, -order.remaining)
        self.end(order, status, now_ns)

    def end(self, order: Order, status: int, now_ns: int) -> None:
        """An order that rests no longer, or never did, ends with this status."""
        order.status = status
        order.updated_ns = now_ns
        order.account.finished(order, now_ns)
        self._hub.tell_order(order, 0, maker=False, now_ns=now_ns)

    def pay_funding(self, account: Account, holding: Holding, market: Market, stamp_ns: int) -> None:
        """Funding of one position at a stamp: long pays short when the rate is positive."""
        amount = funding_of(market.mark_value, holding.position, market.settings.funding_rate)
        account.balance += amount
        serial = sum(row.kind == FUNDING_ROW for row in account.wallet_rows) + 1
        reference = f"{stamp_ns // NS}{serial:06d}"
        account.wallet_rows.append(WalletRow(FUNDING_ROW, amount, 0, reference, stamp_ns))
