"""The orders, fills, quotes and PnL tables of a session, from the rows of its journal.

A row is a journal's row, a state frame, an event, or `(t_ns, record)` where the record is an event, a command or a
state frame. Rows come in the order in which they were written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, TypeAlias, runtime_checkable

import pandas as pd
from msgspec import structs

from workbench.events import (
    FILLS_COLUMNS,
    ORDERS_COLUMNS,
    QUOTES_COLUMNS,
    Amend,
    BookDelta,
    BookLost,
    BookSnapshot,
    Command,
    Event,
    OrderReport,
    OwnFill,
    Place,
    PositionReport,
    StateFrame,
)
from workbench.instruments import Instrument

__all__ = [
    "EncodedRow",
    "Record",
    "Row",
    "fills_table",
    "frame_fills_table",
    "orders_table",
    "pnl_parts_table",
    "quotes_table",
]

Record: TypeAlias = Event | Command | StateFrame


@runtime_checkable
class EncodedRow(Protocol):
    """A row of a journal, as `workbench.engine.read_journal` gives them."""

    @property
    def t_ns(self) -> int: ...

    @property
    def tag(self) -> str: ...

    def decode(self) -> Record: ...


Row: TypeAlias = Event | StateFrame | tuple[int, Record] | EncodedRow

PNL_PARTS = ("spread", "inventory", "fees", "funding")

_NAN = float("nan")


def orders_table(rows: Iterable[Row], instrument: Instrument) -> pd.DataFrame:
    """Every order that was sent: where, how much of it filled, how it ended and why.

    Parameters
    ----------
    rows : iterable of Row
        A session's journal, oldest first.
    instrument : Instrument
        Gives the price of a tick.

    Returns
    -------
    pandas.DataFrame
        Columns and dtypes of `workbench.events.ORDERS_COLUMNS`, one row an order, in the order sent. `status` is the
        last thing known ("sent" when the venue never answered); `acked_ns` and `done_ns` are 0 for never.
    """
    orders: dict[str, _Order] = {}
    counted: set[str] = set()
    for t_ns, record in _records(rows, Place, Amend, OrderReport, OwnFill):
        if isinstance(record, Place):
            orders[record.client_id] = _Order(record, t_ns, size=record.size)
        elif isinstance(record, Amend | OrderReport | OwnFill) and (order := orders.get(record.client_id)):
            if isinstance(record, Amend):
                order.asked_size = record.size
            elif isinstance(record, OrderReport):
                order.hear(record, t_ns)
            elif record.trade_id not in counted:
                counted.add(record.trade_id)
                order.fill(record, t_ns)
    return _frame([order.row(instrument) for order in orders.values()], ORDERS_COLUMNS)


def fills_table(rows: Iterable[Row], instrument: Instrument) -> pd.DataFrame:
    """Every execution once, with the mid when the market maker heard of it and the position after it.

    Parameters
    ----------
    rows : iterable of Row
        A session's journal, oldest first. A fill heard twice (stream and REST) counts the first time.
    instrument : Instrument
        Gives the price of a tick.

    Returns
    -------
    pandas.DataFrame
        Columns and dtypes of `workbench.events.FILLS_COLUMNS`. `mid` is NaN while the book was not known. `position`
        starts from the first position that the venue reported before any fill.
    """
    book = _TopOfBook()
    table: list[dict[str, Any]] = []
    counted: set[str] = set()
    position: int | None = None
    for t_ns, record in _records(rows, BookSnapshot, BookDelta, BookLost, PositionReport, OwnFill):
        if isinstance(record, BookSnapshot | BookDelta | BookLost):
            book.hear(record)
        elif isinstance(record, PositionReport) and position is None:
            position = record.position
        elif isinstance(record, OwnFill) and record.trade_id not in counted:
            counted.add(record.trade_id)
            position = (position or 0) + record.side * record.size
            mid = book.mid_half_ticks()
            table.append(
                {
                    **{name: getattr(record, name) for name in FILLS_COLUMNS if hasattr(record, name)},
                    "t_ns": t_ns,
                    "price": float(instrument.ticks_to_price(record.price_ticks)),
                    "mid": _NAN if mid is None else float(mid * instrument.tick_size / 2),
                    "position": position,
                }
            )
    return _frame(table, FILLS_COLUMNS)


def quotes_table(rows: Iterable[Row]) -> pd.DataFrame:
    """What was quoted and what was known, one row a state frame.

    Parameters
    ----------
    rows : iterable of Row
        A session's journal or its state frames, oldest first; anything but state frames is passed over.

    Returns
    -------
    pandas.DataFrame
        Columns and dtypes of `workbench.events.QUOTES_COLUMNS`; NaN where there is no quote.
    """
    return _frame(
        [_quote(record) for _, record in _records(rows, StateFrame) if isinstance(record, StateFrame)], QUOTES_COLUMNS
    )


def frame_fills_table(rows: Iterable[Row]) -> pd.DataFrame:
    """Fills as state frames tell them: enough for a picture of a session that still runs.

    Parameters
    ----------
    rows : iterable of Row
        State frames, oldest first; anything else is passed over.

    Returns
    -------
    pandas.DataFrame
        Columns t_ns (int64), side (int64, +1 bought), price (float64, quote currency), size (int64, contracts).
    """
    frames = [record for _, record in _records(rows, StateFrame) if isinstance(record, StateFrame)]
    fills = [structs.asdict(fill) for frame in frames for fill in frame.new_fills]
    return _frame(fills, {"t_ns": "int64", "side": "int64", "price": "float64", "size": "int64"})


def pnl_parts_table(quotes: pd.DataFrame) -> pd.DataFrame:
    """Where the money came from: the parts of the last row of a quotes table, their sum, and the change in equity.

    Parameters
    ----------
    quotes : pandas.DataFrame
        From `quotes_table`.

    Returns
    -------
    pandas.DataFrame
        Index `part`, column `amount` (exact Decimal, settlement currency): spread, inventory, fees, funding, total and
        equity_change. All zero for an empty session.
    """
    last: Mapping[Any, Any] = {} if quotes.empty else quotes.iloc[-1].to_dict()
    amounts = {part: last.get(f"pnl_{part}", Decimal(0)) for part in PNL_PARTS}
    amounts["total"] = sum(amounts.values(), Decimal(0))
    amounts["equity_change"] = last.get("equity_change", Decimal(0))
    index = pd.Index(list(amounts), name="part", dtype="str")
    return pd.DataFrame({"amount": pd.Series(list(amounts.values()), index=index, dtype="object")})


@dataclass
class _Order:
    """What the journal has said so far about one order."""

    place: Place
    sent_ns: int
    size: int
    order_id: str = ""
    asked_size: int = 0
    reported: int = 0
    executed: int = 0
    status: str = "sent"
    acked_ns: int = 0
    done_ns: int = 0
    reason: str = ""

    @property
    def filled(self) -> int:
        # A cancel's answer may be ahead of the fill messages, or a lost answer behind them.
        return max(self.reported, self.executed)

    def hear(self, report: OrderReport, t_ns: int) -> None:
        self.order_id = report.order_id or self.order_id
        self.reason = report.reason or self.reason
        self.reported = max(self.reported, report.total_filled)
        if report.size > 0:
            self.size = report.size
        elif report.request == "amend" and report.status == "open" and self.asked_size:
            self.size = self.asked_size
        if report.status == "cancel_rejected":
            return
        if self.status in ("filled", "cancelled", "rejected"):
            return
        self.status = report.status
        if report.status in ("open", "filled", "cancelled") and not self.acked_ns:
            self.acked_ns = t_ns
        if report.status in ("filled", "cancelled", "rejected", "not_found"):
            self.done_ns = t_ns

    def fill(self, fill: OwnFill, t_ns: int) -> None:
        self.order_id = fill.order_id or self.order_id
        self.executed += fill.size
        self.acked_ns = self.acked_ns or t_ns
        if self.executed >= self.size and self.status not in ("filled", "cancelled"):
            self.status, self.done_ns = "filled", t_ns

    def row(self, instrument: Instrument) -> dict[str, Any]:
        place = self.place
        price = float(instrument.ticks_to_price(place.price_ticks))
        named = {name: getattr(place, name) for name in ("client_id", "slot", "side", "price_ticks")}
        state = {name: getattr(self, name) for name in ORDERS_COLUMNS if name not in named and name != "price"}
        return {**named, "price": price, **state}


class _TopOfBook:
    """Best bid and ask from the journal's book messages."""

    def __init__(self) -> None:
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}

    def hear(self, message: BookSnapshot | BookDelta | BookLost) -> None:
        if not isinstance(message, BookDelta):
            self._bids.clear()
            self._asks.clear()
        if isinstance(message, BookLost):
            return
        for side, levels in ((self._bids, message.bids), (self._asks, message.asks)):
            for price_ticks, size in levels:
                if size:
                    side[price_ticks] = size
                else:
                    side.pop(price_ticks, None)

    def mid_half_ticks(self) -> int | None:
        if not self._bids or not self._asks:
            return None
        return max(self._bids) + min(self._asks)


