"""How much was taken at once: the prints of one taker order, same time and same side, merged into a sweep."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.compiled import compiled, types
from workbench.market.inputs import Column, Floats, Ints, read_column, read_sides, read_times

__all__ = ["Sweep", "SweepColumns", "SweepMerger", "merge_sweeps", "sweep_columns"]

_INTS, _FF = types.int64[::1], types.float64[:, ::1]
_READ_INTS = types.Array(types.int64, 1, "C", readonly=True)
_i, _f = types.int64, types.float64

T_NS, FIRST_SIDE = 0, 1
CLOCK_SIZE = 2
SIDE, SIZE, PRICE, FIRST_PRICE, LAST_PRICE, TRADES = range(6)
SWEEP_SIZE = 6
BAD_SIDE, BAD_TRADE, BAD_TIME = -1, -2, -3


@compiled(_i(_INTS, _FF, _FF))
def close_sweeps(clock: Ints, under_way: Floats, out: Floats) -> int:
    """Move what is under way (row 0 bought, row 1 sold) to `out`, the side that came first first; how many."""
    count = 0
    for turn in range(2):
        row = turn if clock[FIRST_SIDE] > 0 else 1 - turn
        if under_way[row, TRADES] > 0.0:
            out[count] = under_way[row]
            out[count, PRICE] /= out[count, SIZE]
            under_way[row] = 0.0
            count += 1
    clock[FIRST_SIDE] = 0
    return count


@compiled(_i(_INTS, _FF, _i, _i, _f, _f, _FF))
def sweep_update(clock: Ints, under_way: Floats, t_ns: int, side: int, price: float, size: float, out: Floats) -> int:
    """Take a trade; how many sweeps it shows to be over, in `out`, or why it was refused (nothing is changed then)."""
    if side not in (1, -1):
        return BAD_SIDE
    if not (0.0 < price < math.inf and 0.0 < size < math.inf):
        return BAD_TRADE
    over = 0
    if clock[FIRST_SIDE] != 0 and t_ns != clock[T_NS]:
        if t_ns < clock[T_NS]:
            return BAD_TIME
        over = close_sweeps(clock, under_way, out)
    row = under_way[0 if side > 0 else 1]
    if row[TRADES] == 0.0:
        row[SIDE], row[FIRST_PRICE], row[LAST_PRICE] = side, price, price
        if clock[FIRST_SIDE] == 0:
            clock[FIRST_SIDE] = side
    row[SIZE] += size
    row[PRICE] += price * size
    if side * (price - row[LAST_PRICE]) > 0.0:
        row[LAST_PRICE] = price
    row[TRADES] += 1.0
    clock[T_NS] = t_ns
    return over


@compiled(_i(_READ_INTS, _INTS, types.float64[::1], types.float64[::1], _INTS, _INTS, _FF))
def sweep_path(times: Ints, sides: Ints, prices: Floats, sizes: Floats, opened: Ints, stamps: Ints, out: Floats) -> int:
    """All trades through `sweep_update`; how many sweeps. `opened` is the row of each one's first trade."""
    clock, under_way = np.zeros(CLOCK_SIZE, np.int64), np.zeros((2, SWEEP_SIZE))
    count = begun = 0
    for i in range(times.size):
        before = clock[T_NS]
        row = 0 if sides[i] > 0 else 1
        over = sweep_update(clock, under_way, times[i], sides[i], prices[i], sizes[i], out[count:])
        stamps[count : count + over] = before
        count += over
        if under_way[row, TRADES] == 1.0:
            opened[begun] = i
            begun += 1
    over = close_sweeps(clock, under_way, out[count:])
    stamps[count : count + over] = clock[T_NS]
    return count + over


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one taker took at once."""

    t_ns: int
    side: int
    """+1 bought, -1 sold."""
    size: float
    """Contracts."""
    price: float
    """Size-weighted, ticks."""
    first_price: float
    last_price: float
    """The furthest that it reached, ticks: highest bought, lowest sold."""
    trades: int


class SweepColumns(NamedTuple):
    """Sweeps as arrays, shape (sweeps,) each, in the order of first prints; `opened` is the row of the first trade."""

    opened: Ints
    t_ns: Ints
    side: Ints
    size: Floats
    price: Floats
    first_price: Floats
    last_price: Floats
    trades: Ints


def sweep_columns(times: Column | pd.Index, sides: Column, prices: Column, sizes: Column) -> SweepColumns:
    """As `merge_sweeps`, as arrays and with the row of each sweep's first trade."""
    side = read_sides(sides)
    t_ns = read_times(times, length=side.size)
    price = read_column(prices, "price", length=side.size, positive=True)
    size = read_column(sizes, "size", length=side.size, positive=True)
    opened, stamps = np.empty(side.size, dtype=np.int64), np.empty(side.size, dtype=np.int64)
    out = np.empty((side.size, SWEEP_SIZE))
    count = sweep_path(t_ns, side.astype(np.int64), price, size, opened, stamps, out)
    column = np.ascontiguousarray(out[:count].T)
    return SweepColumns(
        opened=opened[:count],
        t_ns=stamps[:count],
        side=column[SIDE].astype(np.int64),
        size=column[SIZE],
        price=column[PRICE],
        first_price=column[FIRST_PRICE],
        last_price=column[LAST_PRICE],
        trades=column[TRADES].astype(np.int64),
    )


