"""How the market maker conducted itself: how long inventory was held, how much of the time both sides were quoted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.events import NS

__all__ = ["HalfLife", "Uptime", "inventory_half_life", "pnl_steps", "quote_uptime"]

LEAST_STEPS = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HalfLife:
    """How fast inventory goes back to its mean."""

    seconds: float
    """Half of an excess is gone after this long; infinite if it does not come back."""
    low: float
    high: float
    """About 95 %: the half-lives two standard errors of the persistence away; high may be infinite."""
    persistence: float
    """Share of an excess that is left after one step."""
    persistence_error: float
    mean: float
    """Where inventory goes back to, contracts; NaN if it does not."""
    step_s: float
    steps: int

    def __str__(self) -> str:
        return f"{self.seconds:.3g} s ({self.low:.3g} to {self.high:.3g}), back to {self.mean:.3g} contracts"


def inventory_half_life(quotes: pd.DataFrame, *, step_s: float = 1.0) -> HalfLife:
    """How long it takes until half of an excess position is gone.

    Parameters
    ----------
    quotes : DataFrame
        Columns t_ns (not decreasing) and position, as in `workbench.events.QUOTES_COLUMNS`.
    step_s : float
        Seconds between the positions that are compared; the last at or before each counts.

    Returns
    -------
    HalfLife

    Raises
    ------
    ValueError
        For a missing column, unsorted times, a position that is not finite or never changes, a step that is not
        positive, fewer than 10 steps, or a position that alternates from step to step.

    Notes
    -----
    Least squares of ``q' = c + phi q`` on a regular grid; half-life ``step ln 2 / -ln phi``, mean ``c / (1 - phi)``.
    Few half-lives in the sample bias phi, and the half-life, downwards.
    """
    _need(quotes, ("t_ns", "position"))
    position = _on_grid(quotes, "position", step_s)
    before, after = position[:-1], position[1:]
    centred = before - before.mean()
    spread = float(centred @ centred)
    if spread == 0.0:
        raise ValueError(f"the position is {before[0]:g} throughout; a half-life needs one that changes")
    persistence = float(centred @ after) / spread
    left = after - after.mean() - persistence * centred
    error = math.sqrt(float(left @ left) / (before.size - 2) / spread)
    if persistence <= 0.0:
        raise ValueError(f"the position keeps {persistence:.2g} of itself a step of {step_s:g} s; take shorter steps")
    return HalfLife(
        seconds=_halving(persistence, step_s),
        low=_halving(persistence - 2.0 * error, step_s),
        high=_halving(persistence + 2.0 * error, step_s),
        persistence=persistence,
        persistence_error=error,
        mean=float(after.mean() - persistence * before.mean()) / (1.0 - persistence) if persistence < 1.0 else math.nan,
        step_s=step_s,
        steps=before.size,
    )


@dataclass(frozen=True, slots=True)
class Uptime:
    """Shares of the time, 0 to 1, in which quotes stood in the market."""

    both: float
    bid: float
    ask: float
    neither: float
    observed_s: float

    def __str__(self) -> str:
        return f"both sides {self.both:.1%}, bid {self.bid:.1%}, ask {self.ask:.1%} of {self.observed_s:.0f} s"


def quote_uptime(quotes: pd.DataFrame) -> Uptime:
    """The share of the time with both sides live, from the first known market on.

    Parameters
    ----------
    quotes : DataFrame
        Columns t_ns (not decreasing), mid, own_bid, own_ask (NaN for none), as in `workbench.events.QUOTES_COLUMNS`.
        Each row holds until the next; the last one ends the count.

    Returns
    -------
    Uptime

    Raises
    ------
    ValueError
        For a missing column, unsorted times, no known mid, or no time between the first known mid and the last row.
    """
    _need(quotes, ("t_ns", "mid", "own_bid", "own_ask"))
    _ordered(quotes)
    known = np.flatnonzero(quotes["mid"].notna().to_numpy())
    if known.size == 0:
        raise ValueError(f"none of the {len(quotes)} quotes knows a mid; expected at least one")
    shown = quotes.iloc[known[0] :]
    held = np.diff(shown["t_ns"].to_numpy(dtype=np.int64)) / NS
    total = float(held.sum())
    if total <= 0.0:
        raise ValueError("no time passes after the first known mid; expected at least two rows")
    bid = shown["own_bid"].notna().to_numpy()[:-1]
    ask = shown["own_ask"].notna().to_numpy()[:-1]
    both, bids, asks, neither = (float(held[live].sum()) / total for live in (bid & ask, bid, ask, ~bid & ~ask))
    return Uptime(both, bids, asks, neither, total)


def pnl_steps(quotes: pd.DataFrame, *, step_s: float = 60.0) -> pd.Series:
    """Profit of equal times, as `sharpe_ratio` takes it.

    Parameters
    ----------
    quotes : DataFrame
        Columns t_ns (not decreasing) and equity_change (settlement currency).
    step_s : float
        Length of a step, seconds.

    Returns
    -------
    Series
        Float64 settlement currency, indexed by the end of each step in nanoseconds (`t_ns`). Whole steps only.

    Raises
    ------
    ValueError
        For a missing column, unsorted times, an equity change that is not finite, a step that is not positive, or
        fewer than 10 steps.
    """
    _need(quotes, ("t_ns", "equity_change"))
    equity = _on_grid(quotes, "equity_change", step_s)
    ends = int(quotes["t_ns"].iloc[0]) + round(step_s * NS) * np.arange(1, equity.size, dtype=np.int64)
    return pd.Series(np.diff(equity), index=pd.Index(ends, name="t_ns"), name="pnl")


def _halving(persistence: float, step_s: float) -> float:
    if persistence <= 0.0:
        return 0.0
    return math.inf if persistence >= 1.0 else step_s * math.log(2.0) / -math.log(persistence)


def _on_grid(quotes: pd.DataFrame, column: str, step_s: float) -> Floats:
    """A column at equal steps from the first row on, the last value at or before each."""
    _ordered(quotes)
    if not 0.0 < step_s < math.inf or round(step_s * NS) < 1:
        raise ValueError(f"step_s is {step_s}; expected a positive number of seconds")
    times = quotes["t_ns"].to_numpy(dtype=np.int64)
    values = quotes[column].to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(f"{column} {int(bad[0])} is {values[bad[0]]}; expected finite numbers")
    step = round(step_s * NS)
    steps = int(times[-1] - times[0]) // step if times.size else 0
    if steps < LEAST_STEPS:
        raise ValueError(f"the quotes span {steps} steps of {step_s:g} s; expected at least {LEAST_STEPS}")
    grid = times[0] + step * np.arange(steps + 1, dtype=np.int64)
    return np.asarray(values[np.searchsorted(times, grid, side="right") - 1], dtype=np.float64)


def _need(quotes: pd.DataFrame, columns: tuple[str, ...]) -> None:
    missing = [name for name in columns if name not in quotes.columns]
    if missing:
        raise ValueError(f"the quotes have no column {missing[0]!r}; expected {', '.join(columns)}")


def _ordered(quotes: pd.DataFrame) -> None:
    if not quotes["t_ns"].is_monotonic_increasing:
        raise ValueError("the quotes are not in order of time; sort by t_ns")
