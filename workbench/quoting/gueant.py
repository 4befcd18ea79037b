"""Gueant, Lehalle and Fernandez-Tapia (2013): optimal quotes with bounded inventory, exact and in closed form.

Units: prices in any unit (the paper and we: ticks), `sigma` in that unit per square root of a second, `gamma` and `k`
in 1 / price unit, `arrival_rate` (the A of A exp(-k distance)) per second and side, inventory in lots of one order.

References
----------
O. Gueant, C.-A. Lehalle, J. Fernandez-Tapia, "Dealing with the inventory risk: a solution to the market making
problem", Mathematics and Financial Economics 7(4), 2013, 477-507.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.checks import ascending, number, numbers, same_rows, whole
from workbench.compiled import compiled, types
from workbench.quoting.avellaneda import half_spread_from_fills
from workbench.quoting.value_function import LARGEST_INVENTORY, log_values, steady_log_steps

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Depths", "GlftConstants", "glft_closed_form", "glft_constants", "glft_exact", "glft_stationary"]

_F = types.float64


class GlftConstants(NamedTuple):
    """C1, half of the spread of a maker without inventory risk, and C2, the skew per lot; price units."""

    c1: float
    c2: float


class Depths(NamedTuple):
    """Quotes as distances from the mid, price units; inf where the side is not quoted (the inventory bound).

    `value` is what holding the inventory is worth next to holding none at the end, price units; of the last axis that
    `inventory` runs along. With several times left the arrays have one row a time.
    """

    inventory: NDArray[np.int64]
    bid: Any
    ask: Any
    value: Any

    def frame(self) -> pd.DataFrame:
        """A table with one row an inventory; for one time left."""
        import pandas as pd

        if np.ndim(self.bid) != 1:
            raise ValueError(f"these depths have shape {np.shape(self.bid)}; a table needs one time left")
        table = pd.DataFrame({"bid": self.bid, "ask": self.ask, "value": self.value})
        return table.set_index(pd.Index(self.inventory, name="inventory"))


@compiled(_F(_F, _F, _F, _F))
def filled_at_best(gamma: float, k: float, arrival_rate: float, impact: float) -> float:
    """eta = A (1 + gamma/k)^-(1 + k/gamma) exp(-k xi / 2): what couples neighbouring inventories, 1/s."""
    if gamma == 0.0:
        return arrival_rate * math.exp(-1.0 - k * impact / 2.0)
    return arrival_rate * math.exp(-(1.0 + k / gamma) * math.log1p(gamma / k) - k * impact / 2.0)


@compiled(_F(_F, _F, _F, _F, _F))
def skew_per_lot(gamma: float, sigma: float, k: float, arrival_rate: float, impact: float) -> float:
    """C2 = sqrt(sigma^2 gamma / (2 k A) (1 + gamma/k)^(1 + k/gamma)) exp(k xi / 4), price units a lot."""
    if gamma == 0.0:
        return 0.0
    log_power = (1.0 + k / gamma) * math.log1p(gamma / k)
    return sigma * math.sqrt(gamma / (2.0 * k * arrival_rate)) * math.exp(log_power / 2.0 + k * impact / 4.0)


@compiled("Tuple((float64, float64))(float64, float64, float64, float64, float64, float64, float64)")
def closed_form_distances(
    inventory: float, gamma: float, sigma: float, k: float, arrival_rate: float, drift: float, impact: float
) -> tuple[float, float]:
    """Bid and ask distance of the closed form at one inventory; see `glft_closed_form`."""
    c2 = skew_per_lot(gamma, sigma, k, arrival_rate, impact)
    half = half_spread_from_fills(gamma, k) + impact / 2.0 + c2 / 2.0
    skew = inventory * c2
    if drift != 0.0:
        skew -= drift / (gamma * sigma * sigma) * c2
    return half + skew, half - skew


def glft_constants(*, gamma: float, sigma: float, k: float, arrival_rate: float, impact: float = 0.0) -> GlftConstants:
    """C1 and C2 of the closed form.

    Parameters
    ----------
    gamma, sigma, k, arrival_rate, impact
        As in `glft_closed_form`; numbers.

    Returns
    -------
    GlftConstants
        Price units; the spread is about 2 C1 + C2 (+ impact), the skew C2 a lot.

    Raises
    ------
    ValueError
        For a number that makes no sense.
    """
    gamma = number("gamma", gamma, "1/price", low=0.0)
    sigma = number("sigma", sigma, "price units per sqrt(s)", low=0.0)
    k, arrival_rate = _intensity(k, arrival_rate)
    impact = number("impact", impact, "price units", low=0.0)
    return GlftConstants(half_spread_from_fills(gamma, k), skew_per_lot(gamma, sigma, k, arrival_rate, impact))


def glft_closed_form(
    inventory: Any,
    *,
    gamma: float,
    sigma: Any,
    k: float,
    arrival_rate: float,
    drift: Any = 0.0,
    impact: float = 0.0,
) -> Depths:
    """Quotes far from the end and from the inventory bound, in closed form.

    Parameters
    ----------
    inventory : array_like or pandas.Series
        Lots, signed.
    gamma : float
        Risk aversion, 1 / price unit; at least 0, over 0 with a drift.
    sigma : array_like or pandas.Series
        Price units per square root of a second.
    k : float
        Decay of the intensity, 1 / price unit.
    arrival_rate : float
        A: orders a second that reach the mid, on each side.
    drift : array_like or pandas.Series
        Of the mid, price units a second.
    impact : float
        xi: by how much an own fill moves the mid, price units.

    Returns
    -------
    Depths
        As the inputs; `value` is the quadratic that these quotes stand for.

    Raises
    ------
    ValueError
        For empty, NaN, infinite or negative input where it makes no sense, or Series of different rows.

    Notes
    -----
    bid = C1 + xi/2 + [(2q + 1)/2 - mu/(gamma sigma^2)] C2, ask = C1 + xi/2 - [(2q - 1)/2 - mu/(gamma sigma^2)] C2
    (section 4 of the paper; 5.1 for the drift, 5.2 for the impact, which enters C2 as exp(k xi / 4)).
    """
    same_rows({"inventory": inventory, "sigma": sigma, "drift": drift})
    gamma = number("gamma", gamma, "1/price", low=0.0)
    k, arrival_rate = _intensity(k, arrival_rate)
    impact = number("impact", impact, "price units", low=0.0)
    inventory = numbers("inventory", inventory, "lots")
    sigma = numbers("sigma", sigma, "price units per sqrt(s)", low=0.0)
    drift = numbers("drift", drift, "price units/s")
    trending = bool(np.any(np.asarray(drift) != 0.0))
    if trending and (gamma == 0.0 or np.any(np.asarray(sigma) == 0.0)):
        raise ValueError("drift is not 0 while gamma or sigma is; a maker without inventory risk would hold all it can")
    c2 = sigma * skew_per_lot(gamma, 1.0, k, arrival_rate, impact)
    half = half_spread_from_fills(gamma, k) + impact / 2.0 + c2 / 2.0
    wanted = drift / (gamma * sigma**2) if trending else 0.0
    skew = (inventory - wanted) * c2
    return Depths(inventory, half + skew, half - skew, -((inventory - wanted) ** 2) * c2 / 2.0)


def glft_exact(
    time_left: Any,
    *,
    gamma: float,
    sigma: float,
    k: float,
    arrival_rate: float,
    max_inventory: int,
    drift: float = 0.0,
    impact: float = 0.0,
) -> Depths:
    """The optimal quotes at every inventory with a time left, by the exponential of the paper's matrix.

    Parameters
    ----------
    time_left : float or array_like
        T - t, seconds, at least 0; ascending when several.
    max_inventory : int
        Q, lots: no bid at +Q, no ask at -Q.
    gamma, sigma, k, arrival_rate, drift, impact
        As in `glft_closed_form`; numbers.

    Returns
    -------
    Depths
        Arrays along q = -Q..Q; one row a time when several are given.

    Raises
    ------
    ValueError
        For input that makes no sense, unsorted times, or more than 500 lots.

    Notes
    -----
    v(t) = exp(-M (T - t)) v(T), M tridiagonal with (k/2) gamma sigma^2 q^2 - k mu q on the diagonal and -eta beside it,
    v(T) = exp(-k xi q^2 / 2); bid = (1/k) ln(v_q / v_(q+1)) + C1 + xi/2. Theorem 1 and section 5.
    """
    growth, eta, half, log_terminal = _problem(gamma, sigma, k, arrival_rate, max_inventory, drift, impact)
    times = ascending("time_left", time_left, "s", low=0.0, ties=True)
    rows = log_values(growth, eta, eta, log_terminal, times)
    return depths(rows if np.ndim(time_left) else rows[0], k, half, half)


def glft_stationary(
    *,
    gamma: float,
    sigma: float,
    k: float,
    arrival_rate: float,
    max_inventory: int,
    drift: float = 0.0,
    impact: float = 0.0,
) -> Depths:
    """The optimal quotes long before the end: those of the matrix's first eigenvector.

    Parameters
    ----------
    gamma, sigma, k, arrival_rate, max_inventory, drift, impact
        As in `glft_exact`.

    Returns
    -------
    Depths
        Arrays along q = -Q..Q; `value` is 0 at no inventory.

    Raises
    ------
    ValueError
        For input that makes no sense, or more than 500 lots.

    Notes
    -----
    Theorem 2 of the paper: v tends to the eigenvector of the smallest eigenvalue of M, and the time drops out.
    """
    growth, eta, half, _ = _problem(gamma, sigma, k, arrival_rate, max_inventory, drift, impact)
    return stationary_depths(growth, eta, eta, k, half, half)


def depths(logs: NDArray[np.float64], k: float, bid_base: float, ask_base: float) -> Depths:
    """Quotes from ln v along q = -Q..Q: `base` + (1/k) ln(v_q / v of the neighbour); inf at the bound."""
    steps = np.diff(logs, axis=-1) / k
    shut = np.full((*logs.shape[:-1], 1), math.inf)
    bound = logs.shape[-1] // 2
    bid = np.concatenate((bid_base - steps, shut), axis=-1)
    ask = np.concatenate((shut, ask_base + steps), axis=-1)
    return Depths(np.arange(-bound, bound + 1), bid, ask, logs / k)


def stationary_depths(
    growth: NDArray[np.float64], up: float, down: float, k: float, bid_base: float, ask_base: float
) -> Depths:
    """Quotes of the steady state of `workbench.quoting.value_function`."""
    steps = np.empty(growth.size - 1)
    steady_log_steps(growth, up, down, steps)
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    found = depths(logs - logs[growth.size // 2], k, bid_base, ask_base)
    found.bid[:-1] = bid_base - steps / k
    found.ask[1:] = ask_base + steps / k
    return found


def _problem(
    gamma: float, sigma: float, k: float, arrival_rate: float, max_inventory: int, drift: float, impact: float
) -> tuple[NDArray[np.float64], float, float, NDArray[np.float64]]:
    """Growth, coupling, half spread without inventory risk, and ln v at the end."""
    gamma = number("gamma", gamma, "1/price", low=0.0)
    sigma = number("sigma", sigma, "price units per sqrt(s)", low=0.0)
    k, arrival_rate = _intensity(k, arrival_rate)
    drift = number("drift", drift, "price units/s")
    impact = number("impact", impact, "price units", low=0.0)
    bound = whole("max_inventory", max_inventory, "lots", low=1, high=LARGEST_INVENTORY)
    q = np.arange(-bound, bound + 1, dtype=np.float64)
    growth = k * drift * q - 0.5 * k * gamma * sigma**2 * q**2
    half = half_spread_from_fills(gamma, k) + impact / 2.0
    return growth, filled_at_best(gamma, k, arrival_rate, impact), half, -k * impact * q**2 / 2.0


def _intensity(k: float, arrival_rate: float) -> tuple[float, float]:
    return number("k", k, "1/price", above=0.0), number("arrival_rate", arrival_rate, "1/s", above=0.0)
