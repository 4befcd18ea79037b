"""Backtest: recorded markets, honest queues and latency, and the very function that quotes live."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.backtest.feed import Feed
    from workbench.backtest.grading import QueueFit, QueueGrades, fit_queue_model, grade_queue_models
    from workbench.backtest.grid import expand_grid, read_grid
    from workbench.backtest.latency import ConstantLatency, JitteredLatency, MeasuredLatency
    from workbench.backtest.log import RunCounters, RunLog
    from workbench.backtest.portfolio import Portfolio, backtest_symbols
    from workbench.backtest.queues import QueueModel, queue_model
    from workbench.backtest.recorded import feed_from_catalog
    from workbench.backtest.result import BacktestResult
    from workbench.backtest.run import backtest, run_configurations
    from workbench.backtest.run_summary import RunSummary
    from workbench.backtest.stepped import Answer, SteppedVenue
    from workbench.backtest.sweep_result import SweepResult
    from workbench.backtest.sweeping import SweepTask, run_task, sweep
    from workbench.backtest.terms import RunTerms

_HOMES = {
    "Answer": "stepped",
    "BacktestResult": "result",
    "ConstantLatency": "latency",
    "Feed": "feed",
    "JitteredLatency": "latency",
    "MeasuredLatency": "latency",
    "Portfolio": "portfolio",
    "QueueFit": "grading",
    "QueueGrades": "grading",
    "QueueModel": "queues",
    "RunCounters": "log",
    "RunLog": "log",
    "RunSummary": "run_summary",
    "RunTerms": "terms",
    "SteppedVenue": "stepped",
    "SweepResult": "sweep_result",
    "SweepTask": "sweeping",
    "backtest": "run",
    "backtest_symbols": "portfolio",
    "expand_grid": "grid",
    "feed_from_catalog": "recorded",
    "fit_queue_model": "grading",
    "grade_queue_models": "grading",
    "queue_model": "queues",
    "read_grid": "grid",
    "run_configurations": "run",
    "run_task": "sweeping",
    "sweep": "sweeping",
}

__all__ = [
    "Answer",
    "BacktestResult",
    "ConstantLatency",
    "Feed",
    "JitteredLatency",
    "MeasuredLatency",
    "Portfolio",
    "QueueFit",
    "QueueGrades",
    "QueueModel",
    "RunCounters",
    "RunLog",
    "RunSummary",
    "RunTerms",
    "SteppedVenue",
    "SweepResult",
    "SweepTask",
    "backtest",
    "backtest_symbols",
    "expand_grid",
    "feed_from_catalog",
    "fit_queue_model",
    "grade_queue_models",
    "queue_model",
    "read_grid",
    "run_configurations",
    "run_task",
    "sweep",
]


def __getattr__(name: str) -> Any:
    """Fetch a name on first use: kernels load only when they are wanted."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no name {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
