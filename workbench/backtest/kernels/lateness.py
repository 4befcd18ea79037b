"""When a book is late: `MarketView`'s doubt about messages that lag the venue's own stamps, over a whole feed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.backtest.kernels.rows import GAP_ROW, KIND_MASK, LOCAL, RESYNC_ROW, TRADE_ROW
from workbench.compiled import by_address, types
from workbench.trading.view import LATE_NS, REBASE_NS

__all__ = ["LATENESS_SIZE", "NO_SKEW", "SKEW", "SPELLS", "mark_late_spells", "widen_offsets"]

SKEW, LATE_SINCE_NS, LOST, LATE, SPELLS = range(5)
LATENESS_SIZE = 5

NO_SKEW = 1 << 62

_I = types.int64[::1]


@by_address(types.void(_I, _I, _I))
def widen_offsets(t_ns: NDArray[np.int64], venue_ns: NDArray[np.int64], offsets: NDArray[np.int64]) -> None:
    """The least and the largest difference of the two stamps of these rows, beside those of rows before."""
    least, largest = offsets[0], offsets[1]
    for i in range(t_ns.size):
        offset = t_ns[i] - venue_ns[i]
        least = min(least, offset)
        largest = max(largest, offset)
    offsets[0], offsets[1] = least, largest


@by_address(types.int64(types.uint8[::1], _I, _I, types.int64, types.int64, types.int64, _I, types.int64[:, ::1]))
def mark_late_spells(
    code: NDArray[np.uint8],
    t_ns: NDArray[np.int64],
    venue_ns: NDArray[np.int64],
    first: int,
    end: int,
    most_ns: int,
    state: NDArray[np.int64],
    spells: NDArray[np.int64],
) -> int:
    """Rows from `first` up to `end`, whole messages; returns the row to go on at: before `end` when `spells` is full.

    `spells` int64[n, 2]: the messages from which on, and at which no more, the book is later than `most_ns`.
    """
    i = first
    while i < end and state[SPELLS] < spells.shape[0]:
        stamp = t_ns[i]
        at_venue = np.int64(0)
        while i < code.size and t_ns[i] == stamp:
            kind = code[i] & KIND_MASK
            if code[i] & LOCAL and kind != TRADE_ROW:
                at_venue = venue_ns[i]
                if kind == GAP_ROW:
                    state[LOST] = 1
                elif kind == RESYNC_ROW:
                    state[LOST] = 0
            i += 1
        if at_venue == 0 or state[LOST]:
            continue
        offset = stamp - at_venue
        state[SKEW] = min(state[SKEW], offset)
        behind = offset - state[SKEW]
        if behind < LATE_NS:
            state[LATE_SINCE_NS] = stamp
        elif stamp - state[LATE_SINCE_NS] > REBASE_NS:
            state[SKEW] = offset
            behind = np.int64(0)
        late = behind > most_ns
        if late and not state[LATE]:
            spells[state[SPELLS], 0] = stamp
        elif not late and state[LATE]:
            spells[state[SPELLS], 1] = stamp
            state[SPELLS] += 1
        state[LATE] = late
    return i
