"""The records on the wire, field for field as lmex-api.md and the example messages spell them.

Numbers that carry decimals are `msgspec.Raw` text made by `wire_numbers`, so that a client which reads decimals reads
exactly what the venue booked.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from workbench.exchange.accounts import MONEY_DIGITS, Account, Fill, Holding
from workbench.exchange.listing import Listing
from workbench.exchange.matching import Order
from workbench.exchange.wire_numbers import decimal_number, number, round_half_even

__all__ = [
    "BUY_SELL",
    "LIMIT",
    "MARKET",
    "average_price",
    "encode",
    "entry_price",
    "fill_row",
    "liquidation_price",
    "open_order_row",
    "order_reply",
    "position_row",
    "query_reply",
    "wire_name",
]

LIMIT, MARKET = 76, 77
BUY_SELL = {1: "BUY", -1: "SELL"}
ZERO = Raw(b"0")
AVERAGE_DIGITS = 9

encode = msgspec.json.Encoder().encode


def wire_name(name: str) -> str:
    """LMEX's spelling of a field: camel case with a few of its own."""
    odd = {
        "order_id": "orderID",
        "cl_order_id": "clOrderID",
        "time_in_force": "time_in_force",
        "bot_id": "botID",
    }
    if name in odd:
        return odd[name]
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


class OrderReply(msgspec.Struct, rename=wire_name):
    """What POST, PUT and DELETE order answer (section 4.2)."""

    status: int
    symbol: str
    order_type: int
    price: Raw
    side: str
    order_id: str
    timestamp: int
    avg_filled_price: Raw
    cl_order_id: str
    original_order_size: int
    current_order_size: int
    filled_size: int
    total_filled_size: int
    remaining_size: int
    post_only: bool
    position_mode: str
    position_id: str
    time_in_force: str
    trigger_price: int = 0
    trigger: bool = False
    deviation: int = 100
    stealth: int = 100
    message: str = ""
    order_detail_type: None = None
    position_direction: None = None


class QueryReply(msgspec.Struct, rename=wire_name, kw_only=True):
    """What GET order answers (section 4.7)."""

    order_type: int
    price: Raw
    original_order_size: int
    current_order_size: int
    total_filled_size: int
    remaining_size: int
    side: str
    order_value: Raw
    peg_price_min: int = 0
    peg_price_max: int = 0
    peg_price_deviation: int = 1
    timestamp: int
    order_id: str
    stealth: int = 1
    trigger_order: bool = False
    triggered: bool = False
    trigger_price: int = 0
    trigger_original_price: int = 0
    trigger_order_type: int = 0
    trigger_trailing_stop_deviation: int = 0
    trigger_stop_price: int = 0
    symbol: str
    trail_value: int = 0
    cl_order_id: str
    reduce_only: bool
    status: int
    trigger_use_last_price: bool = False
    avg_filled_price: Raw
    contract_size: Raw
    tif: str = msgspec.field(name="timeInForce")
    close_order: bool = False


class OpenOrderRow(msgspec.Struct, rename=wire_name, kw_only=True):
    """A row of GET user/open_orders (section 4.8): no numeric status."""

    vendor_name: None = None
    bot_id: None = None
    order_type: int
    price: Raw
    side: str
    order_value: Raw
    peg_price_min: int = 0
    peg_price_max: int = 0
    peg_price_deviation: int = 1
    cancel_duration: int = 0
    timestamp: int
    order_id: str
    stealth: int = 1
    trigger_order: bool = False
    triggered: bool = False
    trigger_price: int = 0
    trigger_original_price: int = 0
    trigger_order_type: int = 0
    trigger_trailing_stop_deviation: int = 0
    trigger_stop_price: int = 0
    symbol: str
    trail_value: int = 0
    contract_size: Raw
    cl_order_id: str
    reduce_only: bool
    order_state: str = "STATUS_ACTIVE"
    trigger_use_last_price: bool = False
    avg_filled_price: Raw
    tif: str = msgspec.field(name="timeInForce")
    original_order_size: int
    current_order_size: int
    total_filled_size: int
    remaining_size: int
    order_detail_type: None = None
    take_profit_order: None = None
    stop_loss_order: None = None
    close_order: bool = False
    position_mode: str = "ONE_WAY"
    position_direction: None = None
    position_id: str


def _average(listing: Listing, filled_ticks: int, filled: int) -> Raw:
    if not filled:
        return ZERO
    scale = 10 ** (AVERAGE_DIGITS - listing.price_digits)
    return number(round_half_even(filled_ticks * listing.tick_units * scale, filled), AVERAGE_DIGITS)


def average_price(listing: Listing, order: Order) -> Raw:
    """Mean fill price of an order, 0 without fills."""
    return _average(listing, order.filled_ticks, order.filled)


def _order_price(listing: Listing, order: Order) -> Raw:
    """A market order reports its fill price as its price."""
    return average_price(listing, order) if order.market_order else listing.price_numbers[order.price]


def order_reply(
    listing: Listing, order: Order, status: int, filled_now: int, time_ms: int, mode: str, message: str = ""
) -> OrderReply:
    """The order as a place, amend or cancel reply shows it."""
    return OrderReply(
        status,
        order.symbol,
        MARKET if order.market_order else LIMIT,
        _order_price(listing, order),
        BUY_SELL[order.side],
        order.order_id,
        time_ms,
        average_price(listing, order),
        order.client_id,
        order.original_size,
        order.current_size,
        filled_now,
        order.filled,
        0 if status == 7 else order.remaining,
        order.post_only,
        mode,
        listing.position_id,
        order.time_in_force,
        message=message,
    )


