"""How often quotes were filled: by distance from the mid, by place against the touch, by queue where it is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.events import NS

__all__ = ["PLACES", "fill_probability", "order_outcomes"]

EDGES_BPS = (0.0, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0)
PLACES = ("inside", "touch", "behind")
"""Where an order stood against the market's best price of its side: better, equal, worse."""
QUEUE = "queue_ahead"
NEVER_RESTED = -1.0

Floats = NDArray[np.float64]

# A standard normal stays inside of this 95 % of the time.
_Z = 1.959963984540054


def order_outcomes(orders: pd.DataFrame, quotes: pd.DataFrame, fills: pd.DataFrame | None = None) -> pd.DataFrame:
    """Each order that rested, how far from the market it was placed and how long it had to wait.

    Parameters
    ----------
    orders : DataFrame
        Columns of `workbench.events.ORDERS_COLUMNS`. A further column `queue_ahead`, the contracts ahead when the
        venue took the order (a backtest knows them; -1 or NaN for none), is carried along.
    quotes : DataFrame
        Columns t_ns (not decreasing), bid, ask and mid; the row at or before `sent_ns` counts.
    fills : DataFrame, optional
        Columns t_ns and client_id: tells when a partly filled order was first filled. Without it that time is taken
        as the end of the order.

    Returns
    -------
    DataFrame
        One row an order that the venue acknowledged while a mid was known: client_id, side, size, filled (contracts),
        distance (currency below the mid for a bid, above for an ask), distance_bps (of the mid), place (one of
        `PLACES`), life_s (from the acknowledgement to the end), wait_s (to the first fill, NaN for none), and
        queue_ahead.
        An order without an end is open until the last quote.

    Raises
    ------
    ValueError
        For a missing column, quotes out of order, another side, a size or price that is not positive and finite, or a
        queue that is negative or infinite.
    """
    _need(orders, "orders", ("client_id", "side", "price", "size", "filled", "sent_ns", "acked_ns", "done_ns"))
    _need(quotes, "quotes", ("t_ns", "bid", "ask", "mid"))
    if not quotes["t_ns"].is_monotonic_increasing:
        raise ValueError("the quotes are not in order of time; sort by t_ns")
    _check(orders)
    known = quotes[quotes["mid"].notna()]
    times = known["t_ns"].to_numpy(dtype=np.int64)
    row = np.searchsorted(times, orders["sent_ns"].to_numpy(dtype=np.int64), side="right") - 1
    rested = (row >= 0) & (orders["acked_ns"].to_numpy(dtype=np.int64) > 0)
    kept, seen = orders[rested], known.iloc[row[rested]]
    side, price = kept["side"].to_numpy(dtype=np.int64), kept["price"].to_numpy(dtype=np.float64)
    mid = seen["mid"].to_numpy(dtype=np.float64)
    best = np.where(side > 0, seen["bid"].to_numpy(dtype=np.float64), seen["ask"].to_numpy(dtype=np.float64))
    ahead = side * (price - best)
    start = kept["acked_ns"].to_numpy(dtype=np.int64)
    done = kept["done_ns"].to_numpy(dtype=np.int64)
    end = np.where(done > 0, done, np.maximum(times[-1] if times.size else 0, start))
    first = _first_fill(kept, fills, end)
    table = {
        "client_id": kept["client_id"].to_numpy(),
        "side": side,
        "size": kept["size"].to_numpy(dtype=np.int64),
        "filled": kept["filled"].to_numpy(dtype=np.int64),
        "distance": side * (mid - price),
        "distance_bps": side * (mid - price) / mid * 1e4,
        "place": np.where(np.abs(ahead) <= 1e-9 * mid, "touch", np.where(ahead > 0, "inside", "behind")),
        "life_s": np.maximum(end - start, 0) / NS,
        "wait_s": np.maximum(first - start, 0.0) / NS,
    }
    if QUEUE in kept.columns:
        queue = kept[QUEUE].to_numpy(dtype=np.float64)
        table[QUEUE] = np.where(queue == NEVER_RESTED, math.nan, queue)
    return pd.DataFrame(table)


