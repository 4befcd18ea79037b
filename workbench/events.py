"""The vocabulary: market and order events in, commands out, state frames for people, and the columns of the tables.

Every struct is a frozen msgspec record with a one-word tag, so that a journal row is `encode(event)` and nothing else.
Units everywhere: `_ns` integer nanoseconds since the epoch, `_ticks` integer price ticks, sizes integer contracts,
side +1 buy, -1 sell, money Decimal in the settlement currency.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

import msgspec

__all__ = [
    "BUY",
    "FILLS_COLUMNS",
    "NS",
    "ORDERS_COLUMNS",
    "QUOTES_COLUMNS",
    "RATE_LIMITED",
    "SELL",
    "TIMER_NS",
    "Amend",
    "ArmDeadMan",
    "BookDelta",
    "BookLost",
    "BookSnapshot",
    "Cancel",
    "CancelAll",
    "Command",
    "Configure",
    "Control",
    "DeadManArmed",
    "Event",
    "FrameFill",
    "FundingPaid",
    "Levels",
    "MarkPrice",
    "MarketTrade",
    "OpenOrder",
    "OpenOrders",
    "OrderReport",
    "OwnFill",
    "Place",
    "PositionReport",
    "Query",
    "Reconcile",
    "ReconcileDone",
    "StateFrame",
    "StreamState",
    "Timer",
    "WalletReport",
    "decode_command",
    "decode_event",
    "encode",
]

BUY = 1
SELL = -1

NS = 1_000_000_000
"""Nanoseconds in a second."""

TIMER_NS = NS // 10
"""Time between two `Timer` events."""

Levels = tuple[tuple[int, int], ...]
"""Book levels (price_ticks, size); in a delta size 0 deletes the level."""


class _Record(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """Base of what flows: immutable, compact, told apart by its class name."""


# --- market events --------------------------------------------------------------------------------------------------


class BookSnapshot(_Record, frozen=True):
    """The whole visible book replaces whatever was known; the book is in sync from here."""

    t_ns: int
    venue_ns: int
    bids: Levels
    asks: Levels
    seq: int = 0


class BookDelta(_Record, frozen=True):
    """Changed levels, already checked to follow the message before (the client owns the sequence)."""

    t_ns: int
    venue_ns: int
    bids: Levels
    asks: Levels
    seq: int = 0


class BookLost(_Record, frozen=True):
    """The book is no longer known: gap, crossed, disconnected. Nothing may be quoted from it until a snapshot."""

    t_ns: int
    reason: str


class MarketTrade(_Record, frozen=True):
    """A public trade; `side` is the taker's."""

    t_ns: int
    venue_ns: int
    trade_id: int
    side: int
    price_ticks: int
    size: int


class MarkPrice(_Record, frozen=True):
    """Mark and index price, and the funding that is due, as the venue publishes them."""

    t_ns: int
    mark: Decimal
    index: Decimal
    funding_rate: Decimal = Decimal(0)
    funding_time_ns: int = 0


class StreamState(_Record, frozen=True):
    """A stream came up (authenticated, subscribed, acknowledged) or went down."""

    t_ns: int
    stream: Literal["book", "private", "trades"]
    up: bool
    reason: str = ""


# --- order events ---------------------------------------------------------------------------------------------------

RATE_LIMITED = 429
"""`OrderReport.code` of a request that rate limits refused: nothing was done, and more of the same makes it worse."""

ReportStatus = Literal["open", "filled", "cancelled", "rejected", "unknown", "not_found", "cancel_rejected"]


class OrderReport(_Record, frozen=True):
    """What the venue (or the lack of its answer) says about one of our orders.

    status
        "open" resting; "filled", "cancelled", "rejected" final; "unknown" the outcome of `request` is not known (time
        out, 5xx, unparsable): the order counts as live; "not_found" the venue does not know the id; "cancel_rejected"
        the cancel or amend failed and the order's own state must be asked for.
    total_filled
        Cumulative contracts filled as far as the venue said (-1: it did not say).
    size
        Current order size, filled + open, contracts (-1: not said).
    request
        Which request this answers: "place", "cancel", "amend", "query"; "stream" when nobody asked.
    """

    t_ns: int
    client_id: str
    status: ReportStatus
    request: Literal["place", "cancel", "amend", "query", "stream"]
    order_id: str = ""
    total_filled: int = -1
    size: int = -1
    code: int = 0
    reason: str = ""


