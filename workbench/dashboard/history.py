"""The last hour of state frames as columns of numbers, ready to draw."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from workbench.events import StateFrame

__all__ = ["FILL_COLUMNS", "FRAME_COLUMNS", "History", "Ring"]

FRAME_COLUMNS = (
    "t_ms",
    "bid",
    "ask",
    "own_bid",
    "own_ask",
    "position",
    "pnl_spread",
    "pnl_inventory",
    "pnl_fees",
    "pnl_funding",
    "equity_change",
)
FILL_COLUMNS = ("t_ms", "side", "price", "size")

HOUR_AT_TEN_A_SECOND = 36_000
FILLS_KEPT = 5_000

Floats = npt.NDArray[np.float64]

_NAN = float("nan")


class Ring:
    """The newest rows of a table of floats, always readable as one contiguous block, oldest first.

    Parameters
    ----------
    columns : tuple of str
        The first is the time, ascending.
    capacity : int
        Rows kept.
    """

    def __init__(self, columns: tuple[str, ...], capacity: int) -> None:
        self.columns = columns
        self._capacity = capacity
        # Twice the room: rows move to the front once every `capacity` appends, not at each.
        self._table = np.empty((2 * capacity, len(columns)))
        self._start = self._end = 0

    def __len__(self) -> int:
        return self._end - self._start

    def append(self, row: tuple[float, ...]) -> None:
        """Add the newest row; the oldest goes when there is no room."""
        if self._end == len(self._table):
            kept = self._table[self._end - self._capacity + 1 :]
            self._table[: len(kept)] = kept
            self._start, self._end = 0, len(kept)
        self._table[self._end] = row
        self._end += 1
        self._start = max(self._start, self._end - self._capacity)

    def since(self, t: float) -> dict[str, Floats]:
        """Columns of the rows at or after a time: views, valid until the next append."""
        block = self._table[self._start : self._end]
        first = int(np.searchsorted(block[:, 0], t))
        return {name: block[first:, i] for i, name in enumerate(self.columns)}


class History:
    """What the desk draws: the numbers of each state frame and each fill of the last hour, and the newest frame."""

    def __init__(self, capacity: int = HOUR_AT_TEN_A_SECOND) -> None:
        self.frames = Ring(FRAME_COLUMNS, capacity)
        self.fills = Ring(FILL_COLUMNS, FILLS_KEPT)
        self.latest: StateFrame | None = None

    @property
    def seq(self) -> int:
        """Sequence number of the newest frame taken, 0 before the first."""
        return self.latest.seq if self.latest else 0

    def extend(self, frames: Iterable[StateFrame]) -> int:
        """Take new frames, oldest first; those already taken are passed over.

        Returns
        -------
        int
            How many were new.
        """
        new = 0
        for frame in frames:
            if self.latest is not None and frame.seq <= self.latest.seq:
                continue
            self.frames.append(_numbers(frame))
            for fill in frame.new_fills:
                self.fills.append((fill.t_ns / 1e6, fill.side, fill.price, fill.size))
            self.latest = frame
            new += 1
        return new


def _numbers(frame: StateFrame) -> tuple[float, ...]:
    return (
        frame.t_ns / 1e6,
        _NAN if frame.bid is None else frame.bid,
        _NAN if frame.ask is None else frame.ask,
        max((price for price, _ in frame.own_bids), default=_NAN),
        min((price for price, _ in frame.own_asks), default=_NAN),
        frame.position,
        float(frame.pnl_spread),
        float(frame.pnl_inventory),
        float(frame.pnl_fees),
        float(frame.pnl_funding),
        float(frame.equity_change),
    )
