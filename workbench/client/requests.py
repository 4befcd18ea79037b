"""Bodies of requests: built once as the exact text that is signed and sent, numbers plain (77050.1, never 7.70501e4).

lmex-api sections 2.1, 4.1 and 4.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Literal
from urllib.parse import quote

import msgspec

from workbench.errors import VenueError

__all__ = ["PlaceRequest", "amend_body", "cancel_query", "limit_order_body", "plain", "query_of", "write_json"]

Scalar = str | bool | int | Decimal

_CLIENT_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_SYMBOL = re.compile(r"[A-Z0-9]{1,20}-[A-Z0-9]{2,10}")


class PlaceRequest(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Every documented field of `POST order` and `order/peg` (4.2, 4.3); what is not set is not sent."""

    symbol: str
    side: Literal["BUY", "SELL"]
    size: int
    type: Literal["LIMIT", "MARKET", "OCO"] | None = None
    price: Decimal | None = None
    time_in_force: str | None = None
    tx_type: Literal["LIMIT", "STOP", "TRIGGER"] | None = msgspec.field(default=None, name="txType")
    post_only: bool | None = msgspec.field(default=None, name="postOnly")
    reduce_only: bool | None = msgspec.field(default=None, name="reduceOnly")
    client_id: str | None = msgspec.field(default=None, name="clOrderID")
    position_mode: str | None = msgspec.field(default=None, name="positionMode")
    trigger: Literal["markPrice", "lastPrice"] | None = None
    trigger_price: Decimal | None = msgspec.field(default=None, name="triggerPrice")
    stop_price: Decimal | None = msgspec.field(default=None, name="stopPrice")
    trail_value: Decimal | None = msgspec.field(default=None, name="trailValue")
    take_profit_price: Decimal | None = msgspec.field(default=None, name="takeProfitPrice")
    stop_loss_price: Decimal | None = msgspec.field(default=None, name="stopLossPrice")
    take_profit_trigger: str | None = msgspec.field(default=None, name="takeProfitTrigger")
    stop_loss_trigger: str | None = msgspec.field(default=None, name="stopLossTrigger")
    deviation: Decimal | None = None
    stealth: Decimal | None = None

    def body(self) -> bytes:
        """The JSON text; a Decimal field is written as a plain number."""
        check_symbol(self.symbol)
        if self.client_id is not None:
            check_client_id(self.client_id)
        fields = {
            info.encode_name: getattr(self, info.name)
            for info in msgspec.structs.fields(self)
            if getattr(self, info.name) is not None
        }
        return write_json(fields)


def plain(number: Decimal | int) -> str:
    """A number as plain decimal digits, without exponent."""
    return format(number, "f") if isinstance(number, Decimal) else str(number)


def write_json(fields: Mapping[str, Scalar]) -> bytes:
    """A flat JSON object without spaces, in the order of the mapping, Decimals as plain numbers."""
    return b"{" + b",".join(f'"{name}":'.encode() + _scalar(value) for name, value in fields.items()) + b"}"


def _scalar(value: Scalar) -> bytes:
    if isinstance(value, Decimal):
        return plain(value).encode()
    return msgspec.json.encode(value)


def check_symbol(symbol: str) -> None:
    """Raises `VenueError` unless it looks like BTC-PERP: it goes into bodies and query strings unquoted."""
    if _SYMBOL.fullmatch(symbol) is None:
        raise VenueError(f"symbol is {symbol!r}; expected something like BTC-PERP")


def check_client_id(client_id: str) -> None:
    """Raises `VenueError` unless it is 1 to 32 letters and digits (lmex-api 4.2), not the web interface's `_W_`."""
    if _CLIENT_ID.fullmatch(client_id) is None:
        raise VenueError(f"client order id is {client_id!r}; expected 1 to 32 letters and digits")


def limit_order_body(
    symbol: str,
    side: int,
    price: Decimal,
    size: int,
    client_id: str,
    *,
    post_only: bool = True,
    reduce_only: bool = False,
    time_in_force: str = "GTC",
) -> bytes:
    """Body of a limit order in one-way mode; the hot path, so written by hand.

    Parameters
    ----------
    side : int
        +1 buy, -1 sell.
    price : Decimal
        Quote currency.
    size : int
        Contracts.
    client_id : str
        1 to 32 letters and digits, never used before.

    Raises
    ------
    VenueError
        If the client id or the size cannot be sent.
    """
    check_client_id(client_id)
    if size < 1:
        raise VenueError(f"order {client_id}: size is {size}; expected at least 1 contract")
    word = "BUY" if side > 0 else "SELL"
    return (
        f'{{"symbol":"{symbol}","side":"{word}","type":"LIMIT","price":{price:f},"size":{size},'
        f'"time_in_force":"{time_in_force}","postOnly":{"true" if post_only else "false"},'
        f'"reduceOnly":{"true" if reduce_only else "false"},"clOrderID":"{client_id}","positionMode":"ONE_WAY"}}'
    ).encode()


def order_key(client_id: str, order_id: str, what: str) -> tuple[str, str]:
    """Name and value of the id an order is addressed by; the venue's own wins.

    Raises
    ------
    VenueError
        If both are empty: a cancel without an id would cancel every order of the market (lmex-api 4.5).
    """
    if order_id:
        return "orderID", order_id
    if client_id:
        check_client_id(client_id)
        return "clOrderID", client_id
    raise VenueError(
        f"{what} without an id was refused: the venue would apply it to every order; give client_id or order_id"
    )


def cancel_query(symbol: str, client_id: str = "", order_id: str = "") -> str:
    """Query string that cancels exactly one order. Raises `VenueError` for an empty id."""
    name, value = order_key(client_id, order_id, "cancel")
    return f"symbol={symbol}&{name}={value}"


def amend_body(symbol: str, client_id: str, order_id: str, price: Decimal | None, size: int | None) -> bytes:
    """Body of an amendment to a new price, a new total size (filled part included) or both (lmex-api 4.4)."""
    name, value = order_key(client_id, order_id, "amend")
    fields: dict[str, Scalar] = {"symbol": symbol, name: value}
    if price is not None and size is not None:
        fields |= {"type": "ALL", "orderPrice": price, "orderSize": size}
    elif price is not None:
        fields |= {"type": "PRICE", "value": price}
    elif size is not None:
        fields |= {"type": "SIZE", "value": size}
    else:
        raise VenueError(f"amend of {value} changes nothing; expected a price, a size or both")
    return write_json(fields)


def query_of(parameters: Mapping[str, str | int | bool | None]) -> str:
    """A query string, values quoted (CROSS@ becomes CROSS%40); None is left out. "" for no parameter."""
    pairs = []
    for name, value in parameters.items():
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            pairs.append(f"{name}={quote(text, safe='')}")
    return "&".join(pairs)
