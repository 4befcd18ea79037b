"""The guide's own /v1 dialect: ticker and position as the guide prints them, orders in the same style as our extension.

Replies are `{"success": true, "data": ...}` with numbers as text; refusals `{"success": false, "error": {...}}`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.exchange.accounts import MONEY_DIGITS
from workbench.exchange.matching import Order
from workbench.exchange.orders import PlaceRequest
from workbench.exchange.public_rest import day_value
from workbench.exchange.refusals import Refusal
from workbench.exchange.requests import Request
from workbench.exchange.wire_numbers import plain

if TYPE_CHECKING:
    from workbench.exchange.venue import SimulatedExchange

__all__ = ["cancel", "cancel_all", "open_orders", "order", "place", "position", "refusal_body", "ticker"]


class _Order(msgspec.Struct):
    symbol: str
    side: str
    price: Decimal
    size: Decimal
    post_only: bool = False
    reduce_only: bool = False
    client_id: str = ""


_order = msgspec.json.Decoder(_Order)


def _success(data: Any) -> dict[str, Any]:
    return {"success": True, "data": data}


def refusal_body(refusal: Refusal) -> dict[str, Any]:
    """A refusal in this dialect's shape."""
    code = refusal.body.get("errorCode", refusal.body.get("code"))
    return {"success": False, "error": {"code": code, "message": str(refusal)}}


def ticker(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    market = exchange.market(request.path_values[0])
    text = market.listing.price_texts
    return _success(
        {
            "symbol": market.symbol,
            "last_price": text[market.last],
            "best_bid": text[market.book.bids.best_shown or 0],
            "best_ask": text[market.book.asks.best_shown or 0],
            "volume_24h": plain(day_value(market, request.now_ns), MONEY_DIGITS),
        }
    )


def position(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    symbol = exchange.market(request.path_values[0]).symbol
    return _success({"symbol": symbol, "size": str(request.account.position(symbol))})


def place(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    wanted = request.decoded(_order)
    reply = exchange.desk.place(
        request.account,
        PlaceRequest(
            symbol=wanted.symbol,
            side=wanted.side,
            size=wanted.size,
            price=wanted.price,
            post_only=wanted.post_only,
            reduce_only=wanted.reduce_only,
            client_id=wanted.client_id,
        ),
        request.now_ns,
    )
    if not reply.order_id:
        raise Refusal(400, {"code": reply.status, "msg": reply.message})
    found = request.account.find(reply.order_id, "", request.now_ns)
    return _success(_row(exchange, found[0]))


def order(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    return _success(_row(exchange, _found(request)))


def open_orders(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    symbol = request.text("symbol")
    rows = [o for o in request.account.open_orders.values() if symbol in ("", o.symbol)]
    return _success([_row(exchange, o) for o in rows])


def cancel(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    found = _found(request)
    if not found.resting:
        raise Refusal(404, {"code": 16, "msg": "Order not found"})
    exchange.desk.cancel([found], request.now_ns)
    return _success(_row(exchange, found))


def cancel_all(exchange: SimulatedExchange, request: Request) -> dict[str, Any]:
    orders = request.account.open_on(exchange.market(request.symbol()).symbol)
    exchange.desk.cancel(orders, request.now_ns)
    return _success([_row(exchange, o) for o in orders])


def _found(request: Request) -> Order:
    found = request.account.find(request.path_values[0], "", request.now_ns)
    if not found:
        raise Refusal(404, {"code": 16, "msg": "Order not found"})
    return found[0]


def _row(exchange: SimulatedExchange, found: Order) -> dict[str, Any]:
    names = {4: "filled", 6: "cancelled", 7: "refunded"}
    return {
        "id": found.order_id,
        "client_id": found.client_id,
        "symbol": found.symbol,
        "side": "buy" if found.side > 0 else "sell",
        "price": exchange.listing(found.symbol).price_texts[found.price],
        "size": str(found.current_size),
        "filled": str(found.filled),
        "status": "open" if found.resting else names.get(found.status, str(found.status)),
    }
