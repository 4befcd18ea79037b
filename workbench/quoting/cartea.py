"""Cartea, Jaimungal and Penalva (2015), chapter 10: a running penalty on inventory, and fills that come before moves.

The maker maximises terminal wealth - alpha q_T^2 - phi x (integral of q^2). Market orders arrive on each side at their
own rate, an order reaches a quote at a depth with probability exp(-kappa depth), and each moves the mid by epsilon
on average: who is filled has been picked off by so much.

References
----------
A. Cartea, S. Jaimungal, J. Penalva, "Algorithmic and High-Frequency Trading", Cambridge University Press, 2015,
sections 10.2 and 10.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.checks import ascending, number, whole
from workbench.quoting.gueant import Depths, depths, stationary_depths
from workbench.quoting.value_function import LARGEST_INVENTORY, log_values

__all__ = ["cartea_jaimungal_depths", "cartea_jaimungal_stationary"]

Pair = float | tuple[float, float]


def cartea_jaimungal_depths(
    time_left: Any,
    *,
    kappa: float,
    arrival_rate: Pair,
    running_penalty: float,
    terminal_penalty: float = 0.0,
    max_inventory: int,
    adverse_selection: Pair = 0.0,
) -> Depths:
    """The optimal depths at every inventory with a time left.

    Parameters
    ----------
    time_left : float or array_like
        T - t, seconds, at least 0; ascending when several.
    kappa : float
        Decay of the fill probability, 1 / price unit.
    arrival_rate : float or (float, float)
        Market orders a second: one number for both sides, or (sells, which hit the bid; buys, which lift the ask).
    running_penalty : float
        phi, price units a lot^2 and second.
    terminal_penalty : float
        alpha, price units a lot^2.
    max_inventory : int
        Q, lots: no bid at +Q, no ask at -Q.
    adverse_selection : float or (float, float)
        epsilon, price units: how far the mid falls on a sell order, and rises on a buy order.

    Returns
    -------
    Depths
        Arrays along q = -Q..Q, one row a time when several are given; `value` is h(t, q).

    Raises
    ------
    ValueError
        For input that makes no sense, unsorted times, or more than 500 lots.

    Notes
    -----
    omega = exp(kappa h) solves d omega / d tau = G omega with -kappa phi q^2 + kappa q (lambda+ eps+ - lambda- eps-) on
    the diagonal and lambda exp(-1 - kappa eps) beside it, omega(0) = exp(-alpha kappa q^2). The bid depth is
    1/kappa + eps- + h(q) - h(q + 1), the ask depth 1/kappa + eps+ + h(q) - h(q - 1).
    """
    growth, coupling, base = _problem(kappa, arrival_rate, running_penalty, max_inventory, adverse_selection)
    alpha = number("terminal_penalty", terminal_penalty, "price units/lot^2", low=0.0)
    times = ascending("time_left", time_left, "s", low=0.0, ties=True)
    q = np.arange(growth.size, dtype=np.float64) - growth.size // 2
    rows = log_values(growth, *coupling, -alpha * kappa * q**2, times)
    return depths(rows if np.ndim(time_left) else rows[0], kappa, *base)


def cartea_jaimungal_stationary(
    *,
    kappa: float,
    arrival_rate: Pair,
    running_penalty: float,
    max_inventory: int,
    adverse_selection: Pair = 0.0,
) -> Depths:
    """The optimal depths long before the end, where neither the time nor the terminal penalty shows any more.

    Parameters
    ----------
    kappa, arrival_rate, running_penalty, max_inventory, adverse_selection
        As in `cartea_jaimungal_depths`.

    Returns
    -------
    Depths
        Arrays along q = -Q..Q; `value` is 0 at no inventory.

    Raises
    ------
    ValueError
        For input that makes no sense, or more than 500 lots.
    """
    growth, coupling, base = _problem(kappa, arrival_rate, running_penalty, max_inventory, adverse_selection)
    return stationary_depths(growth, *coupling, kappa, *base)


def _problem(
    kappa: float, arrival_rate: Pair, running_penalty: float, max_inventory: int, adverse_selection: Pair
) -> tuple[NDArray[np.float64], tuple[float, float], tuple[float, float]]:
    """Growth along q, coupling (up, down), and the depths (bid, ask) without inventory risk."""
    kappa = number("kappa", kappa, "1/price", above=0.0)
    phi = number("running_penalty", running_penalty, "price units/(lot^2 s)", low=0.0)
    bound = whole("max_inventory", max_inventory, "lots", low=1, high=LARGEST_INVENTORY)
    sells, buys = _pair(arrival_rate)
    sells = number("arrival_rate of sells", sells, "1/s", above=0.0)
    buys = number("arrival_rate of buys", buys, "1/s", above=0.0)
    fall, rise = _pair(adverse_selection)
    fall = number("adverse_selection of sells", fall, "price units", low=0.0)
    rise = number("adverse_selection of buys", rise, "price units", low=0.0)
    q = np.arange(-bound, bound + 1, dtype=np.float64)
    growth = kappa * (q * (buys * rise - sells * fall) - phi * q**2)
    coupling = (sells * float(np.exp(-1.0 - kappa * fall)), buys * float(np.exp(-1.0 - kappa * rise)))
    return growth, coupling, (1.0 / kappa + fall, 1.0 / kappa + rise)


def _pair(value: Pair) -> tuple[float, float]:
    """The same number for both sides, or one for each."""
    if isinstance(value, tuple):
        if len(value) != 2:
            raise ValueError(f"{value!r} has {len(value)} numbers; expected one for both sides, or (sells, buys)")
        return value
    return value, value
