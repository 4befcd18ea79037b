"""Who took: signs for trades that come without one."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from workbench.compiled import compiled, types
from workbench.market.inputs import Column, Floats, index_of, like, read_column

__all__ = ["TradeSigner", "trade_signs"]

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