def _records(rows: Iterable[Row], *wanted: type) -> Iterator[tuple[int, Record]]:
    """Time and record of each row of the wanted types; encoded rows of other types are not even decoded."""
    tags = {kind.__name__ for kind in wanted}
    for row in rows:
        if isinstance(row, EncodedRow):
            if row.tag in tags:
                yield row.t_ns, row.decode()
        elif isinstance(row, tuple):
            if isinstance(row[1], wanted):
                yield row
        elif isinstance(row, wanted):
            yield row.t_ns, row


def _quote(frame: StateFrame) -> dict[str, Any]:
    own_bid = max((price for price, _ in frame.own_bids), default=_NAN)
    own_ask = min((price for price, _ in frame.own_asks), default=_NAN)
    both = frame.bid is not None and frame.ask is not None
    return {
        "t_ns": frame.t_ns,
        "bid": _number(frame.bid),
        "ask": _number(frame.ask),
        "mid": (_number(frame.bid) + _number(frame.ask)) / 2 if both else _NAN,
        "mark": _number(frame.mark),
        "own_bid": own_bid,
        "own_ask": own_ask,
        "position": frame.position,
        "sigma": _number(frame.sigma),
        "half_spread_bps": _number(frame.half_spread_bps),
        **{f"pnl_{part}": Decimal(getattr(frame, f"pnl_{part}")) for part in PNL_PARTS},
        "equity_change": Decimal(frame.equity_change),
        "why": frame.why,
    }


def _number(value: float | None) -> float:
    return _NAN if value is None else value


def _frame(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    """A table with exactly these columns and dtypes, also when it has no rows."""
    return pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=dtype) for name, dtype in columns.items()})
