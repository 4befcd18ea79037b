"""A range of a catalog as a feed: its rows, and before them the book and the prices that were known at its start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from workbench.backtest.feed import Feed
from workbench.backtest.store import CHUNK
from workbench.data import CLEAR, FUNDING, MARK, SNAPSHOT, Catalog, event_table
from workbench.data.instants import instant_ns
from workbench.data.progress import LateProgress
from workbench.errors import DataError
from workbench.events import NS

__all__ = ["feed_from_catalog"]

BEFORE_NS = 3_600 * NS
"""How far back the last mark price and funding rate are looked for."""

ORDERLY_NS = 10 * NS
"""Rows of the first seconds may be older than the first one."""


def feed_from_catalog(
    catalog: Catalog | str | Path,
    symbol: str,
    start: Any = None,
    end: Any = None,
    *,
    venue: str | None = None,
    cache: str | Path | bool = True,
    progress: Callable[[float], None] | None = None,
) -> Feed:
    """Prepare what was received in [start, end), or find it prepared.

    Parameters
    ----------
    catalog : Catalog or its URL
    symbol : str
    start, end : int, str or datetime, optional
        Receipt time, UTC; by default everything. A start in the middle begins with the book as it then was.
    venue : str, optional
        Where a symbol is there of several venues.
    cache : path or bool
        See `Feed.prepare`.
    progress : callable, optional
        Called with the share that is done, in place of a bar; what it raises ends the work and leaves nothing behind.

    Raises
    ------
    DataError
        For an unknown symbol, an empty range, or a start before which no whole book was received.
    """
    source = catalog if isinstance(catalog, Catalog) else Catalog(catalog)
    first_rows = next(source.iter_batches(symbol, start, end, venue=venue, rows=CHUNK), None)
    if first_rows is None:
        first, last = source.span(symbol, venue)
        there = " to ".join(str(np.datetime64(stamp, "ns").astype("datetime64[s]")) for stamp in (first, last))
        raise DataError(f"{symbol} has no rows between {start} and {end}; the catalog has {there} UTC")
    opening = []
    if start is not None and source.span(symbol, venue)[0] < instant_ns(start):
        opening = [_opening(source, symbol, instant_ns(start), first_rows, venue)]

    with LateProgress(f"preparing {symbol}", shown=progress is None) as bar:
        span_ns = first_rows.column("t_ns")[0].as_py(), source.span(symbol, venue)[1]

        def read() -> Iterator[pa.Table]:
            return chain(opening, source.iter_batches(symbol, start, end, venue=venue, rows=CHUNK))

        tables = _Tables(read, span_ns, progress or bar.update)
        return Feed.prepare(tables, source.instrument(symbol, venue), cache=cache)


class _Tables:
    """Tables that are read anew each of the two times they are gone through, and tell how far that is."""

    def __init__(
        self, read: Callable[[], Iterator[pa.Table]], span_ns: tuple[int, int], told: Callable[[float], None]
    ) -> None:
        self._read = read
        self._span_ns = span_ns
        self._told = told
        self._times = 0

    def __iter__(self) -> Iterator[pa.Table]:
        first, last = self._span_ns
        self._times += 1
        for table in self._read():
            yield table
            share = (table.column("t_ns")[-1].as_py() - first) / max(1, last - first)
            self._told(min(1.0, (self._times - 1 + share) / 2))


def _opening(catalog: Catalog, symbol: str, start_ns: int, first: pa.Table, venue: str | None) -> pa.Table:
    """What was known at the start, as if it had been told with the first row."""
    book = catalog.book(symbol, start_ns, venue=venue)
    told = catalog.load(symbol, start_ns - BEFORE_NS, start_ns, kinds=(MARK, FUNDING), venue=venue)
    told = told.groupby("kind").tail(1)
    t_ns, venue_ns = (first.column(name).to_numpy() for name in ("t_ns", "venue_ns"))
    stamped = venue_ns[(t_ns <= t_ns[0] + ORDERLY_NS) & (venue_ns > 0)]
    count = 1 + len(book) + len(told)
    columns = {
        "t_ns": np.full(count, t_ns[0]),
        "venue_ns": np.full(count, stamped.min() if stamped.size else 0),
        "seq": first.column("seq")[0].as_py() - count + np.arange(count),
        "kind": np.concatenate([[CLEAR], np.full(len(book), SNAPSHOT), told["kind"]]),
        "side": np.concatenate([[0], book["side"], told["side"]]),
        "price_ticks": np.concatenate([[0], book["price_ticks"], told["price_ticks"]]),
        "size": np.concatenate([[0], book["size"], told["size"]]),
        "value": np.concatenate([np.full(1 + len(book), np.nan), told["value"]]),
        "value_ns": np.concatenate([np.zeros(1 + len(book), np.int64), told["value_ns"]]),
    }
    return event_table(columns)