class OwnFill(_Record, frozen=True):
    """One execution of our order. `trade_id` makes it count once, wherever it is heard again."""

    t_ns: int
    venue_ns: int
    trade_id: str
    client_id: str
    order_id: str
    side: int
    price_ticks: int
    size: int
    fee: Decimal
    fee_currency: str
    maker: bool
    source: Literal["stream", "rest"] = "stream"


class OpenOrder(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row of the venue's list of open orders."""

    client_id: str
    order_id: str
    side: int
    price_ticks: int
    size: int
    total_filled: int


class OpenOrders(_Record, frozen=True):
    """The venue's own list of our open orders on the symbol, asked for at `asked_ns`."""

    t_ns: int
    asked_ns: int
    orders: tuple[OpenOrder, ...]


class PositionReport(_Record, frozen=True):
    """The venue's position (signed contracts), asked for at `asked_ns`."""

    t_ns: int
    asked_ns: int
    position: int
    entry_price: Decimal = Decimal(0)


class WalletReport(_Record, frozen=True):
    """The venue's wallet: settled balance (without unrealised PnL)."""

    t_ns: int
    asked_ns: int
    balance: Decimal
    available: Decimal
    unrealised: Decimal


class FundingPaid(_Record, frozen=True):
    """Funding booked by the venue: received positive, paid negative. `funding_id` makes it count once."""

    t_ns: int
    funding_id: str
    amount: Decimal


class DeadManArmed(_Record, frozen=True):
    """The venue confirmed (or did not) the renewal of its cancel-all timer that was asked for at `asked_ns`."""

    t_ns: int
    ok: bool
    reason: str = ""
    asked_ns: int = 0


class ReconcileDone(_Record, frozen=True):
    """Everything that one `Reconcile` asked for has been delivered (ok) or could not be had."""

    t_ns: int
    asked_ns: int
    ok: bool
    reason: str = ""


# --- time and people ------------------------------------------------------------------------------------------------


class Timer(_Record, frozen=True):
    """Time passes: the core's only notion of now besides the stamps of events."""

    t_ns: int


class Control(_Record, frozen=True):
    """Somebody pressed a button, or the engine is told to end."""

    t_ns: int
    action: Literal["pause", "resume", "flatten", "kill", "rearm", "stop"]
    reason: str = ""


class Configure(_Record, frozen=True):
    """A changed configuration takes effect: the complete one, already validated, as JSON text."""

    t_ns: int
    config: str


Event = (
    BookSnapshot
    | BookDelta
    | BookLost
    | MarketTrade
    | MarkPrice
    | StreamState
    | OrderReport
    | OwnFill
    | OpenOrders
    | PositionReport
    | WalletReport
    | FundingPaid
    | ReconcileDone
    | DeadManArmed
    | Timer
    | Control
    | Configure
)

# --- commands -------------------------------------------------------------------------------------------------------


class Place(_Record, frozen=True):
    """Send a new order. `slot` is its place in the ladder: side and level."""

    client_id: str
    slot: int
    side: int
    price_ticks: int
    size: int
    post_only: bool = True
    reduce_only: bool = False
    ioc: bool = False


class Amend(_Record, frozen=True):
    """Shrink a resting order to `size` (new total, filled part included); keeps its queue position."""

    client_id: str
    order_id: str
    size: int


class Cancel(_Record, frozen=True):
    """Cancel one order."""

    client_id: str
    order_id: str


class CancelAll(_Record, frozen=True):
    """Cancel every order of the symbol."""

    reason: str


class Query(_Record, frozen=True):
    """Ask for the state of one order by its client id."""

    client_id: str


class Reconcile(_Record, frozen=True):
    """Ask for open orders, fills since the last known, position, wallet and funding; answered by their events and
    `ReconcileDone`."""

    reason: str


class ArmDeadMan(_Record, frozen=True):
    """Renew the venue's cancel-all timer; answered by `DeadManArmed`."""

    timeout_ms: int


Command = Place | Amend | Cancel | CancelAll | Query | Reconcile | ArmDeadMan

_event_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)
_command_decoder: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)


