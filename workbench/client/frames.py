"""LMEX's WebSocket frames as typed records (lmex-api section 7): envelopes, book, fills, positions, open orders.

Trades have the record of `messages`, order notifications that of `orders`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from msgspec import field

from workbench.client.messages import Message, Trade, new_symbol
from workbench.client.orders import OrderMessage
from workbench.errors import VenueError

__all__ = [
    "BookData",
    "BookFrame",
    "FillMessage",
    "FrameError",
    "OpenOrderRow",
    "PositionRow",
    "SocketError",
    "StreamFrame",
    "fills_of",
    "is_pong",
    "notifications_of",
    "open_orders_of",
    "positions_of",
    "read_book_frame",
    "read_stream_frame",
    "trades_of",
]

T = TypeVar("T")


class FrameError(VenueError):
    """A frame that is not what its topic promises; it is dropped and counted, the stream lives on."""


class SocketErrorDetail(Message):
    code: int = 0
    message: str = ""


class SocketError(Message):
    """One refusal on the book socket: which argument, which code (1000 market, 1005 topic, 1007 slow reader, ...)."""

    arg: str = ""
    error: SocketErrorDetail = field(default_factory=SocketErrorDetail)


class BookData(Message):
    """A book message (7.3): price text and new total size in contracts; size 0 deletes. `kind` is snapshot or delta."""

    bids: list[tuple[str | float, int]]
    asks: list[tuple[str | float, int]]
    symbol: str
    kind: str = field(name="type")
    timestamp: int = 0
    seq: int = field(name="seqNum", default=0)
    prev_seq: int = field(name="prevSeqNum", default=0)


class BookFrame(Message):
    """Any frame of the book socket: data, acknowledgement, pong or errors; what is absent is empty."""

    topic: str = ""
    data: BookData | None = None
    event: str = ""
    op: str = ""
    channel: list[str] = field(default_factory=list)
    severity: str = ""
    errors: list[SocketError] = field(default_factory=list)


class StreamFrame(Message):
    """Any frame of the trades and private socket; `data` stays raw until its topic says what it is."""

    topic: str = ""
    data: msgspec.Raw = msgspec.Raw()
    event: str = ""
    op: str = ""
    channel: list[str] = field(default_factory=list)
    success: bool | None = None
    serial_id: int = field(name="serialId", default=0)
    type: str = ""


class FillMessage(Message):
    """One own execution of the topic fillsV2 (7.5); numbers are text on the wire, sizes like "400.0"."""

    order_id: str = field(name="orderId")
    trade_id: str = field(name="tradeId")
    symbol_wire: str = field(name="symbol")
    side: str
    price: Decimal
    size: int
    maker: bool
    timestamp: int
    client_id_wire: str | None = field(name="clOrderId", default=None)
    serial_id: int = field(name="serialId", default=0)
    fee_amount: Decimal | None = field(name="feeAmount", default=None)
    free_amount: Decimal | None = field(name="freeAmount", default=None)
    fee_currency: str = field(name="feeCurrency", default="")
    type: int | str = ""
    base: str = ""
    quote: str = ""
    contract_size: Decimal | None = field(name="contractSize", default=None)

    @property
    def symbol(self) -> str:
        return new_symbol(self.symbol_wire)

    @property
    def client_id(self) -> str:
        return self.client_id_wire or ""

    @property
    def fee(self) -> Decimal | None:
        """Fee paid; one document misprints the field as freeAmount. None when the message has neither."""
        return self.fee_amount if self.fee_amount is not None else self.free_amount


class PositionRow(Message):
    """A position of the topics allPosition* and positions* (7.5): size positive, the side in `order_mode`.

    The record that announces a closed position has size, side and contract size 0: never divide by `contract_size`.
    """

    market: str = field(name="marketName")
    order_mode: int = field(name="orderMode")
    total_contracts: int = field(name="totalContracts")
    total_value: Decimal = field(name="totalValue", default=Decimal(0))
    entry_price: Decimal = field(name="entryPrice", default=Decimal(0))
    marked_price: Decimal = field(name="markedPrice", default=Decimal(0))
    unrealised: Decimal = field(name="unrealizedProfitLoss", default=Decimal(0))
    maintenance_margin: Decimal = field(name="totalMaintenanceMargin", default=Decimal(0))
    liquidation_price: Decimal = field(name="liquidationPrice", default=Decimal(0))
    contract_size: Decimal = field(name="contractSize", default=Decimal(0))
    position_id: str | None = field(name="positionId", default=None)
    position_mode: str | None = field(name="positionMode", default=None)
    position_direction: str | None = field(name="positionDirection", default=None)

    @property
    def signed(self) -> int:
        """Contracts, long positive, short negative, 0 when closed."""
        if self.total_contracts == 0:
            return 0
        side = {66: 1, 83: -1}.get(self.order_mode)
        if side is None:
            raise FrameError(f"{self.market} orderMode is {self.order_mode}; expected 66 (long) or 83 (short)")
        return side * abs(self.total_contracts)


class OpenOrderRow(Message):
    """A row of the topic open-order (7.5); `amount` 0 means gone, without saying whether filled or cancelled."""

    order_id: str = field(name="orderID")
    amount: int
    order_type: int = field(name="orderType", default=0)
    order_mode: int = field(name="orderMode", default=0)
    market: str | None = field(name="marketName", default=None)
    original_amount: int = field(name="originalAmount", default=0)
    price: Decimal = Decimal(0)


_book_frames = msgspec.json.Decoder(BookFrame, strict=False)
_stream_frames = msgspec.json.Decoder(StreamFrame, strict=False)
_notifications = msgspec.json.Decoder(list[OrderMessage] | OrderMessage, strict=False)
_fills = msgspec.json.Decoder(list[FillMessage] | FillMessage, strict=False)
_trades = msgspec.json.Decoder(list[Trade] | Trade, strict=False)
_positions = msgspec.json.Decoder(list[PositionRow] | PositionRow, strict=False)
_open_orders = msgspec.json.Decoder(list[OpenOrderRow] | OpenOrderRow, strict=False)


def is_pong(frame: bytes) -> bool:
    """True for the answer to a text ping that is not JSON; to be asked before parsing (7.2)."""
    return frame[:1] in (b"p", b"P") and frame.strip().lower() == b"pong"


def _decoded(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw, what: str) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, ValueError) as error:
        raise FrameError(f"{what} cannot be read ({error}); starts {bytes(data)[:80]!r}") from None


def read_book_frame(frame: bytes) -> BookFrame:
    """A frame of the book socket. Raises `FrameError`."""
    return _decoded(_book_frames, frame, "book frame")


def read_stream_frame(frame: bytes) -> StreamFrame:
    """A frame of the trades and private socket. Raises `FrameError`."""
    return _decoded(_stream_frames, frame, "stream frame")


def _rows(decoded: Any) -> list[Any]:
    """Documents and connectors disagree whether data is a list: an object is one row."""
    return decoded if isinstance(decoded, list) else [decoded]


def notifications_of(frame: StreamFrame) -> list[OrderMessage]:
    """Order events of notificationApiV4, V3 or V2. Raises `FrameError`."""
    return _rows(_decoded(_notifications, frame.data, frame.topic))


def fills_of(frame: StreamFrame) -> list[FillMessage]:
    """Own executions of fillsV2. Raises `FrameError`."""
    return _rows(_decoded(_fills, frame.data, frame.topic))


def trades_of(frame: StreamFrame) -> list[Trade]:
    """Public trades, newest first as the wire has them. Raises `FrameError`."""
    return _rows(_decoded(_trades, frame.data, frame.topic))


def positions_of(frame: StreamFrame) -> list[PositionRow]:
    """Positions of allPosition* or positions*. Raises `FrameError`."""
    return _rows(_decoded(_positions, frame.data, frame.topic))


def open_orders_of(frame: StreamFrame) -> list[OpenOrderRow]:
    """Rows of the open-order topic; `serial_id` and `type` are on the frame. Raises `FrameError`."""
    return _rows(_decoded(_open_orders, frame.data, frame.topic))
