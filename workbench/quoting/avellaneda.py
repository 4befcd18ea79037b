"""Avellaneda and Stoikov (2008): the reservation price and the spread round it.

Units: prices in any unit (ticks live), `sigma` in that unit per square root of a second, `gamma` in 1 / price unit,
`k` in 1 / price unit, inventory in lots of one order, times in seconds (or all times in another unit).

References
----------
M. Avellaneda, S. Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8(3), 2008, 217-224.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from workbench.checks import number, numbers, same_rows, whole
from workbench.compiled import compiled, types

__all__ = [
    "Quotes",
    "avellaneda_stoikov_quotes",
    "avellaneda_stoikov_spread",
    "half_spread_from_fills",
    "reservation_price",
    "stationary_avellaneda_stoikov_quotes",
]

_F = types.float64


class Quotes(NamedTuple):
    """Bid and ask in price units, each as the inputs came: a number, an array or a pandas Series."""

    bid: Any
    ask: Any


@compiled(_F(_F, _F))
def half_spread_from_fills(gamma: float, k: float) -> float:
    """(1/gamma) ln(1 + gamma/k): what a maker asks for standing there at all; 1/k when gamma is 0."""
    if gamma == 0.0:
        return 1.0 / k
    return math.log1p(gamma / k) / gamma


@compiled(_F(_F, _F, _F))
def stationary_distance(inventory: float, max_inventory: float, gamma: float) -> float:
    """How far below the mid a maker of infinite horizon is indifferent to buying one lot more; inf at the bound."""
    edge = (max_inventory + 1.0) ** 2
    after = edge - (inventory + 1.0) ** 2
    if after <= 0.0:
        return math.inf
    return math.log((edge - inventory**2) / after) / gamma


def reservation_price(mid: Any, inventory: Any, *, gamma: float, sigma: Any, time_left: Any) -> Any:
    """Price at which the maker is indifferent to one lot more or less: below the mid when long.

    Parameters
    ----------
    mid : array_like or pandas.Series
        Price units.
    inventory : array_like or pandas.Series
        Signed, in lots of one order.
    gamma : float
        Risk aversion, 1 / price unit; at least 0.
    sigma : array_like or pandas.Series
        Volatility, price units per square root of a second.
    time_left : array_like or pandas.Series
        T - t, seconds. A constant makes a rolling horizon, the form for markets that never close.

    Returns
    -------
    As the inputs, broadcast together
        Price units.

    Raises
    ------
    ValueError
        For empty, NaN, infinite or negative input where it makes no sense, or Series of different rows.

    Notes
    -----
    r = s - q gamma sigma^2 (T - t), equation 29 of the paper.
    """
    same_rows({"mid": mid, "inventory": inventory, "sigma": sigma, "time_left": time_left})
    gamma = number("gamma", gamma, "1/price", low=0.0)
    mid = numbers("mid", mid, "price units")
    inventory = numbers("inventory", inventory, "lots")
    sigma = numbers("sigma", sigma, "price units per sqrt(s)", low=0.0)
    time_left = numbers("time_left", time_left, "s", low=0.0)
    return mid - inventory * (gamma * sigma**2 * time_left)


def avellaneda_stoikov_spread(*, gamma: float, sigma: Any, k: float, time_left: Any) -> Any:
    """Ask minus bid, the same at every inventory.

    Parameters
    ----------
    gamma, sigma, time_left
        As in `reservation_price`.
    k : float
        Decay of the arrival intensity A exp(-k distance), 1 / price unit.

    Returns
    -------
    As the inputs, broadcast together
        Price units, the whole spread.

    Raises
    ------
    ValueError
        For input that makes no sense; see `reservation_price`.

    Notes
    -----
    w = gamma sigma^2 (T - t) + (2/gamma) ln(1 + gamma/k), equation 30; 2/k for gamma = 0.
    """
    same_rows({"sigma": sigma, "time_left": time_left})
    gamma = number("gamma", gamma, "1/price", low=0.0)
    k = number("k", k, "1/price", above=0.0)
    sigma = numbers("sigma", sigma, "price units per sqrt(s)", low=0.0)
    time_left = numbers("time_left", time_left, "s", low=0.0)
    return gamma * sigma**2 * time_left + 2.0 * half_spread_from_fills(gamma, k)


def avellaneda_stoikov_quotes(
    mid: Any, inventory: Any, *, gamma: float, sigma: Any, k: float, time_left: Any
) -> Quotes:
    """Bid and ask of the finite horizon; with a constant `time_left`, of a rolling one.

    Parameters
    ----------
    mid, inventory, gamma, sigma, k, time_left
        As in `reservation_price` and `avellaneda_stoikov_spread`.

    Returns
    -------
    Quotes
        `bid` and `ask`, price units, before rounding to the tick.

    Raises
    ------
    ValueError
        For input that makes no sense; see `reservation_price`.

    Notes
    -----
    The expansion holds near T. Far from it the spread and the skew grow without bound; `glft_exact` does not.
    """
    centre = reservation_price(mid, inventory, gamma=gamma, sigma=sigma, time_left=time_left)
    half = avellaneda_stoikov_spread(gamma=gamma, sigma=sigma, k=k, time_left=time_left) / 2.0
    return Quotes(centre - half, centre + half)


def stationary_avellaneda_stoikov_quotes(
    mid: Any, inventory: Any, *, gamma: float, k: float, max_inventory: int
) -> Quotes:
    """Bid and ask of a maker who looks ahead for ever and holds at most `max_inventory` lots (section 2.2).

    Parameters
    ----------
    mid, inventory, gamma, k
        As in `avellaneda_stoikov_quotes`; gamma over 0, |inventory| at most `max_inventory`.
    max_inventory : int
        Lots either way.

    Returns
    -------
    Quotes
        Price units; the bid is -inf at +max_inventory and the ask +inf at -max_inventory: not quoted.

    Raises
    ------
    ValueError
        For input that makes no sense, or an inventory beyond the bound.

    Notes
    -----
    From the paper's value function with discount omega = gamma^2 sigma^2 (Q + 1)^2 / 2, so that sigma drops out: buying
    is worth s - (1/gamma) ln[((Q+1)^2 - q^2) / ((Q+1)^2 - (q+1)^2)], selling is its mirror image. The ask side is
    derived from the definition, not from the expansion ln(1 + (1 - 2q) ...), which equals it to first order only.
    """
    same_rows({"mid": mid, "inventory": inventory})
    gamma = number("gamma", gamma, "1/price", above=0.0)
    k = number("k", k, "1/price", above=0.0)
    bound = whole("max_inventory", max_inventory, "lots", low=1, high=10**9)
    mid = numbers("mid", mid, "price units")
    inventory = numbers("inventory", inventory, "lots")
    if np.max(np.abs(inventory)) > bound:
        raise ValueError(f"inventory reaches {np.max(np.abs(inventory)):g} lots; expected at most {bound} either way")
    edge = (bound + 1.0) ** 2
    here = np.log(edge - inventory**2)
    with np.errstate(divide="ignore"):
        buying = (here - np.log(edge - (inventory + 1.0) ** 2)) / gamma
        selling = (here - np.log(edge - (inventory - 1.0) ** 2)) / gamma
    half = half_spread_from_fills(gamma, k)
    return Quotes(mid - buying - half, mid + selling + half)