encode: Callable[[Event | Command], bytes] = msgspec.msgpack.Encoder().encode
"""The bytes of an event or command, as the journal keeps them."""


def decode_event(data: bytes) -> Event:
    """The event that `encode` wrote."""
    return _event_decoder.decode(data)


def decode_command(data: bytes) -> Command:
    """The command that `encode` wrote."""
    return _command_decoder.decode(data)


# --- state frames ---------------------------------------------------------------------------------------------------


class FrameFill(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A fill as a dashboard shows it."""

    t_ns: int
    side: int
    price: float
    size: int


class StateFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a dashboard needs to know, at most ten times a second. Prices in quote currency, estimates as floats,
    money as exact decimal text."""

    seq: int
    t_ns: int
    symbol: str
    state: Literal["starting", "quoting", "waiting", "paused", "flattening", "killed", "halted", "stopping", "stopped"]
    why: str
    bid: float | None = None
    ask: float | None = None
    mark: float | None = None
    position: int = 0
    own_bids: tuple[tuple[float, int], ...] = ()
    own_asks: tuple[tuple[float, int], ...] = ()
    open_orders: int = 0
    unknown_orders: int = 0
    sigma: float | None = None
    half_spread_bps: float | None = None
    pnl_spread: str = "0"
    pnl_inventory: str = "0"
    pnl_fees: str = "0"
    pnl_funding: str = "0"
    equity_change: str = "0"
    currency: str = "USDT"
    orders_sent: int = 0
    amends: int = 0
    cancels: int = 0
    fills: int = 0
    rejects: int = 0
    volume: int = 0
    quote_uptime: float = 0.0
    book_age_ms: float | None = None
    new_fills: tuple[FrameFill, ...] = ()
    config: dict[str, Any] = {}


# --- tables ---------------------------------------------------------------------------------------------------------

ORDERS_COLUMNS: dict[str, str] = {
    "client_id": "str",
    "order_id": "str",
    "slot": "int64",
    "side": "int64",
    "price_ticks": "int64",
    "price": "float64",
    "size": "int64",
    "filled": "int64",
    "status": "str",
    "sent_ns": "int64",
    "acked_ns": "int64",
    "done_ns": "int64",
    "reason": "str",
}
"""The orders table: one row an order. 0 in `acked_ns`, `done_ns` means never."""

FILLS_COLUMNS: dict[str, str] = {
    "t_ns": "int64",
    "venue_ns": "int64",
    "trade_id": "str",
    "client_id": "str",
    "order_id": "str",
    "side": "int64",
    "price_ticks": "int64",
    "price": "float64",
    "size": "int64",
    "fee": "object",
    "fee_currency": "str",
    "maker": "bool",
    "mid": "float64",
    "position": "int64",
}
"""The fills table: one row an execution; `fee` is Decimal, `mid` the mid when it was heard of, `position` after."""

QUOTES_COLUMNS: dict[str, str] = {
    "t_ns": "int64",
    "bid": "float64",
    "ask": "float64",
    "mid": "float64",
    "mark": "float64",
    "own_bid": "float64",
    "own_ask": "float64",
    "position": "int64",
    "sigma": "float64",
    "half_spread_bps": "float64",
    "pnl_spread": "object",
    "pnl_inventory": "object",
    "pnl_fees": "object",
    "pnl_funding": "object",
    "equity_change": "object",
    "why": "str",
}
"""The quotes table: one row a state frame; NaN where there is no quote."""
