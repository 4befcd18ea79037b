"""What an inventory is worth to a maker: linear equations on q = -Q..Q, solved to full relative precision.

Gueant-Lehalle-Fernandez-Tapia and Cartea-Jaimungal-Penalva both turn their control problem into dv/dtau = G v, tau the
time left, G tridiagonal: `growth` on the diagonal, `up` towards q + 1 (own bid filled), `down` towards q - 1. Quotes
are logarithms of ratios of neighbours, so a solver must get the smallest v right too, where the far tail is e^-1000.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from workbench.compiled import compiled, types

__all__ = ["log_values", "steady_log_steps", "step_distance"]

Vector = NDArray[np.float64]

LARGEST_INVENTORY = 500
"""Lots: the exponential of a matrix of 1001 x 1001 is the most that is worth a person's wait."""

_F = types.float64
_VECTOR = types.float64[::1]
_NEWTON_STEPS = 200
_TAYLOR_TERMS = 20


@compiled(_F(_VECTOR, _F, _F, _VECTOR))
def steady_log_steps(growth: Vector, up: float, down: float, steps: Vector) -> float:
    """Long before the end: fill `steps` with ln(v[i+1] / v[i]) of the positive eigenvector, return its eigenvalue.

    Parameters
    ----------
    growth : ndarray, shape (n,)
        Diagonal of G, 1/s.
    up, down : float
        Off the diagonal, positive, 1/s.
    steps : ndarray, shape (n - 1,)
        Out.

    Notes
    -----
    The largest eigenvalue is the limit of Newton's steps on the characteristic polynomial from above, which fall to it
    without passing it: all its roots are real. With the eigenvalue known, each neighbour follows from the one further
    out (continued fractions from both ends), which is the stable direction; no entry of v itself is formed.
    """
    n = growth.size
    coupling = up * down
    x = growth[0]
    for i in range(n):
        x = max(x, growth[i])
    x += 2.0 * math.sqrt(coupling)
    for _ in range(_NEWTON_STEPS):
        pivot = x - growth[0]
        slope = 1.0
        total = slope / pivot
        for i in range(1, n):
            share = coupling / pivot
            slope = 1.0 + share * slope / pivot
            pivot = x - growth[i] - share
            if pivot <= 0.0:
                break
            total += slope / pivot
        if pivot <= 0.0:  # past the root by a rounding error
            break
        step = 1.0 / total
        if x - step == x:
            break
        x -= step
    turn = n - 1
    pivot = x - growth[0]
    for i in range(n - 1):
        if i > 0:
            pivot = x - growth[i] - coupling / pivot
        if pivot * pivot < coupling:
            turn = i
            break
        steps[i] = math.log(pivot / up)
    pivot = x - growth[n - 1]
    for i in range(n - 1, turn, -1):
        if i < n - 1:
            pivot = x - growth[i] - coupling / pivot
        steps[i - 1] = -math.log(pivot / down)
    return float(x)


@compiled(_F(_F, _VECTOR, _F))
def step_distance(inventory: float, steps: Vector, k: float) -> float:
    """(1/k) ln(v_q / v_(q+1)) at any inventory, linear between whole lots; inf where one lot more passes the bound.

    `steps` belongs to q = -Q..Q. Below -Q the value at -Q is used: the bid there only reduces the position.
    """
    bound = steps.size // 2
    place = max(inventory + bound, 0.0)
    below = math.floor(place + 1e-9)
    part = max(place - below, 0.0)
    low = int(below)
    if low >= steps.size or (part > 1e-9 and low + 1 >= steps.size):
        return math.inf
    value = -steps[low]
    if part > 1e-9:
        value += part * (steps[low] - steps[low + 1])
    return float(value / k)


def log_values(growth: Vector, up: float, down: float, log_terminal: Vector, times_left: Vector) -> Vector:
    """ln v at each time left, from its terminal values, by matrix exponentials.

    Parameters
    ----------
    growth, up, down
        As in `steady_log_steps`.
    log_terminal : ndarray, shape (n,)
        ln v at tau = 0.
    times_left : ndarray, shape (m,)
        tau, seconds, ascending, at least 0.

    Returns
    -------
    ndarray, shape (m, n)

    Notes
    -----
    With the eigenvector v* of `steady_log_steps`, P = D^-1 exp((G - lambda) tau) D, D = diag(v*), is a matrix of
    transition probabilities: nothing is subtracted in forming it by scaling and squaring, its rows sum to 1, and
    v = D P D^-1 v(0) is summed in logarithms. Hence the relative precision in the tails, where exp(G tau) has none.
    """
    n = growth.size
    steps = np.empty(n - 1)
    eigenvalue = steady_log_steps(growth, up, down, steps)
    log_steady = np.concatenate(([0.0], np.cumsum(steps)))
    generator = np.zeros((n, n))
    rows = np.arange(n - 1)
    generator[rows, rows + 1] = up * np.exp(steps)
    generator[rows + 1, rows] = down * np.exp(-steps)
    weights = log_terminal - log_steady
    found = np.empty((times_left.size, n))
    before, width = 0.0, math.nan
    probabilities = np.eye(n)
    for row, time_left in enumerate(times_left):
        gap = time_left - before
        if gap > 0.0:
            if not math.isclose(gap, width, rel_tol=1e-9):
                width, probabilities = gap, _transitions(generator, gap)
            weights = _log_matvec(probabilities, weights)
            before += width
        found[row] = log_steady + eigenvalue * time_left + weights
    return found


def _transitions(rates: NDArray[np.float64], time: float) -> NDArray[np.float64]:
    """Transition probabilities over a time from the rates off the diagonal."""
    leaving = rates.sum(axis=1)
    fastest = float(leaving.max())
    halvings = max(0, math.ceil(math.log2(fastest * time))) if fastest * time > 1.0 else 0
    move = (rates + np.diag(fastest - leaving)) * (time / 2.0**halvings)
    found = np.eye(len(rates))
    for term in range(_TAYLOR_TERMS, 0, -1):
        found = np.eye(len(rates)) + move @ found / term
    found /= found.sum(axis=1, keepdims=True)
    for _ in range(halvings):
        found = found @ found
        found /= found.sum(axis=1, keepdims=True)
    return found


def _log_matvec(matrix: NDArray[np.float64], log_vector: Vector) -> Vector:
    """ln(matrix @ exp(log_vector)) without leaving the range of floats."""
    with np.errstate(divide="ignore"):
        terms = np.log(matrix) + log_vector
    highest = terms.max(axis=1)
    total: Vector = highest + np.log(np.exp(terms - highest[:, None]).sum(axis=1))
    return total