def merge_sweeps(times: Column | pd.Index, sides: Column, prices: Column, sizes: Column) -> pd.DataFrame:
    """The prints of one taker order as one row: same time, same side.

    Parameters
    ----------
    times : array, shape (n,)
        The venue's time of each trade, integer nanoseconds or datetimes, not decreasing.
    sides : array, shape (n,)
        +1 the buyer took, -1 the seller.
    prices : array, shape (n,)
        Ticks.
    sizes : array, shape (n,)
        Contracts.

    Returns
    -------
    DataFrame
        Columns t_ns, side, size, price, first_price, last_price, trades, as in `Sweep`; one row a sweep in the order
        of first prints. Both sides may trade in one instant: prints need not be neighbours to be one sweep.

    Raises
    ------
    ValueError
        For no trades, rows of unequal length, times out of order, another side, or a price or size that is not
        positive and finite.
    """
    columns = sweep_columns(times, sides, prices, sizes)._asdict()
    del columns["opened"]
    return pd.DataFrame(columns)


class SweepMerger:
    """Sweeps, trade by trade: the rows of `merge_sweeps`, each told as soon as a later trade shows that it is over."""

    __slots__ = ("_clock", "_over", "_under_way")

    def __init__(self) -> None:
        self._clock = np.zeros(CLOCK_SIZE, dtype=np.int64)
        self._under_way = np.zeros((2, SWEEP_SIZE))
        self._over = np.zeros((2, SWEEP_SIZE))

    def update(self, t_ns: int, side: int, price: float, size: float) -> list[Sweep]:
        """Take a trade (venue's time, taker's side, ticks, contracts) and give the sweeps that are over: none to two.

        Raises
        ------
        ValueError
            For a time before the last, another side, or a price or size that is not positive and finite.
        """
        before = int(self._clock[T_NS])
        count = sweep_update(self._clock, self._under_way, t_ns, side, price, size, self._over)
        if count == BAD_SIDE:
            raise ValueError(f"side is {side}; expected +1 (bought) or -1 (sold)")
        if count == BAD_TRADE:
            raise ValueError(f"the trade is {size} at {price}; expected positive finite contracts and ticks")
        if count == BAD_TIME:
            raise ValueError(f"the trade lies {before - t_ns} ns before the one ahead of it; sort by time")
        return [_sweep(before, row) for row in self._over[:count].tolist()]

    def flush(self) -> list[Sweep]:
        """The sweeps that are still open: call it once at the end of the data, or when the market has gone quiet."""
        count = close_sweeps(self._clock, self._under_way, self._over)
        return [_sweep(int(self._clock[T_NS]), row) for row in self._over[:count].tolist()]


def _sweep(t_ns: int, row: list[float]) -> Sweep:
    side, size, price, first_price, last_price, trades = row
    return Sweep(t_ns, int(side), size, price, first_price, last_price, int(trades))
