"""Where in the day and on which side the profit was made: a session's tables cut by hour and by side."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.analysis.markouts import markout_table
from workbench.analysis.tables import PNL_PARTS
from workbench.events import NS

__all__ = ["by_hour", "by_side"]

HOUR_NS = 3_600 * NS
BPS = 1e4


def by_hour(fills: pd.DataFrame, quotes: pd.DataFrame) -> pd.DataFrame:
    """What each hour of the clock brought: profit and its parts, fills, the time with both sides quoted.

    Parameters
    ----------
    fills, quotes : DataFrame
        Columns of `workbench.events.FILLS_COLUMNS` and `QUOTES_COLUMNS`, in order of time.

    Returns
    -------
    DataFrame
        Index `hour` (start of the hour, UTC), every hour of the session. Columns: the change of each of spread,
        inventory, fees, funding and equity over the hour, as the quotes have them (exact Decimals stay exact and sum
        to the session's); fills; contracts; max_position (largest, absolute); uptime (share of the recorded time with
        both sides quoted).
    """
    _need(fills, "fills", ("t_ns", "size"))
    _need(quotes, "quotes", ("t_ns", "own_bid", "own_ask", "position", "equity_change"))
    times = quotes["t_ns"].to_numpy(dtype=np.int64)
    if not times.size:
        return pd.DataFrame(index=pd.DatetimeIndex([], name="hour", tz="UTC"))
    hour = times // HOUR_NS
    hours = np.arange(hour[0], hour[-1] + 1)
    last = np.searchsorted(hour, hours, side="right") - 1
    table: dict[str, object] = {}
    for name in (*(f"pnl_{part}" for part in PNL_PARTS), "equity_change"):
        ends = list(quotes[name].iloc[last])
        starts = [ends[0] - ends[0], *ends[:-1]]
        changes = [end - start for end, start in zip(ends, starts, strict=True)]
        table[name.removeprefix("pnl_").removesuffix("_change")] = changes
    at = fills["t_ns"].to_numpy(dtype=np.int64) // HOUR_NS - hours[0]
    inside = (at >= 0) & (at < len(hours))
    table["fills"] = np.bincount(at[inside], minlength=len(hours))
    size = fills["size"].to_numpy(dtype=np.int64)[inside]
    table["contracts"] = np.bincount(at[inside], weights=size, minlength=len(hours)).astype(np.int64)
    position = quotes["position"].abs().groupby(hour - hours[0]).max()
    table["max_position"] = position.reindex(range(len(hours)), fill_value=0).to_numpy(dtype=np.int64)
    table["uptime"] = _uptime(quotes, times, hour - hours[0], len(hours))
    index = pd.to_datetime(hours * 3_600, unit="s", utc=True).rename("hour")
    return pd.DataFrame(table, index=index)


def by_side(orders: pd.DataFrame, fills: pd.DataFrame, quotes: pd.DataFrame, *, horizon_s: float = 1.0) -> pd.DataFrame:
    """Bids and asks side by side: how many, how much of them filled, and what the fills were worth.

    Parameters
    ----------
    orders, fills, quotes : DataFrame
        Columns of `workbench.events`.
    horizon_s : float
        Seconds for the markout.

    Returns
    -------
    DataFrame
        Index `side` ("buy", "sell"). Columns: orders; filled (orders with a fill) and share; fills; contracts;
        capture_bps and markout_bps (means by contracts, bps of the mid; NaN without a known one).
    """
    _need(orders, "orders", ("side", "filled"))
    _need(fills, "fills", ("side", "size"))
    worth = markout_table(fills, quotes, [horizon_s]) if len(fills) and quotes["mid"].notna().any() else None
    rows = {}
    for side, name in ((1, "buy"), (-1, "sell")):
        sent, done = orders[orders["side"] == side], fills[fills["side"] == side]
        hit = int((sent["filled"] > 0).sum())
        row = {"orders": len(sent), "filled": hit, "share": hit / len(sent) if len(sent) else math.nan}
        row |= {"fills": len(done), "contracts": int(done["size"].sum())}
        for column in ("capture", "markout"):
            row[f"{column}_bps"] = math.nan if worth is None else _mean_bps(worth[worth["side"] == side], column)
        rows[name] = row
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("side")
    return table.astype(dict.fromkeys(("orders", "filled", "fills", "contracts"), "int64"))


def _mean_bps(worth: pd.DataFrame, column: str) -> float:
    known = worth[worth[column].notna()]
    if known.empty:
        return math.nan
    bps = known[column].to_numpy(dtype=np.float64) / known["mid"].to_numpy(dtype=np.float64) * BPS
    return float(np.average(bps, weights=known["size"].to_numpy(dtype=np.float64)))


def _uptime(quotes: pd.DataFrame, times: NDArray[np.int64], hour: NDArray[np.int64], hours: int) -> NDArray[np.float64]:
    """Share of each hour's recorded time with both sides quoted; a row holds until the next."""
    held = np.diff(times, append=times[-1]).astype(np.float64)
    both = (quotes["own_bid"].notna() & quotes["own_ask"].notna()).to_numpy()
    total = np.bincount(hour, weights=held, minlength=hours)
    live = np.bincount(hour, weights=held * both, minlength=hours)
    share: NDArray[np.float64] = np.full(hours, math.nan)
    share[total > 0] = live[total > 0] / total[total > 0]
    return share


def _need(table: pd.DataFrame, what: str, columns: tuple[str, ...]) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ValueError(f"the {what} have no column {missing[0]!r}; expected {', '.join(columns)}")
