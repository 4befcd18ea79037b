"""Which side of the book is heavier, and the mid weighted by it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.checks import whole
from workbench.compiled import compiled, types
from workbench.market.book import Book
from workbench.market.inputs import Floats, Table, like, read_quotes

__all__ = ["book_imbalance", "imbalance", "weighted_mid"]

_F, _FF = types.float64[::1], types.float64[:, ::1]


def imbalance_of_levels(bids: Sequence[float] | Floats, asks: Sequence[float] | Floats, decay: float) -> float:
    """Imbalance of the sizes of one book, the best level first; NaN when there are none."""
    heavy = total = 0.0
    weight = 1.0
    for level in range(len(bids)):
        heavy += weight * (bids[level] - asks[level])
        total += weight * (bids[level] + asks[level])
        weight *= decay
    return heavy / total if total > 0.0 else math.nan


imbalance_of = compiled(types.float64(_F, _F, types.float64))(imbalance_of_levels)
"""`imbalance_of_levels`, compiled."""


@compiled(types.void(_FF, _FF, types.float64, _F))
def imbalance_path(bids: Floats, asks: Floats, decay: float, out: Floats) -> None:
    """All books through `imbalance_of`."""
    for i in range(out.size):
        out[i] = imbalance_of(bids[i], asks[i], decay)


def weighted_mid(quotes: Table) -> Floats | pd.Series:
    """Best prices weighted by the opposite size: leans to the side that is about to be eaten.

    Parameters
    ----------
    quotes : DataFrame or array, shape (n, 4)
        Columns bid, bid_size, ask, ask_size: ticks and contracts.

    Returns
    -------
    Series or array, shape (n,)
        Ticks; strictly between bid and ask. `Book.weighted_mid` is the same number of a live book.

    Raises
    ------
    ValueError
        For bad quotes: see `workbench.market.inputs.read_quotes`.

    Notes
    -----
    ``(bid ask_size + ask bid_size) / (bid_size + ask_size)``. It is no martingale, and jumps when the spread does: for
    a fair value use `MicroPrice`.
    """
    read = read_quotes(quotes)
    prices = (read.bid * read.ask_size + read.ask * read.bid_size) / (read.bid_size + read.ask_size)
    return like(prices, read.index, "weighted_mid")


def imbalance(bid_sizes: Table | pd.Series, ask_sizes: Table | pd.Series, *, decay: float = 1.0) -> Floats | pd.Series:
    """How much heavier the bids are than the asks, over one level or several: +1 all bids, -1 all asks.

    Parameters
    ----------
    bid_sizes, ask_sizes : Series, DataFrame or array, shape (n,) or (n, levels)
        Contracts, the best level first; 0 where a level is empty.
    decay : float
        Weight of a level against the one before it, above 0 to 1; 1 counts all alike.

    Returns
    -------
    Series or array, shape (n,)
        A pure number, -1 to 1.

    Raises
    ------
    ValueError
        For shapes that differ, no rows, a size that is negative or not finite, a row without any size, or a bad decay.

    Notes
    -----
    ``sum w_m (bid_m - ask_m) / sum w_m (bid_m + ask_m)`` with ``w_m = decay^m``.
    """
    _check_decay(decay)
    bids, asks = _sizes(bid_sizes, "bid_sizes"), _sizes(ask_sizes, "ask_sizes")
    if bids.shape != asks.shape:
        raise ValueError(f"bid_sizes have shape {bids.shape} and ask_sizes {asks.shape}; expected the same")
    leaning = np.empty(bids.shape[0])
    imbalance_path(bids, asks, decay, leaning)
    empty = np.flatnonzero(np.isnan(leaning))
    if empty.size:
        raise ValueError(f"row {int(empty[0])} has no size on either side; drop the rows without a book")
    index = bid_sizes.index if isinstance(bid_sizes, (pd.Series, pd.DataFrame)) else None
    return like(leaning, index, "imbalance")


def book_imbalance(
    book: Book, *, levels: int | None = None, within_ticks: int | None = None, decay: float = 1.0
) -> float:
    """How much heavier the bids of a live book are, to a depth in levels or in ticks from the best price.

    Parameters
    ----------
    book : Book
        A trusted book.
    levels : int, optional
        Occupied levels a side, from the best outwards; 1 when neither is given.
    within_ticks : int, optional
        Levels no further than this from the best price of their side; 0 is the best level alone.
    decay : float
        Weight of a level against the one before it, above 0 to 1.

    Returns
    -------
    float
        A pure number, -1 to 1: `imbalance` of the same sizes.

    Raises
    ------
    ValueError
        If the book is not trusted, the depth is given twice or negative, or the decay is bad.
    """
    _check_decay(decay)
    if not book.trusted:
        raise ValueError(f"the book is not trusted: {book.reason}; wait for the next snapshot")
    if levels is not None and within_ticks is not None:
        raise ValueError("the depth is given both in levels and in ticks; give one")
    if levels is not None:
        whole("levels", levels, "levels", low=1)
    if within_ticks is not None:
        whole("within_ticks", within_ticks, "ticks", low=0)
    bids, asks = book.levels(1), book.levels(-1)
    if within_ticks is None:
        bids, asks = bids[: levels or 1], asks[: levels or 1]
    else:
        bids = [level for level in bids if book.best_bid - level[0] <= within_ticks]
        asks = [level for level in asks if level[0] - book.best_ask <= within_ticks]
    deep = max(len(bids), len(asks))
    bid_sizes, ask_sizes = ([size for _, size in side] + [0] * (deep - len(side)) for side in (bids, asks))
    return imbalance_of_levels(bid_sizes, ask_sizes, decay)


def _sizes(sizes: Table | pd.Series, name: str) -> Floats:
    # Compiled code takes writable memory; that of pandas is not.
    out = np.require(np.asarray(sizes), dtype=np.float64, requirements=["C", "W"])
    if out.ndim == 1:
        out = out[:, None]
    if out.ndim != 2 or out.size == 0:
        raise ValueError(f"{name} have shape {out.shape}; expected (n,) or (n, levels) with at least one row")
    bad = np.argwhere(~(np.isfinite(out) & (out >= 0.0)))
    if bad.size:
        row, level = (int(i) for i in bad[0])
        raise ValueError(f"{name} hold {out[row, level]} in row {row}, level {level}; expected 0 or more contracts")
    return out


def _check_decay(decay: float) -> None:
    if not 0.0 < decay <= 1.0:
        raise ValueError(f"decay is {decay}; expected above 0 and at most 1")
