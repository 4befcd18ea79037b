"""When a feed's book is later behind the venue's own stamps than a trader bears, as the live view doubts it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.feed import Feed, release
from workbench.backtest.kernels.lateness import LATENESS_SIZE, NO_SKEW, SKEW, SPELLS, mark_late_spells

__all__ = ["late_spells"]

PIECE = 1 << 20


def late_spells(feed: Feed, most_ns: int) -> NDArray[np.int64]:
    """Spells in which the book is later than this: int64[n, 2], the messages from which on, and at which no more, ns.

    Late is what a message takes longer than the fastest one before it; see `workbench.trading.view.MarketView`.
    """
    if feed.spread_of_offsets_ns <= most_ns:
        return np.empty((0, 2), dtype=np.int64)
    state = np.zeros(LATENESS_SIZE, dtype=np.int64)
    state[SKEW] = NO_SKEW
    spells = np.full((16, 2), NO_SKEW, dtype=np.int64)
    row = 0
    while row < feed.rows:
        end = min(row + PIECE, feed.rows)
        row = mark_late_spells(feed.code, feed.t_ns, feed.venue_ns, row, end, most_ns, state, spells)
        if state[SPELLS] == len(spells):
            spells = np.concatenate([spells, np.full_like(spells, NO_SKEW)])
        for column in (feed.code, feed.t_ns, feed.venue_ns):
            release(column, row)
    return spells[: int(np.count_nonzero(spells[:, 0] < NO_SKEW))]
