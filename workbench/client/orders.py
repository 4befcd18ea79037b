"""An order as LMEX tells it, whatever the version, and what its status numbers mean (lmex-api sections 4, 5 and 9)."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import field

from workbench.client.errors import readable
from workbench.client.messages import ZERO, Message, new_symbol

__all__ = ["OrderMessage", "State", "query_state", "stream_state"]


class OrderMessage(Message):
    """An order as place, amend, cancel, query, open orders and the notification topics tell it, whatever the version.

    The fields hold what the wire said; the properties (`total_filled`, `current`, ...) normalise (lmex-api section 9).
    """

    symbol_wire: str = field(name="symbol", default="")
    side: str = ""
    status_wire: int | str | None = field(name="status", default=None)
    state: str | None = field(name="orderState", default=None)
    order_id_wire: str | None = field(name="orderID", default=None)
    order_id_lower: str | None = field(name="orderId", default=None)
    client_id_wire: str | None = field(name="clOrderID", default=None)
    client_id_lower: str | None = field(name="clOrderId", default=None)
    order_type: int | None = field(name="orderType", default=None)
    type_wire: int | str | None = field(name="type", default=None)
    price: Decimal = ZERO
    trigger_price: Decimal | None = field(name="triggerPrice", default=None)
    timestamp: int = 0
    original_order_size: int | None = field(name="originalOrderSize", default=None)
    original_size: int | None = field(name="originalSize", default=None)
    current_order_size: int | None = field(name="currentOrderSize", default=None)
    size_wire: int | None = field(name="size", default=None)
    total_filled_size: int | None = field(name="totalFilledSize", default=None)
    filled_size: int | None = field(name="filledSize", default=None)
    fill_size: int | None = field(name="fillSize", default=None)
    remaining: int | None = field(name="remainingSize", default=None)
    avg_filled_price: Decimal | None = field(name="avgFilledPrice", default=None)
    avg_fill_price: Decimal | None = field(name="avgFillPrice", default=None)
    average_fill_price: Decimal | None = field(name="averageFillPrice", default=None)
    tif_snake: str | None = field(name="time_in_force", default=None)
    tif_camel: str | None = field(name="timeInForce", default=None)
    post_only: bool | None = field(name="postOnly", default=None)
    reduce_only: bool | None = field(name="reduceOnly", default=None)
    maker: bool | None = None
    message: str | None = None
    deviation: Decimal | None = None
    stealth: Decimal | None = None
    contract_size: Decimal | None = field(name="contractSize", default=None)
    position_mode: str | None = field(name="positionMode", default=None)
    position_direction: str | None = field(name="positionDirection", default=None)
    position_id: str | None = field(name="positionId", default=None)

    @property
    def symbol(self) -> str:
        """Market under its new name."""
        return new_symbol(self.symbol_wire)

    @property
    def status(self) -> int:
        """The status number (section 5), also from text such as ORDER_INSERTED or STATUS_ACTIVE; 0 when none fits."""
        wire = self.status_wire
        if isinstance(wire, int):
            return wire
        text = (wire or self.state or "").removeprefix("ORDER_").removeprefix("STATUS_")
        return int(text) if text.isdigit() else _STATUS_OF_TEXT.get(text, 0)

    @property
    def order_id(self) -> str:
        return self.order_id_wire or self.order_id_lower or ""

    @property
    def client_id(self) -> str:
        return self.client_id_wire or self.client_id_lower or ""

    @property
    def kind(self) -> int:
        """76 limit, 77 market, 80 peg, 0 not said."""
        if self.order_type is not None:
            return self.order_type
        text = str(self.type_wire)
        return int(text) if text.isdigit() else 0

    @property
    def original(self) -> int:
        """Contracts asked for at first."""
        return _first(self.original_order_size, self.original_size, self.size_wire)

    @property
    def current(self) -> int:
        """Contracts now: filled and open."""
        return _first(self.current_order_size, self.size_wire, self.original_order_size)

    @property
    def total_filled(self) -> int:
        """Contracts filled since the order was placed; -1 when the message does not say.

        Old versions tell only the event's own fill, so the current size minus the remainder is preferred to it.
        """
        if self.total_filled_size is not None:
            return self.total_filled_size
        if self.filled_size is not None:
            return self.filled_size
        if self.remaining is not None and self.current >= self.remaining:
            return self.current - self.remaining
        return _first(self.fill_size)

    @property
    def average(self) -> Decimal:
        """Average price of the fills, 0 when none."""
        for price in (self.avg_filled_price, self.avg_fill_price, self.average_fill_price):
            if price is not None:
                return price
        return ZERO

    @property
    def time_in_force(self) -> str:
        return self.tif_snake or self.tif_camel or ""

    @property
    def reason(self) -> str:
        """The message as a person reads it."""
        return readable(self.message)


def _first(*sizes: int | None) -> int:
    for size in sizes:
        if size is not None:
            return size
    return -1


_STATUS_OF_TEXT = {
    "INSERTED": 2,
    "TRANSACTED": 3,
    "FULLY_TRANSACTED": 4,
    "PARTIALLY_TRANSACTED": 5,
    "CANCELLED": 6,
    "CANCELED": 6,
    "REFUNDED": 7,
    "NOTFOUND": 16,
    "NOT_FOUND": 16,
    "ACTIVE": 65,
    "INACTIVE": 88,
}


State = Literal["open", "filled", "cancelled", "rejected", "unknown", "not_found"]

_STATES: dict[int, State] = {
    2: "open",
    3: "open",
    4: "filled",
    5: "open",
    6: "cancelled",
    7: "cancelled",
    9: "open",
    10: "open",
    16: "not_found",
    65: "open",
    85: "open",
    123: "open",
}
for _status in (1, 8, 11, 101, 133, 135, 300, 301, 302, 303, 304, 305):
    _STATES[_status] = "rejected"


def query_state(status: int) -> State:
    """State of an order by a reply's status number; a number that nobody knows is "unknown", never dead.

    15 and 17 are "unknown" too: an internal timeout hides behind the first, the second says "check the order".
    """
    return _STATES.get(status, "unknown")


def stream_state(status: int) -> State:
    """State by a pushed number. 16 in a push is about a request, not about the order: "unknown", to be asked for."""
    state = _STATES.get(status, "unknown")
    return "unknown" if state == "not_found" else state
