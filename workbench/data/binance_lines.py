"""Binance's raw lines: `<receipt time> <JSON>`, streams as the wire had them and the REST snapshot between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import field

from workbench.data.binance import BinanceRows
from workbench.data.grid import Grid, finest_decimal, finest_step
from workbench.errors import DataError

__all__ = ["LineReader"]

MS = 1_000_000
_NS_OF_DIGITS = {13: 1_000_000, 16: 1_000, 19: 1}


class Levels(msgspec.Struct, tag_field="e", tag="depthUpdate", gc=False):
    """A diff message; `pu` and `T` are missing on spot."""

    s: str
    U: int
    u: int
    b: list[tuple[float, float]]
    a: list[tuple[float, float]]
    E: int
    T: int = 0
    pu: int = -1


class Trade(msgspec.Struct, tag_field="e", tag="trade", gc=False):
    """A single trade; `X` tells market trades from insurance fund and ADL."""

    s: str
    t: int
    p: float
    q: float
    m: bool
    E: int
    T: int = 0
    X: str = "MARKET"


class AggregateTrade(msgspec.Struct, tag_field="e", tag="aggTrade", gc=False):
    """Trades of one taker at one price."""

    s: str
    a: int
    p: float
    q: float
    m: bool
    E: int
    T: int = 0


class BestPrices(msgspec.Struct, tag_field="e", tag="bookTicker", gc=False):
    """Best bid and ask with their sizes."""

    s: str
    u: int
    b: float
    B: float
    a: float
    A: float
    E: int = 0
    T: int = 0


class Mark(msgspec.Struct, tag_field="e", tag="markPriceUpdate", gc=False):
    """Mark price, index, funding rate (text, empty for dated contracts) and the time of the next funding."""

    s: str
    p: float
    E: int
    i: float = float("nan")
    r: str = ""
    T: int = 0


class Snapshot(msgspec.Struct, gc=False):
    """The REST answer `depth`."""

    last_id: int = field(name="lastUpdateId")
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    E: int = 0
    T: int = 0


Message = Levels | Trade | AggregateTrade | BestPrices | Mark


class _Combined(msgspec.Struct, gc=False):
    stream: str
    data: Message


class _Tagged(msgspec.Struct, gc=False):
    e: str = ""


class _AnyCombined(msgspec.Struct, gc=False):
    data: _Tagged


_combined = msgspec.json.Decoder(_Combined, strict=False)
_plain = msgspec.json.Decoder(Message, strict=False)
_snapshot = msgspec.json.Decoder(Snapshot, strict=False)
_any_combined = msgspec.json.Decoder(_AnyCombined)


class LineReader:
    """Decodes lines of one symbol, chunk after chunk.

    Parameters
    ----------
    symbol : str, optional
        Which one; by default that of the first message, and another one is then an error.

    Attributes
    ----------
    ignored : Counter
        Messages that are no market data of the symbol, by what they are.
    """

    def __init__(self, symbol: str | None = None) -> None:
        self.symbol = symbol or ""
        self.ignored: Counter[str] = Counter()
        self.lines = 0
        self._given = symbol is not None
        self._several = False
        self._single_trades: bool | None = None
        self._stamp_ns = 0

    def read(self, lines: Iterable[bytes]) -> Chunk:
        """Decode complete lines.

        Raises
        ------
        DataError
            For a line without a receipt time, one that is no JSON, and a second symbol where none was chosen.
        """
        chunk = Chunk()
        for line in lines:
            self.lines += 1
            text = line.strip()
            if text:
                self._take(chunk, text)
        self._drop_second_kind_of_trades(chunk)
        return chunk

    def _take(self, chunk: Chunk, line: bytes) -> None:
        stamp, _, body = line.partition(b" ")
        unit = _NS_OF_DIGITS.get(len(stamp))
        if unit is None or not stamp.isdigit():
            raise DataError(
                f"line {self.lines} starts {line[:40]!r}; expected a receipt time of 13, 16 or 19 digits, then JSON"
            )
        try:
            message = self._decoded(body)
        except (msgspec.DecodeError, ValueError) as error:
            raise DataError(f"line {self.lines} cannot be read as a message: {error}; starts {body[:80]!r}") from None
        if message is not None:
            chunk.add(self.lines, int(stamp) * unit, message)

    def _decoded(self, body: bytes) -> Message | Snapshot | None:
        if b'"lastUpdateId"' in body[:40]:
            if self._several:
                self.ignored["snapshot of no named symbol"] += 1
                return None
            return _snapshot.decode(body)
        try:
            message = _combined.decode(body).data if body.startswith(b'{"stream"') else _plain.decode(body)
        except msgspec.ValidationError:
            kind = _kind_of(body)
            if kind is None:
                raise
            self.ignored[kind] += 1
            return None
        if not self.symbol:
            self.symbol = message.s
        if message.s != self.symbol:
            self._several = True
            if not self._given:
                raise DataError(f"the file holds {self.symbol} and {message.s}; say which symbol to import")
            self.ignored[f"messages of {message.s}"] += 1
            return None
        if isinstance(message, Trade) and message.X != "MARKET":
            self.ignored[f"trades of type {message.X}"] += 1
            return None
        return message

    def _drop_second_kind_of_trades(self, chunk: Chunk) -> None:
        """A trade that is told one by one and as an aggregate counts once: the kind that came first stays."""
        if self._single_trades is None and (chunk.trades or chunk.aggregates):
            self._single_trades = bool(chunk.trades)
        dropped = chunk.aggregates if self._single_trades else chunk.trades
        if dropped:
            self.ignored["aggTrade beside trade" if self._single_trades else "trade beside aggTrade"] += len(dropped)
            dropped.clear()


def _kind_of(body: bytes) -> str | None:
    """What a message of no use calls itself; None when it is one of ours and therefore broken."""
    try:
        kind = _any_combined.decode(body).data.e if body.startswith(b'{"stream"') else msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    if isinstance(kind, dict):
        if "result" in kind or "code" in kind:
            return "answers to requests"
        kind = kind.get("e", "")
    known = {"depthUpdate", "trade", "aggTrade", "bookTicker", "markPriceUpdate"}
    return None if kind in known else f"{kind or 'nameless'} messages"


Floats = npt.NDArray[np.float64]


class Chunk:
    """Decoded messages by kind, each with its number and its receipt time."""

    def __init__(self) -> None:
        self.books: list[tuple[int, int, Levels | Snapshot]] = []
        self.trades: list[tuple[int, int, Any]] = []
        self.aggregates: list[tuple[int, int, Any]] = []
        self.best: list[tuple[int, int, Any]] = []
        self.marks: list[tuple[int, int, Any]] = []

    def add(self, number: int, t_ns: int, message: Message | Snapshot) -> None:
        self._list_of(message).append((number, t_ns, message))

    def _list_of(self, message: Message | Snapshot) -> list[Any]:
        match message:
            case Levels() | Snapshot():
                return self.books
            case Trade():
                return self.trades
            case AggregateTrade():
                return self.aggregates
            case BestPrices():
                return self.best
            case Mark():
                return self.marks

    def steps(self) -> tuple[Decimal, Decimal]:
        """Tick and lot as the numbers of this chunk show them. Raises `DataError` where there are none."""
        _, _, pairs = self._pairs()
        taken = [*((m.p, m.q) for _, _, m in (*self.trades, *self.aggregates))]
        taken += [pair for _, _, m in self.best for pair in ((m.b, m.B), (m.a, m.A))]
        both = np.concatenate([pairs, np.array(taken, dtype=np.float64).reshape(-1, 2)])
        return finest_step(both[:, 0]), finest_decimal(both[:, 1])

    def _pairs(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
        """Number of bids and of asks of each book message, and all their levels: (price, size)."""
        sides = [(m.bids, m.asks) if isinstance(m, Snapshot) else (m.b, m.a) for _, _, m in self.books]
        counts = np.array([(len(bids), len(asks)) for bids, asks in sides], dtype=np.int64).reshape(-1, 2)
        levels = chain.from_iterable(chain.from_iterable(chain.from_iterable(sides)))
        flat = np.fromiter(levels, dtype=np.float64, count=2 * int(counts.sum()))
        return counts[:, 0], counts[:, 1], flat.reshape(-1, 2)

    def into(self, rows: BinanceRows, prices: Grid, sizes: Grid) -> None:
        """Hand the messages on as columns of ticks and contracts."""
        self._books_into(rows, prices, sizes)
        trades = [(*stamps, m.t, m.p, m.q, m.m) for *stamps, m in self._stamped(self.trades)]
        trades += [(*stamps, m.a, m.p, m.q, m.m) for *stamps, m in self._stamped(self.aggregates)]
        if trades:
            message, t_ns, venue_ns, trade_id, price, size, sold = zip(*trades, strict=True)
            rows.add_trades(
                {
                    **_ints(message=message, t_ns=t_ns, venue_ns=venue_ns, trade_id=trade_id),
                    "side": np.where(np.array(sold), -1, 1),
                    "price_ticks": prices.count(np.array(price)),
                    "size": sizes.count(np.array(size)),
                }
            )
        if self.best:
            best = [(*stamps, m.u, m.b, m.B, m.a, m.A) for *stamps, m in self._stamped(self.best)]
            message, t_ns, venue_ns, update_id, bid, bid_size, ask, ask_size = zip(*best, strict=True)
            rows.add_best(
                {
                    **_ints(message=message, t_ns=t_ns, venue_ns=venue_ns, update_id=update_id),
                    "bid_ticks": prices.count(np.array(bid)),
                    "bid_size": sizes.count(np.array(bid_size)),
                    "ask_ticks": prices.count(np.array(ask)),
                    "ask_size": sizes.count(np.array(ask_size)),
                }
            )
        if self.marks:
            # Here T is when the funding is due, not when something happened.
            marks = [(n, t, m.E * MS, m.p, m.i, float(m.r or "nan"), m.T * MS) for n, t, m in self.marks]
            message, t_ns, venue_ns, mark, index, rate, funding_ns = zip(*marks, strict=True)
            rows.add_marks(
                {
                    **_ints(message=message, t_ns=t_ns, venue_ns=venue_ns, funding_ns=funding_ns),
                    "mark": np.array(mark),
                    "index": np.array(index),
                    "rate": np.array(rate),
                }
            )

    def _books_into(self, rows: BinanceRows, prices: Grid, sizes: Grid) -> None:
        if not self.books:
            return
        bids, asks, pairs = self._pairs()
        ids = [
            (*stamps, m.last_id, m.last_id, m.last_id, True)
            if isinstance(m, Snapshot)
            else (*stamps, m.U, m.u, m.pu if m.pu >= 0 else m.U - 1, False)
            for *stamps, m in self._stamped(self.books)
        ]
        names = ("message", "t_ns", "venue_ns", "first_id", "last_id", "prev_id", "snapshot")
        levels = np.repeat(np.arange(len(ids)), bids + asks)
        columns = {name: np.array(values)[levels] for name, values in zip(names, zip(*ids, strict=True), strict=True)}
        side = np.repeat(np.tile([1, -1], len(ids)), np.column_stack([bids, asks]).ravel())
        rows.add_depth(
            {**columns, "side": side, "price_ticks": prices.count(pairs[:, 0]), "size": sizes.count(pairs[:, 1])}
        )

    @staticmethod
    def _stamped(messages: list[tuple[int, int, Any]]) -> Iterable[tuple[int, int, int, Any]]:
        """Number, receipt, time of matching (of the event, where there is none), message."""
        return ((number, t_ns, (m.T or m.E) * MS, m) for number, t_ns, m in messages)


def _ints(**columns: Iterable[int]) -> dict[str, npt.NDArray[np.int64]]:
    return {name: np.array(values, dtype=np.int64) for name, values in columns.items()}
