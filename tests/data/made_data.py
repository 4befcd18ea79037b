"""Small event tables and Binance lines, made from a seed or by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from workbench.data import DEPTH, KIND_NAMES, SNAPSHOT, Catalog, event_table
from workbench.instruments import Instrument

START_NS = 1_780_000_000 * 10**9
HOUR_NS = 3600 * 10**9
BTC = Instrument("BTC-PERP", "BTC", "USDT", Decimal("0.1"), Decimal("0.00001"))


def rows(*events: tuple[Any, ...], start_ns: int = START_NS) -> pd.DataFrame:
    """Event rows from (seconds, kind, side, price, size) and, if need be, a dict of further columns."""
    table: dict[str, list[Any]] = {}
    for number, (seconds, kind, side, price, size, *more) in enumerate(events):
        t_ns = start_ns + round(seconds * 1e9)
        row = {"t_ns": t_ns, "venue_ns": t_ns - 5_000_000, "kind": kind, "side": side, "price_ticks": price}
        row |= {"size": size, "seq": start_ns + number, "value": np.nan, "value_ns": 0, "venue_seq": number + 1}
        row |= more[0] if more else {}
        for name, value in row.items():
            table.setdefault(name, []).append(value)
    return event_table({name: np.array(values) for name, values in table.items()}).to_pandas()


def table_of(frame: pd.DataFrame) -> Any:
    """The Arrow form of such rows."""
    return event_table({name: frame[name].to_numpy() for name in frame.columns})


def random_book(seed: int, messages: int, *, every_s: float = 0.1, levels: int = 6, spread: int = 40) -> pd.DataFrame:
    """A snapshot and messages of level changes that never cross; sizes 0 delete."""
    rng = np.random.default_rng(seed)
    events: list[tuple[Any, ...]] = []
    book: dict[int, set[int]] = {1: set(), -1: set()}
    mid = 770_000
    for message in range(messages):
        mid += int(rng.integers(-2, 3))
        now = {"venue_seq": message + 1}
        for side in (1, -1):
            # What the market has moved through is deleted first.
            for price in sorted(price for price in book[side] if side * price >= side * mid):
                events.append((message * every_s, DEPTH, side, price, 0, now))
                book[side].discard(price)
            for _ in range(int(rng.integers(1, levels))):
                price = mid - side * int(rng.integers(1, spread))
                size = int(rng.integers(1, 50)) * int(rng.random() < 0.8 or message == 0)
                events.append((message * every_s, SNAPSHOT if message == 0 else DEPTH, side, price, size, now))
                (book[side].add if size else book[side].discard)(price)
    return rows(*events)


def written(catalog: Catalog, frame: pd.DataFrame, venue: str = "sim", instrument: Instrument = BTC) -> Catalog:
    """A catalog with these rows in it."""
    with catalog.writer(venue, instrument) as files:
        files.write(table_of(frame))
    return catalog


class BinanceWire:
    """Writes lines as Binance's combined streams have them, with numbers that chain."""

    def __init__(self, symbol: str = "BTCUSDT", t_ns: int = 1_723_161_255_000_000_000) -> None:
        self.symbol = symbol
        self.t_ns = t_ns
        self.last = 1_000
        self.trade = 500
        self.lines: list[str] = []

    def _say(self, stream: str, data: dict[str, Any]) -> None:
        self.t_ns += 10_000_000
        self.lines.append(f"{self.t_ns} {json.dumps({'stream': f'{self.symbol.lower()}@{stream}', 'data': data})}")

    def _stamps(self) -> dict[str, int]:
        return {"E": self.t_ns // 1_000_000 + 1270, "T": self.t_ns // 1_000_000 + 1265}

    def depth(self, bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]], *, skip: int = 0) -> None:
        """A diff message; `skip` updates are missing before it."""
        before = self.last + skip
        self.last = before + 10
        self._say(
            "depth@0ms",
            {
                "e": "depthUpdate", **self._stamps(), "s": self.symbol,
                "U": before + 1, "u": self.last, "pu": before, "b": list(bids), "a": list(asks),
            },
        )  # fmt: skip

    def trades(self, *prints: tuple[str, str, bool], skip: int = 0, kind: str = "MARKET") -> None:
        """Trades of (price, quantity, whether the seller took); `skip` ids are missing before them."""
        self.trade += skip
        for price, quantity, sold in prints:
            self.trade += 1
            fields = {"s": self.symbol, "t": self.trade, "p": price, "q": quantity, "X": kind, "m": sold}
            self._say("trade", {"e": "trade", **self._stamps(), **fields})

    def best(self, bid: tuple[str, str], ask: tuple[str, str]) -> None:
        """Best prices and their sizes."""
        fields = {"u": self.last, "s": self.symbol, "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
        self._say("bookTicker", {"e": "bookTicker", **fields, **self._stamps()})

    def mark(self, mark: str, index: str, rate: str, due_ms: int) -> None:
        """Mark price, index, funding rate and when it is due."""
        event = {"e": "markPriceUpdate", "E": self._stamps()["E"], "s": self.symbol, "p": mark, "i": index}
        self._say("markPrice@1s", {**event, "P": mark, "r": rate, "T": due_ms})

    def snapshot(self, last: int, bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]]) -> None:
        """The REST answer, complete up to update `last`."""
        self.t_ns += 10_000_000
        book = {"lastUpdateId": last, **self._stamps(), "bids": list(bids), "asks": list(asks)}
        self.lines.append(f"{self.t_ns} {json.dumps(book)}")

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def kinds(frame: pd.DataFrame) -> list[str]:
    """The names of the kinds, row by row."""
    return [KIND_NAMES[kind] for kind in frame["kind"]]
