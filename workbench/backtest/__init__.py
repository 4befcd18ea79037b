"""Backtest: recorded markets, honest queues and latency, and the very function that quotes live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import lazy_names

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

# Kernels load only when they are wanted.
__getattr__ = lazy_names(
    __name__,
    {
        "feed": "Feed",
        "grading": "QueueFit QueueGrades fit_queue_model grade_queue_models",
        "grid": "expand_grid read_grid",
        "latency": "ConstantLatency JitteredLatency MeasuredLatency",
        "log": "RunCounters RunLog",
        "portfolio": "Portfolio backtest_symbols",
        "queues": "QueueModel queue_model",
        "recorded": "feed_from_catalog",
        "result": "BacktestResult",
        "run": "backtest run_configurations",
        "run_summary": "RunSummary",
        "stepped": "Answer SteppedVenue",
        "sweep_result": "SweepResult",
        "sweeping": "SweepTask run_task sweep",
        "terms": "RunTerms",
    },
)
