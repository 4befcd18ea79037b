"""The mids at which fills were heard, looked up piece by piece in prices that may be longer than memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.feed import Feed, release

__all__ = ["add_mids"]

PIECE = 1 << 19
"""Changes of the best prices that are looked at together."""


def add_mids(feed: Feed, fills: Sequence[NDArray[np.void]], feed_delay_ns: int) -> None:
    """Write `mid_half_ticks` into the fills of many logs, each in the order of hearing; their own price where none is.

    The prices are gone through once for all of them.
    """
    seen_ns = [rows["t_ns"] - feed_delay_ns for rows in fills]
    for rows in fills:
        rows["mid_half_ticks"] = 2 * rows["price_ticks"]
    for first in range(0, feed.best_ns.size, PIECE):
        last = min(first + PIECE, feed.best_ns.size)
        best_ns, bests = feed.best_ns[first:last], feed.bests[first:last, :2]
        end_ns = feed.best_ns[last] if last < feed.best_ns.size else np.iinfo(np.int64).max
        for stamps, rows in zip(seen_ns, fills, strict=True):
            start, end = np.searchsorted(stamps, (best_ns[0], end_ns))
            at = np.searchsorted(best_ns, stamps[start:end], side="right") - 1
            known = (bests[at] > 0).all(axis=1)
            rows["mid_half_ticks"][start:end][known] = bests[at[known]].sum(axis=1, dtype=np.int64)
        for column in (feed.best_ns, feed.bests):
            release(column, last)
