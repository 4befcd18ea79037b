"""One configuration of a sweep as a row of numbers: what is kept when its log is dropped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.analysis import drawdown, pnl_steps
from workbench.backtest.accounts import keep_accounts, sample_values
from workbench.backtest.log import RunLog
from workbench.events import NS
from workbench.instruments import Instrument

__all__ = ["METRICS", "SweepRow", "sweep_row"]

METRICS: Mapping[str, str] = {
    "equity": "change in equity, settlement currency",
    "spread": "part of it earned by the fills against the mid",
    "inventory": "part of it made by the position as the market moved",
    "fees": "part of it that is rebates less fees",
    "funding": "part of it that is funding received less paid",
    "profit_bps": "change in equity per traded value, bps",
    "sharpe": "mean over deviation of the profit of equal times, per square root of an hour",
    "drawdown": "largest fall of equity below its highest, settlement currency",
    "fills": "executions",
    "volume": "contracts traded",
    "fill_ratio": "share of the orders that were filled, in part or whole",
    "uptime": "share of the time with both sides quoted",
    "orders": "orders sent",
    "rejects": "orders refused",
    "max_position": "largest position either way, contracts",
    "position": "position at the end, contracts",
    "queue_wait": "median time of the fills in the queue, seconds",
}
"""The columns of a sweep's table beside its parameters, and what they mean."""

STEPS_S = (3_600.0, 900.0, 300.0, 60.0, 30.0, 10.0, 5.0, 1.0)
LEAST_STEPS = 60
HOUR_S = 3_600.0


@dataclass(frozen=True)
class SweepRow:
    """What a configuration came to.

    Attributes
    ----------
    metrics : mapping of str to float
        By the names of `METRICS`; NaN where a run is too short or empty to tell.
    steps : ndarray of float64[m]
        Profit of equal times, settlement currency, for the Sharpe ratio; empty for too short a run.
    finished : bool
        The data were walked to their end.
    """

    metrics: Mapping[str, float]
    steps: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    finished: bool = True


def sweep_row(log: RunLog, instrument: Instrument) -> SweepRow:
    """The row of a run's log.

    Parameters
    ----------
    log : RunLog
    instrument : Instrument
        Values money by its rules; every sum is exact before it is rounded to a float.
    """
    accounts, values = keep_accounts(log, instrument), sample_values(log, instrument)
    pnl = accounts.at_end(int(values[-1]) if len(values) else None)
    total = accounts.at(log.quotes["t_ns"], values).total
    equity = total.astype(np.float64) / 10.0**instrument.money_digits
    fills, counters, span_ns = log.fills, log.counters, log.end_ns - log.start_ns
    traded = _traded_value(log, instrument)
    steps, step_s = _steps(log, equity)
    metrics = {
        "equity": float(pnl.total),
        **{name: float(amount) for name, amount in pnl._asdict().items()},
        "profit_bps": float(pnl.total) / traded * 1e4 if traded else math.nan,
        "sharpe": _sharpe(steps, step_s),
        "drawdown": float(-drawdown(equity).min()) + 0.0 if equity.size else 0.0,
        "fills": len(fills),
        "volume": int(fills["size"].sum()),
        "fill_ratio": float(np.mean(log.orders["filled"] > 0)) if len(log.orders) else math.nan,
        "uptime": counters.uptime_ns / span_ns if span_ns > 0 else math.nan,
        "orders": counters.submits,
        "rejects": counters.rejects,
        "max_position": int(np.abs(accounts.position).max()),
        "position": int(accounts.position[-1]),
        "queue_wait": float(np.median(fills["wait_ns"])) / NS if len(fills) else math.nan,
    }
    return SweepRow(metrics, steps, log.finished)


def _traded_value(log: RunLog, instrument: Instrument) -> float:
    """Value of all executions, settlement currency."""
    price = log.fills["price_ticks"] * float(instrument.tick_size)
    size = log.fills["size"] * float(instrument.contract_size)
    return float(np.sum(size / price if instrument.inverse else size * price))


def _steps(log: RunLog, equity: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Profit of equal times, the longest of which there are enough, and their length in seconds."""
    times = log.quotes["t_ns"]
    span_s = float(times[-1] - times[0]) / NS if len(times) else 0.0
    step_s = next((step for step in STEPS_S if span_s >= LEAST_STEPS * step), STEPS_S[-1])
    if span_s < 10 * step_s:
        return np.empty(0), step_s
    steps = pnl_steps(pd.DataFrame({"t_ns": times, "equity_change": equity}), step_s=step_s)
    return steps.to_numpy(dtype=np.float64), step_s


def _sharpe(steps: NDArray[Any], step_s: float) -> float:
    if steps.size < 2 or not (deviation := float(steps.std(ddof=1))) > 0.0:
        return math.nan
    return float(steps.mean()) / deviation * math.sqrt(HOUR_S / step_s)