def _order_value(listing: Listing, order: Order) -> Raw:
    return number(listing.value(order.price) * order.current_size, MONEY_DIGITS)


def query_reply(listing: Listing, order: Order) -> QueryReply:
    """The order as GET order shows it."""
    return QueryReply(
        order_type=MARKET if order.market_order else LIMIT,
        price=_order_price(listing, order),
        original_order_size=order.original_size,
        current_order_size=order.current_size,
        total_filled_size=order.filled,
        remaining_size=order.remaining,
        side=BUY_SELL[order.side],
        order_value=_order_value(listing, order),
        timestamp=order.created_ns // 1_000_000,
        order_id=order.order_id,
        symbol=order.symbol,
        cl_order_id=order.client_id,
        reduce_only=order.reduce_only,
        status=order.status,
        avg_filled_price=average_price(listing, order),
        contract_size=decimal_number(listing.instrument.contract_size),
        tif=order.time_in_force,
    )


def open_order_row(listing: Listing, order: Order) -> OpenOrderRow:
    """The order as GET user/open_orders shows it."""
    return OpenOrderRow(
        order_type=LIMIT,
        price=listing.price_numbers[order.price],
        side=BUY_SELL[order.side],
        order_value=_order_value(listing, order),
        timestamp=order.created_ns // 1_000_000,
        order_id=order.order_id,
        symbol=order.symbol,
        contract_size=decimal_number(listing.instrument.contract_size),
        cl_order_id=order.client_id,
        reduce_only=order.reduce_only,
        avg_filled_price=average_price(listing, order),
        tif=order.time_in_force,
        original_order_size=order.original_size,
        current_order_size=order.current_size,
        total_filled_size=order.filled,
        remaining_size=order.remaining,
        position_id=listing.position_id,
    )


def fill_row(listing: Listing, fill: Fill) -> dict[str, Any]:
    """A row of GET user/trade_history (section 4.9)."""
    order = fill.order
    return {
        "tradeId": fill.trade_id,
        "orderId": order.order_id,
        "username": order.account.username,
        "side": BUY_SELL[order.side],
        "orderType": MARKET if order.market_order else LIMIT,
        "triggerType": None,
        "price": ZERO if order.market_order else listing.price_numbers[fill.order_price],
        "size": fill.order_size,
        "filledPrice": listing.price_numbers[fill.price],
        "filledSize": fill.size,
        "triggerPrice": 0,
        "base": listing.instrument.base,
        "quote": listing.instrument.quote,
        "symbol": listing.symbol,
        "feeCurrency": listing.instrument.settlement,
        "feeAmount": number(fill.fee, MONEY_DIGITS),
        "wallet": "CROSS@",
        "realizedPnl": number(fill.realised, MONEY_DIGITS),
        "total": number(fill.realised - fill.fee, MONEY_DIGITS),
        "serialId": fill.serial,
        "timestamp": fill.time_ns // 1_000_000,
        "orderDetailType": None,
        "contractSize": decimal_number(listing.instrument.contract_size),
        "clOrderID": order.client_id,
        "positionId": listing.position_id,
        "avgFilledPrice": _average(listing, *fill.average_ticks),
    }


def entry_price(holding: Holding) -> Raw:
    """Mean price that the cost basis stands for."""
    if not holding.position:
        return ZERO
    scale = 10 ** (AVERAGE_DIGITS - holding.listing.price_digits) * holding.listing.tick_units
    tick_value = holding.listing.value(1)
    return number(round_half_even(abs(holding.cost) * scale, tick_value * abs(holding.position)), AVERAGE_DIGITS)


def liquidation_price(holding: Holding, balance: int) -> Raw:
    """Mark price at which the wallet would fall to the maintenance margin; 0 if there is none above zero."""
    position = holding.position
    if not position:
        return ZERO
    rate = holding.risk_tier().maintenance
    # balance + position * V - cost = |position| * V * rate, solved for V.
    numerator = holding.cost - balance
    denominator = position - abs(position) * rate
    ticks = int(numerator / denominator / holding.listing.value(1))
    return holding.listing.price_numbers[max(0, ticks)]


def position_row(account: Account, holding: Holding, mark_value: int, mark: Raw) -> dict[str, Any]:
    """A row of GET user/positions (section 4.10)."""
    value = abs(holding.position) * mark_value
    return {
        "marginType": 91,
        "entryPrice": entry_price(holding),
        "markPrice": mark,
        "symbol": holding.listing.symbol,
        "side": BUY_SELL[1 if holding.position > 0 else -1],
        "orderValue": number(value, MONEY_DIGITS),
        "settleWithAsset": holding.listing.instrument.settlement,
        "unrealizedProfitLoss": number(holding.unrealised(mark_value), MONEY_DIGITS),
        "totalMaintenanceMargin": number(holding.maintenance(mark_value), MONEY_DIGITS),
        "size": abs(holding.position),
        "liquidationPrice": liquidation_price(holding, account.balance),
        "isolatedLeverage": 0,
        "adlScoreBucket": 1,
        "contractSize": decimal_number(holding.listing.instrument.contract_size),
        "liquidationInProgress": False,
        "timestamp": 0,
        "takeProfitOrder": None,
        "stopLossOrder": None,
        "positionMode": holding.mode,
        "positionDirection": None,
        "positionId": holding.listing.position_id,
        "currentLeverage": current_leverage(account, value),
    }


def current_leverage(account: Account, value: int) -> Raw:
    """Position value over wallet balance."""
    if account.balance <= 0:
        return ZERO
    return number(round_half_even(value * 10_000, account.balance), 4)
