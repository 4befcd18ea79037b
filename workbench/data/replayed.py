"""A recorded book played again: best prices and sizes after each message, whatever the distance of its levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from workbench.compiled import compiled, types
from workbench.data.schema import CLEAR, DEPTH, GAP, GAP_TRADES, RESYNC, SNAPSHOT

__all__ = ["BOOK_KINDS", "BookReplay", "best_quotes", "message_starts"]

Ints = npt.NDArray[np.int64]
BOOK_KINDS = (DEPTH, CLEAR, SNAPSHOT, GAP, RESYNC)

_I64 = types.int64[::1]
# Columns come from tables that nobody may write to.
_COLUMN, _BYTES, _FLAGS = (
    types.Array(kind, 1, "C", readonly=True) for kind in (types.int64, types.int8, types.boolean)
)


@compiled(types.void(types.int64[:, ::1], _I64, types.int64, types.boolean, types.int64, types.int64))
def change_side(sizes: Ints, best: Ints, mine: int, clears: bool, rank: int, size: int) -> None:
    """Set a level of bids (`mine` 0) or asks (1), or clear from the best price to `rank` (-1: everything)."""
    ranks = sizes.shape[1]
    step = -1 if mine == 0 else 1
    at = best[mine]
    if clears:
        while 0 <= at < ranks and (rank < 0 or (at - rank) * step <= 0):
            sizes[mine, at] = 0
            at += step
    else:
        sizes[mine, rank] = size
        if size > 0 and (at < 0 or (rank - at) * step < 0):
            at = rank
    while 0 <= at < ranks and sizes[mine, at] == 0:
        at += step
    best[mine] = at if 0 <= at < ranks else -1


@compiled(types.void(_BYTES, _BYTES, _COLUMN, _COLUMN, _FLAGS, types.int64[:, ::1], _I64, types.int64[:, ::1]))
def replay_levels(
    kind: npt.NDArray[np.int8],
    side: npt.NDArray[np.int8],
    rank: Ints,
    size: Ints,
    ends: npt.NDArray[np.bool_],
    sizes: Ints,
    best: Ints,
    out: Ints,
) -> None:
    """Apply rows to a book of ranked prices.

    `rank` is that of a row's price, `sizes` int64[2, ranks] the book (bids, asks), `best` the ranks of the best bid and
    ask (-1 none) and whether the book is known (1). `out` gets a row for each message: bid rank, bid size, ask rank,
    ask size; -1 and 0 where there is none and while the book is not known.
    """
    message = 0
    for row in range(kind.size):
        if kind[row] == GAP:
            if size[row] < GAP_TRADES:
                best[2] = 0
        elif kind[row] == RESYNC:
            best[2] = 1
        else:
            if side[row] >= 0:
                change_side(sizes, best, 0, kind[row] == CLEAR, rank[row], size[row])
            if side[row] <= 0:
                change_side(sizes, best, 1, kind[row] == CLEAR, rank[row], size[row])
        if ends[row]:
            for mine in range(2):
                at = best[mine] if best[2] else -1
                out[message, 2 * mine] = at
                out[message, 2 * mine + 1] = sizes[mine, at] if at >= 0 else 0
            message += 1


def message_starts(columns: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    """Which rows begin a message: one of another time or number than the row before."""
    starts = np.ones(columns["t_ns"].size, dtype=np.bool_)
    starts[1:] = False
    for name in ("t_ns", "venue_ns", "venue_seq"):
        starts[1:] |= columns[name][1:] != columns[name][:-1]
    return starts


class BookReplay:
    """Plays event rows, batch after batch; prices are ranked as they become known, so that far ones cost nothing."""

    def __init__(self) -> None:
        self._prices = np.empty(0, dtype=np.int64)
        self._sizes = np.zeros((2, 0), dtype=np.int64)
        self._best = np.array([-1, -1, 1], dtype=np.int64)

    def play(self, columns: dict[str, npt.NDArray[Any]], ends: npt.NDArray[np.bool_]) -> Ints:
        """Apply rows of `BOOK_KINDS`.

        Parameters
        ----------
        columns : mapping of str to array[n]
            kind, side, price_ticks, size.
        ends : bool[n]
            After which rows to look.

        Returns
        -------
        int64[m, 4]
            Bid, bid size, ask, ask size, in ticks and contracts; 0 where there is none, and while the book is lost.
        """
        kind, price = columns["kind"], columns["price_ticks"]
        levels = (kind == DEPTH) | (kind == SNAPSHOT)
        cleared = (kind == CLEAR) & (price > 0)
        self._rank(np.unique(price[levels | cleared]))
        rank = np.searchsorted(self._prices, price)
        rank[~(levels | cleared)] = -1
        out = np.empty((int(np.count_nonzero(ends)), 4), dtype=np.int64)
        kind, side, size = (np.ascontiguousarray(columns[name]) for name in ("kind", "side", "size"))
        replay_levels(kind, side, rank, size, np.ascontiguousarray(ends), self._sizes, self._best, out)
        for column in (0, 2):
            there = out[:, column] >= 0
            out[there, column] = self._prices[out[there, column]]
            out[~there, column] = 0
        return out

    def levels(self) -> pd.DataFrame:
        """The book as it stands: columns side, price_ticks, size; bids, then asks, best prices first."""
        sides = []
        for side, sizes in zip((1, -1), self._sizes, strict=True):
            rank = np.flatnonzero(sizes)[::-side]
            sides.append(pd.DataFrame({"side": side, "price_ticks": self._prices[rank], "size": sizes[rank]}))
        return pd.concat(sides, ignore_index=True)

    def _rank(self, prices: Ints) -> None:
        new = np.setdiff1d(prices, self._prices, assume_unique=True)
        if not new.size:
            return
        known, sizes = self._prices, self._sizes
        self._prices = np.union1d(known, new)
        at = np.searchsorted(self._prices, known)
        self._sizes = np.zeros((2, self._prices.size), dtype=np.int64)
        self._sizes[:, at] = sizes
        for mine in range(2):
            if self._best[mine] >= 0:
                self._best[mine] = at[self._best[mine]]


def best_quotes(events: pd.DataFrame | pa.Table) -> pd.DataFrame:
    """Best bid and ask after each book message, as `workbench.market` takes them.

    Parameters
    ----------
    events : DataFrame or Arrow table
        Rows of the event table, applied in the order in which they stand: that of arrival as the catalog loads them;
        sorted by venue_ns (stable), that of the venue.

    Returns
    -------
    DataFrame
        t_ns, venue_ns, bid, bid_size, ask, ask_size (ticks, contracts): a row where one of them changed; none while a
        side is empty, the book is lost, or it is crossed.
    """
    names = ("t_ns", "venue_ns", "venue_seq", "kind", "side", "price_ticks", "size")
    if isinstance(events, pd.DataFrame):
        columns = {name: events[name].to_numpy() for name in names}
    else:
        columns = {name: events.column(name).to_numpy() for name in names}
    chosen = np.isin(columns["kind"], BOOK_KINDS)
    columns = {name: values[chosen] for name, values in columns.items()}
    ends = np.roll(message_starts(columns), -1)
    out = BookReplay().play(columns, ends)
    quotes = pd.DataFrame(out, columns=["bid", "bid_size", "ask", "ask_size"])
    quotes.insert(0, "t_ns", columns["t_ns"][ends])
    quotes.insert(1, "venue_ns", columns["venue_ns"][ends])
    good = (out[:, 1] > 0) & (out[:, 3] > 0) & (out[:, 0] < out[:, 2])
    good[1:] &= (out[1:] != out[:-1]).any(axis=1) | ~good[:-1]
    return quotes[good].reset_index(drop=True)