def fill_probability(
    outcomes: pd.DataFrame,
    *,
    by: Literal["distance", "place", "queue"] = "distance",
    edges: Sequence[float] = EDGES_BPS,
    horizon_s: float = 10.0,
) -> pd.DataFrame:
    """The share of quotes that were filled, and the chance of a first fill within a time had they all been left there.

    Parameters
    ----------
    outcomes : DataFrame
        From `order_outcomes`.
    by : {"distance", "place", "queue"}
        By basis points from the mid, by place against the touch, or by contracts ahead (column `queue_ahead`).
    edges : sequence of float
        Bin edges, ascending, for distance (bps) and queue (contracts); a bin holds its lower edge. Orders outside are
        not counted.
    horizon_s : float
        Time for `within`, seconds after the acknowledgement.

    Returns
    -------
    DataFrame
        Index the group (`at` in the middle of its bin as a column for distance and queue). Columns: orders; filled
        (orders with a fill); share = filled/orders with its 95 % Wilson interval share_low, share_high; contracts
        (share of contracts filled); within (probability of a first fill within the horizon) and within_error.
        `within` is NaN where no order was watched that long, its error also where the last one watched was filled.
        Groups without orders are left out; no orders give no rows.

    Raises
    ------
    ValueError
        For a missing column, another `by`, edges that do not ascend, or a horizon that is not positive.

    Notes
    -----
    The share depends on how soon orders are cancelled. `within` does not: it is 1 - S(horizon), S the product-limit
    estimate ``prod (1 - d_i / n_i)`` over first fills, cancelled orders leaving the count n when they end, with
    Greenwood's error. It holds if cancels do not foretell fills; quotes that flee from the market break that, and
    then `within` is too low.

    References
    ----------
    Kaplan, Meier, "Nonparametric estimation from incomplete observations", J. Am. Stat. Assoc. 53 (1958).
    Wilson, "Probable inference, the law of succession", J. Am. Stat. Assoc. 22 (1927).
    """
    column = {"distance": "distance_bps", "place": "place", "queue": QUEUE}.get(by)
    if column is None:
        raise ValueError(f"by is {by!r}; expected 'distance', 'place' or 'queue'")
    if by == "queue" and QUEUE not in outcomes.columns:
        raise ValueError(
            "the outcomes have no column 'queue_ahead'; expected the contracts ahead at acceptance, which the orders "
            "of a backtest carry and those of a venue do not: take by='place' there"
        )
    _need(outcomes, "outcomes", ("size", "filled", "life_s", "wait_s", column))
    if not 0.0 < horizon_s < math.inf:
        raise ValueError(f"horizon_s is {horizon_s}; expected a positive number of seconds")
    groups: list[tuple[object, float, pd.DataFrame]] = []
    if by == "place":
        groups = [(place, math.nan, outcomes[outcomes["place"] == place]) for place in PLACES]
    else:
        cuts = np.asarray(edges, dtype=np.float64)
        if cuts.ndim != 1 or cuts.size < 2 or not (np.isfinite(cuts).all() and (np.diff(cuts) > 0.0).all()):
            raise ValueError(f"edges is {list(edges)}; expected at least two ascending numbers")
        values = outcomes[column].to_numpy(dtype=np.float64)
        for low, high in pairwise(cuts):
            interval = pd.Interval(float(low), float(high), closed="left")
            groups.append((interval, float(low + high) / 2.0, outcomes[(values >= low) & (values < high)]))
    rows = [(key, {"at": at} | _rates(group, horizon_s)) for key, at, group in groups if len(group)]
    names = ("at", "orders", "filled", "share", "share_low", "share_high", "contracts", "within", "within_error")
    table = pd.DataFrame([row for _, row in rows], columns=list(names), dtype="float64")
    table.index = pd.Index([key for key, _ in rows], name=by, dtype="object")
    return table.astype({"orders": "int64", "filled": "int64"}).drop(columns=["at"] if by == "place" else [])


def _rates(group: pd.DataFrame, horizon_s: float) -> dict[str, float]:
    number, hit = len(group), int((group["filled"] > 0).sum())
    share, spread = hit / number, _Z * _Z / number
    centre = (share + spread / 2.0) / (1.0 + spread)
    half = math.sqrt(spread * (share * (1.0 - share) + spread / 4.0)) / (1.0 + spread)
    within, error = _within(
        group["wait_s"].to_numpy(dtype=np.float64), group["life_s"].to_numpy(dtype=np.float64), horizon_s
    )
    return {
        "orders": number,
        "filled": hit,
        "share": share,
        "share_low": max(centre - half, 0.0),
        "share_high": min(centre + half, 1.0),
        "contracts": float(group["filled"].sum() / group["size"].sum()),
        "within": within,
        "within_error": error,
    }


def _within(wait_s: Floats, life_s: Floats, horizon_s: float) -> tuple[float, float]:
    """One minus the product-limit estimate at the horizon, and Greenwood's error."""
    happened = ~np.isnan(wait_s)
    watched = np.where(happened, wait_s, life_s)
    times, struck = np.unique(watched[happened & (watched <= horizon_s)], return_counts=True)
    waiting = watched.size - np.searchsorted(np.sort(watched), times, side="left")
    if times.size and struck[-1] == waiting[-1]:
        # Greenwood's error is not defined here; with nobody cancelled before it is that of a certainty.
        return 1.0, 0.0 if happened.all() else math.nan
    if watched.max() < horizon_s:
        return math.nan, math.nan
    survive = float(np.prod(1.0 - struck / waiting))
    return 1.0 - survive, survive * math.sqrt(float(np.sum(struck / (waiting * (waiting - struck)))))


def _first_fill(orders: pd.DataFrame, fills: pd.DataFrame | None, end: NDArray[np.int64]) -> Floats:
    """When each order was first filled, nanoseconds; NaN for never."""
    hit = orders["filled"].to_numpy(dtype=np.int64) > 0
    first = np.where(hit, end.astype(np.float64), math.nan)
    if fills is None:
        return first
    _need(fills, "fills", ("t_ns", "client_id"))
    told = orders["client_id"].map(fills.groupby("client_id")["t_ns"].min()).to_numpy(dtype=np.float64)
    return np.where(hit & ~np.isnan(told), told, first)


def _check(orders: pd.DataFrame) -> None:
    side = orders["side"].to_numpy(dtype=np.float64)
    if not (np.abs(side) == 1.0).all():
        raise ValueError(f"side {side[np.abs(side) != 1.0][0]:g} among the orders; expected +1 or -1")
    for name in ("price", "size"):
        values = orders[name].to_numpy(dtype=np.float64)
        bad = np.flatnonzero(~(np.isfinite(values) & (values > 0.0)))
        if bad.size:
            raise ValueError(f"{name} {int(bad[0])} is {values[bad[0]]}; expected positive finite numbers")
    if QUEUE in orders.columns:
        ahead = orders[QUEUE].to_numpy(dtype=np.float64)
        bad = np.flatnonzero(((ahead < 0.0) & (ahead != NEVER_RESTED)) | np.isinf(ahead))
        if bad.size:
            raise ValueError(
                f"{QUEUE} {int(bad[0])} is {ahead[bad[0]]}; expected 0 or more contracts, -1 or NaN for none"
            )


def _need(table: pd.DataFrame, what: str, columns: tuple[str, ...]) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ValueError(f"the {what} have no column {missing[0]!r}; expected {', '.join(columns)}")
