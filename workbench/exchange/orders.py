"""Placing, amending and cancelling: what LMEX checks, what it answers, and what then happens in the book."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import field

from workbench.exchange.accounts import MONEY_DIGITS, Account, Holding
from workbench.exchange.clearing import CANCELLED, INSERTED, REFUNDED, Clearing, Ids
from workbench.exchange.listing import Listing
from workbench.exchange.market import Market
from workbench.exchange.matching import Execution, Order
from workbench.exchange.refusals import Refusal, bad_request, invalid_parameters, symbol_missing, trading_refusal
from workbench.exchange.streams import Hub
from workbench.exchange.wire import BUY_SELL, OrderReply, order_reply
from workbench.exchange.wire_numbers import plain

__all__ = ["AmendRequest", "OrderDesk", "PlaceRequest"]

INSUFFICIENT_BALANCE, REJECTED, AMENDED = 8, 15, 123
INVALID_SIZE, INVALID_PRICE = 301, 302
INSUFFICIENT_MESSAGE = '{"msgKey":"trade.error.insufficient.balance","params":[],"default_msg":"Insufficient balance"}'
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{0,36}")
_SIDES = {"BUY": 1, "SELL": -1}
_DEAR = Decimal(10**15)
"""A limit in ticks that every book reaches: the price of an order that has none."""


class PlaceRequest(msgspec.Struct):
    """The body of POST order (section 4.2), as far as the simulated venue trades it."""

    symbol: str = ""
    side: str = ""
    type: str = "LIMIT"
    size: Decimal | None = None
    price: Decimal | None = None
    time_in_force: str = "GTC"
    tx_type: str = field(default="LIMIT", name="txType")
    post_only: bool = field(default=False, name="postOnly")
    reduce_only: bool = field(default=False, name="reduceOnly")
    client_id: str | None = field(default=None, name="clOrderID")
    position_mode: str = field(default="ONE_WAY", name="positionMode")


class AmendRequest(msgspec.Struct):
    """The body of PUT order (section 4.4)."""

    symbol: str = ""
    type: Literal["PRICE", "SIZE", "TRIGGERPRICE", "ALL"] = "PRICE"
    order_id: str = field(default="", name="orderID")
    client_id: str = field(default="", name="clOrderID")
    value: Decimal | None = None
    order_price: Decimal | None = field(default=None, name="orderPrice")
    order_size: Decimal | None = field(default=None, name="orderSize")


class OrderDesk:
    """Takes the order requests of all accounts.

    Parameters
    ----------
    find_market : callable
        Symbol -> market, brought up to date; raises `Refusal` for unknown symbols.
    """

    def __init__(self, find_market: Callable[[str], Market], clearing: Clearing, hub: Hub, ids: Ids) -> None:
        self._find_market = find_market
        self._clearing = clearing
        self._hub = hub
        self._ids = ids

    # --- place --------------------------------------------------------------------------------------------------

    def place(self, account: Account, request: PlaceRequest, now_ns: int) -> OrderReply:
        """Place an order; the outcome is the reply's status (section 5)."""
        if not request.symbol:
            raise symbol_missing()
        market = self._find_market(request.symbol)
        holding = account.holdings[request.symbol]
        order = self._read(account, request, market)
        self._check_mode(holding, request.position_mode)
        status = self._invalid(order, request, market)
        if status:
            return self._reply(
                order, status, now_ns, "Invalid order " + ("size" if status == INVALID_SIZE else "price")
            )
        if len(account.open_orders) >= market.settings.max_open_orders:
            raise trading_refusal(304, "Maximum open orders exceeded")
        self._check_protection(order, market)
        if order.reduce_only:
            self._fit_to_position(order, holding)
        elif not self._affordable(order, market):
            return self._reply(order, INSUFFICIENT_BALANCE, now_ns, INSUFFICIENT_MESSAGE)
        order.created_ns = order.updated_ns = now_ns
        order.order_id = self._ids.next()
        account.remember(order)
        return self._enter(order, market, now_ns)

    def _read(self, account: Account, request: PlaceRequest, market: Market) -> Order:
        side = _SIDES.get(request.side.upper())
        client_id = request.client_id or ""
        known = request.type in ("LIMIT", "MARKET") and request.time_in_force in ("GTC", "IOC", "FOK")
        if side is None or request.size is None or not known or not _CLIENT_ID.fullmatch(client_id):
            raise invalid_parameters()
        if request.tx_type != "LIMIT":
            raise bad_request(f"txType {request.tx_type} is not simulated; use LIMIT")
        if request.type == "LIMIT" and request.price is None:
            raise invalid_parameters()
        order = Order(account, request.symbol, side, 0, 0)
        order.client_id = client_id
        order.market_order = request.type == "MARKET"
        order.time_in_force = request.time_in_force
        order.post_only = request.post_only and not order.market_order
        order.reduce_only = request.reduce_only
        if order.market_order:
            order.price = _protected_limit(market, side)
        return order

    @staticmethod
    def _check_mode(holding: Holding, mode: str) -> None:
        if mode != holding.mode:
            raise trading_refusal(133, "Position mode invalid", ["0", "150"])
        if mode != "ONE_WAY":
            raise bad_request(f"position mode {mode} is not simulated; switch the market to ONE_WAY")

    def _invalid(self, order: Order, request: PlaceRequest, market: Market) -> int:
        """Fill in size and price; a status if they are not valid ones."""
        assert request.size is not None
        size = _contracts(request.size, market.listing)
        if size is None:
            return INVALID_SIZE
        order.original_size = order.current_size = size
        if not order.market_order:
            assert request.price is not None
            ticks = _ticks(request.price, market.listing)
            if ticks is None:
                return INVALID_PRICE
            order.price = ticks
            order.hidden = _is_spam(size, ticks, market.listing)
        return 0

    def _check_protection(self, order: Order, market: Market) -> None:
        """Orders that would trade at once beyond the band are refused; resting ones are exempt (section 6.5)."""
        if order.market_order or not market.book.other(order.side).reaches(order.price):
            return
        bound = _protected_limit(market, order.side)
        if order.side * order.price > order.side * bound:
            word = "higher" if order.side > 0 else "lower"
            base, quote = market.listing.instrument.base, market.listing.instrument.quote
            price = plain(bound * market.listing.tick_units, market.listing.price_digits)
            side = BUY_SELL[order.side]
            raise trading_refusal(
                33001003, f"You can not {side} {base} {word} than {price} {quote}", [side, base, word, price, quote]
            )

    @staticmethod
    def _fit_to_position(order: Order, holding: Holding) -> None:
        """A reduce-only order is cut to what is left to close; the reply's current size says so."""
        left = holding.closable(order.side) - holding.reduce_only_open
        if left <= 0:
            raise trading_refusal(33199120, "Reduce only open order canceled because no active position exists")
        order.current_size = min(order.current_size, left)

    def _affordable(self, order: Order, market: Market) -> bool:
        """Whether the margin suffices: a limit order is told by status 8, a market order by error 33199101."""
        missing = self._missing_margin(order, order.remaining, market)
        if missing > 0 and order.market_order:
            raise trading_refusal(
                33199101, "Available balance is insufficient to meet this order.", [plain(missing, MONEY_DIGITS)]
            )
        return missing <= 0

    def _missing_margin(self, order: Order, contracts: int, market: Market) -> int:
        """Money units by which the margin falls short for `contracts` more of this order; 0 or less is enough."""
        account = order.account
        holding = account.holdings[order.symbol]
        extra = (contracts, 0) if order.side > 0 else (0, contracts)
        if holding.worst_case(*extra) <= holding.worst_case():
            return 0
        used = holding.margin(market.mark_value, *extra)
        equity = account.balance + holding.unrealised(market.mark_value)
        for other in account.holdings.values():
            if other is not holding and other.in_use:
                mark_value = self._find_market(other.listing.symbol).mark_value
                used += other.margin(mark_value)
                equity += other.unrealised(mark_value)
        return used - equity

    def _enter(self, order: Order, market: Market, now_ns: int) -> OrderReply:
        """Match an order that passed the checks; what is left rests, or ends."""
        ending = self._refused_by_book(order, market)
        if ending:
            self._clearing.end(order, ending, now_ns)
            return self._reply(order, ending, now_ns)
        executions = self._match(order, market, now_ns)
        if not order.remaining:
            return self._reply(order, order.status, now_ns, filled_now=order.filled)
        if order.market_order or order.time_in_force != "GTC":
            # Without a price, or immediate: what did not trade is gone.
            self._clearing.end(order, REFUNDED if order.market_order else CANCELLED, now_ns)
        else:
            market.book.own(order.side).add(order)
            order.account.opened(order)
            if not executions:
                order.status = INSERTED
                self._hub.tell_order(order, 0, maker=False, now_ns=now_ns)
        return self._reply(order, order.status, now_ns, filled_now=order.filled)

    @staticmethod
    def _refused_by_book(order: Order, market: Market) -> int:
        """The status of an order that must not trade as it stands, 0 for one that may."""
        makers = market.book.other(order.side)
        if order.post_only and (order.hidden or makers.reaches(order.price)):
            return CANCELLED
        if order.time_in_force == "FOK" and makers.within(order.price) < order.remaining:
            return CANCELLED
        if makers.meets(order.account, order.price, order.remaining):
            return REFUNDED if order.market_order else CANCELLED
        return 0

    def _match(self, order: Order, market: Market, now_ns: int) -> list[Execution]:
        makers = market.book.other(order.side)
        executions = []
        while order.remaining:
            execution = makers.take_first(order.price, order.remaining)
            if execution is None:
                break
            order.filled += execution.size
            order.filled_ticks += execution.size * execution.price
            executions.append(execution)
            if execution.maker is not None:
                self._clearing.execute(execution.maker, execution.price, execution.size, maker=True, now_ns=now_ns)
            self._clearing.execute(order, execution.price, execution.size, maker=False, now_ns=now_ns)
        if executions:
            market.report(order.side, executions, now_ns)
        return executions

    # --- amend --------------------------------------------------------------------------------------------------

    def amend(self, account: Account, request: AmendRequest, now_ns: int) -> OrderReply:
        """Change price or total size. A smaller size keeps the place in the queue, everything else loses it."""
        if not request.symbol:
            raise symbol_missing()
        if not (request.order_id or request.client_id):
            raise invalid_parameters()
        market = self._find_market(request.symbol)
        found = [
            order
            for order in account.find(request.order_id, request.client_id, now_ns)
            if order.resting and order.symbol == request.symbol
        ]
        if not found:
            return self._reply(_nobody(account, request), REJECTED, now_ns, "Order not found")
        order = found[-1]
        price, size = self._amended(order, request, market.listing)
        if price is None or size is None or size <= order.filled:
            status = INVALID_PRICE if price is None else INVALID_SIZE
            return self._reply(order, status, now_ns, "Invalid order " + ("price" if price is None else "size"))
        more = size - order.current_size
        if order.reduce_only and more > 0:
            left = account.holdings[order.symbol].closable(order.side)
            if account.holdings[order.symbol].reduce_only_open + more > left:
                return self._reply(order, INVALID_SIZE, now_ns, "Invalid order size")
        elif more > 0 and self._missing_margin(order, more, market) > 0:
            return self._reply(order, INSUFFICIENT_BALANCE, now_ns, INSUFFICIENT_MESSAGE)
        self._move(order, price, size, market, now_ns)
        return self._reply(order, AMENDED if order.resting else order.status, now_ns)

    @staticmethod
    def _amended(order: Order, request: AmendRequest, listing: Listing) -> tuple[int | None, int | None]:
        """Price in ticks and total size that are asked for; None for one that is not valid."""
        whole = request.type == "ALL"
        wanted_price = request.order_price if whole else request.value if request.type == "PRICE" else None
        wanted_size = request.order_size if whole else request.value if request.type == "SIZE" else None
        if wanted_price is None and wanted_size is None:
            raise invalid_parameters()
        price = order.price if wanted_price is None else _ticks(wanted_price, listing)
        size = order.current_size if wanted_size is None else _contracts(wanted_size, listing)
        return price, size

    def _move(self, order: Order, price: int, size: int, market: Market, now_ns: int) -> None:
        holding = order.account.holdings[order.symbol]
        side = market.book.own(order.side)
        order.updated_ns = now_ns
        if price == order.price and size <= order.current_size:
            side.touched.add(price)
            holding.count_open(order, size - order.current_size)
            order.current_size = size
            self._amended_notice(order, now_ns)
            return
        side.remove(order)
        holding.count_open(order, -order.remaining)
        order.account.open_orders.pop(order.order_id)
        order.price, order.current_size = price, size
        order.hidden = _is_spam(size, price, market.listing)
        ending = self._refused_by_book(order, market)
        if ending:
            self._clearing.end(order, ending, now_ns)
            return
        self._match(order, market, now_ns)
        if order.remaining:
            side.add(order)
            order.account.opened(order)
            self._amended_notice(order, now_ns)

    def _amended_notice(self, order: Order, now_ns: int) -> None:
        self._hub.tell_order(order, 0, maker=False, now_ns=now_ns, status=AMENDED)

    # --- cancel -------------------------------------------------------------------------------------------------

    def cancel(self, orders: list[Order], now_ns: int) -> list[OrderReply]:
        """Cancel these open orders; what they had filled before stays in the reply."""
        replies = []
        for order in orders:
            if order.resting:
                self._clearing.withdraw(order, now_ns)
                replies.append(self._reply(order, CANCELLED, now_ns))
        return replies

    # --- replies ------------------------------------------------------------------------------------------------

    def _reply(self, order: Order, status: int, now_ns: int, message: str = "", *, filled_now: int = 0) -> OrderReply:
        holding = order.account.holdings[order.symbol]
        return order_reply(holding.listing, order, status, filled_now, now_ns // 1_000_000, holding.mode, message)

    def not_found_reply(self, account: Account, symbol: str, order_id: str, now_ns: int) -> OrderReply:
        """Status 16 in an HTTP 200."""
        order = Order(account, symbol, 1, 0, 0)
        order.order_id = order_id
        return self._reply(order, 16, now_ns)


def _nobody(account: Account, request: AmendRequest) -> Order:
    order = Order(account, request.symbol, 1, 0, 0)
    order.order_id, order.client_id = request.order_id, request.client_id
    return order


def _contracts(size: Decimal, listing: Listing) -> int | None:
    """Whole contracts of a valid order size; None for an invalid one."""
    instrument = listing.instrument
    if not size.is_finite() or size != size.to_integral_value() or size % instrument.lot:
        return None
    if size > instrument.max_size:
        raise _too_large(listing)
    return int(size) if size >= instrument.min_size else None


def _too_large(listing: Listing) -> Refusal:
    return trading_refusal(
        4051,
        f"[{listing.symbol}] The order size cannot surpass {listing.instrument.max_size}.0 contracts. "
        "Please adjust your order size and try again.",
    )


def _ticks(price: Decimal, listing: Listing) -> int | None:
    """A valid price in ticks; None for an invalid one."""
    instrument = listing.instrument
    if not price.is_finite() or not instrument.min_price <= price <= _DEAR:
        return None
    ticks, rest = divmod(price, instrument.tick_size)
    return None if rest else int(ticks)


def _is_spam(size: int, ticks: int, listing: Listing) -> bool:
    """Worth under 5 USDT: hidden, always pays the taker fee, refused when post-only (section 6.6)."""
    return size * listing.value(ticks) < listing.spam_units


def _protected_limit(market: Market, side: int) -> int:
    """The furthest price, in ticks, at which an order of this side may trade."""
    bound = market.mark * (1 + side * market.settings.price_band) / market.listing.instrument.tick_size
    return max(1, int(bound))
