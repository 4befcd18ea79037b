"""What became of the fills: markouts against time, and the profit split into its parts, to the last digit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.events import NS

__all__ = ["HORIZONS_S", "PnlSplit", "markout_summary", "markout_table", "split_pnl"]

HORIZONS_S = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
BPS = 1e4

Weights = Literal["equal", "size"]


def markout_table(fills: pd.DataFrame, quotes: pd.DataFrame, horizons_s: Sequence[float] = HORIZONS_S) -> pd.DataFrame:
    """What each fill was worth a while later: the spread that it captured and the drift of the market after it.

    Parameters
    ----------
    fills : DataFrame
        Columns t_ns, side (+1 we bought), price, size, mid (just before the fill), as in
        `workbench.events.FILLS_COLUMNS`. Prices in currency.
    quotes : DataFrame
        Columns t_ns (not decreasing) and mid, as in `workbench.events.QUOTES_COLUMNS`; rows without a mid are left out.
    horizons_s : sequence of float
        Times after the fill, seconds.

    Returns
    -------
    DataFrame
        One row a fill and horizon: t_ns, side, size, mid, horizon_s, and in currency a contract `capture`, `drift` and
        `markout` = capture + drift; adverse selection is minus the drift. NaN where the fill has no mid, or the quotes
        end before the horizon.

    Raises
    ------
    ValueError
        For a missing column, no fills or quotes, unsorted times, another side, a size or price that is not positive
        and finite, or a horizon that is negative or not finite.

    Notes
    -----
    With s the maker's side: ``s (m_tau - p) = s (m - p) + s (m_tau - m)``. The mid at a horizon is the last at or
    before it. Twice the capture over the mid is the taker's effective spread, twice the markout the realised spread
    that the maker kept, minus twice the drift the impact: effective = realised + impact.
    """
    _need(fills, "fills", ("t_ns", "side", "price", "size", "mid"))
    _need(quotes, "quotes", ("t_ns", "mid"))
    taus = np.asarray(horizons_s, dtype=np.float64)
    if taus.ndim != 1 or taus.size == 0 or not (np.isfinite(taus) & (taus >= 0.0)).all():
        raise ValueError(f"horizons_s is {list(horizons_s)}; expected seconds, 0 or more")
    side, price, size = (_numbers(fills, name) for name in ("side", "price", "size"))
    if not (np.abs(side) == 1.0).all():
        raise ValueError(f"side {side[np.abs(side) != 1.0][0]:g} among the fills; expected +1 or -1")
    known = quotes.loc[quotes["mid"].notna(), ["t_ns", "mid"]]
    _need(known, "quotes with a mid", ())
    times, mids = known["t_ns"].to_numpy(dtype=np.int64), _numbers(known, "mid")
    if (np.diff(times) < 0).any():
        raise ValueError("the quotes are not in order of time; sort by t_ns")
    at = fills["t_ns"].to_numpy(dtype=np.int64)
    mid = fills["mid"].to_numpy(dtype=np.float64)
    parts = []
    for tau in taus:
        then = at + round(tau * NS)
        row = np.searchsorted(times, then, side="right") - 1
        later = np.where((row >= 0) & (then <= times[-1]), mids[row], math.nan)
        capture, drift = side * (mid - price), side * (later - mid)
        columns = {"t_ns": at, "side": side.astype(np.int64), "size": size, "mid": mid, "horizon_s": tau}
        parts.append(pd.DataFrame(columns | {"capture": capture, "drift": drift, "markout": side * (later - price)}))
    return pd.concat(parts, ignore_index=True)


def markout_summary(
    table: pd.DataFrame, *, weights: Weights = "equal", by_side: bool = False, tick_size: float | None = None
) -> pd.DataFrame:
    """Mean markout against time, with errors that know that the prints of one sweep are one event.

    Parameters
    ----------
    table : DataFrame
        From `markout_table`.
    weights : {"equal", "size"}
        Every fill alike, or by contracts.
    by_side : bool
        A row for each side of each horizon.
    tick_size : float, optional
        Currency a tick; adds columns in ticks.

    Returns
    -------
    DataFrame
        Index horizon_s (and side). For each of capture, drift, markout its mean in basis points of the mid
        (`..._bps`) and its standard error (`..._bps_error`), the same in ticks if asked for; `fills` and `sweeps` that
        were counted. Rows with NaN are left out. The error is NaN with fewer than two sweeps.

    Raises
    ------
    ValueError
        For a table without rows, without a column, without a known markout, other weights, or a tick that is not
        positive.

    Notes
    -----
    Fills of one time and side are one cluster; the error of the weighted mean is
    ``sqrt(c/(c-1) sum_c (sum_i w_i (x_i - mean))^2) / sum w`` over c clusters.
    """
    _need(table, "markouts", ("t_ns", "side", "size", "mid", "horizon_s", "capture", "drift", "markout"))
    if weights not in ("equal", "size"):
        raise ValueError(f"weights is {weights!r}; expected 'equal' or 'size'")
    if tick_size is not None and not 0.0 < tick_size < math.inf:
        raise ValueError(f"tick_size is {tick_size}; expected a positive amount of currency")
    known = table.dropna(subset=["capture", "drift", "markout"])
    _need(known, "known markouts", ())
    keys = ["horizon_s", "side"] if by_side else ["horizon_s"]
    rows: dict[Any, dict[str, float]] = {}
    for key, group in known.groupby(keys):
        weight = np.ones(len(group)) if weights == "equal" else group["size"].to_numpy(dtype=np.float64)
        cluster = group.groupby(["t_ns", "side"], sort=False).ngroup().to_numpy()
        row: dict[str, float] = {"fills": len(group), "sweeps": int(cluster.max()) + 1}
        scales = {"bps": BPS / group["mid"].to_numpy(dtype=np.float64)}
        if tick_size is not None:
            scales["ticks"] = np.full(len(group), 1.0 / tick_size)
        for unit, scale in scales.items():
            for name in ("capture", "drift", "markout"):
                values = group[name].to_numpy(dtype=np.float64) * scale
                row[f"{name}_{unit}"], row[f"{name}_{unit}_error"] = _clustered_mean(values, weight, cluster)
        rows[key if by_side else key[0]] = row
    out = pd.DataFrame.from_dict(rows, orient="index")
    out.index = pd.MultiIndex.from_tuples(list(rows), names=keys) if by_side else pd.Index(list(rows), name="horizon_s")
    return out.astype({"fills": "int64", "sweeps": "int64"})


@dataclass(frozen=True, slots=True)
class PnlSplit:
    """Where the profit came from, exact: quote currency for a linear contract, coin for an inverse one."""

    spread: Fraction
    """Distance of the fills from the mid."""
    inventory: Fraction
    """What the position made as the mid moved."""
    fees: Fraction
    """Minus the fees paid; rebates count up."""
    funding: Fraction
    """Received less paid."""
    change: Fraction
    """Change in mark-to-market reckoned from cash and the final position: the sum of the parts, to the last digit."""

    @property
    def total(self) -> Fraction:
        """Sum of the parts; equal to `change`."""
        return self.spread + self.inventory + self.fees + self.funding

    def __str__(self) -> str:
        names = ("spread", "inventory", "fees", "funding", "total")
        return ", ".join(f"{name} {float(getattr(self, name)):.10g}" for name in names)


def split_pnl(
    fills: pd.DataFrame,
    final_mid: Decimal | float,
    *,
    kind: Literal["linear", "inverse"] = "linear",
    contract_size: Decimal | float = 1,
    funding: pd.DataFrame | None = None,
) -> PnlSplit:
    """Split the profit of the fills, from flat, into spread capture, inventory, fees and funding.

    Parameters
    ----------
    fills : DataFrame
        Columns t_ns (not decreasing), side, price, size (contracts), mid, fee (paid; negative is a rebate), as in
        `workbench.events.FILLS_COLUMNS`. The fee must be in the currency of the profit. Prices are taken as the
        decimal number that they print as.
    final_mid : Decimal or float
        The mid that marks what is left.
    kind : {"linear", "inverse"}
        Value of a contract at price x: x, or -1/x in coin; times `contract_size`.
    contract_size : Decimal or float
        Base currency a contract (linear), quote currency a contract (inverse).
    funding : DataFrame, optional
        Stamps: columns t_ns, mark, rate. The position is that of the fills at or before the stamp.

    Returns
    -------
    PnlSplit
        Exact: nothing is rounded.

    Raises
    ------
    ValueError
        For a missing column, no fills, times out of order, another side or kind, or a number that is not finite or
        (price, mid, size, mark, contract size) not positive.

    Notes
    -----
    ``sum s n (V(m) - V(p)) + sum q_j (V(m_j+1) - V(m_j)) - fees + funding``; funding is ``-q V' rate`` with V' the
    value of a contract at the mark, positive (1/x for inverse): the long pays while the rate is positive.
    """
    _need(fills, "fills", ("t_ns", "side", "price", "size", "mid", "fee"))
    if kind not in ("linear", "inverse"):
        raise ValueError(f"kind is {kind!r}; expected 'linear' or 'inverse'")
    _ordered(fills, "fills")
    unit = _positive(contract_size, "contract_size")

    def value(price: Fraction) -> Fraction:
        return unit * price if kind == "linear" else -unit / price

    spread = inventory = fees = cash = position = Fraction(0)
    held: list[tuple[int, Fraction]] = []
    mid = _positive(final_mid, "final_mid")
    before = mid
    for row in fills.to_dict("records"):
        if row["side"] not in (1, -1):
            raise ValueError(f"side {row['side']} among the fills; expected +1 or -1")
        signed = int(row["side"]) * _positive(row["size"], "size")
        price, now = _positive(row["price"], "price"), _positive(row["mid"], "mid")
        fee = _exact(row["fee"], "fee")
        inventory += position * (value(now) - value(before))
        spread += signed * (value(now) - value(price))
        cash -= signed * value(price) + fee
        fees -= fee
        position += signed
        held.append((int(row["t_ns"]), position))
        before = now
    inventory += position * (value(mid) - value(before))
    paid = _funding(held, funding, value)
    return PnlSplit(spread, inventory, fees, paid, cash + position * value(mid) + paid)


def _funding(held: list[tuple[int, Fraction]], stamps: pd.DataFrame | None, value: Any) -> Fraction:
    received = Fraction(0)
    if stamps is None:
        return received
    missing = [name for name in ("t_ns", "mark", "rate") if name not in stamps.columns]
    if missing:
        raise ValueError(f"the funding has no column {missing[0]!r}; expected t_ns, mark, rate")
    for stamp in stamps.to_dict("records"):
        position = next((q for t_ns, q in reversed(held) if t_ns <= stamp["t_ns"]), Fraction(0))
        received -= position * abs(value(_positive(stamp["mark"], "mark"))) * _exact(stamp["rate"], "rate")
    return received


def _clustered_mean(
    values: NDArray[np.float64], weight: NDArray[np.float64], cluster: NDArray[Any]
) -> tuple[float, float]:
    mean = float(values @ weight / weight.sum())
    sums = np.bincount(cluster, weights=weight * (values - mean))
    if sums.size < 2:
        return mean, math.nan
    return mean, math.sqrt(sums.size / (sums.size - 1) * float(sums @ sums)) / float(weight.sum())


def _need(table: pd.DataFrame, what: str, columns: tuple[str, ...]) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ValueError(f"the {what} have no column {missing[0]!r}; expected {', '.join(columns)}")
    if table.empty:
        raise ValueError(f"there are no {what}; expected at least one row")


def _ordered(table: pd.DataFrame, what: str) -> None:
    if not table["t_ns"].is_monotonic_increasing:
        raise ValueError(f"the {what} are not in order of time; sort by t_ns")


def _numbers(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    values = table[name].to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values) | ((values <= 0.0) & (name != "side")))
    if bad.size:
        raise ValueError(f"{name} {int(bad[0])} is {values[bad[0]]}; expected positive finite numbers")
    return values


def _exact(number: Any, name: str) -> Fraction:
    """A number as the decimal that it prints as: 99.9 is 999/10, not the nearest binary fraction."""
    decimal = number if isinstance(number, Decimal) else Decimal(str(number))
    if not decimal.is_finite():
        raise ValueError(f"{name} is {number}; expected a finite number")
    return Fraction(decimal)


def _positive(number: Any, name: str) -> Fraction:
    exact = _exact(number, name)
    if exact <= 0:
        raise ValueError(f"{name} is {number}; expected a positive number")
    return exact
