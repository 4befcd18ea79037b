"""Made-up market data: the simulated LMEX's own flow, written down as a recorder would have heard it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from workbench.data.catalog import Catalog
from workbench.data.instants import Instant, instant_ns
from workbench.data.progress import LateProgress
from workbench.data.schema import CLEAR, DEPTH, FUNDING, INDEX, MARK, RESYNC, SNAPSHOT, TRADE, event_table
from workbench.errors import DataError
from workbench.events import NS
from workbench.exchange.flow import Tape
from workbench.exchange.listing import LISTINGS
from workbench.exchange.market import Market, PublicTrade
from workbench.exchange.matching import Order
from workbench.exchange.settings import market_settings

__all__ = ["synthetic_day", "synthetic_events"]

Ints = npt.NDArray[np.int64]
Column = dict[str, npt.NDArray[Any]]

MS = 1_000_000
BATCH_S = 600
FIRST_NUMBER = 628_000
STREAMS = ("book", "trades", "marks")
LATENCY_MS, LATENCY_SPREAD = 4.0, 0.35
"""Median of the way from the venue, and the standard deviation of its logarithm."""


def synthetic_day(
    catalog: Catalog | str | Path,
    *,
    symbol: str = "BTC-PERP",
    seconds: int = 3600,
    seed: int = 7,
    preset: str = "btc",
    start: Instant = "2026-01-05",
    venue: str = "sim",
    progress: bool = True,
) -> Catalog:
    """Write a stretch of made-up market data into a catalog; the same arguments give the same files.

    Parameters
    ----------
    catalog : Catalog or its URL
    symbol : str
        "BTC-PERP" or "ETH-PERP".
    seconds : int
        How long; an hour takes some seconds to make.
    seed, preset : int, str
        Of the simulated market, as in `workbench exchange`: its prices are those that a session there sees.
    start : time
        Of the first message.
    venue : str
        The name in the catalog.
    progress : bool
        A bar when it takes longer than two seconds.

    Returns
    -------
    Catalog

    Raises
    ------
    DataError
        For a symbol that the simulated LMEX does not list.
    ConfigError
        For an unknown preset.
    """
    target = catalog if isinstance(catalog, Catalog) else Catalog(catalog)
    maker = _Maker(symbol, preset, seed, instant_ns(start))
    with LateProgress("making market data", progress) as bar, target.writer(venue, maker.listing.instrument) as files:
        for done in range(0, seconds, BATCH_S):
            files.write(maker.until(min(seconds, done + BATCH_S), last=done + BATCH_S >= seconds))
            bar.update(min(1.0, (done + BATCH_S) / seconds))
    return target


def synthetic_events(
    *, symbol: str = "BTC-PERP", seconds: int = 600, seed: int = 7, preset: str = "btc", start: Instant = "2026-01-05"
) -> pa.Table:
    """The same rows as an event table, without a catalog."""
    return _Maker(symbol, preset, seed, instant_ns(start)).until(seconds, last=True)


class _Maker:
    """One market on its tape; what its streams say is collected and given out in the order in which it is heard."""

    def __init__(self, symbol: str, preset: str, seed: int, start_ns: int) -> None:
        listing = LISTINGS.get(symbol)
        if listing is None:
            raise DataError(f"symbol is {symbol!r}; the simulated LMEX lists {', '.join(LISTINGS)}")
        settings = market_settings(preset)
        index = list(LISTINGS).index(symbol)
        self.listing = listing
        self._start_ns = start_ns
        self._funding = float(settings.funding_rate), settings.funding_interval_s * NS
        # One for each stream, so that what is drawn does not depend on how far each batch goes.
        self._rng = {name: np.random.default_rng([seed, index, n]) for n, name in enumerate(STREAMS)}
        self._book: list[tuple[int, int, int, int, int, int]] = []
        self._trades: list[tuple[int, int, int, int, int, int]] = []
        self._marks: list[tuple[int, float, float]] = []
        self._shown: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._number = FIRST_NUMBER
        self._marked_ns = -1
        self._last_heard = dict.fromkeys(STREAMS, 0)
        self._later: Column = {}
        self._seq = -1
        tape = Tape(listing, settings, seed, index)
        self._market = Market(listing, settings, tape, start_ns, _nobody_rests, self._book_moved, self._traded)

    def until(self, seconds: int, *, last: bool) -> pa.Table:
        """Let the market run to so many seconds; the rows that are heard by then, at the end all."""
        end_ns = self._start_ns + seconds * NS
        self._market.run_to(end_ns - 1)
        parts = [part for part in (self._later, *self._heard()) if part]
        columns: Column = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        order = np.argsort(columns["t_ns"], kind="stable")
        columns = {name: values[order] for name, values in columns.items()}
        cut = order.size if last else int(np.searchsorted(columns["t_ns"], end_ns))
        self._later = {name: values[cut:] for name, values in columns.items()}
        now = {name: values[:cut] for name, values in columns.items()}
        if self._seq < 0:
            self._seq = int(now["t_ns"][0])
        seq = np.arange(self._seq, self._seq + cut)
        self._seq += cut
        return event_table({**now, "seq": seq})

    # --- what the market says ---------------------------------------------------------------------------------------

    def _book_moved(self, market: Market) -> None:
        time_ns, rows = market.time_ns, self._book
        first = self._number == FIRST_NUMBER
        self._number += 1
        if first:
            rows.append((time_ns, self._number, RESYNC, 0, 0, 0))
            rows.append((time_ns, self._number, CLEAR, 0, 0, 0))
        before = len(rows)
        for side, shown in zip((market.book.bids, market.book.asks), self._shown, strict=True):
            levels, this = side.levels, side.side
            for price in sorted(side.touched, reverse=this > 0):
                level = levels.get(price)
                size = level.flow if level is not None else 0
                if size != shown.get(price, 0):
                    rows.append((time_ns, self._number, SNAPSHOT if first else DEPTH, this, price, size))
                    shown[price] = size
                    if not size:
                        del shown[price]
            side.touched.clear()
        if len(rows) == before:
            self._number -= 1
        if time_ns // NS > self._marked_ns // NS:
            self._marked_ns = time_ns
            self._marks.append((time_ns, float(market.mark), float(market.index)))

    def _traded(self, market: Market, trades: list[PublicTrade]) -> None:
        time_ns, message = market.time_ns, trades[0].serial
        self._trades += [(time_ns, message, trade.side, trade.price, trade.size, trade.serial) for trade in trades]

    # --- as it is heard ---------------------------------------------------------------------------------------------

    def _heard(self) -> Iterator[Column]:
        # Streams have their own connections: each keeps its order, one may overtake another.
        book = np.array(self._book, dtype=np.int64).reshape(-1, 6).T
        time_ns, message, kind, side, price, size = book
        yield self._arrived("book", time_ns, message, kind=kind, side=side, price_ticks=price, size=size)
        trades = np.array(self._trades, dtype=np.int64).reshape(-1, 6).T
        time_ns, message, side, price, size, serial = trades
        kind = np.full(message.size, TRADE)
        columns = {"kind": kind, "side": side, "price_ticks": price, "size": size, "venue_seq": serial}
        yield self._arrived("trades", time_ns, message, **columns)
        yield self._heard_marks()
        self._book.clear()
        self._trades.clear()
        self._marks.clear()

    def _heard_marks(self) -> Column:
        """Mark, index and coming funding, asked for once a second: REST does not say its own time."""
        rate, interval_ns = self._funding
        time_ns = np.array([time for time, *_ in self._marks], dtype=np.int64)
        values = np.array([(mark, index, rate) for _, mark, index in self._marks]).reshape(-1, 3)
        count = time_ns.size
        due = np.zeros((count, 3), dtype=np.int64)
        due[:, 2] = (time_ns // interval_ns + 1) * interval_ns
        heard = self._arrived(
            "marks",
            np.repeat(time_ns, 3),
            np.repeat(np.arange(count), 3),
            kind=np.tile([MARK, INDEX, FUNDING], count),
            value=values.ravel(),
            value_ns=due.ravel(),
        )
        return {**heard, "venue_ns": np.zeros(3 * count, dtype=np.int64), "venue_seq": np.zeros(3 * count, np.int64)}

    def _arrived(self, stream: str, time_ns: Ints, message: Ints, **columns: npt.NDArray[Any]) -> Column:
        """Complete columns, received a random way after they were sent; the rows of one message together."""
        starts = np.flatnonzero(np.diff(message, prepend=-1))
        way_ns = LATENCY_MS * MS * np.exp(LATENCY_SPREAD * self._rng[stream].standard_normal(starts.size))
        heard = np.append(self._last_heard[stream], time_ns[starts] + way_ns.astype(np.int64))
        heard = np.maximum.accumulate(heard)
        self._last_heard[stream] = int(heard[-1])
        count = time_ns.size
        none = np.zeros(count, dtype=np.int64)
        blank = {"side": none, "price_ticks": none, "size": none, "value": np.full(count, np.nan), "value_ns": none}
        return {
            **blank,
            "t_ns": np.repeat(heard[1:], np.diff(np.append(starts, count))),
            "venue_ns": time_ns // MS * MS,
            "venue_seq": message,
            **columns,
        }


def _nobody_rests(order: Order, price: int, size: int) -> None:
    """No account has an order on this market."""
    raise AssertionError(f"{order} was hit for {size} at {price}: nobody can have placed it")
