"""Who took, and how much at once: signs for trades without one, and the prints of one order merged into a sweep."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import types

from workbench.compiled import compiled
from workbench.market.inputs import (
    Column,
    Floats,
    index_of,
    like,
    read_column,
    read_sides,
    read_times,
)

__all__ = ["Sweep", "SweepMerger", "TradeSigner", "merge_sweeps", "trade_signs"]

_F, _f = types.float64[::1], types.float64


@compiled(_f(_F, _f, _f))
def sign_update(state: Floats, price: float, mid: float) -> float:
    """Side of a trade by the mid, else by the last change of price; `state` is (last price, last direction)."""
    if price > state[0]:
        state[1] = 1.0
    elif price < state[0]:
        state[1] = -1.0
    state[0] = price
    if price > mid:
        return 1.0
    if price < mid:
        return -1.0
    return float(state[1])


@compiled(types.void(_F, _F, _F, _F))
def sign_path(state: Floats, prices: Floats, mids: Floats, out: Floats) -> None:
    """All trades through `sign_update`."""
    for i in range(prices.size):
        out[i] = sign_update(state, prices[i], mids[i])


def trade_signs(prices: Column, mids: Column | None = None) -> Floats | pd.Series:
    """Who took, for a tape that does not say: +1 the buyer, -1 the seller.

    Parameters
    ----------
    prices : Series or array, shape (n,)
        Trade prices (ticks), oldest first.
    mids : Series or array, shape (n,), optional
        Mid just before each trade (ticks). Without it only the tick rule is used.

    Returns
    -------
    Series or array, shape (n,)
        +1, -1; 0 for trades at the mid before the price has changed once.

    Raises
    ------
    ValueError
        For no trades, rows of unequal length, or prices that are not positive and finite.

    Notes
    -----
    Quote rule: above the mid a buy, below it a sell. At the mid (or without one) the tick rule: the direction of the
    last change of the trade price. LMEX tells the taker's side: this is for data that does not.

    References
    ----------
    Lee, Ready, "Inferring trade direction from intraday data", Journal of Finance 46 (1991).
    """
    values = read_column(prices, "price", positive=True)
    if mids is None:
        middle = np.full(values.size, math.nan)
    else:
        middle = read_column(mids, "mid", length=values.size, positive=True)
    out = np.empty(values.size)
    sign_path(np.array([math.nan, 0.0]), values, middle, out)
    return like(out, index_of(prices), "side")


class TradeSigner:
    """Who took, trade by trade: the numbers of `trade_signs`."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = np.array([math.nan, 0.0])

    def update(self, price: float, mid: float = math.nan) -> int:
        """Take a trade (ticks) and the mid before it, NaN for unknown; +1, -1 or 0 for unknown.

        Raises
        ------
        ValueError
            For a price that is not positive and finite.
        """
        if not 0.0 < price < math.inf:
            raise ValueError(f"price is {price}; expected a positive finite number of ticks")
        return int(sign_update(self._state, price, mid))


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
    side = read_sides(sides)
    t_ns = read_times(times, length=side.size)
    price = read_column(prices, "price", length=side.size, positive=True)
    size = read_column(sizes, "size", length=side.size, positive=True)
    table = pd.DataFrame({"t_ns": t_ns, "side": side.astype(np.int64), "size": size, "price": price})
    table["value"] = price * size
    table["reach"] = side * price
    grouped = table.groupby(["t_ns", "side"], sort=False)
    out = grouped.agg(
        size=("size", "sum"),
        price=("value", "sum"),
        first_price=("price", "first"),
        last_price=("reach", "max"),
        trades=("price", "size"),
    ).reset_index()
    out["price"] /= out["size"]
    out["last_price"] *= out["side"]
    return out


class SweepMerger:
    """Sweeps, trade by trade: the rows of `merge_sweeps`, each told as soon as a later trade shows that it is over."""

    __slots__ = ("_open", "_t_ns")

    def __init__(self) -> None:
        self._open: dict[int, list[tuple[float, float]]] = {}
        self._t_ns = 0

    def update(self, t_ns: int, side: int, price: float, size: float) -> list[Sweep]:
        """Take a trade (venue's time, taker's side, ticks, contracts) and give the sweeps that are over: none to two.

        Raises
        ------
        ValueError
            For a time before the last, another side, or a price or size that is not positive and finite.
        """
        if side not in (1, -1):
            raise ValueError(f"side is {side}; expected +1 (bought) or -1 (sold)")
        if not (0.0 < price < math.inf and 0.0 < size < math.inf):
            raise ValueError(f"the trade is {size} at {price}; expected positive finite contracts and ticks")
        if self._open and t_ns < self._t_ns:
            raise ValueError(f"the trade lies {self._t_ns - t_ns} ns before the one ahead of it; sort by time")
        over = self.flush() if t_ns != self._t_ns else []
        self._t_ns = t_ns
        self._open.setdefault(side, []).append((price, size))
        return over

    def flush(self) -> list[Sweep]:
        """The sweeps that are still open: call it once at the end of the data, or when the market has gone quiet."""
        over = [_sweep(self._t_ns, side, prints) for side, prints in self._open.items()]
        self._open = {}
        return over


def _sweep(t_ns: int, side: int, prints: list[tuple[float, float]]) -> Sweep:
    total = math.fsum(size for _, size in prints)
    value = math.fsum(price * size for price, size in prints)
    reach = side * max(side * price for price, _ in prints)
    return Sweep(t_ns, side, total, value / total, prints[0][0], reach, len(prints))
