"""What calibration counts: sweeps and their depth, virtual orders and their fate, by side and by time of day.

Times in nanoseconds since 1970, prices and depths in ticks. Mids may be half ticks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.checks import ascending, number, numbers, whole
from workbench.compiled import compiled, types
from workbench.market import sweep_columns
from workbench.market.inputs import read_column, read_sides
from workbench.quoting.intensity_fit import CalibrationError, IntensityFit

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Sweeps",
    "TimedFit",
    "VirtualOrders",
    "fit_by_time_of_day",
    "fit_table",
    "mid_before",
    "sweep_depths",
    "virtual_orders",
]

Vector = NDArray[np.float64]
Stamps = NDArray[np.int64]

_F = types.float64
_INT = types.int64
_FLOATS = types.float64[::1]
_INTS = types.int64[::1]
NS = 1_000_000_000
DAY_NS = 86_400 * NS
BUY, SELL = 1, -1


class Sweeps(NamedTuple):
    """Taker orders: when, which way (+1 bought, filling asks; -1 sold) and how many ticks from the mid they reached."""

    t_ns: Stamps
    side: Stamps
    depth: Vector

    def of(self, side: str) -> Sweeps:
        """Those of one side: "buy" or "sell"; "both" for all."""
        if side == "both":
            return self
        if side not in ("buy", "sell"):
            raise ValueError(f"side is {side!r}; expected buy, sell or both")
        chosen = self.side == (BUY if side == "buy" else SELL)
        return Sweeps(self.t_ns[chosen], self.side[chosen], self.depth[chosen])


class VirtualOrders(NamedTuple):
    """Fills and seconds of orders that were never sent, by distance: what `fit_counts(..., nested=True)` takes."""

    distances: Vector
    fills: Vector
    exposure_s: Vector


@dataclass(frozen=True, slots=True)
class TimedFit:
    """A fit for a side and a time of day (UTC), or why there is none."""

    side: str
    start_s: float
    end_s: float
    exposure_s: float
    events: int
    fit: IntensityFit | None
    refusal: str


def mid_before(order: Any, quote_order: Any, mid: Any) -> Vector:
    """The mid that stood just before each event: of the last quote strictly before it.

    Parameters
    ----------
    order : array_like, shape (events,)
        Position of each event in the feed, or its time; the position is safer, times tie.
    quote_order : array_like, shape (quotes,)
        The same for the quotes, ascending.
    mid : array_like, shape (quotes,)
        Any unit of price.

    Returns
    -------
    ndarray, shape (events,)
        As `mid`.

    Raises
    ------
    ValueError
        For unsorted or empty quotes, or an event before the first of them.
    """
    stamps = _stamps("quote_order", quote_order)
    values = np.atleast_1d(numbers("mid", np.asarray(mid), "price units"))
    if values.size != stamps.size:
        raise ValueError(f"mid has {values.size} rows for {stamps.size} of quote_order; expected one each")
    wanted = np.atleast_1d(numbers("order", np.asarray(order), "places in the feed, or ns"))
    place = np.searchsorted(stamps, wanted, side="left") - 1
    if place.min() < 0:
        raise ValueError(
            f"{np.sum(place < 0)} events come before the first quote; expected a mid before each, drop them"
        )
    found: Vector = values[place]
    return found


def sweep_depths(t_ns: Any, side: Any, price_ticks: Any, mid_ticks: Any) -> Sweeps:
    """Trades of one taker order made one: its far end, measured from the mid before its first trade.

    Parameters
    ----------
    t_ns : array_like of int, shape (trades,)
        The venue's time of each trade, ascending; trades of the same time and side are one sweep.
    side : array_like of int, shape (trades,)
        +1 where the taker bought, -1 where it sold.
    price_ticks : array_like, shape (trades,)
        Ticks.
    mid_ticks : array_like, shape (trades,)
        The mid before each trade, ticks; see `mid_before`.

    Returns
    -------
    Sweeps
        In the order of first trades. A depth is negative when the mid had moved past the trade before it was seen.

    Raises
    ------
    ValueError
        For empty, NaN or unsorted input, sides other than +1 and -1, or columns of different length.
    """
    mid = read_column(mid_ticks, "mid", positive=True)
    if mid.size != np.size(t_ns):
        raise ValueError(f"mid_ticks has {mid.size} rows for {np.size(t_ns)} trades; expected one each")
    # How much was traded says nothing of how far it reached.
    merged = sweep_columns(t_ns, side, price_ticks, np.ones(mid.size))
    return Sweeps(merged.t_ns, merged.side, merged.side * (merged.last_price - mid[merged.opened]))


@compiled(types.void(_INTS, _FLOATS, _INTS, _FLOATS, _INT, _INTS, _FLOATS, types.float64[:, ::1]))
def follow_orders(
    mid_t: Stamps,
    mid: Vector,
    trade_t: Stamps,
    price: Vector,
    way: int,
    span: Stamps,
    distances: Vector,
    outcome: Vector,
) -> None:
    """Fills and seconds alive of one order at each distance, placed anew after a fill and at the latest after a while.

    `span` is start, end and the longest life, ns; prices of the one kind of taker, ticks.
    """
    start, end, longest = span[0], span[1], span[2]
    for i in range(distances.size):
        quote = 0
        trade = 0
        now = start
        while now < end:
            while quote + 1 < mid_t.size and mid_t[quote + 1] <= now:
                quote += 1
            order = way * mid[quote] + distances[i]
            until = min(now + longest, end)
            while trade < trade_t.size and trade_t[trade] <= now:
                trade += 1
            while trade < trade_t.size and trade_t[trade] <= until and way * price[trade] <= order:
                trade += 1
            if trade < trade_t.size and trade_t[trade] <= until:
                until = trade_t[trade]
                outcome[0, i] += 1.0
            outcome[1, i] += (until - now) / 1e9
            now = until


def virtual_orders(
    mid_t_ns: Any,
    mid_ticks: Any,
    trade_t_ns: Any,
    trade_side: Any,
    price_ticks: Any,
    *,
    side: str,
    distances: Any,
    restart_s: float,
) -> VirtualOrders:
    """How often orders at each distance from the mid would have been traded through, and how long they stood.

    Parameters
    ----------
    mid_t_ns, mid_ticks : array_like, shape (quotes,)
        The mid from each time on; times ascending.
    trade_t_ns, trade_side, price_ticks : array_like, shape (trades,)
        Trades, times ascending; sides +1 where the taker bought, -1 where it sold.
    side : str
        Takers: "buy" watches asks above the mid, "sell" bids below it.
    distances : array_like, shape (n,)
        From the mid at placing, ticks, at least 0, ascending.
    restart_s : float
        Seconds after which an order that is not filled is placed anew at the mid of then.

    Returns
    -------
    VirtualOrders
        Every order stands from the first quote to the last event; a fill or a restart places the next.

    Raises
    ------
    ValueError
        For empty, NaN or unsorted input, or sides that are none.

    Notes
    -----
    Between restarts the order stands still while the mid moves, so that distances blur by the mid's move over
    `restart_s`: keep sigma sqrt(restart_s) small against 1/k.
    """
    if side not in ("buy", "sell"):
        raise ValueError(f"side is {side!r}; expected buy or sell")
    way = BUY if side == "buy" else SELL
    quote_t, trade_t = _stamps("mid_t_ns", mid_t_ns), _stamps("trade_t_ns", trade_t_ns)
    mid = np.atleast_1d(numbers("mid_ticks", np.asarray(mid_ticks), "ticks", above=0.0))
    price = np.atleast_1d(numbers("price_ticks", np.asarray(price_ticks), "ticks", above=0.0))
    taker = read_sides(trade_side)
    levels = ascending("distances", distances, "ticks", low=0.0)
    if mid.size != quote_t.size or not price.size == trade_t.size == taker.size:
        raise ValueError("the columns of the quotes, or those of the trades, differ in length; expected one row each")
    restart = round(number("restart_s", restart_s, "s", low=1e-9) * NS)
    chosen = taker == way
    end = int(max(quote_t[-1], trade_t[-1]))
    if end <= quote_t[0]:
        raise ValueError("mid_t_ns has no time after its first quote; expected a span to watch orders over")
    outcome = np.zeros((2, levels.size))
    follow_orders(
        quote_t,
        np.ascontiguousarray(mid),
        np.ascontiguousarray(trade_t[chosen]),
        np.ascontiguousarray(price[chosen]),
        way,
        np.array([quote_t[0], end, restart], dtype=np.int64),
        np.ascontiguousarray(levels),
        outcome,
    )
    return VirtualOrders(levels, outcome[0], outcome[1])


def fit_by_time_of_day(
    sweeps: Sweeps,
    start_ns: int,
    end_ns: int,
    fit: Callable[[Vector, float, str], IntensityFit],
    *,
    bucket_s: float = 3_600.0,
    sides: Sequence[str] = ("buy", "sell"),
) -> list[TimedFit]:
    """One fit a side and time of day, each over the seconds that were really observed then.

    Parameters
    ----------
    sweeps : Sweeps
        Times ascending.
    start_ns, end_ns : int
        The span that was observed, gaps none.
    fit : callable
        (depths in ticks, seconds, side) to an `IntensityFit`, for example
        ``lambda depths, seconds, side: fit_tail(depths, seconds, start=1, side=side).require()``.
    bucket_s : float
        Seconds a bucket; must divide a day.
    sides : sequence of str
        Of "buy", "sell" and "both".

    Returns
    -------
    list of TimedFit
        For the buckets that were observed; where the fit refuses, its words instead.

    Raises
    ------
    ValueError
        For sweeps that are unsorted or outside the span, or a bucket that does not divide a day.
    """
    bucket = round(number("bucket_s", bucket_s, "s", low=1e-3) * NS)
    if DAY_NS % bucket:
        raise ValueError(f"bucket_s is {bucket_s:g}; expected a divisor of 86400 s")
    whole("start_ns", start_ns, "ns", low=-(2**63))
    whole("end_ns", end_ns, "ns", low=-(2**63))
    if not start_ns < end_ns:
        raise ValueError(f"start_ns is {start_ns} and end_ns {end_ns}; expected a span")
    stamps = _stamps("sweeps.t_ns", sweeps.t_ns)
    if stamps[0] < start_ns or stamps[-1] > end_ns:
        raise ValueError("sweeps lie outside start_ns to end_ns; expected the whole span that was observed")
    bounds = np.arange(start_ns // bucket, -(-end_ns // bucket) + 1, dtype=np.int64) * bucket
    seen = np.diff(np.clip(bounds, start_ns, end_ns)) / NS
    seconds = np.bincount((bounds[:-1] % DAY_NS) // bucket, weights=seen, minlength=DAY_NS // bucket)
    found = []
    for side in sides:
        chosen = sweeps.of(side)
        place = (chosen.t_ns % DAY_NS) // bucket
        for slot in np.flatnonzero(seconds):
            depths = chosen.depth[place == slot]
            result, refusal = _fit_or_words(fit, depths, float(seconds[slot]), side)
            at = float(slot * bucket / NS)
            found.append(TimedFit(side, at, at + bucket_s, float(seconds[slot]), depths.size, result, refusal))
    return found


def fit_table(fits: Sequence[TimedFit]) -> pd.DataFrame:
    """Fits by side and time of day as a table; A per second, k per tick, NaN where a fit was refused."""
    import pandas as pd

    rows = []
    for timed in fits:
        row: dict[str, object] = {name: getattr(timed, name) for name in TimedFit.__slots__ if name != "fit"}
        for name in ("a", "a_error", "k", "k_error", "p_value"):
            row[name] = float("nan") if timed.fit is None else getattr(timed.fit, name)
        rows.append(row)
    return pd.DataFrame(rows)


def _fit_or_words(
    fit: Callable[[Vector, float, str], IntensityFit], depths: Vector, seconds: float, side: str
) -> tuple[IntensityFit | None, str]:
    if depths.size < 2:
        return None, f"{depths.size} sweeps; expected two or more"
    try:
        return fit(depths, seconds, side), ""
    except CalibrationError as refused:
        return None, str(refused)


def _stamps(name: str, values: Any) -> Stamps:
    """Whole numbers in ascending order (equal ones allowed)."""
    found = np.atleast_1d(np.asarray(values))
    if found.size == 0:
        raise ValueError(f"{name} is empty; expected at least one")
    if found.dtype.kind not in "iu":
        raise ValueError(f"{name} is of type {found.dtype}; expected whole numbers (nanoseconds, or places in a feed)")
    if np.any(np.diff(found) < 0):
        raise ValueError(f"{name} is not in ascending order; sort the rows by it first")
    return np.ascontiguousarray(found, dtype=np.int64)
