"""Frames of the private topics: order notifications, fills, positions (lmex-api.md section 7.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from workbench.exchange.accounts import MONEY_DIGITS, Account, Fill, Holding
from workbench.exchange.listing import Listing
from workbench.exchange.matching import Order
from workbench.exchange.wire import (
    BUY_SELL,
    LIMIT,
    MARKET,
    average_price,
    current_leverage,
    encode,
    entry_price,
    liquidation_price,
    wire_name,
)
from workbench.exchange.wire_numbers import decimal_number, number, plain

__all__ = [
    "NOTIFICATION_TOPICS",
    "POSITION_TOPICS",
    "fill_frame",
    "notification",
    "open_order_frame",
    "position_record",
    "positions_frame",
]

NOTIFICATION_TOPICS = ("notificationApiV4", "notificationApiV3", "notificationApiV2")
POSITION_TOPICS = ("allPositionV4", "allPositionV3", "allPositionV2", "positionsV3", "positionsV2")
_POSITION_ORDER = 90
_BUY_MODE, _SELL_MODE, _ACTIVE = 66, 83, 65


class _Notification(msgspec.Struct, rename=wire_name):
    """An order event of `notificationApiV4`."""

    symbol: str
    order_id: str
    side: str
    order_type: int
    price: msgspec.Raw
    status: int
    timestamp: int
    avg_filled_price: msgspec.Raw
    cl_order_id: str
    post_only: bool
    maker: bool
    position_id: str
    original_order_size: int
    current_order_size: int
    filled_size: int
    total_filled_size: int
    remaining_size: int
    time_in_force: str
    type: int = 0
    trigger_price: int = 0
    peg_price_deviation: int = 1
    stealth: int = 1
    order_detail_type: None = None
    order_user_initiated: bool = True


class _Message(msgspec.Struct):
    topic: str
    data: list[_Notification]


def notification(
    topic: str, listing: Listing, order: Order, status: int, filled_now: int, maker: bool, time_ms: int
) -> bytes:
    """One order event in the dialect of its topic: V4 with the v2.3 size names, V3 and V2 with the older ones."""
    kind = MARKET if order.market_order else LIMIT
    price = average_price(listing, order) if order.market_order else listing.price_numbers[order.price]
    if topic == "notificationApiV4":
        return encode(
            _Message(
                topic,
                [
                    _Notification(
                        order.symbol,
                        order.order_id,
                        BUY_SELL[order.side],
                        kind,
                        price,
                        status,
                        time_ms,
                        average_price(listing, order),
                        order.client_id,
                        order.post_only,
                        maker,
                        listing.position_id,
                        order.original_size,
                        order.current_size,
                        filled_now,
                        order.filled,
                        order.remaining,
                        order.time_in_force,
                    )
                ],
            )
        )
    legacy = topic == "notificationApiV2"
    record = {
        "symbol": listing.legacy_symbol if legacy else listing.symbol,
        "orderID": order.order_id,
        "side": BUY_SELL[order.side],
        "type": str(kind),
        "price": price,
        "size": order.current_size,
        "originalSize": order.original_size,
        "avgFillPrice": average_price(listing, order),
        "fillSize": filled_now,
        "status": status,
        "clOrderID": order.client_id,
        "maker": maker,
        "stealth": 1,
        "timestamp": time_ms,
        "pegPriceDeviation": 1,
        "remainingSize": order.remaining,
        "time_in_force": order.time_in_force,
        "txType": "LIMIT",
        "positionId": f"{listing.legacy_symbol}-USD" if legacy else listing.position_id,
        "triggerPrice": 0,
    }
    return encode({"topic": topic, "data": [record]})


def fill_frame(listing: Listing, fill: Fill) -> bytes:
    """One execution on `fillsV2`: numbers as text, both ids with a lower-case d."""
    order = fill.order
    return encode(
        {
            "topic": "fillsV2",
            "id": "",
            "data": [
                {
                    "orderId": order.order_id,
                    "serialId": fill.stream_serial,
                    "clOrderId": order.client_id,
                    "type": str(MARKET if order.market_order else LIMIT),
                    "symbol": listing.symbol,
                    "side": BUY_SELL[order.side],
                    "price": listing.price_texts[fill.price],
                    "size": f"{fill.size}.0",
                    "feeAmount": plain(fill.fee, MONEY_DIGITS),
                    "feeCurrency": listing.instrument.settlement,
                    "base": listing.symbol,
                    "quote": listing.instrument.quote,
                    "maker": fill.maker,
                    "timestamp": fill.time_ns // 1_000_000,
                    "contractSize": decimal_number(listing.instrument.contract_size),
                    "tradeId": fill.trade_id,
                }
            ],
        }
    )


def position_record(account: Account, holding: Holding, mark_value: int, mark: msgspec.Raw) -> dict[str, Any]:
    """A record of the position topics; a closed position has zeros, a contract size of 0 among them."""
    position, listing = holding.position, holding.listing
    instrument = listing.instrument
    is_open = position != 0
    value = position * mark_value
    maintenance = number(holding.maintenance(mark_value), MONEY_DIGITS)
    mode = (_BUY_MODE if position > 0 else _SELL_MODE) if is_open else 0
    _, taker = account.fees
    return {
        **_CONSTANT,
        "username": account.username,
        "marketName": listing.position_id,
        "orderType": _POSITION_ORDER if is_open else 0,
        "orderMode": mode,
        "originalAmount": decimal_number(instrument.contract_size) if is_open else 0,
        "stealth": int(is_open),
        "takerFeesRatio": [decimal_number(taker)] if is_open else None,
        "dbQuoteBalHeld": number(-holding.maintenance(mark_value), MONEY_DIGITS),
        "isFuture": is_open,
        "marginType": 91 if is_open else 0,
        "entryPrice": entry_price(holding),
        "liquidationPrice": liquidation_price(holding, account.balance),
        "markedPrice": mark if is_open else 0,
        "unrealizedProfitLoss": number(holding.unrealised(mark_value), MONEY_DIGITS),
        "totalMaintenanceMargin": maintenance,
        "totalContracts": abs(position),
        "totalValue": number(value, MONEY_DIGITS),
        "adlScoreBucket": int(is_open),
        "orderTypeName": "TYPE_FUTURES_POSITION" if is_open else None,
        "orderModeName": {_BUY_MODE: "MODE_BUY", _SELL_MODE: "MODE_SELL"}.get(mode),
        "marginTypeName": "FUTURES_MARGIN_CROSS" if is_open else None,
        "currentLeverage": current_leverage(account, abs(value)),
        "contractSize": decimal_number(instrument.contract_size) if is_open else 0,
        "positionId": listing.position_id,
        "activeWalletName": "CROSS@" if is_open else None,
        "positionMode": holding.mode if is_open else None,
        "positionDirection": ("LONG" if position > 0 else "SHORT") if is_open else None,
        "future": is_open,
        "settleWithNonUSDAsset": instrument.settlement if is_open else "USD",
    }


_CONSTANT: Mapping[str, Any] = {
    "requestId": 0,
    "userCurrency": None,
    "status": _ACTIVE,
    "maxPriceHeld": 0,
    "pegPriceMin": 0,
    "baseCurrency": None,
    "quoteCurrency": None,
    "quoteCurrencyFiat": False,
    "parents": None,
    "makerFeesRatio": None,
    "orderID": None,
    "vendorName": None,
    "botID": None,
    "maxStealthDisplayAmount": 0,
    "sellExchangeRate": 0,
    "tag": None,
    "triggerPrice": 0,
    "closeOrder": False,
    "dbBaseBalHeld": 0,
    "liquidationInProgress": False,
    "marginHeld": 0,
    "marginChargedLongOpen": 0,
    "marginChargedShortOpen": 0,
    "unchargedMarginLongOpen": 0,
    "unchargedMarginShortOpen": 0,
    "isolatedCurrency": None,
    "isolatedLeverage": 0,
    "totalFees": 0,
    "adlScorePercentile": 0,
    "minimumRequiredMargin": 0,
    "filledSize": 0,
    "takeProfitOrder": None,
    "stopLossOrder": None,
    "serviceType": 0,
    "avgFilledPrice": 0,
}


def positions_frame(topic: str, records: Sequence[dict[str, Any]]) -> bytes:
    """The records under a position topic."""
    return encode({"topic": topic, "data": list(records)})


def open_order_frame(topic: str, kind: str, serial: int, listing: Listing, orders: Sequence[Order]) -> bytes:
    """A `SNAPSHOT` of open orders or an `UPDATE` of one; an order that is gone has zeros for everything."""
    market = topic.partition(":")[2]
    return encode(
        {
            "topic": topic,
            "serialId": serial,
            "type": kind,
            "data": [_open_order(market, listing, order) for order in orders],
        }
    )


def _open_order(market: str, listing: Listing, order: Order) -> dict[str, Any]:
    alive = order.resting
    price = listing.price_numbers[order.price] if alive else 0
    mode = (_BUY_MODE if order.side > 0 else _SELL_MODE) if alive else 0
    return {
        "orderID": order.order_id,
        "orderType": LIMIT if alive else 0,
        "orderMode": mode,
        "orderModeName": {_BUY_MODE: "MODE_BUY", _SELL_MODE: "MODE_SELL"}.get(mode),
        "marketName": market if alive else None,
        "amount": order.remaining if alive else 0,
        "originalAmount": order.original_size if alive else 0,
        "price": price,
        "displayPrice": price,
        "triggerOrder": False,
        "triggerOrderType": 0,
        "triggerPrice": 0,
        "vendorName": None,
        "createTimestamp": order.created_ns // 1_000_000 if alive else 0,
        "triggered": False,
    }
