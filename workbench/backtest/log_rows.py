"""The rows of a run's log, dealt out to their configurations and put in order, in compiled passes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import by_address, types

__all__ = ["deal_rows", "place_by_number"]

Rows = NDArray[np.int64]

_ROWS = types.int64[:, ::1]


@by_address(types.void(_ROWS, types.int64, types.int64[::1], _ROWS))
def copy_dealt(rows: Rows, count: int, next_row: NDArray[np.int64], out: Rows) -> None:
    """Copy rows without their first column, the configuration, to where that one's rows go on."""
    for i in range(count):
        at = next_row[rows[i, 0]]
        next_row[rows[i, 0]] = at + 1
        for j in range(out.shape[1]):
            out[at, j] = rows[i, j + 1]


@by_address(types.void(_ROWS, _ROWS))
def place_by_number(rows: Rows, out: Rows) -> None:
    """Copy each row to the place that its first column numbers, from 1 on."""
    for i in range(rows.shape[0]):
        at = rows[i, 0] - 1
        for j in range(rows.shape[1]):
            out[at, j] = rows[i, j]


def deal_rows(rows: Rows, count: int, configurations: int) -> list[Rows]:
    """The first `count` rows by configuration (their first column), in the order in which they came."""
    ends = np.cumsum(np.bincount(rows[:count, 0], minlength=configurations))
    starts = np.concatenate([[0], ends[:-1]])
    out = np.empty((count, rows.shape[1] - 1), dtype=np.int64)
    copy_dealt(rows, count, starts.astype(np.int64), out)
    return [out[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
