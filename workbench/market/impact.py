"""How far flow moves the mid: a straight line through windows of time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from workbench.checks import whole
from workbench.events import NS
from workbench.market.inputs import Column, Floats, read_column, read_times

__all__ = ["FlowImpact", "fit_flow_impact"]

LEAST_WINDOWS = 10


@dataclass(frozen=True, slots=True)
class FlowImpact:
    """Mid change (ticks) = intercept + slope x flow (contracts) in a window."""

    slope: float
    """Ticks a contract."""
    slope_error: float
    """Standard error of the slope, robust to unequal scatter (HC1); ticks a contract."""
    intercept: float
    """Ticks."""
    r2: float
    """Share of the mid's variance that the flow explains, 0 to 1."""
    windows: int
    window_s: float


def fit_flow_impact(
    flow: Column,
    flow_times: ArrayLike,
    mid: Column,
    mid_times: ArrayLike,
    *,
    window_s: float = 1.0,
    origin_ns: int = 0,
) -> FlowImpact:
    """How many ticks a contract of flow moves the mid: least squares over windows on a clock.

    Parameters
    ----------
    flow : Series or array, shape (n,)
        Contracts: order-flow imbalance of each quote, or signed size of each trade.
    flow_times : array, shape (n,)
        Integer nanoseconds or datetimes, not decreasing.
    mid : Series or array, shape (m,)
        Ticks after each change.
    mid_times : array, shape (m,)
        As `flow_times`.
    window_s : float
        Length of a window, seconds.
    origin_ns : int
        A window's edge, nanoseconds since the epoch; 0 puts edges on whole seconds for a window of one second.

    Returns
    -------
    FlowImpact

    Raises
    ------
    ValueError
        For empty, non-finite, unsorted input or input of unequal length, a window that is not positive, fewer than 10
        windows, or a flow that is the same in all of them.

    Notes
    -----
    Windows are (g, g + window]; the mid at an edge is the last at or before it. Only whole windows that lie inside the
    mid's times count. The regression has an intercept.

    References
    ----------
    Cont, Kukanov, Stoikov, "The price impact of order book events", J. Financial Econometrics 12 (2014), eq. 6.
    """
    if not (math.isfinite(window_s) and window_s > 0.0):
        raise ValueError(f"window_s is {window_s}; expected a positive number of seconds")
    whole("origin_ns", origin_ns, "ns", low=-(2**63))
    flows, mids = read_column(flow, "flow"), read_column(mid, "mid")
    t_flow, t_mid = read_times(flow_times, length=flows.size), read_times(mid_times, length=mids.size)
    step = max(1, round(window_s * NS))
    first = -((origin_ns - int(t_mid[0])) // step) * step + origin_ns
    edges = np.arange(first, int(t_mid[-1]) + 1, step, dtype=np.int64)
    if edges.size <= LEAST_WINDOWS:
        raise ValueError(f"the data holds {max(0, edges.size - 1)} windows of {window_s:g} s; expected {LEAST_WINDOWS}")
    running = np.concatenate([[0.0], np.cumsum(flows)])
    x = np.diff(running[np.searchsorted(t_flow, edges, side="right")])
    y = np.diff(mids[np.searchsorted(t_mid, edges, side="right") - 1])
    return _line(x, y, window_s)


def _line(x: Floats, y: Floats, window_s: float) -> FlowImpact:
    n = x.size
    dx, dy = x - x.mean(), y - y.mean()
    sxx, syy = float(dx @ dx), float(dy @ dy)
    if sxx == 0.0:
        raise ValueError(f"the flow is {x[0]:g} in every window; there is no slope to fit")
    slope = float(dx @ dy) / sxx
    left = dy - slope * dx
    error = math.sqrt(float((dx * left) @ (dx * left)) * n / (n - 2)) / sxx
    # A mid that never moves is explained wholly by a slope of zero.
    r2 = 1.0 - float(left @ left) / syy if syy > 0.0 else 1.0
    return FlowImpact(slope, error, float(y.mean() - slope * x.mean()), r2, n, window_s)
